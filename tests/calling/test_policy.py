"""May it ring now? `decide()` is asked about every clock in the world, and about both changes of each."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flireo_flows.calling.outcomes import Outcome
from flireo_flows.calling.policy import (
    WEEKDAYS,
    Allow,
    CallingHours,
    CallingPolicy,
    Candidate,
    Deny,
    Reason,
    decide,
)

# Both hemispheres; offsets of half and quarter hours; changes at midnight, by half an hour, by two hours.
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Amsterdam",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Antarctica/Troll",
)
FIRST_DAY, LAST_DAY = datetime(2026, 1, 1), datetime(2027, 12, 1)  # noqa: DTZ001 - in UTC, says Hypothesis
NOON = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)  # a Wednesday
LONDON = Candidate(zones=("Europe/London",))


def _changes(zone: str) -> list[datetime]:
    """The days of two years on which the zone's clock is put forward or back."""
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(2 * 365)]
    offsets = [(day, day.astimezone(ZoneInfo(zone)).utcoffset()) for day in days]
    return [after for (_, before), (after, then) in pairwise(offsets) if before != then]


CHANGES = sorted({change for zone in ZONES for change in _changes(zone)})

# However slow the machine is.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

zones = st.sampled_from(ZONES)
moments = st.one_of(
    st.datetimes(min_value=FIRST_DAY, max_value=LAST_DAY, timezones=st.just(UTC)),
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-36 * 60, 36 * 60),
    ),
)


@st.composite
def calling_hours(draw: st.DrawFn, earliest: int = 0) -> CallingHours:
    """Any hours that open, from a minute of the day on."""
    start = draw(st.integers(earliest, 24 * 60 - 1))
    end = draw(st.integers(start + 1, 24 * 60))
    weekdays = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    return CallingHours(start=_clock(start), end=_clock(end), weekdays=weekdays)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def is_calling_time(hours: CallingHours, zone: str, moment: datetime) -> bool:
    """Read off the wall, as a person would."""
    wall = moment.astimezone(ZoneInfo(zone))
    return WEEKDAYS[wall.weekday()] in hours.weekdays and hours.start <= wall.strftime("%H:%M") < hours.end


@patiently
@given(calling_hours(), st.lists(zones, min_size=1, max_size=4), moments)
def test_whoever_is_rung_is_rung_in_calling_hours_on_every_clock_they_may_have(
    hours: CallingHours, zones: list[str], now: datetime
) -> None:
    verdict = decide(Candidate(tuple(zones)), now, CallingPolicy(calling_hours=hours))
    on_every_clock = all(is_calling_time(hours, zone, now) for zone in zones)
    assert isinstance(verdict, Allow) == on_every_clock


@patiently
@given(calling_hours(), st.lists(zones, min_size=1, max_size=4), moments)
def test_whoever_is_not_rung_for_the_hour_may_be_asked_about_later(
    hours: CallingHours, zones: list[str], now: datetime
) -> None:
    verdict = decide(Candidate(tuple(zones)), now, CallingPolicy(calling_hours=hours))
    assume(isinstance(verdict, Deny))
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.OUTSIDE_HOURS
    assert verdict.until is not None
    assert verdict.until > now
    assert verdict.until.utcoffset() == timedelta(0)


@patiently
@given(calling_hours(), zones, moments)
def test_on_one_clock_the_next_time_to_ask_is_the_time_to_ring(
    hours: CallingHours, zone: str, now: datetime
) -> None:
    policy, lead = CallingPolicy(calling_hours=hours), Candidate((zone,))
    verdict = decide(lead, now, policy)
    assume(isinstance(verdict, Deny))
    assert isinstance(verdict, Deny)
    assert verdict.until is not None
    wall = verdict.until.astimezone(ZoneInfo(zone))
    if wall.strftime("%H:%M") == hours.start:
        assert decide(lead, verdict.until, policy) == Allow()
    else:  # the opening minute was skipped on that day, when the clock was put forward
        before = (verdict.until - timedelta(hours=3)).astimezone(ZoneInfo(zone))
        assert before.utcoffset() != wall.utcoffset()


@patiently
@given(calling_hours(earliest=5 * 60), st.lists(zones, min_size=1, max_size=3), moments, st.floats(0, 1))
def test_no_time_to_ring_is_missed_by_waiting(
    hours: CallingHours, zones: list[str], now: datetime, share: float
) -> None:
    policy, lead = CallingPolicy(calling_hours=hours), Candidate(tuple(zones))
    verdict = decide(lead, now, policy)
    assume(isinstance(verdict, Deny))
    assert isinstance(verdict, Deny)
    assert verdict.until is not None
    between = now + (verdict.until - now) * share
    assume(between < verdict.until)
    assert isinstance(decide(lead, between, policy), Deny)


@pytest.mark.parametrize("now", [NOON, NOON.replace(hour=3)])
def test_without_calling_hours_any_hour_and_any_zone_will_do(now: datetime) -> None:
    assert decide(Candidate(zones=()), now, CallingPolicy(calling_hours=None)) == Allow()


@pytest.mark.parametrize(
    "zones", [(), ("Europe/Atlantis",), ("Europe/London", "Mars/Olympus"), ("Europe",), ("../etc",)]
)
def test_nobody_is_rung_whose_clock_cannot_be_read(zones: tuple[str, ...]) -> None:
    assert decide(Candidate(zones), NOON, CallingPolicy()) == Deny(Reason.ZONE_UNKNOWN)


