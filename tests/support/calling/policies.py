"""People, clocks and policies to ask `decide` about."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from flireo_flows.leads import Consent
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import (
    WEEKDAYS,
    Break,
    CallingHours,
    CallingPolicy,
    Caps,
    DayHours,
    Deny,
    History,
    Holidays,
    NumberCap,
    OtherCall,
    OtherCampaigns,
    PolicyLead,
    RetryDelay,
    Tariff,
    Totals,
    Verdict,
    opt_out_of,
)

# Both hemispheres; offsets of half and quarter hours; changes at midnight, by half an hour, by two hours.
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Amsterdam",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Antarctica/Troll",
)
FIRST_DAY, LAST_DAY = datetime(2026, 1, 1), datetime(2027, 12, 1)  # noqa: DTZ001 - in UTC, says Hypothesis
NOON = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)  # a Wednesday; 13:00 in London
PHONE = "+447700900123"
LONDON = PolicyLead(PHONE, ("Europe/London",))
AMSTERDAM = PolicyLead("+31612345678", ("Europe/Amsterdam",), "column")
NEW = History()
ANY_HOUR = CallingPolicy(calling_hours=None)

# However slow the machine is, and however often it runs.
patiently = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@cache
def offset_changes(zone: str) -> tuple[datetime, ...]:
    """The days of two years on which the zone's clock is put forward or back."""
    clock = ZoneInfo(zone)
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(2 * 365)]
    offsets = [(day, day.astimezone(clock).utcoffset()) for day in days]
    return tuple(after for (_, before), (after, then) in pairwise(offsets) if before != then)


@cache
def one_zone_of_each_kind() -> tuple[str, ...]:
    """Of all zones of the world those that differ in these two years, by offsets and by their changes."""
    kinds: dict[object, str] = {}
    for zone in sorted(available_timezones()):
        clock = ZoneInfo(zone)
        around = (day + timedelta(hours=step) for day in offset_changes(zone) for step in range(-24, 1))
        moments = (datetime(2026, 1, 1, tzinfo=UTC), *around)
        kinds.setdefault(tuple((it, it.astimezone(clock).utcoffset()) for it in moments), zone)
    return tuple(kinds.values())


def reason(verdict: Verdict) -> str:
    """The rule that denied; empty when all allowed."""
    return str(verdict.reason) if isinstance(verdict, Deny) else ""


def until(verdict: Verdict) -> datetime:
    """When it is worth asking again; there must be such a moment."""
    assert isinstance(verdict, Deny)
    assert verdict.until is not None
    return verdict.until


def is_calling_time(hours: CallingHours, zone: str, moment: datetime) -> bool:
    """Read off the wall, as a person would."""
    wall = moment.astimezone(ZoneInfo(zone))
    time, day = wall.strftime("%H:%M"), WEEKDAYS[wall.weekday()]
    own = next((other for other in hours.other_days if day in other.weekdays), hours)
    open_day = day in own.weekdays and own.start <= time < own.end
    return open_day and not any(pause.start <= time < pause.end for pause in own.breaks)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


zones = st.sampled_from(ZONES)
moments = st.one_of(
    st.datetimes(min_value=FIRST_DAY, max_value=LAST_DAY, timezones=st.just(UTC)),
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(sorted({change for zone in ZONES for change in offset_changes(zone)})),
        st.integers(-36 * 60, 36 * 60),
    ),
)
any_moments = st.one_of(
    moments,
    st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Adak")])),
)
outcomes = st.sampled_from(list(Outcome))


@st.composite
def day_hours(draw: st.DrawFn, days: tuple[str, ...] = WEEKDAYS) -> DayHours:
    """Any hours that open."""
    start = draw(st.integers(0, 24 * 60 - 2))
    end = draw(st.integers(start + 2, 24 * 60))
    pauses = draw(st.lists(st.tuples(st.integers(start, end - 1), st.integers(1, 90)), max_size=2))
    breaks = [Break(start=clock(a), end=clock(min(a + long, 24 * 60))) for a, long in pauses]
    weekdays = draw(st.lists(st.sampled_from(days), min_size=1, unique=True))
    fields = {"start": clock(start), "end": clock(end), "weekdays": weekdays}
    try:
        return DayHours.model_validate({**fields, "breaks": breaks})
    except ValueError:  # the breaks fill the day
        return DayHours.model_validate(fields)


@st.composite
def calling_hours(draw: st.DrawFn) -> CallingHours:
    """Any calling hours, some with days of their own."""
    own = draw(day_hours())
    other = draw(st.lists(day_hours(days=("saturday", "sunday")), max_size=1))
    second = draw(st.sampled_from(["", "", "Europe/Amsterdam"]))
    return CallingHours(**own.model_dump(), other_days=other, clock=second)


