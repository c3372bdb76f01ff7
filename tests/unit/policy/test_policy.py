"""May this lead be called now? `decide()` is asked about every clock in the world, and about both changes of each."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import (
    WEEKDAYS,
    Allow,
    Break,
    CallingHours,
    CallingPolicy,
    DayHours,
    Deny,
    History,
    PolicyLead,
    Rule,
    calls_left,
    campaign_denial,
    day_start,
    decide,
    explain,
    is_retried,
    retry_delay,
)
from tests.support.calling.policies import (
    ANY_HOUR,
    LONDON,
    NEW,
    NOON,
    PHONE,
    any_moments,
    calling_hours,
    do_not_call_cause,
    histories_of,
    is_calling_time,
    leads_of,
    moments,
    nearby,
    offset_changes,
    one_zone_of_each_kind,
    outcomes,
    patiently,
    policies,
    reason,
    retryable,
    ringable,
    timed,
    until,
    zones,
)


def at(*zones: str) -> PolicyLead:
    return PolicyLead(PHONE, tuple(zones))


# What follows for whoever is asked about: the three promises of every verdict.


@settings(patiently, max_examples=100)
@given(leads_of(any_moments), any_moments, policies, histories_of(any_moments), outcomes)
def test_every_question_has_an_answer_and_every_answer_can_be_explained(
    lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History, outcome: Outcome
) -> None:
    verdict = decide(lead, now, policy, history)
    assert bool(re.search("; (next|never) ", explain(verdict))) == isinstance(verdict, Deny)
    braked = campaign_denial(now, policy, history)
    assert (calls_left(policy, history) == 0) == (braked is not None)
    assert braked is None or explain(braked)
    assert day_start(now, policy).utcoffset() == timedelta(0)
    assert retry_delay(policy, outcome, history.attempts) >= 0
    assert is_retried(policy, outcome, history.attempts) in (True, False)
    assert isinstance(do_not_call_cause(policy, outcome, {"a": {"b": None}}), str)


@settings(patiently, max_examples=100)
@given(ringable, nearby, timed, retryable, st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_no_one_is_asked_about_too_late_nor_again_and_again(
    lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History, shares: list[float]
) -> None:
    verdict = decide(lead, now, policy, history)
    if isinstance(verdict, Allow):
        return
    end = verdict.until or now + timedelta(days=390)
    assert end > now
    if verdict.until:
        assert verdict.until.utcoffset() == timedelta(0)
        assert isinstance(decide(lead, verdict.until, policy, history), Allow)
    for share in shares:
        between = now + (end - now) * share
        if between < end:
            assert isinstance(decide(lead, between, policy, history), Deny)


@patiently
@given(ringable, nearby, timed, retryable)
def test_whoever_is_called_may_be_called_by_every_rule(
    lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History
) -> None:
    if isinstance(decide(lead, now, policy, history), Deny):
        return
    assert history.attempts < policy.max_attempts
    assert lead.dial_before is None or now < lead.dial_before
    assert lead.consent.expires_at is None or now <= lead.consent.expires_at
    if history.last_ended_at:
        delay = retry_delay(policy, history.last_outcome, history.attempts)
        assert (now - history.last_ended_at).total_seconds() >= delay
    for cap in policy.number_caps:
        window = timedelta(days=cap.days)
        assert sum(called + window > now for called in history.number_called_at) < cap.calls
    if policy.calling_hours:
        assert lead.zones
        clocks = {*lead.zones, policy.calling_hours.clock} - {""}
        assert all(is_calling_time(policy.calling_hours, zone, now) for zone in clocks)


# Clocks.


@patiently
@given(calling_hours(), st.lists(zones, min_size=1, max_size=4), moments)
def test_whoever_is_called_is_called_in_calling_hours_on_every_clock_they_may_have(
    hours: CallingHours, zones: list[str], now: datetime
) -> None:
    verdict = decide(at(*zones), now, CallingPolicy(calling_hours=hours), NEW)
    on_every_clock = all(is_calling_time(hours, zone, now) for zone in {*zones, hours.clock or zones[0]})
    assert isinstance(verdict, Allow) == on_every_clock


def test_on_every_clock_in_the_world_nine_is_nine_and_five_past_eight_is_too_late() -> None:
    policy = CallingPolicy(calling_hours=CallingHours(weekdays=list(WEEKDAYS)))
    known = sorted(available_timezones())
    assert len(known) > 500
    for zone in known:
        for day in (NOON, NOON + timedelta(days=180)):
            opens = (
                until(decide(at(zone), day, policy, NEW))
                if reason(decide(at(zone), day, policy, NEW))
                else day
            )
            hours = CallingHours(weekdays=list(WEEKDAYS))
            assert is_calling_time(hours, zone, opens), zone
            evening = opens
            while is_calling_time(hours, zone, evening):
                evening += timedelta(hours=1)
            assert reason(decide(at(zone), evening, policy, NEW)) == Rule.OUTSIDE_HOURS, zone


NIGHT_AND_DAY = CallingHours(
    start="00:30", end="24:00", weekdays=list(WEEKDAYS), breaks=[Break(start="02:00", end="02:30")]
)
STEP = timedelta(minutes=15)


@pytest.mark.parametrize(
    "hours", [CallingHours(weekdays=list(WEEKDAYS)), NIGHT_AND_DAY], ids=["day", "night"]
)
def test_on_every_change_of_every_clock_only_open_walls_are_called_and_none_of_them_is_missed(
    hours: CallingHours,
) -> None:
    policy = CallingPolicy(calling_hours=hours)
    changing = [zone for zone in one_zone_of_each_kind() if offset_changes(zone)]
    assert len(changing) >= 25
    for zone in changing:
        for change in offset_changes(zone)[:2]:
            walk = [change - timedelta(hours=26) + STEP * step for step in range(30 * 4)]
            opened = [is_calling_time(hours, zone, moment) for moment in walk]
            for place, moment in enumerate(walk):
                verdict = decide(at(zone), moment, policy, NEW)
                assert isinstance(verdict, Allow) == opened[place], (zone, moment)
                if isinstance(verdict, Deny) and any(opened[place:]):
                    assert verdict.until == walk[opened.index(True, place)], (zone, moment)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        # The night on which London's clocks go forward, and the one on which they go back.
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 8, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 20, 0, tzinfo=UTC), datetime(2026, 10, 26, 9, 0, tzinfo=UTC)),
    ],
)
def test_nine_o_clock_is_nine_o_clock_on_the_morning_after_the_change(now: datetime, opens: datetime) -> None:
    policy = CallingPolicy(calling_hours=CallingHours(weekdays=list(WEEKDAYS)))
    verdict = decide(LONDON, now, policy, NEW)
    assert (reason(verdict), until(verdict)) == (Rule.OUTSIDE_HOURS, opens)


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_is_skipped_never() -> None:
    early = CallingHours(start="01:15", end="01:45", weekdays=list(WEEKDAYS))
    policy = CallingPolicy(calling_hours=early)
    first, second = (datetime(2026, 10, 25, hour, 15, tzinfo=UTC) for hour in (0, 1))
    assert until(decide(LONDON, first - STEP, policy, NEW)) == first
    assert until(decide(LONDON, first + STEP * 2, policy, NEW)) == second
    skipped = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)  # at 01:00 London's wall shows 02:00
    assert until(decide(LONDON, skipped, policy, NEW)) == datetime(2026, 3, 30, 0, 15, tzinfo=UTC)


def test_a_clock_that_goes_back_over_midnight_opens_yesterday_once_more() -> None:
    late = CallingHours(start="23:30", end="24:00", weekdays=list(WEEKDAYS))
    newfoundland = at("America/St_Johns")  # put its clocks from 00:01 to 23:01, on 7 November 2010
    midnight = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    verdict = decide(newfoundland, midnight, CallingPolicy(calling_hours=late), NEW)
    assert until(verdict) == midnight + timedelta(minutes=30)
    pause = Break(start="00:01", end="23:30")
    twice = CallingHours(start="00:00", end="23:50", weekdays=list(WEEKDAYS), breaks=[pause])
    verdict = decide(newfoundland, midnight - timedelta(minutes=5), CallingPolicy(calling_hours=twice), NEW)
    assert until(verdict) == midnight  # tomorrow's first minute comes before yesterday's second evening


def test_a_day_that_a_country_skipped_was_open_nowhere() -> None:
    apia = at("Pacific/Apia")  # had no 30 December 2011
    policy = CallingPolicy(calling_hours=CallingHours(weekdays=["friday", "saturday"]))
    last = datetime(2011, 12, 30, 6, 0, tzinfo=UTC)  # Thursday 29 December, 20:00
    assert until(decide(apia, last, policy, NEW)) == datetime(
        2011, 12, 30, 19, 0, tzinfo=UTC
    )  # Saturday, 9:00


def test_the_last_minute_of_the_hours_is_not_included_and_midnight_can_be_the_end() -> None:
    evening = CallingPolicy(calling_hours=CallingHours(start="09:00", end="20:00"))
    late = CallingPolicy(calling_hours=CallingHours(start="09:00", end="24:00"))
    closes = datetime(2026, 7, 15, 19, 0, tzinfo=UTC)  # 20:00 in London
    assert not reason(decide(LONDON, closes - timedelta(seconds=1), evening, NEW))
    assert reason(decide(LONDON, closes, evening, NEW)) == Rule.OUTSIDE_HOURS
    assert not reason(decide(LONDON, datetime(2026, 7, 15, 22, 59, 59, tzinfo=UTC), late, NEW))
    assert reason(decide(LONDON, datetime(2026, 7, 15, 23, 0, tzinfo=UTC), late, NEW)) == Rule.OUTSIDE_HOURS


def test_days_of_their_own_and_breaks_are_kept() -> None:
    hours = CallingHours(
        start="10:00",
        end="20:00",
        breaks=[Break(start="13:00", end="14:00")],
        other_days=[DayHours(weekdays=["saturday"], start="10:00", end="12:00")],
    )
    policy = CallingPolicy(calling_hours=hours)
    lunch = NOON.replace(hour=12, minute=30)  # 13:30
    assert until(decide(LONDON, lunch, policy, NEW)) == NOON.replace(hour=13)
    friday_night = datetime(2026, 7, 17, 20, 0, tzinfo=UTC)
    saturday = datetime(2026, 7, 18, 9, 0, tzinfo=UTC)
    assert until(decide(LONDON, friday_night, policy, NEW)) == saturday
    assert until(decide(LONDON, saturday + timedelta(hours=2), policy, NEW)) == saturday + timedelta(days=2)
    assert explain(decide(LONDON, saturday, policy, NEW)).endswith(
        "open 10:00-13:00 and 14:00-20:00 Mon-Fri, 10:00-12:00 Sat; attempt 1 of 1"
    )


def test_a_second_clock_narrows_the_hours_and_never_widens_them() -> None:
    policy = CallingPolicy(calling_hours=CallingHours(clock="America/New_York"))
    assert (
        reason(decide(LONDON, NOON, policy, NEW)) == Rule.OUTSIDE_HOURS
    )  # 13:00 in London, 8:00 in New York
    assert until(decide(LONDON, NOON, policy, NEW)) == NOON.replace(hour=13)
    evening = NOON.replace(hour=20)  # 21:00 in London, 16:00 in New York
    assert reason(decide(LONDON, evening, policy, NEW)) == Rule.OUTSIDE_HOURS


@pytest.mark.parametrize("now", [NOON, NOON.replace(hour=3)])
def test_without_calling_hours_any_hour_and_any_zone_will_do(now: datetime) -> None:
    assert isinstance(decide(at(), now, ANY_HOUR, NEW), Allow)


@pytest.mark.parametrize(
    "zones", [(), ("Europe/Atlantis",), ("Europe/London", "Mars/Olympus"), ("Europe",), ("../etc",), ("",)]
)
def test_no_one_is_called_whose_clock_cannot_be_read(zones: tuple[str, ...]) -> None:
    verdict = decide(at(*zones), NOON, CallingPolicy(), NEW)
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.until) == (Rule.ZONE_UNKNOWN, None)


def test_where_no_hour_suits_every_clock_no_one_is_ever_called() -> None:
    policy = CallingPolicy(calling_hours=CallingHours(start="10:00", end="11:00"))
    far_apart = at("Europe/London", "Pacific/Auckland")
    for hour in range(0, 24 * 8, 5):
        verdict = decide(far_apart, NOON + timedelta(hours=hour), policy, NEW)
        assert isinstance(verdict, Deny)
        assert (verdict.reason, verdict.until) == (Rule.OUTSIDE_HOURS, None)


@pytest.mark.parametrize("year", [1, 1969, 9990, 9999])
def test_a_clock_that_shows_a_year_that_cannot_be_calls_no_one(year: int) -> None:
    verdict = decide(LONDON, NOON.replace(year=year), ANY_HOUR, NEW)
    assert reason(verdict) == Rule.CLOCK_WRONG
    assert reason(decide(LONDON, NOON.replace(tzinfo=None), ANY_HOUR, NEW)) == Rule.CLOCK_WRONG


# What cannot be.


@pytest.mark.parametrize(
    ("hours", "words"),
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
        ({"breaks": [{"start": "08:00", "end": "21:00"}]}, "never open; breaks fill them"),
        ({"breaks": [{"start": "13:00", "end": "12:00"}]}, "a break from 13:00 to 12:00 never is"),
        ({"clock": "Mars/Olympus"}, "there is no such time zone; write an IANA name"),
        ({"other_days": [{"weekdays": ["sat"]}, {"weekdays": ["sun", "sat"]}]}, "names saturday twice"),
    ],
)
def test_hours_that_cannot_be_are_refused_with_a_reason(hours: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CallingPolicy.model_validate({"calling_hours": hours})


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"max_attempts": 0}, "greater than or equal to 1"),
        ({"max_attempts": 51}, "less than or equal to 50"),
        ({"max_attemps": 3}, "Extra inputs are not permitted"),
        ({"retry_outcomes": ["engaged"]}, "Input should be 'answered'"),
        ({"retry_delay_seconds": -1}, "greater than or equal to 0"),
        ({"retry_delays": [{"outcome": "busy", "seconds": []}]}, "at least 1 item"),
        ({"max_concurrent_calls": 0}, "greater than or equal to 1"),
        ({"poll_seconds": 0}, "greater than 0"),
        ({"poll_seconds": float("inf")}, "finite"),
        ({"unknown": "redial"}, "Input should be 'try_again' or 'review'"),
        ({"dial_before": "tomorrow"}, "a moment is written as in 2027-03-01T18:00"),
        ({"dial_before": "2027-03-01T18:00"}, "a moment needs its offset from UTC"),
        ({"day_zone": "Europe"}, "there is no such time zone"),
        ({"holidays": {"countries": ["Holland"]}}, "a country is written NL"),
        ({"holidays": {"closed_dates": ["24/12"]}}, "a date is written YYYY-MM-DD"),
        ({"holidays": {"closed_dates": ["2027-01-02"], "open_dates": ["2027-01-02"]}}, "keep one"),
        ({"number_caps": [{"calls": 0}]}, "greater than or equal to 1"),
        ({"number_caps": [{"days": 0}]}, "greater than 0"),
        ({"caps_per_day": {"money": -1}}, "greater than or equal to 0"),
        ({"tariff": {"currency": "euro"}}, "String should match pattern"),
        ({"breaker": {"failure_share": 0}}, "greater than 0"),
        ({"do_not_call_keys": [{"key": ""}]}, "at least 1 character"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_a_reason(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CallingPolicy.model_validate(rule)


def test_out_of_the_box_a_person_is_called_once_on_a_weekday_by_day() -> None:
    policy = CallingPolicy()
    assert policy.max_attempts == 1
    assert policy.retry_outcomes == [Outcome.NO_ANSWER, Outcome.BUSY]
    assert isinstance(decide(LONDON, NOON, policy, NEW), Allow)
    saturday = decide(LONDON, NOON + timedelta(days=3), policy, NEW)
    assert reason(saturday) == Rule.OUTSIDE_HOURS
    assert until(saturday) == datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