policies = st.builds(
    CallingPolicy,
    calling_hours=st.one_of(st.none(), calling_hours()),
    max_attempts=st.integers(1, 10),
    retry_delay_seconds=st.integers(0, 10**6),
)
candidates = st.builds(
    Candidate,
    zones=st.lists(zones, max_size=3).map(tuple),
    attempts=st.integers(0, 12),
    last_ended_at=st.one_of(st.none(), moments),
)


@patiently
@given(candidates, moments, policies)
def test_who_said_no_is_not_rung_whatever_else_is_true(
    lead: Candidate, now: datetime, policy: CallingPolicy
) -> None:
    forbidden = Candidate(lead.zones, True, lead.attempts, lead.last_ended_at)
    assert decide(forbidden, now, policy) == Deny(Reason.DO_NOT_CALL)


@patiently
@given(candidates, moments, policies)
def test_whoever_is_rung_has_attempts_left_and_has_had_their_rest(
    lead: Candidate, now: datetime, policy: CallingPolicy
) -> None:
    verdict = decide(lead, now, policy)
    if lead.attempts >= policy.max_attempts:
        assert verdict == Deny(Reason.NO_ATTEMPTS_LEFT)
    elif isinstance(verdict, Allow) and lead.last_ended_at is not None:
        assert (now - lead.last_ended_at).total_seconds() >= policy.retry_delay_seconds


def test_attempts_keep_their_distance_to_the_second() -> None:
    policy = CallingPolicy(calling_hours=None, max_attempts=2, retry_delay_seconds=600)
    rung = Candidate(("Europe/London",), attempts=1, last_ended_at=NOON)
    due = NOON + timedelta(seconds=600)
    assert decide(rung, due - timedelta(milliseconds=1), policy) == Deny(Reason.TOO_SOON, until=due)
    assert decide(rung, due, policy) == Allow()


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # The night on which London's clocks go forward, and the one on which they go back.
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 8, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 20, 0, tzinfo=UTC), datetime(2026, 10, 26, 9, 0, tzinfo=UTC)),
    ],
)
def test_nine_o_clock_is_nine_o_clock_on_the_morning_after_the_change(now: datetime, until: datetime) -> None:
    hours = CallingHours(weekdays=list(WEEKDAYS))
    assert decide(LONDON, now, CallingPolicy(calling_hours=hours)) == Deny(Reason.OUTSIDE_HOURS, until=until)


def test_the_last_minute_of_the_hours_is_not_included_and_midnight_can_be_the_end() -> None:
    evening = CallingPolicy(calling_hours=CallingHours(start="09:00", end="20:00"))
    late = CallingPolicy(calling_hours=CallingHours(start="09:00", end="24:00"))
    closes = datetime(2026, 7, 15, 19, 0, tzinfo=UTC)  # 20:00 in London
    assert decide(LONDON, closes - timedelta(seconds=1), evening) == Allow()
    assert isinstance(decide(LONDON, closes, evening), Deny)
    assert decide(LONDON, datetime(2026, 7, 15, 22, 59, 59, tzinfo=UTC), late) == Allow()


def test_where_no_hour_suits_every_clock_nobody_is_rung() -> None:
    policy = CallingPolicy(calling_hours=CallingHours(start="10:00", end="11:00"))
    far_apart = Candidate(("Europe/London", "Pacific/Auckland"))
    for hour in range(24 * 8):
        assert isinstance(decide(far_apart, NOON + timedelta(hours=hour), policy), Deny)


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ({"start": "20:00", "end": "09:00"}, "calling hours from 20:00 to 09:00 never open"),
        ({"start": "09:00", "end": "09:00"}, "calling hours from 09:00 to 09:00 never open"),
        ({"start": "24:00", "end": "24:00"}, "never open"),
        ({"start": "9 o'clock"}, "String should match pattern"),
        ({"end": "25:00"}, "String should match pattern"),
        ({"end": "24:30"}, "String should match pattern"),
        ({"weekdays": []}, "List should have at least 1 item"),
        ({"weekdays": ["friyay"]}, "Input should be 'monday'"),
        ({"days": ["monday"]}, "Extra inputs are not permitted"),
    ],
)
def test_hours_that_cannot_be_are_refused_with_a_reason(hours: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CallingPolicy.model_validate({"calling_hours": hours})


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"max_attempts": 0}, "greater than or equal to 1"),
        ({"max_attempts": 51}, "less than or equal to 50"),
        ({"max_attemps": 3}, "Extra inputs are not permitted"),
        ({"retry_outcomes": ["engaged"]}, "Input should be 'answered'"),
        ({"retry_delay_seconds": -1}, "greater than or equal to 0"),
        ({"max_concurrent_calls": 0}, "greater than or equal to 1"),
        ({"poll_seconds": 0}, "greater than 0"),
        ({"unknown": "redial"}, "Input should be 'try_again' or 'review'"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_a_reason(rule: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CallingPolicy.model_validate(rule)


def test_out_of_the_box_a_person_is_rung_once_on_a_weekday_by_day() -> None:
    policy = CallingPolicy()
    assert policy.max_attempts == 1
    assert policy.retry_outcomes == [Outcome.NO_ANSWER, Outcome.BUSY]
    assert decide(LONDON, NOON, policy) == Allow()
    saturday = decide(LONDON, NOON + timedelta(days=3), policy)
    assert saturday == Deny(Reason.OUTSIDE_HOURS, until=datetime(2026, 7, 20, 8, 0, tzinfo=UTC))
