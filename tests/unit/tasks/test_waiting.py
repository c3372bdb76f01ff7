"""`wait_for_call` and the other tasks of more than one request."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flireo_flows.api import errors
from flireo_flows.api.agents import Agent, read_agent
from flireo_flows.api.calls import Call
from flireo_flows.api.procedure import PollTiming
from flireo_flows.tasks.composite import CallNotOverError, until_over
from tests.support.api.conversation import Stage as Talk

NUMBER = "+447700900123"
AT = datetime(2026, 1, 9, tzinfo=UTC)
RUNNING = Call(id="c", status="in-progress", started_at=AT)
OVER = Call(id="c", status="ended", started_at=AT, duration_seconds=90, agent_id="a")
SUMMED = OVER.model_copy(update={"summary": "Booked."})
ANALYSED = SUMMED.model_copy(update={"analysis_result": {"booked": True}})
UNHEARD = Call(id="c", status="failed", error="no answer", duration_seconds=0)


def agent(plan: dict[str, Any] | None) -> Agent:
    return read_agent({"agent": {"id": "a", "name": "Sanne", "analysis_plan": plan}})


ANALYSES = agent({"structuredDataPlan": {"enabled": True, "schema": {}}, "minMessagesThreshold": 2})
WRITES_NONE = agent(None)


def reported(calls: Callable[[float], object], who: object = ANALYSES) -> Talk[Call]:
    return Talk(lambda operation, now: who if operation.name == "get_agent" else calls(now))


def wait(talk: Talk[Call], seconds: float = 3600, grace: float = 120, call_id: str = "c") -> Call:
    return talk.play(until_over(call_id, PollTiming(seconds, 5), grace))


def test_a_call_is_awaited_with_its_summary_and_analysis() -> None:
    def calls(now: float) -> Call:
        return next(
            call for until, call in ((60, RUNNING), (70, OVER), (90, SUMMED), (9999, ANALYSED)) if now < until
        )

    talk = reported(calls)
    assert wait(talk) == ANALYSED
    assert talk.seconds < 180
    assert talk.notes == [
        "call in-progress",
        "call ended",
        "call ended, with summary",
        "call ended, with summary and analysis",
    ]


def test_a_call_that_no_one_answered_has_nothing_to_wait_for() -> None:
    talk = reported(lambda now: UNHEARD)
    assert wait(talk) == UNHEARD
    assert talk.seconds == 0 and len(talk.asked) == 1


def test_an_agent_that_analyses_nothing_is_not_waited_for() -> None:
    talk = reported(lambda now: SUMMED, who=WRITES_NONE)
    assert wait(talk) == SUMMED
    assert talk.seconds == 0


def test_a_conversation_too_short_to_be_analysed_is_not_waited_for() -> None:
    short = SUMMED.model_copy(update={"messages": ()})
    assert wait(talk := reported(lambda now: short)) == short
    assert talk.seconds == 0


@pytest.mark.parametrize("who", [ANALYSES, errors.ServerFailed("get_agent", "GET /agents/{id}")])
def test_what_does_not_come_within_the_grace_is_done_without(who: object) -> None:
    talk = reported(lambda now: OVER, who)
    assert wait(talk, grace=120) == OVER
    assert talk.seconds == pytest.approx(120, abs=1)


def test_polls_that_fail_after_the_end_cost_the_summary_at_most() -> None:
    refusal = errors.AuthenticationFailed("get_call", "GET /calls/{id}")
    assert wait(reported(lambda now: refusal if now else OVER)) == OVER


@pytest.mark.parametrize("seconds", [0, 1, 600])
def test_a_call_that_goes_on_ends_the_wait_in_words_and_without_a_number(seconds: float) -> None:
    talk = reported(lambda now: RUNNING)
    with pytest.raises(CallNotOverError) as caught:
        wait(talk, seconds, call_id=f"call-_{NUMBER}_abc")
    assert talk.seconds == seconds
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.status == "in-progress" and error.waited_seconds == seconds
    assert f"is not over after {seconds} s: its status is in-progress" in str(error)
    assert NUMBER[3:] not in repr(error) + str(error) + str(vars(error)) and "call-_" in str(error)


def test_a_wait_in_which_no_poll_was_answered_says_why() -> None:
    down = errors.ServerFailed("get_call", "GET /calls/{id}", 503, text="upstream")
    with pytest.raises(
        CallNotOverError, match=r"no poll was answered\. The last poll failed: Flireo GET /calls/\{id\}: 503"
    ):
        wait(reported(lambda now: down), 30)


def test_the_grace_never_outlasts_the_deadline() -> None:
    talk = reported(lambda now: OVER if now >= 50 else RUNNING)
    assert wait(talk, 60, grace=600) == OVER
    assert talk.seconds == pytest.approx(60)
    assert wait(reported(lambda now: OVER), 0) == OVER


def test_an_empty_id_is_refused_before_anything_is_sent() -> None:
    talk = reported(lambda now: RUNNING)
    with pytest.raises(errors.InvalidInput):
        wait(talk, call_id="")
    assert not talk.asked
