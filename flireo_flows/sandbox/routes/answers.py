"""What several resources share: pages, spans of time, and the answers to common requests.

Source: contract sections 4, 9.1 and 11.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

from fastapi import Request
from starlette.responses import JSONResponse, Response

from flireo_flows.api.fields import Dialect
from flireo_flows.sandbox.api_errors import invalid, not_found
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.store import Record

R = TypeVar("R")


def deleted(request: Request) -> Response:
    """The answer to a delete: both forms are documented, and a setting chooses."""
    return (
        Response(status_code=204)
        if platform_of(request).settings.empty_deletes
        else JSONResponse({"success": True})
    )


def named(request: Request, things: Mapping[str, R], what: str) -> R:
    """The thing whose id is in the path.

    Raises:
        ApiError: 404, there is none.
    """
    thing = things.get(request.path_params["id"])
    if thing is None:
        raise not_found(what)
    return thing


def is_later(platform: Platform) -> bool:
    """Whether the sandbox uses the later dialect."""
    return platform.settings.dialect is Dialect.HMSOVEREIGN


T = TypeVar("T")

_DEFAULT_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 1000  # larger ones are clamped
_LONGEST_COUNT: Final = 18  # digits
_DATE_LENGTH: Final = len("2026-01-10")


@dataclass(frozen=True, slots=True)
class RequestedPage:
    """Which part of a list is asked for."""

    limit: int = _DEFAULT_LIMIT
    offset: int = 0

    def of(self, found: Sequence[T]) -> Sequence[T]:
        """The part."""
        return found[self.offset : self.offset + self.limit]

    def as_record(self, found: Sequence[Any]) -> Record:
        """Its `pagination` in the answer."""
        return {"total": len(found), "limit": self.limit, "offset": self.offset}


def read_page(request: Request) -> RequestedPage:
    """The page that a query asks for.

    Raises:
        ApiError: 400, `limit` or `offset` is no count.
    """
    limit = _count(request, "limit", default=_DEFAULT_LIMIT, least=1)
    return RequestedPage(min(limit, _LARGEST_LIMIT), _count(request, "offset", default=0, least=0))


@dataclass(frozen=True, slots=True)
class RequestedSpan:
    """Moments to list, both ends included: Unix milliseconds, None for no end."""

    since_ms: int | None
    until_ms: int | None

    def holds(self, unix_ms: int) -> bool:
        """Whether a moment is within it."""
        after = self.since_ms is None or self.since_ms <= unix_ms
        return after and (self.until_ms is None or unix_ms <= self.until_ms)


def read_span(request: Request) -> RequestedSpan:
    """The span between `start_date` and `end_date`. A date alone means the whole day, in UTC.

    Raises:
        ApiError: 400, one of them is no ISO 8601 date or date-time.
    """
    return RequestedSpan(_moment_ms(request, "start_date"), _moment_ms(request, "end_date", end_of_day=True))


def _count(request: Request, name: str, default: int, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT) or int(text) < least:
        raise invalid(name, f"must be a whole number of at least {least}")
    return int(text)


def _moment_ms(request: Request, name: str, *, end_of_day: bool = False) -> int | None:
    """Unix milliseconds of a date or date-time; a date alone may stand for its last millisecond."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        if len(text) == _DATE_LENGTH:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return _ms(day + timedelta(days=1)) - 1 if end_of_day else _ms(day)
        # A "+" that was not quoted arrives as a space; there is no other in a date-time with an offset.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        return _ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise invalid(name, "must be an ISO 8601 date or date-time") from None


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
