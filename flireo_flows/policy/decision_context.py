"""What one decision is about: a lead, where it may be, what happened before, and every clock that counts."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.leads import Consent
from flireo_flows.leads.zones import (
    country_zones,
    home_of,
    number_states,
    region_of_postcode,
    region_of_state,
)
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy.calendars import Calendar, calendars_for
from flireo_flows.policy.calling_hours import spelled, week_of, without
from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.policy_forms import NumberCap, StateRule
from flireo_flows.policy.timetable import FIRST, LAST, WHOLE_DAY, Clock, Timetable, zone_named


@dataclass(frozen=True, slots=True)
class PolicyLead:
    """The person, as far as the rules look at them.

    Attributes:
        phone: E.164; for its country and the state of its area code.
        zones: IANA names of every time zone the person may be in; empty when nothing is known.
        zone_source: Where the zones come from, as `Lead.zone_source` writes it.
        consent: The consent in the row.
        dial_before: Never call at or after it; aware; None for no such moment.
        state: State or province as the row writes it; empty when it has none.
        postcode: As the row writes it; empty when it has none.
    """

    phone: str
    zones: tuple[str, ...]
    zone_source: str = "number"
    consent: Consent = field(default_factory=Consent)
    dial_before: datetime | None = None
    state: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls made, in a run, a day or a campaign.

    Attributes:
        calls: Attempts that placed a call or may have placed one.
        seconds: Talk of those that ended.
        open_calls: Those of `calls` whose duration is not known (yet), unless no one answered.
        minutes: Begun minutes of talk of each that ended, which is how they are billed.
    """

    calls: int = 0
    seconds: float = 0.0
    open_calls: int = 0
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class OtherCall:
    """A call to the person, at whatever number of theirs, that this campaign did not make.

    Attributes:
        at: When it began; aware.
        by: The campaign, as it is shown; empty for a call of the account that this ledger did not make.
        asked_back: Whether the person asked in it to be called back.
    """

    at: datetime
    by: str = ""
    asked_back: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What happened before. All times are aware and of the ledger's clock.

    Attributes:
        do_not_call: Why the number is never to be called (`file`, `person`, `outcome`, `analysis`, `unclear`,
            `forgotten`); empty when it may be.
        attempts: Attempts of this campaign that are used up.
        last_outcome: Of the last of them; None if there was none.
        last_ended_at: When the last of them ended.
        called_at: When this campaign's attempts at the lead began, oldest first.
        number_called_at: When the number was called, in any campaign of the ledger, oldest first; at least as
            far back as the longest of the policy's `number_caps`.
        other_calls: Calls to the person by others, oldest first; at least as far back as the policy's
            `other_campaigns` look.
        has_open_call: Whether a call to the number is open, in any campaign.
        awaited_until: Until when the analysis of the number's last call, in any campaign, may still come; None where
            none is awaited.
        open_call_until: Until when a call of the account, whose end this ledger does not receive, counts as open;
            None when there is none.
        live: Calls of the campaign in progress.
        run: This run's totals.
        day: Today's, of this campaign; the day of `CallingPolicy.day_zone`.
        campaign: All of this campaign's.
    """

    do_not_call: str = ""
    attempts: int = 0
    last_outcome: Outcome | None = None
    last_ended_at: datetime | None = None
    called_at: tuple[datetime, ...] = ()
    number_called_at: tuple[datetime, ...] = ()
    other_calls: tuple[OtherCall, ...] = ()
    has_open_call: bool = False
    awaited_until: datetime | None = None
    open_call_until: datetime | None = None
    live: int = 0
    run: Totals = field(default_factory=Totals)
    day: Totals = field(default_factory=Totals)
    campaign: Totals = field(default_factory=Totals)


NUMBER: Final = "number"
WIDE: Final = "wide_zones"


@dataclass(frozen=True, slots=True)
class LeadLocation:
    """Where a lead may be.

    Attributes:
        zones: IANA names; it must be calling time in all of them.
        sources: Of each zone: `column`, `postcode`, `state`, `country`, `number` or `wide_zones`.
        states: ISO 3166-2 codes of the states it may live in; empty where all of the number's country are possible.
        phone: E.164.
    """

    zones: tuple[str, ...]
    sources: tuple[str, ...]
    states: tuple[str, ...]
    phone: str = field(repr=False)

    def may_be_in(self, state: str) -> bool:
        """Whether the rules of a state (ISO 3166-2) may be those of the lead."""
        return state in self.states if self.states else state.partition("-")[0] == home_of(self.phone).country


def location_of(lead: PolicyLead, wide: bool) -> LeadLocation:
    """Where a lead may be.

    Args:
        lead: The person, as the row describes them.
        wide: Whether a number is taken to show its country only (`CallingPolicy.wide_zones`).
    """
    return _whereabouts(lead.phone, lead.zones, lead.zone_source, lead.state, lead.postcode, wide)


@lru_cache(maxsize=65_536)
def _whereabouts(
    phone: str, zones: tuple[str, ...], source: str, state: str, postcode: str, wide: bool
) -> LeadLocation:
    words = source.split() or [NUMBER]
    sources = words if len(words) == len(zones) else words[:1] * len(zones)
    if wide and NUMBER in sources:
        added = tuple(zone for zone in country_zones(phone) if zone not in zones)
        zones, sources = (*zones, *added), [*sources, *[WIDE] * len(added)]
    row = [region_of_postcode(postcode, phone).states, region_of_state(state, phone).states]
    named = [states for states in row if states]
    number = () if wide else number_states(phone)
    return LeadLocation(zones, tuple(sources), _states(number, named), phone)


def _states(number: Sequence[str], named: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """States that the row and the number allow; those of both where they contradict each other."""
    inside = [set(states) & set(number) for states in named if set(states) & set(number)]
    outside = [set(states) for states in named if not set(states) & set(number)]
    kept = _common(inside) if inside else set(number)
    return tuple(sorted(kept | _common(outside)))


def _common(sets: Sequence[set[str]]) -> set[str]:
    return (set.intersection(*sets) or set.union(*sets)) if sets else set()


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
