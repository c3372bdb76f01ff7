"""Brakes: what a run, a day and a campaign may use, with the calls in progress counted at an assumed length."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given

from flireo_flows.calling.simulation import Forecast, estimate
from flireo_flows.policy import (
    CallingPolicy,
    Caps,
    Deny,
    History,
    Rule,
    Tariff,
    Totals,
    calls_left,
    campaign_denial,
    day_start,
    explain,
    policy_problem,
)
from tests.support.calling.policies import NOON, histories_of, moments, patiently, policies


def braked(policy: CallingPolicy, **totals: Totals) -> Deny:
    denial = campaign_denial(NOON, policy, History(**totals))  # type: ignore[arg-type]  # only totals are given
    assert denial is not None
    return denial


def policy_with(**fields: Any) -> CallingPolicy:
    return CallingPolicy(max_concurrent_calls=1000, assumed_call_seconds=120, **fields)


@pytest.mark.parametrize(
    ("totals", "left"),
    [(Totals(), 10), (Totals(9), 1), (Totals(10), 0), (Totals(11), 0)],
)
def test_calls_are_capped_exactly(totals: Totals, left: int) -> None:
    policy = policy_with(caps_per_run=Caps(calls=10))
    assert calls_left(policy, History(run=totals)) == left
    assert (campaign_denial(NOON, policy, History(run=totals)) is None) == (left > 0)


def test_minutes_count_what_calls_in_progress_may_still_use() -> None:
    policy = policy_with(caps_per_campaign=Caps(minutes=30))
    # 10 minutes talked, and 5 calls of 2 minutes assumed: 10 are left, which are 5 more calls.
    totals = Totals(calls=9, seconds=600, open_calls=5)
    assert calls_left(policy, History(campaign=totals)) == 5
    # A call that would begin with less than its assumed length left does not begin.
    assert braked(policy, campaign=Totals(20, 1681)).reason is Rule.MINUTE_CAP
    assert calls_left(policy, History(campaign=Totals(20, 1680))) == 1


def test_money_is_counted_by_the_tariff_without_a_cent_lost_to_rounding() -> None:
    policy = policy_with(caps_per_day=Caps(money=10), tariff=Tariff(per_minute=0.05, per_call=0.1))
    assert calls_left(policy, History()) == 50  # of 0.20 each
    assert calls_left(policy, History(day=Totals(49, minutes=49 * 2))) == 1
    assert braked(policy, day=Totals(50, minutes=50 * 2)).reason is Rule.MONEY_CAP
    assert braked(policy, day=Totals(50, 0, open_calls=50)).reason is Rule.MONEY_CAP


def test_money_counts_begun_minutes_as_the_plan_does() -> None:
    policy = CallingPolicy(
        max_concurrent_calls=1000,
        assumed_call_seconds=61,
        caps_per_day=Caps(money=24),
        tariff=Tariff(per_minute=0.12),
    )
    assert calls_left(policy, History()) == 100
    moments = Forecast((NOON,) * 100)
    assert estimate(moments, moments, [0] * 100, policy, NOON).most_cost == pytest.approx(24)
    hundred = Totals(100, 100 * 61, minutes=200)
    assert braked(policy, day=hundred).reason is Rule.MONEY_CAP
    assert braked(policy, day=Totals(100, open_calls=100)).reason is Rule.MONEY_CAP


def test_calls_that_cost_almost_nothing_are_braked_by_something_else() -> None:
    policy = policy_with(caps_per_day=Caps(money=10), tariff=Tariff(per_call=5e-324))
    assert calls_left(policy, History(day=Totals(10**6))) == 1000


def test_the_narrowest_brake_counts() -> None:
    policy = policy_with(
        caps_per_run=Caps(calls=40), caps_per_day=Caps(calls=30), caps_per_campaign=Caps(minutes=14)
    )
    assert calls_left(policy, History()) == 7
    assert calls_left(policy, History(day=Totals(27))) == 3
    assert calls_left(policy, History(live=998)) == 2


def test_a_cap_per_day_holds_until_midnight_and_the_others_until_someone_raises_them() -> None:
    amsterdam = policy_with(caps_per_day=Caps(calls=1), day_zone="Europe/Amsterdam")
    assert braked(amsterdam, day=Totals(1)).until == datetime(2026, 7, 15, 22, 0, tzinfo=UTC)
    assert braked(policy_with(caps_per_run=Caps(calls=1)), run=Totals(1)).until is None
    assert braked(policy_with(caps_per_campaign=Caps(calls=1)), campaign=Totals(1)).until is None


def test_calls_at_once_wait_for_a_call_to_end() -> None:
    policy = CallingPolicy(max_concurrent_calls=2)
    assert calls_left(policy, History(live=1)) == 1
    denial = campaign_denial(NOON, policy, History(live=2))
    assert denial is not None
    assert (denial.reason, denial.until) == (Rule.CONCURRENCY, NOON)
    assert explain(denial) == "2 calls are in progress, of 2 at most; next when a call has ended"


def test_a_used_up_cap_is_reported_before_calls_at_once() -> None:
    policy = CallingPolicy(max_concurrent_calls=1, caps_per_run=Caps(calls=1))
    denial = campaign_denial(NOON, policy, History(live=1, run=Totals(1, open_calls=1)))
    assert denial is not None
    assert denial.reason is Rule.CALL_CAP


@patiently
@given(policies, histories_of(moments), moments)
def test_calls_begun_while_any_are_left_never_use_more_than_the_caps(
    policy: CallingPolicy, history: History, now: datetime
) -> None:
    left = calls_left(policy, history)
    assert left >= 0
    assert (left == 0) == (campaign_denial(now, policy, history) is not None)
    if left == 0:
        return
    assumed = policy.assumed_call_seconds / 60
    for caps, totals in ((policy.caps_per_run, history.run), (policy.caps_per_day, history.day)):
        calls = totals.calls + left
        minutes = totals.seconds / 60 + (totals.open_calls + left) * assumed
        begun = totals.minutes + (totals.open_calls + left) * math.ceil(assumed)
        money = calls * policy.tariff.per_call + begun * policy.tariff.per_minute
        assert not caps.calls or calls <= caps.calls
        assert not caps.minutes or minutes <= caps.minutes + 1e-6
        assert not caps.money or money <= caps.money + 1e-6


def test_a_day_begins_at_midnight_on_every_clock_and_lasts_until_the_next() -> None:
    for zone in sorted(available_timezones()):
        policy = CallingPolicy(day_zone=zone, caps_per_day=Caps(calls=1))
        for now in (
            NOON,
            datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        ):
            begins, ends = day_start(now, policy), campaign_denial(now, policy, History(day=Totals(1)))
            assert ends is not None
            assert ends.until is not None
            assert begins <= now < ends.until, zone
            assert timedelta(hours=22) <= ends.until - begins <= timedelta(hours=26), zone
            assert day_start(ends.until, policy) == ends.until, zone
            assert day_start(begins - timedelta(seconds=1), policy) < begins, zone


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"caps_per_day": Caps(money=5)}, "caps_per_day.money: a cap on money needs a tariff"),
        (
            {"caps_per_run": Caps(money=0.1), "tariff": Tariff(per_minute=0.1)},
            "caps_per_run.money: 0.1 is less than one call is assumed to cost (0.20); raise it",
        ),
        (
            {"caps_per_campaign": Caps(minutes=1)},
            "caps_per_campaign.minutes: 1 is less than one call is assumed to last (2); raise it",
        ),
    ],
)
def test_caps_that_would_call_no_one_are_reported_before_the_run(fields: dict[str, Any], words: str) -> None:
    policy = policy_with(**fields)
    assert policy_problem(policy).startswith(words)
    assert calls_left(policy, History()) == 0


def test_caps_that_leave_room_can_be_used() -> None:
    assert (
        policy_problem(policy_with(caps_per_day=Caps(calls=1, minutes=2, money=1), tariff=Tariff(per_call=1)))
        == ""
    )
