"""Every way in which an error is shown."""

import pickle
import traceback


def shown(error: BaseException) -> str:
    """Everything that a log, a state message or another process could get to see of an error."""
    parts = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    return " ".join([*parts, pickle.dumps(error).decode("latin-1")])
