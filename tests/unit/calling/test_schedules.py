"""When to poll and how fast to dial, in simulated time."""

from bisect import bisect_left
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flireo_flows.calling.call_list import LIMIT_SECONDS, RequestBudget
from flireo_flows.calling.run_loop import (
    CALLS_A_POLL,
    CALLS_A_POLL_WITH_WEBHOOKS,
    HORIZON_SECONDS,
    LONGEST_PAUSE_SECONDS,
    DialPace,
    PollSchedule,
)

NEVER = 10**9
patiently = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # however slow the machine is


def dialled(calls_per_minute: float, turns: list[float], most: int = 32) -> list[float]:
    """When calls begin, if the rhythm is asked at these distances (seconds)."""
    rhythm, now, began = DialPace(calls_per_minute), 1000.0, []
    for distance in turns:
        now += distance
        calls = rhythm.ready(now, HORIZON_SECONDS, most)
        rhythm.began(calls, now)
        began += [now] * calls
    return began


def most_in_a_minute(began: list[float]) -> int:
    """The calls of the busiest minute, wherever it begins."""
    return max((bisect_left(began, first + 60) - n for n, first in enumerate(began)), default=0)


turns = st.lists(st.one_of(st.floats(0.01, 0.5), st.floats(0.01, 90)), min_size=1, max_size=400)


@patiently
@given(st.integers(1, 240), turns)
def test_in_no_minute_are_more_calls_begun_than_the_policy_allows(
    calls_per_minute: int, turns: list[float]
) -> None:
    assert most_in_a_minute(dialled(calls_per_minute, turns)) <= calls_per_minute


@patiently
@given(st.floats(0.1, 1), turns)
def test_less_than_one_call_a_minute_is_a_rate_too(calls_per_minute: float, turns: list[float]) -> None:
    assert most_in_a_minute(dialled(calls_per_minute, turns)) <= 1


@patiently
@given(st.integers(241, 6000), turns)
def test_a_fast_rhythm_is_ahead_by_half_a_second_at_most(calls_per_minute: int, turns: list[float]) -> None:
    ahead = calls_per_minute / 60 * 2 * HORIZON_SECONDS + 1
    assert most_in_a_minute(dialled(calls_per_minute, turns, most=NEVER)) <= calls_per_minute + ahead


@pytest.mark.parametrize("calls_per_minute", [6, 60, 240, 1200])
def test_asked_often_enough_the_rate_is_reached(calls_per_minute: int) -> None:
    began = dialled(calls_per_minute, [0.01] * 30_000)  # five minutes
    assert len(began) == pytest.approx(5 * calls_per_minute, rel=0.05, abs=1)


def test_no_more_is_begun_than_there_is_room_for() -> None:
    assert DialPace(0).ready(1000.0, HORIZON_SECONDS, 7) == 7
    assert DialPace(6000).ready(1000.0, HORIZON_SECONDS, 7) == 7


def test_the_wait_for_the_next_call_is_reported() -> None:
    rhythm = DialPace(30)
    rhythm.began(1, 1000.0)
    assert rhythm.wait(1000.5) == pytest.approx(1.5)
    assert rhythm.wait(1003.0) == 0
    assert DialPace(0).wait(1000.0) == 0


def due(rhythm: PollSchedule, now: float, **more: object) -> bool:
    """Whether to poll, when nothing speaks for it but what is named."""
    quiet = {"placed": 0, "by_webhook": False, "dialling": False, "starved": False, "unknown": False}
    return rhythm.is_due(now, **{**quiet, **more})  # type: ignore[arg-type]


def test_two_polls_keep_their_distance_whatever_happens() -> None:
    rhythm = PollSchedule(every=10)
    rhythm.polled(1000, placed=0, dialling=True)
    everything = {"placed": NEVER, "dialling": True, "starved": True, "unknown": True}
    assert not due(rhythm, 1009.9, **everything)
    assert due(rhythm, 1010, **everything)


