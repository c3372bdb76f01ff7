"""How often and how soon someone is called again, and after what never: one budget, whatever the outcomes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flireo_flows.leads import Consent
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import (
    AnalysisRule,
    CallingHours,
    CallingPolicy,
    Deny,
    History,
    NumberCap,
    RetryDelay,
    Rule,
    decide,
    explain,
    is_retried,
    number_memory,
    retry_delay,
)
from tests.support.calling.policies import (
    AMSTERDAM,
    ANY_HOUR,
    LONDON,
    NEW,
    NOON,
    do_not_call_cause,
    reason,
    until,
)

MANY = CallingPolicy(
    calling_hours=None,
    max_attempts=4,
    retry_delay_seconds=600,
    retry_delays=[
        RetryDelay(outcome=Outcome.NO_ANSWER, seconds=[60, 3600]),
        RetryDelay(outcome=Outcome.VOICEMAIL, seconds=[7200]),
    ],
)


@pytest.mark.parametrize(
    ("outcome", "used", "delay"),
    [
        (Outcome.NO_ANSWER, 1, 60),
        (Outcome.NO_ANSWER, 2, 3600),
        (Outcome.NO_ANSWER, 3, 3600),
        (Outcome.NO_ANSWER, 0, 60),
        (Outcome.VOICEMAIL, 3, 7200),
        (Outcome.BUSY, 1, 600),
        (None, 2, 600),
    ],
)
def test_each_outcome_has_its_delays_and_the_last_one_repeats(
    outcome: Outcome | None, used: int, delay: float
) -> None:
    assert retry_delay(MANY, outcome, used) == delay
    called = History(attempts=used, last_outcome=outcome, last_ended_at=NOON)
    due = NOON + timedelta(seconds=delay)
    early = decide(LONDON, due - timedelta(milliseconds=1), MANY, called)
    assert (reason(early), until(early)) == (Rule.TOO_SOON, due)
    assert not reason(decide(LONDON, due, MANY, called))


def test_all_outcomes_share_one_budget() -> None:
    for outcome in (Outcome.NO_ANSWER, Outcome.BUSY, Outcome.VOICEMAIL):
        assert is_retried(MANY, outcome, 3)
        assert not is_retried(MANY, outcome, 4)
        used_up = History(attempts=4, last_outcome=outcome, last_ended_at=NOON)
        verdict = decide(LONDON, NOON + timedelta(days=9), MANY, used_up)
        assert isinstance(verdict, Deny)
        assert (verdict.reason, verdict.until) == (Rule.NO_ATTEMPTS_LEFT, None)


def test_an_outcome_is_tried_again_if_it_is_listed_or_has_delays_of_its_own() -> None:
    assert [outcome for outcome in Outcome if is_retried(MANY, outcome, 1)] == [
        Outcome.VOICEMAIL,
        Outcome.NO_ANSWER,
        Outcome.BUSY,
    ]


def test_whose_call_turned_out_to_be_answered_is_not_called_again() -> None:
    answered = History(attempts=1, last_outcome=Outcome.ANSWERED, last_ended_at=NOON)
    verdict = decide(LONDON, NOON + timedelta(days=1), MANY, answered)
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.until) == (Rule.NOT_RETRIED, None)


def test_attempts_may_end_in_any_zone_and_at_the_ends_of_the_calendar() -> None:
    for ended in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        verdict = decide(LONDON, NOON, MANY, History(attempts=1, last_ended_at=ended))
        assert reason(verdict) == (Rule.TOO_SOON if ended > NOON else "")


# At another hour of the day.

OTHER = CallingPolicy(max_attempts=4, retry_delay_seconds=0, other_hour_minutes=120)


def called(*moments: datetime) -> History:
    return History("", len(moments), Outcome.BUSY, moments[-1], moments)


def test_a_later_attempt_keeps_its_distance_from_the_time_of_day_of_every_earlier_one() -> None:
    first = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)  # Tuesday 11:00 in London
    second = datetime(2026, 7, 14, 15, 0, tzinfo=UTC)  # 16:00
    day = timedelta(days=1)
    verdict = decide(LONDON, first + day, OTHER, called(first, second))
    assert (reason(verdict), until(verdict)) == (Rule.SAME_HOUR, NOON.replace(minute=1))
    assert not reason(decide(LONDON, NOON.replace(minute=1), OTHER, called(first, second)))
    later = decide(LONDON, NOON.replace(hour=13), OTHER, called(first, second))
    assert until(later) == NOON.replace(hour=17, minute=1)


def test_the_distance_goes_round_midnight() -> None:
    late = datetime(2026, 7, 14, 22, 30, tzinfo=UTC)  # 23:30
    policy = OTHER.model_copy(update={"calling_hours": None})
    verdict = decide(LONDON, NOON.replace(hour=0), policy, called(late))  # 1:00
    assert (reason(verdict), until(verdict)) == (Rule.SAME_HOUR, NOON.replace(hour=0, minute=31))


def test_the_time_of_day_is_the_walls_also_after_a_change_of_clocks() -> None:
    summer = datetime(2026, 10, 23, 10, 0, tzinfo=UTC)  # Friday 11:00
    winter = datetime(2026, 10, 26, 9, 1, tzinfo=UTC)  # Monday 9:01
    assert reason(decide(LONDON, winter, OTHER, called(summer))) == Rule.SAME_HOUR
    assert until(decide(LONDON, winter, OTHER, called(summer))) == datetime(2026, 10, 26, 13, 1, tzinfo=UTC)


def test_where_the_hours_leave_no_other_time_of_day_plain_spacing_does_and_shows_it() -> None:
    narrow = OTHER.model_copy(update={"calling_hours": CallingHours(start="12:00", end="14:00")})
    yesterday = NOON - timedelta(days=1)
    verdict = decide(LONDON, NOON, narrow, called(yesterday))
    assert reason(verdict) == ""
    assert explain(verdict).endswith("attempt 2 of 4; no other hour of the day was left")
    night = decide(LONDON, NOON.replace(hour=22), narrow, called(yesterday))
    assert (reason(night), until(night)) == (Rule.OUTSIDE_HOURS, NOON.replace(hour=11) + timedelta(days=1))


def test_another_hour_is_not_waited_for_until_it_is_too_late() -> None:
    yesterday = NOON - timedelta(days=1)
    soon = replace(LONDON, dial_before=NOON + timedelta(hours=1))
    assert reason(decide(LONDON, NOON, OTHER, called(yesterday))) == Rule.SAME_HOUR
    assert reason(decide(soon, NOON, OTHER, called(yesterday))) == ""


# Caps per number, across campaigns.


def test_a_number_rests_until_its_oldest_call_falls_out_of_the_window() -> None:
    policy = CallingPolicy(calling_hours=None, number_caps=[NumberCap(calls=3, days=1)])
    calls = tuple(NOON - timedelta(hours=hours) for hours in (30, 20, 10, 2))
    verdict = decide(LONDON, NOON, policy, History(number_called_at=calls))
    assert (reason(verdict), until(verdict)) == (Rule.NUMBER_CAP, NOON + timedelta(hours=4))
    assert not reason(decide(LONDON, NOON + timedelta(hours=4), policy, History(number_called_at=calls)))
    assert explain(verdict) == (
        "the number was called 3 times within 24 hours, at most 3 are allowed; next Wednesday 17:00"
    )


def test_of_several_caps_the_strictest_holds_and_the_ledger_knows_how_far_to_look_back() -> None:
    policy = CallingPolicy(
        calling_hours=None, number_caps=[NumberCap(calls=1, days=0.5), NumberCap(calls=2, days=30)]
    )
    calls = (NOON - timedelta(days=9), NOON - timedelta(hours=1))
    assert until(decide(LONDON, NOON, policy, History(number_called_at=calls))) == NOON + timedelta(days=21)
    assert until(decide(LONDON, NOON, policy, History(number_called_at=calls[1:]))) == NOON + timedelta(
        hours=11
    )
    assert number_memory(policy) == timedelta(days=30)
    assert number_memory(CallingPolicy()) == timedelta(0)


# A last moment, consent, and no.


def test_no_one_is_called_at_or_after_the_earlier_of_two_last_moments() -> None:
    policy = CallingPolicy(calling_hours=None, dial_before="2026-07-15T14:00+02:00")  # noon UTC
    assert not reason(decide(LONDON, NOON - timedelta(seconds=1), policy, NEW))
    assert reason(decide(LONDON, NOON, policy, NEW)) == Rule.TOO_LATE
    own = replace(LONDON, dial_before=NOON - timedelta(hours=1))
    assert reason(decide(own, NOON - timedelta(hours=1), policy, NEW)) == Rule.TOO_LATE


def test_a_lead_whose_next_chance_comes_too_late_gets_never() -> None:
    tonight = replace(AMSTERDAM, dial_before=NOON.replace(hour=21))
    verdict = decide(tonight, NOON.replace(hour=19), CallingPolicy(), NEW)
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.until) == (Rule.OUTSIDE_HOURS, None)
    assert explain(verdict).endswith(
        "never under these rules, as its last moment is Wednesday 15 July 2026 23:00"
    )


ASKS = CallingPolicy(calling_hours=None, consent_required=True, consent_valid_days=30)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("consent", "policy", "denied"),
    [
        (Consent(), ANY_HOUR, ""),
        (Consent(False), ANY_HOUR, Rule.NO_CONSENT),  # who said no is never called
        (Consent(), ASKS, Rule.NO_CONSENT),
        (Consent(None, NOON - DAY), ASKS, Rule.NO_CONSENT),
        (Consent(True), ASKS, Rule.CONSENT_EXPIRED),  # of an age that no one knows
        (Consent(True, NOON - 30 * DAY), ASKS, ""),
        (Consent(True, NOON - 30 * DAY - timedelta(seconds=1)), ASKS, Rule.CONSENT_EXPIRED),
        (Consent(True, NOON + DAY), ASKS, Rule.NO_CONSENT),
        (Consent(True, NOON - DAY, NOON), ASKS, ""),
        (Consent(True, NOON - DAY, NOON - timedelta(seconds=1)), ASKS, Rule.CONSENT_EXPIRED),
        (Consent(True, None, NOON - DAY), ANY_HOUR, Rule.CONSENT_EXPIRED),
    ],
)
def test_consent_is_looked_at_in_the_second_before_the_call(
    consent: Consent, policy: CallingPolicy, denied: str
) -> None:
    assert reason(decide(replace(LONDON, consent=consent), NOON, policy, NEW)) == denied


def test_consent_that_begins_tomorrow_is_waited_for() -> None:
    verdict = decide(replace(LONDON, consent=Consent(True, NOON + DAY)), NOON, ASKS, NEW)
    assert until(verdict) == NOON + DAY


def test_a_lead_that_opted_out_is_not_called_whatever_else_is_true() -> None:
    for source in ("file", "person", "outcome", "analysis", "forgotten"):
        verdict = decide(LONDON, NOON, ANY_HOUR, History(do_not_call=source))
        assert isinstance(verdict, Deny)
        assert (verdict.reason, verdict.until) == (Rule.DO_NOT_CALL, None)


def test_a_number_with_a_call_in_progress_is_not_called_again() -> None:
    verdict = decide(LONDON, NOON, ANY_HOUR, History(has_open_call=True))
    assert reason(verdict) == Rule.ALREADY_RINGING
    assert NOON < until(verdict) <= NOON + timedelta(minutes=1)


# What a call teaches.

LEARNS = CallingPolicy(
    do_not_call_outcomes=[Outcome.REJECTED],
    do_not_call_keys=[
        AnalysisRule(key="do_not_call"),
        AnalysisRule(key="wishes.contact", equals="never"),
        AnalysisRule(key="dotted.key", equals="1"),
        AnalysisRule(key="may_call", equals="false"),
    ],
)


@pytest.mark.parametrize(
    ("outcome", "analysis", "cause"),
    [
        (Outcome.REJECTED, None, "the call's outcome was rejected"),
        (Outcome.ANSWERED, None, ""),
        (Outcome.ANSWERED, {}, ""),
        (Outcome.ANSWERED, {"do_not_call": True}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"do_not_call": " TRUE "}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"do_not_call": "yes"}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"do_not_call": "Y "}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"do_not_call": 1}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"do_not_call": 1.0}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"do_not_call": "1"}, "the call's analysis says do_not_call = true"),
        (Outcome.ANSWERED, {"may_call": "No"}, "the call's analysis says may_call = false"),
        (Outcome.ANSWERED, {"may_call": 0}, "the call's analysis says may_call = false"),
        (Outcome.ANSWERED, {"may_call": False}, "the call's analysis says may_call = false"),
        (Outcome.ANSWERED, {"may_call": "yes", "do_not_call": "no"}, ""),
        (Outcome.ANSWERED, {"do_not_call": "often"}, ""),
        (Outcome.ANSWERED, {"dotted.key": True}, ""),
        (Outcome.ANSWERED, {"do_not_call": False}, ""),
        (Outcome.ANSWERED, {"do_not_call": None}, ""),
        (Outcome.ANSWERED, {"do_not_call": ["false", "true"]}, "the call's analysis says do_not_call = true"),
        (
            Outcome.ANSWERED,
            {"wishes": {"contact": "Never"}},
            "the call's analysis says wishes.contact = never",
        ),
        (Outcome.ANSWERED, {"wishes": "never"}, ""),
        (Outcome.ANSWERED, {"dotted.key": 1}, "the call's analysis says dotted.key = 1"),
    ],
)
def test_no_is_learnt_from_an_outcome_and_from_an_answer(
    outcome: Outcome, analysis: dict[str, object] | None, cause: str
) -> None:
    assert do_not_call_cause(LEARNS, outcome, analysis) == cause


def test_an_outcome_that_means_no_is_never_tried_again_whatever_the_delays_say() -> None:
    policy = MANY.model_copy(update={"do_not_call_outcomes": [Outcome.BUSY]})
    assert not is_retried(policy, Outcome.BUSY, 1)
    busy = History(attempts=1, last_outcome=Outcome.BUSY, last_ended_at=NOON)
    assert reason(decide(LONDON, NOON + DAY, policy, busy)) == Rule.DO_NOT_CALL
