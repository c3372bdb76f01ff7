"""The one daily window of a vendor campaign: the hours at which everybody handed over may be rung."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.calling.account import NotReady
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.policy.hours import week_of

LOOKAHEAD: Final = timedelta(days=366)  # every change of the clocks comes round within it
A_DAY: Final = 24 * 60  # minutes


class CannotHandOver(NotReady):
    """A vendor campaign cannot do what is asked, so nobody was handed over. Says what, where, what to do."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when a vendor campaign rings, every day, on one clock.

    Attributes:
        start: First time of day, HH:MM:SS.
        end: Last time of day, HH:MM:SS.
        zone: IANA name.
    """

    start: str
    end: str
    zone: str

    def next_open(self, now: datetime) -> datetime:
        """The first moment from `now` (aware) on at which it rings."""
        local = now.astimezone(ZoneInfo(self.zone))
        if self.start <= f"{local:%H:%M:%S}" < self.end:
            return now
        day = local.date() + timedelta(days=f"{local:%H:%M:%S}" >= self.end)
        opens = datetime.combine(day, datetime.min.time(), local.tzinfo)
        return (opens + timedelta(minutes=_minutes(self.start))).astimezone(UTC)


ALWAYS: Final = Window("00:00:00", "23:59:59", "UTC")


def window_of(policy: CallingPolicy, zones: Iterable[Sequence[str]], now: datetime) -> Window:
    """The hours at which everybody who is or will be in a vendor campaign may be rung.

    Args:
        policy: Its calling hours are one span, the same on all seven days; others are refused before (`refusals`).
        zones: Of every lead, all zones that it may be in.
        now: Aware.

    Raises:
        CannotHandOver: There are no such hours.
    """
    if policy.calling_hours is None:
        return ALWAYS
    # Not the form's own start and end: breaks and other days may leave less.
    (((opens, closes),),) = set(week_of(policy.calling_hours))
    return common_window(_hour(opens), _hour(closes), zones, now)


def common_window(start: str, end: str, zones: Iterable[Sequence[str]], now: datetime) -> Window:
    """The hours of one clock that lie within `start` to `end` on everybody's own, for a year from `now`.

    Args:
        start: First minute, HH:MM.
        end: HH:MM, not included; up to `24:00`.
        zones: Of every lead, all zones that it may be in; leads without any do not count.
        now: Aware.

    Raises:
        CannotHandOver: There are no such hours.
    """
    names = Counter(name for of_lead in zones for name in of_lead)
    if not names:
        return Window(_clock(_minutes(start)), _clock(_minutes(end)), "UTC")
    ((reference, _),) = names.most_common(1)
    opens, closes = _minutes(start), _minutes(end)
    latest_start, earliest_end = opens, closes
    for name in names if closes - opens < A_DAY else ():
        least, most = _difference(name, reference, (opens, closes), now.astimezone(UTC).date())
        latest_start, earliest_end = max(latest_start, opens - least), min(earliest_end, closes - most)
    if latest_start >= earliest_end:
        shown = ", ".join(name for name, _ in names.most_common(5))
        raise CannotHandOver(
            f"the leads' time zones ({shown}{', ...' if len(names) > 5 else ''}) have no calling hours in common, "
            "and a campaign of Flireo's own has one window for all: split the file by zone, or use mode 'direct'"
        )
    return Window(_clock(latest_start), _clock(earliest_end), reference)


@lru_cache(maxsize=1024)
def _difference(name: str, reference: str, hours: tuple[int, int], day: date) -> tuple[int, int]:
    """The least and most minutes by which a zone is ahead of another, while the other has calling hours."""
    found: set[int] = set()
    moment = datetime.combine(day, datetime.min.time(), UTC)
    end = moment + LOOKAHEAD
    while moment < end:
        there, here = moment.astimezone(ZoneInfo(name)), moment.astimezone(ZoneInfo(reference))
        # Clocks change at night, and not in every zone at the same moment: those hours are nobody's.
        if hours[0] <= here.hour * 60 + here.minute < hours[1] or not found:
            found.add(_offset(there) - _offset(here))
        moment += timedelta(hours=1)
    return min(found), max(found)


def _offset(local: datetime) -> int:
    offset = local.utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")[:2]
    return int(hours) * 60 + int(minutes)


def _hour(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"


def _clock(minutes: int) -> str:
    """The vendor takes no 24:00, and a window that ends at 00:00 would begin anew."""
    return "23:59:59" if minutes >= A_DAY else f"{minutes // 60:02d}:{minutes % 60:02d}:00"