@pytest.mark.parametrize(("by_webhook", "share"), [(False, CALLS_A_POLL), (True, CALLS_A_POLL_WITH_WEBHOOKS)])
def test_while_dialling_a_poll_is_worth_a_share_of_the_calls(by_webhook: bool, share: int) -> None:
    rhythm = PollSchedule(every=10)
    rhythm.polled(1000, placed=500, dialling=True)
    assert not due(rhythm, 1060, by_webhook=by_webhook, dialling=True, placed=500 + share - 1)
    assert due(rhythm, 1060, by_webhook=by_webhook, dialling=True, placed=500 + share)


def test_dialling_that_waits_for_a_call_to_end_polls_sooner() -> None:
    rhythm = PollSchedule(every=10)
    rhythm.polled(1000, placed=0, dialling=True)
    assert not due(rhythm, 1014, dialling=True, starved=True)
    assert due(rhythm, 1015, dialling=True, starved=True)
    assert not due(rhythm, 1059, dialling=True, starved=True, by_webhook=True)
    assert due(rhythm, 1060, dialling=True, starved=True, by_webhook=True)


def test_afterwards_polls_come_at_growing_distances_up_to_a_minute() -> None:
    rhythm, now, pauses = PollSchedule(every=10), 1000.0, []
    for _ in range(8):
        rhythm.polled(now, placed=0, dialling=False)
        pause = next(seconds for seconds in range(1, 600) if due(rhythm, now + seconds))
        pauses.append(pause)
        now += pause
    assert pauses == sorted(pauses)
    assert pauses[0] == 15
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_a_call_that_was_placed_in_a_quiet_time_is_looked_up_as_soon_as_any() -> None:
    rhythm = PollSchedule(every=10)
    for n in range(8):
        rhythm.polled(1000.0 + n, placed=7, dialling=False)
    assert not due(rhythm, 1020, placed=7)
    assert due(rhythm, 1020, placed=8)


def test_what_is_unknown_is_looked_up_at_once_and_does_not_wait_its_turn() -> None:
    rhythm = PollSchedule(every=10)
    for n in range(8):
        rhythm.polled(1000.0 + n, placed=0, dialling=False)
    assert due(rhythm, 1018, unknown=True)
    assert not due(rhythm, 1018)


def test_whoever_polls_seldom_is_not_made_to_poll_each_minute() -> None:
    rhythm = PollSchedule(every=300)
    rhythm.polled(1000, placed=0, dialling=False)
    assert not due(rhythm, 1299)


@patiently
@given(
    st.floats(0.01, 1),
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(1, 30), st.floats(0, 30)), min_size=1, max_size=60),
)
def test_readings_cost_no_more_than_their_share_but_for_the_last_one(
    share: float, limit: int, readings: list[tuple[int, float]]
) -> None:
    budget, began, now, spent = RequestBudget(share), 1000.0, 1000.0, 0
    for requests, idle in readings:
        now += idle + budget.wait(now + idle)
        assert spent <= share * limit * (now - began) / LIMIT_SECONDS + 1e-6
        budget.spent(requests, limit, now)
        spent += requests


def test_where_no_limit_is_reported_nothing_is_bounded() -> None:
    budget = RequestBudget(0.1)
    budget.spent(1000, None, 1000.0)
    assert budget.wait(1000.0) == 0


@pytest.mark.parametrize(("by_webhook", "seconds"), [(False, 120.0), (True, 300.0)])
def test_a_slow_campaign_learns_of_its_calls_while_it_dials(by_webhook: bool, seconds: float) -> None:
    rhythm = PollSchedule(10.0)
    rhythm.polled(0.0, placed=0, dialling=True)
    how: dict[str, Any] = {
        "placed": 1,
        "by_webhook": by_webhook,
        "dialling": True,
        "starved": False,
        "unknown": False,
    }
    assert not rhythm.is_due(seconds - 1, **how)
    assert rhythm.is_due(seconds, **how)
