"""When calling hours are open on a lead's clock, as instants: exact when clocks are put forward or back.

A local day is cut into stretches of one offset, and each open part of the wall's day becomes an interval of
instants in each stretch. A skipped hour then has no instants and a repeated one has them twice, with no
further rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.leads.zone_names import current_name
from flireo_flows.policy.calendars import Calendar, holiday_on

Spans = tuple[tuple[int, int], ...]
Interval = tuple[datetime, datetime]

WHOLE_DAY: Final[Spans] = ((0, 86_400),)
# A ledger's clock outside of these years is broken, and a year later is still a date Python can hold.
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9990, 1, 1, tzinfo=UTC)
# Longer than a year, so that every pair of offsets two zones ever have was looked at.
HORIZON: Final = timedelta(days=400)
ONE_DAY: Final = timedelta(days=1)

# No offset is beyond 16 hours; two changes of a clock never lie 20 hours apart.
_MARKS: Final = tuple(timedelta(hours=hours) for hours in (-40, -20, 0, 20, 40))


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """The wall's open hours. Two are equal only if they are one object: that keeps the cache's keys cheap.

    Attributes:
        week: Open parts of each weekday in seconds after midnight, Monday first.
        calendars: Whose public holidays are closed; a `None` among them is a calendar no one knows.
        closed: Dates on which it is closed.
        opened: Dates on which it is open though they are holidays.
    """

    week: tuple[Spans, ...] = (WHOLE_DAY,) * 7
    calendars: tuple[Calendar | None, ...] = ()
    closed: frozenset[date] = frozenset()
    opened: frozenset[date] = frozenset()

    def closes(self, day: date) -> str | None:
        """Why it is closed on a date: a holiday's name. Empty when it is not; None when that is unknown."""
        if day in self.closed:
            return "a closed date of the policy"
        if day in self.opened or not self.calendars:
            return ""
        names = [holiday_on(calendar, day) for calendar in self.calendars]
        return None if None in names else next((name for name in names if name), "")


Clock = tuple[Timetable, ZoneInfo]
ALWAYS: Final = Timetable()


@lru_cache(maxsize=2048)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, also of an old one that this system may lack; None where there is none."""
    for known in dict.fromkeys((name, current_name(name))):
        try:
            return ZoneInfo(known)
        except (KeyError, ValueError, OSError):  # no such zone, no such name, or a folder of zones
            continue
    return None


def next_open(clocks: Sequence[Clock], moment: datetime, until: datetime) -> datetime | None:
    """The first instant from `moment` on at which it is open on all clocks; None if that is not before `until`.

    Args:
        clocks: Timetables, each with the zone whose clock it is read on.
        moment: In UTC, between `FIRST` and `LAST`.
        until: In UTC.
    """
    while moment < until:
        latest = moment
        for table, zone in clocks:
            opens = _opens(table, zone, latest, until)
            if opens is None:
                return None
            latest = opens
        if latest == moment:
            return moment
        moment = latest
    return None


def day_bounds(zone: ZoneInfo, moment: datetime) -> Interval:
    """The first instant of the local day that `moment` is in, and of the next."""
    today = openings(ALWAYS, zone, moment.astimezone(zone).date())
    return today[0][0], today[-1][1]


@lru_cache(maxsize=8192)
def openings(table: Timetable, zone: ZoneInfo, day: date) -> tuple[Interval, ...]:
    """The instants of a local day at which it is open, in order."""
    if table.closes(day) != "":
        return ()
    return instants(table.week[day.weekday()], zone, day)


def instants(spans: Spans, zone: ZoneInfo, day: date) -> tuple[Interval, ...]:
    """The instants at which the wall of a zone shows this date and a time within the spans, in order."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    day_spans = [
        (midnight + timedelta(seconds=start), midnight + timedelta(seconds=end)) for start, end in spans
    ]
    found = [
        (max(begins, start - offset), min(ends, end - offset))
        for begins, ends, offset in _stretches(zone, day)
        for start, end in day_spans
    ]
    return _joined(sorted(interval for interval in found if interval[0] < interval[1]))


def _opens(table: Timetable, zone: ZoneInfo, moment: datetime, until: datetime) -> datetime | None:
    # A clock that goes back at midnight shows yesterday once more: hence the day before.
    day = moment.astimezone(zone).date() - ONE_DAY
    last = until.date() + ONE_DAY  # on every clock
    while day <= last:
        today = openings(table, zone, day)
        if today and today[-1][1] > moment:
            both = today + openings(table, zone, day + ONE_DAY)
            return min(max(start, moment) for start, end in both if end > moment)
        day += ONE_DAY
    return None


def _joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    joined: list[Interval] = []
    for start, end in intervals:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


@lru_cache(maxsize=8192)
def _stretches(zone: ZoneInfo, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The time around a local day, cut where the zone's offset changes."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    marks = [noon + mark for mark in _MARKS]
    cuts = [
        _change(zone, before, after)
        for before, after in pairwise(marks)
        if _offset(zone, before) != _offset(zone, after)
    ]
    edges = [marks[0], *cuts, marks[-1]]
    return tuple((begins, ends, _offset(zone, begins)) for begins, ends in pairwise(edges))


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first instant of the new offset, to the second."""
    old, low, high = _offset(zone, before), 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, before + timedelta(seconds=middle)) == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
