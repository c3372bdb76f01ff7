"""What one decision is about: a lead, its history, and every clock on which its hours are read."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.policy.calendars import Calendar, calendars_for
from flireo_flows.policy.calling_hours import spelled, week_of, without
from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.history import History, PolicyLead
from flireo_flows.policy.lead_location import LeadLocation, location_of
from flireo_flows.policy.policy_forms import NumberCap, StateRule
from flireo_flows.policy.timetable import FIRST, LAST, WHOLE_DAY, Clock, Timetable, zone_named

MINUTES: Final = 24 * 60
# Beyond this many different clocks the rest is only counted: a decision is a row, not a page.
MOST_CLOCKS: Final = 4


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What one decision is about.

    Attributes:
        clocks: Every clock on which it must be open; empty where any hour will do; None when a zone is
            needed and not known.
        dial_before: The earlier of the policy's last moment and the lead's own.
        opened: The calling hours in words; empty where any hour will do.
        place: Where the lead may be.
        rules: Of the states it may be in.
    """

    lead: PolicyLead
    policy: CallingPolicy
    history: History
    clocks: tuple[Clock, ...] | None
    dial_before: datetime | None
    opened: str
    place: LeadLocation
    rules: tuple[StateRule, ...]

    @property
    def number_caps(self) -> tuple[NumberCap, ...]:
        """The policy's, and those of the states the lead may be in."""
        return (*self.policy.number_caps, *(cap for rule in self.rules for cap in rule.number_caps))

    def facts(self, now: datetime) -> dict[str, object]:
        """What all rules look at, as JSON values; without the number."""
        shown: dict[str, str] = {}
        sources: dict[str, str] = {}
        for name, source in zip(self.place.zones, self.place.sources, strict=True):
            zone = zone_named(name)
            wall = now.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if zone else ""
            if zone and wall not in shown.values() and len(shown) < MOST_CLOCKS:
                shown[zone.key], sources[zone.key] = wall, source
        facts = {
            "at": now.isoformat(timespec="seconds"),
            "zones": len(self.place.zones),
            "zone_source": self.lead.zone_source,
            "zone_sources": sources,
            "clocks": shown,
            "open": self.opened,
            "attempts": self.history.attempts,
            "max_attempts": self.policy.max_attempts,
            "last_outcome": str(self.history.last_outcome or ""),
            "dial_before": self.dial_before.isoformat() if self.dial_before else "",
        }
        if unknown := [name for name in self.place.zones if zone_named(name) is None]:
            facts["unknown_zones"] = unknown
        if self.rules:
            facts["states"] = {it.state: _opened(it) for it in self.rules}
        if self.policy.calling_hours and self.policy.calling_hours.clock:
            facts["second_clock"] = self.policy.calling_hours.clock
        return facts

    def other_hours(self) -> tuple[Clock, ...]:
        """The clocks, and beside them those without the times of day of earlier attempts."""
        least = self.policy.other_hour_minutes
        called = [moment for moment in self.history.called_at if FIRST <= moment < LAST] if least else []
        if not called:
            return ()
        zones = {clock for name in self.place.zones if (clock := zone_named(name))}
        # Without a zone the distance in UTC is the same, but for a change of clocks in between.
        rested = [(_other_hours(_minutes(called, zone), least), zone) for zone in zones or {ZoneInfo("UTC")}]
        return (*(self.clocks or ()), *rested)


def context_of(lead: PolicyLead, policy: CallingPolicy, history: History) -> DecisionContext:
    """Put together what one decision is about."""
    read = _read(_Same(policy))
    moments = [moment for moment in (read.last_moment, lead.dial_before) if moment]
    place = location_of(lead, policy.wide_zones)
    rules = tuple(rule for rule, _ in read.states if place.may_be_in(rule.state))
    clocks = _clocks(lead, place, read)
    return DecisionContext(
        lead, policy, history, clocks, min(moments, default=None), read.opened, place, rules
    )


def alike(lead: PolicyLead, policy: CallingPolicy) -> Hashable:
    """A value that two leads share if the same clocks and the same rules of states hold for them."""
    case = context_of(lead, policy, History())
    return case.clocks, lead.zones, lead.zone_source, tuple(rule.state for rule in case.rules)


class _Same:
    """A key for one policy: equal only to itself, as hashing all fields would cost more than deciding."""

    __slots__ = ("policy",)

    def __init__(self, policy: CallingPolicy) -> None:
        self.policy = policy

    def __hash__(self) -> int:
        return id(self.policy)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.policy is self.policy


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A policy, read once for many decisions."""

    policy: CallingPolicy
    table: Timetable
    has_days: bool
    opened: str
    last_moment: datetime | None
    second: tuple[Clock, ...]
    states: tuple[tuple[StateRule, Timetable | None], ...]


@lru_cache(maxsize=64)
def _read(same: _Same) -> _Read:
    policy = same.policy
    hours, days = policy.calling_hours, policy.holidays
    second = zone_named(hours.clock) if hours and hours.clock else None
    week = week_of(hours)
    return _Read(
        policy,
        Timetable(week, (), _dates(days.closed_dates), _dates(days.open_dates)),
        bool(hours or days.countries or days.closed_dates),
        spelled(week) if hours else "",
        policy.last_moment,
        # Holidays are the lead's: on the second clock only the hours count.
        ((Timetable(week), second),) if second else (),
        tuple((rule, _own_hours(rule)) for rule in policy.state_rules),
    )


def _own_hours(rule: StateRule) -> Timetable | None:
    """The hours of a state; None where it has none of its own."""
    week = rule.calling_hours.week()
    return Timetable(week) if week != week_of(None) else None


def _opened(rule: StateRule) -> str:
    return spelled(rule.calling_hours.week()) if _own_hours(rule) else ""


def _clocks(lead: PolicyLead, place: LeadLocation, read: _Read) -> tuple[Clock, ...] | None:
    states = [hours for rule, hours in read.states if hours and place.may_be_in(rule.state)]
    if not read.has_days and not states:
        return ()
    zones = [zone_named(name) for name in dict.fromkeys(place.zones)]
    if not zones or None in zones:
        return None
    table = _with_calendars(read, calendars_for(read.policy.holidays, lead.phone))
    return (*((hours, zone) for hours in (table, *states) for zone in zones if zone), *read.second)


@lru_cache(maxsize=2048)
def _with_calendars(read: _Read, calendars: tuple[Calendar | None, ...]) -> Timetable:
    table = read.table
    return Timetable(table.week, calendars, table.closed, table.opened) if calendars else table


def _dates(texts: Iterable[str]) -> frozenset[date]:
    return frozenset(datetime.fromisoformat(text).date() for text in texts)


def _minutes(called: Iterable[datetime], zone: ZoneInfo) -> frozenset[int]:
    walls = [moment.astimezone(zone) for moment in called]
    return frozenset(wall.hour * 60 + wall.minute for wall in walls)


@lru_cache(maxsize=4096)
def _other_hours(called: frozenset[int], least: int) -> Timetable:
    """A day without the minutes around each earlier attempt; an attempt counts as its whole minute."""
    gaps = [
        ((minute + turn - least) * 60, (minute + turn + least + 1) * 60)
        for minute in called
        for turn in (-MINUTES, 0, MINUTES)
    ]
    return Timetable((without(WHOLE_DAY, gaps),) * 7)
