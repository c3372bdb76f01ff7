"""Waiting for something by asking again and again: when is asked, what failures mean, when it ends."""

from itertools import pairwise
from typing import Any

import pytest

from flireo_flows.api import errors
from flireo_flows.api.calls import Call, get_call
from flireo_flows.api.operation import Operation
from flireo_flows.api.procedure import PollResult, PollTiming, poll
from tests.support.api.conversation import Stage

RUNNING, OVER = Call(id="c", status="in-progress"), Call(id="c", status="ended")
FAILURES = (errors.ServerFailed, errors.TimedOut, errors.NotSent, errors.RateLimited, errors.UnreadableAnswer)


def failure(kind: type[errors.FlireoError]) -> errors.FlireoError:
    return kind("get_call", "GET /calls/{id}")


def watched(stage: Stage[PollResult[Call]], seconds: float, poll_seconds: float = 5.0) -> PollResult[Call]:
    conversation = poll(
        get_call("c"),
        lambda call: call.is_over,
        PollTiming(seconds, poll_seconds),
        lambda call: f"call {call.status}",
    )
    return stage.play(conversation)


def over_after(seconds: float) -> Any:
    return lambda operation, now: OVER if now >= seconds else RUNNING


def test_pauses_grow_to_a_minute_so_that_an_hour_costs_few_requests() -> None:
    stage: Stage[PollResult[Call]] = Stage(over_after(3600))
    assert watched(stage, 7200).is_so
    times = [at for at, _ in stage.asked]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] == 5 and gaps == sorted(gaps) and gaps[-1] == 60
    assert len(times) < 70


def test_a_patience_of_nothing_asks_once() -> None:
    stage: Stage[PollResult[Call]] = Stage(over_after(0))
    assert watched(stage, 0).is_so
    stage = Stage(over_after(1))
    assert watched(stage, 0) == PollResult(RUNNING, is_so=False)
    assert len(stage.asked) == 1 and stage.seconds == 0


@pytest.mark.parametrize("seconds", [1, 7.5, 90, 100_000])
def test_it_ends_at_the_deadline_after_a_last_look(seconds: float) -> None:
    stage: Stage[PollResult[Call]] = Stage(lambda operation, now: RUNNING)
    assert not watched(stage, seconds).is_so
    assert stage.seconds == pytest.approx(seconds)
    assert stage.asked[-1][0] == pytest.approx(seconds)


def test_what_comes_true_between_two_polls_is_seen_at_the_deadline() -> None:
    stage: Stage[PollResult[Call]] = Stage(over_after(0.9))
    assert watched(stage, 1).is_so


def test_no_interval_is_so_short_that_requests_are_squandered() -> None:
    stage: Stage[PollResult[Call]] = Stage(lambda operation, now: RUNNING)
    watched(stage, 60, poll_seconds=0)
    assert len(stage.asked) < 15


@pytest.mark.parametrize("kind", FAILURES)
def test_polls_that_fail_decide_nothing(kind: type[errors.FlireoError]) -> None:
    def answers(operation: Operation[Any], now: float) -> object:
        return failure(kind) if 0 < now < 600 else (OVER if now else RUNNING)

    stage: Stage[PollResult[Call]] = Stage(answers)
    assert watched(stage, 3600).is_so
    stage = Stage(lambda operation, now: failure(kind))
    given_up = watched(stage, 30)
    assert not given_up.is_so and given_up.last is None and isinstance(given_up.trouble, kind)


def test_what_was_just_made_may_be_missing_for_a_while_but_not_for_ever() -> None:
    stage: Stage[PollResult[Call]] = Stage(
        lambda operation, now: OVER if now > 30 else failure(errors.NotFound)
    )
    assert watched(stage, 3600).is_so
    stage = Stage(lambda operation, now: failure(errors.NotFound))
    with pytest.raises(errors.NotFound):
        watched(stage, 3600)
    assert 60 <= stage.seconds < 120


@pytest.mark.parametrize("kind", [errors.AuthenticationFailed, errors.PermissionDenied, errors.BadRequest])
def test_a_refusal_is_final_for_the_next_poll_would_meet_it_too(kind: type[errors.FlireoError]) -> None:
    stage: Stage[PollResult[Call]] = Stage(lambda operation, now: failure(kind))
    with pytest.raises(kind):
        watched(stage, 3600)
    assert len(stage.asked) == 1


def test_the_log_gets_changes_only() -> None:
    stage: Stage[PollResult[Call]] = Stage(over_after(600))
    watched(stage, 3600)
    assert stage.notes == ["call in-progress", "call ended"]


def test_requests_that_take_long_do_not_move_the_deadline() -> None:
    stage: Stage[PollResult[Call]] = Stage(lambda operation, now: RUNNING, takes=7)
    watched(stage, 60)
    assert 60 <= stage.seconds <= 67
