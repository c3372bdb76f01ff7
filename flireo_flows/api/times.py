"""Times as the API and HTTP write them."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache


@lru_cache(maxsize=8)  # the same second comes many times
def http_date(text: str) -> float | None:
    """A Date header as Unix seconds; None when it cannot be read."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def iso(moment: datetime) -> str:
    """ISO 8601, UTC, milliseconds and `Z`, as the API writes it (contract section 0.3)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