caps = st.builds(Caps, calls=st.integers(0, 9), minutes=st.floats(0, 30), money=st.floats(0, 9))
policies = st.builds(
    CallingPolicy,
    calling_hours=st.none() | calling_hours(),
    holidays=st.builds(
        Holidays,
        countries=st.lists(st.sampled_from(["auto", "NL", "DE-BY", "ZZ"]), max_size=2),
        closed_dates=st.lists(st.dates(FIRST_DAY.date(), LAST_DAY.date()).map(str), max_size=3),
    ),
    dial_before=st.just("") | any_moments.map(lambda moment: moment.isoformat()),
    consent_required=st.booleans(),
    consent_valid_days=st.sampled_from([0, 0, 1, 36_600]),
    max_attempts=st.integers(1, 5),
    retry_delay_seconds=st.integers(0, 10**6),
    retry_delays=st.lists(
        st.builds(RetryDelay, outcome=outcomes, seconds=st.lists(st.integers(0, 10**6), min_size=1)),
        max_size=2,
    ),
    other_hour_minutes=st.sampled_from([0, 0, 30, 240, 600]),
    number_caps=st.lists(st.builds(NumberCap, calls=st.integers(1, 3), days=st.floats(0.01, 60)), max_size=2),
    other_campaigns=st.builds(
        OtherCampaigns,
        min_gap_hours=st.sampled_from([0, 0.5, 24]),
        max_calls=st.integers(0, 3),
        per_days=st.floats(0.01, 60),
    ),
    do_not_call_outcomes=st.lists(outcomes, max_size=1),
    caps_per_run=caps,
    caps_per_day=caps,
    day_zone=zones,
    tariff=st.builds(Tariff, per_minute=st.floats(0, 2), per_call=st.floats(0, 2)),
    max_concurrent_calls=st.integers(1, 5),
)
totals = st.builds(
    Totals, st.integers(0, 12), st.floats(0, 3000), st.integers(0, 5), minutes=st.integers(0, 60)
)


def leads_of(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[PolicyLead]:
    """Any person: known and unknown zones, consent of every kind."""
    consents = st.builds(
        Consent,
        st.sampled_from([None, True, True, False]),
        st.none() | times,
        st.none() | st.none() | times,
    )
    return st.builds(
        PolicyLead,
        phone=st.sampled_from(["+31612345678", "+12125550123", "+80012345678", PHONE, "", "+", "no"]),
        zones=st.lists(zones, max_size=3).map(tuple) | st.sampled_from([("Mars/Olympus",), ("../etc", "")]),
        zone_source=st.sampled_from(["column", "number", ""]),
        consent=consents,
        dial_before=st.none() | st.none() | times,
    )


def histories_of(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[History]:
    """Anything that happened before."""
    many = st.lists(times, max_size=3).map(sorted).map(tuple)
    return st.builds(
        History,
        do_not_call=st.sampled_from(["", "", "", "file"]),
        attempts=st.integers(0, 5),
        last_outcome=st.none() | outcomes,
        last_ended_at=st.none() | times,
        called_at=many,
        number_called_at=many,
        other_calls=st.lists(
            st.builds(OtherCall, times, st.sampled_from(["", "spring"]), st.booleans()), max_size=3
        ).map(tuple),
        has_open_call=st.sampled_from([False, False, False, True]),
        open_call_until=st.none() | times,
        live=st.integers(0, 6),
        run=totals,
        day=totals,
        campaign=totals,
    )


# Of people who are to be called some time: what is left to ask is when.
_TURN = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)  # the day before Europe's clocks go forward
nearby = st.integers(-3 * 86_400, 3 * 86_400).map(lambda seconds: _TURN + timedelta(seconds=seconds))
ringable = st.builds(
    PolicyLead,
    phone=st.sampled_from(["+31612345678", "+4915112345678"]),
    zones=st.lists(st.sampled_from(ZONES[:8]), min_size=1, max_size=2).map(tuple),
    consent=st.builds(
        Consent,
        st.just(True),
        st.none() | nearby,
        st.sampled_from([None, None, _TURN + timedelta(days=9)]),
    ),
    dial_before=st.sampled_from([None, None, None, _TURN + timedelta(days=5), _TURN + timedelta(days=40)]),
)
retryable = st.builds(
    History,
    attempts=st.integers(0, 2),
    last_outcome=st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER]),
    last_ended_at=st.none() | nearby,
    called_at=st.lists(nearby, max_size=3).map(sorted).map(tuple),
    number_called_at=st.lists(nearby, max_size=5).map(sorted).map(tuple),
)
timed = st.builds(
    CallingPolicy,
    calling_hours=st.none() | calling_hours(),
    holidays=st.builds(
        Holidays,
        countries=st.lists(st.sampled_from(["auto", "NL", "DE-BY"]), max_size=2),
        closed_dates=st.lists(st.sampled_from(["2026-03-28", "2026-03-30", "2026-04-01"]), max_size=2),
    ),
    max_attempts=st.integers(2, 4),
    retry_delay_seconds=st.integers(0, 2 * 86_400),
    retry_delays=st.lists(
        st.builds(RetryDelay, seconds=st.lists(st.integers(0, 86_400), min_size=1, max_size=2)), max_size=1
    ),
    other_hour_minutes=st.sampled_from([0, 30, 240, 600]),
    number_caps=st.lists(st.builds(NumberCap, calls=st.integers(1, 4), days=st.floats(0.01, 9)), max_size=2),
)


def do_not_call_cause(
    policy: CallingPolicy, outcome: Outcome, analysis: Mapping[str, object] | None, end_reason: str = ""
) -> str:
    """Why a call's result means that its number is never called again; empty when it does not."""
    found = opt_out_of(policy, outcome, analysis, end_reason)
    return found.cause if found and not found.is_unclear else ""
