"""`wait_for_call` and the other tasks of more than one request."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect import flow

from flireo_flows import tasks
from flireo_flows.api import errors
from flireo_flows.api.agents import Agent, read_agent
from flireo_flows.api.calls import Call, OutboundCall
from flireo_flows.sandbox import SandboxSettings
from flireo_flows.tasks.composite import CallNotOverError
from tests.support.flows.stage import ANNA, BEN, CARLA, Stage
from tests.support.sandbox.running import run_sandbox


def agent(plan: dict[str, Any] | None) -> Agent:
    return read_agent({"agent": {"id": "a", "name": "Sanne", "analysis_plan": plan}})


@pytest.mark.server
def test_a_flow_waits_for_its_calls_and_reads_them_all(stage: Stage) -> None:
    stage.sandbox.settings(outcomes={ANNA: ["answered"], BEN: ["no_answer"], CARLA: ["answered"]})

    @flow
    def compose() -> tuple[list[Call], list[Call], list[Call]]:
        placed = [
            tasks.create_outbound_call(
                stage.credentials, OutboundCall(destination=phone, agent_id="demo-agent")
            )
            for phone in (ANNA, BEN, CARLA)
        ]
        ids = [one.call_id for one in placed]
        waited = tasks.wait_for_call.map([stage.credentials] * 3, ids, poll_seconds=0.1).result()
        again = [tasks.wait_for_call(stage.credentials, ids[0], timeout_seconds=0)]
        yesterday = datetime.now(UTC) - timedelta(days=1)
        return waited, again, tasks.list_all_calls(stage.credentials, start_date=yesterday)

    waited, again, every = compose()
    anna, ben, carla = waited
    assert [call.caller_phone for call in waited] == [ANNA, BEN, CARLA]
    assert all(call.summary and call.analysis_result for call in (anna, carla))
    assert ben.error and ben.summary is None
    assert again == [anna]
    assert {call.id for call in every} == {call.id for call in waited} and len(every) == 3
    assert stage.called() == {ANNA: 1, BEN: 1, CARLA: 1}


@pytest.mark.server
@pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning"
)  # Prefect's own, see prefect/results.py
def test_the_asynchronous_twins_do_the_same(stage: Stage) -> None:
    stage.sandbox.settings(outcomes={ANNA: ["answered"]})

    @flow
    async def compose() -> tuple[Call, list[Call], object]:
        placed = await tasks.acreate_outbound_call(
            stage.credentials, OutboundCall(destination=ANNA, agent_id="demo-agent")
        )
        call = await tasks.await_for_call(stage.credentials, placed.call_id, poll_seconds=0.1)
        every = await tasks.alist_all_calls(stage.credentials, status="ended")
        return call, every, await tasks.acall_operation(stage.credentials, "get_call", {"id": call.id})

    call, every, raw = asyncio.run(compose())
    assert call.summary and [one.id for one in every] == [call.id]
    assert isinstance(raw, dict) and raw["summary"] == call.summary


@pytest.mark.server
def test_a_deadline_fails_the_task_and_leaves_the_call_alone(stage: Stage) -> None:
    with run_sandbox(SandboxSettings(rate_limit=0, outcomes={ANNA: ("answered",)})) as slow:
        stage.sandbox = slow

        @flow
        def compose() -> None:
            placed = tasks.create_outbound_call(
                stage.credentials, OutboundCall(destination=ANNA, agent_id="demo-agent")
            )
            tasks.wait_for_call(stage.credentials, placed.call_id, timeout_seconds=1, poll_seconds=0.2)

        with pytest.raises(CallNotOverError, match="is not over after 1 s"):
            compose()
        assert slow.times_called(ANNA) == 1
        assert slow.requests()["GET /calls/{id}", 200] < 10


@pytest.mark.server
def test_any_operation_is_answered_by_its_name_and_nothing_else_is(stage: Stage) -> None:
    @flow
    def compose() -> tuple[Any, Any]:
        made = tasks.call_operation(stage.credentials, "create_agent", body={"name": "Raw", "x_new": 1})
        return made, tasks.call_operation.submit(stage.credentials, "list_calls", query={"limit": 1}).result()

    made, listed = compose()
    assert made["agent"]["name"] == "Raw" and listed["calls"] == []
    for name, ids in (
        ("dial", None),
        ("get_call", None),
        ("get_call", {"id": ""}),
        ("list_calls", {"id": "c"}),
    ):
        with pytest.raises(errors.InvalidInput, match="nothing was sent"):
            tasks.call_operation.fn(stage.credentials, name, ids)
    with pytest.raises(errors.InvalidInput, match=r"E\.164"):
        tasks.call_operation.fn(
            stage.credentials, "create_outbound_call", body={"destination": "112", "agent_id": "demo-agent"}
        )
    assert not stage.sandbox.placed_calls()
