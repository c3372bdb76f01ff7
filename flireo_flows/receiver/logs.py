"""Log lines as JSON, one a line. What a receiver logs holds no body, number, header or secret."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

# What every record has; whatever else it has was given as `extra`, and is logged.
_COMMON: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time (UTC), level, logger, message, and what it was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _COMMON},
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = record.exc_info[0].__name__  # its words may hold anything
        return json.dumps(entry, default=str, ensure_ascii=False)


def place_of(error: BaseException) -> dict[str, Any]:
    """Where it was raised: enough to mend it, and no word of what it was about."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return {}
    return {"file": trace.tb_frame.f_code.co_filename, "at_line": trace.tb_lineno}
