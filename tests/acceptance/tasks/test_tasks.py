"""A task for every operation, safe in every kind of flow."""

import asyncio
import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.schemas import State
from prefect.settings import PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings
from pydantic import SecretStr

from flireo_flows import FlireoCredentials, tasks
from flireo_flows.api import errors
from flireo_flows.api.agents import Agent
from flireo_flows.api.calls import OutboundCall, Placed
from tests.support.faulty.server import answer, run_faulty
from tests.support.flows.stage import ANNA, BEN, Stage, Stored, patiently


@pytest.mark.server
def test_prefect_repeats_a_read_until_the_outage_is_over_and_a_refusal_never(at_prefect: str) -> None:
    agent = {"agent": {"id": "a", "name": "Sanne"}}
    quick = tasks.get_agent.with_options(retry_delay_seconds=0)

    @flow
    def read(url: str) -> Agent:
        return quick(FlireoCredentials(api_key=SecretStr("k"), base_url=url), "a")

    # The client tries four times for each try of Prefect.
    outage = [*[answer(503, {})] * 5, answer(200, agent)]
    with run_faulty(outage) as server:
        assert read(server.url).name == "Sanne"
    assert len(server.requests) == 6
    with run_faulty(answer(404, {"error": "none"})) as server, pytest.raises(errors.NotFound):
        read(server.url)
    assert len(server.requests) == 1


@pytest.mark.server
def test_no_name_of_a_task_run_holds_a_number(stage: Stage, stored: Stored) -> None:
    @flow
    def compose() -> None:
        call = OutboundCall(destination=ANNA, agent_id="demo-agent")
        tasks.create_outbound_call(stage.credentials, call)
        tasks.create_outbound_call.map([stage.credentials], [call]).wait()
        tasks.wait_for_call(stage.credentials, f"call-_{BEN}_1", timeout_seconds=0, return_state=True)

    state: State[None] = compose(return_state=True)
    flow_run_id = str(state.state_details.flow_run_id)
    runs = patiently(
        lambda: rows if len(rows := stored.everything_of(flow_run_id)["task runs"]) == 3 else None
    )
    assert sorted(run["name"].rpartition("-")[0] for run in runs) == [
        "Flireo: create outbound call",
        "Flireo: create outbound call",
        "Flireo: wait for call",
    ]
    assert not [run for run in runs if ANNA[3:] in json.dumps(run) or BEN[3:] in json.dumps(run)]


@pytest.mark.server
@pytest.mark.filterwarnings(
    "ignore:Logger .* attempted to send logs:UserWarning"
)  # Prefect has no run to log to
def test_a_task_works_outside_a_flow_too(stage: Stage) -> None:
    assert tasks.get_agent(stage.credentials, "demo-agent").id == "demo-agent"
    assert asyncio.run(tasks.aget_agent(stage.credentials, "demo-agent")).id == "demo-agent"
    assert tasks.say.fn.__name__ == "say"
    with pytest.raises(errors.NotFound):
        tasks.say(stage.credentials, "call-of-nobody", "Hello")


@pytest.mark.server
def test_a_synchronous_task_works_called_submitted_and_mapped(stage: Stage) -> None:
    @flow
    def compose() -> list[object]:
        listed = tasks.list_agents(stage.credentials)
        submitted = tasks.get_agent.submit(stage.credentials, "demo-agent").result()
        mapped = tasks.get_agent.map([stage.credentials] * 2, ["demo-agent"] * 2).result()
        placed = tasks.create_outbound_call(
            stage.credentials, OutboundCall(destination=ANNA, agent_id="demo-agent")
        )
        return [*listed, submitted, *mapped, placed]

    *agents, placed = compose()
    assert len(agents) == 4
    assert all(isinstance(agent, Agent) and agent.id == "demo-agent" for agent in agents)
    assert isinstance(placed, Placed)
    assert stage.sandbox.call(placed.call_id)["caller_phone"] == ANNA
    assert stage.called() == {ANNA: 1}


@pytest.mark.server
@pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning"
)  # Prefect's own, see prefect/results.py
def test_an_asynchronous_flow_may_use_both_kinds(stage: Stage) -> None:
    @flow
    async def compose() -> list[object]:
        plain = tasks.get_agent(stage.credentials, "demo-agent")
        awaited = await tasks.aget_agent(stage.credentials, "demo-agent")
        placed = await tasks.acreate_outbound_call(
            stage.credentials, OutboundCall(destination=BEN, agent_id="demo-agent")
        )
        together = await asyncio.gather(
            *(tasks.aget_call(stage.credentials, placed.call_id) for _ in range(2))
        )
        return [plain, awaited, *together]

    plain, awaited, *together = asyncio.run(compose())
    assert isinstance(plain, Agent) and plain == awaited
    assert [call.caller_phone for call in together] == [BEN, BEN]  # type: ignore[attr-defined]
    assert stage.called() == {BEN: 1}
    gc.collect()


@pytest.mark.server
def test_two_equal_calls_ring_twice_even_where_results_are_persisted(stage: Stage) -> None:
    @flow
    def twice() -> set[str]:
        call = OutboundCall(destination=ANNA, agent_id="demo-agent")
        return {tasks.create_outbound_call(stage.credentials, call).call_id for _ in range(2)}

    with temporary_settings({PREFECT_RESULTS_PERSIST_BY_DEFAULT: True}):
        assert len(twice()) == 2
    assert stage.called() == {ANNA: 2}


@pytest.mark.server
def test_a_call_whose_answer_was_lost_is_not_sent_again(stage: Stage) -> None:
    @flow
    def place() -> Placed:
        return tasks.create_outbound_call(
            stage.credentials, OutboundCall(destination=ANNA, agent_id="demo-agent")
        )

    stage.sandbox.faults(lose_next_answers=1)
    with pytest.raises(errors.OutcomeUnknown):
        place()
    assert stage.called() == {ANNA: 1}


TYPED = """
from datetime import datetime
from typing import assert_type

from flireo_flows import FlireoCredentials
from flireo_flows.api.agents import Agent
from flireo_flows.api.calls import Call, OutboundCall, Placed
from flireo_flows.api.campaigns import Campaign, CampaignChanges, CampaignLead, NewCampaignLead
from flireo_flows.api.control import Controlled
from flireo_flows.tasks import (
    acreate_outbound_call,
    add_campaign_lead,
    aget_agent,
    await_for_call,
    create_outbound_call,
    get_agent,
    list_all_calls,
    list_campaigns,
    say,
    update_campaign,
    wait_for_call,
)


def read(credentials: FlireoCredentials, call: OutboundCall) -> None:
    assert_type(get_agent(credentials, "a"), Agent)
    assert_type(create_outbound_call(credentials, call), Placed)
    assert_type(get_agent.submit(credentials, "a").result(), Agent)
    assert_type(create_outbound_call.submit(credentials, call=call).result(), Placed)
    assert_type(get_agent.map([credentials] * 2, ["a", "b"]).result(), list[Agent])
    get_agent(credentials, 5)  # error: an id is a string
    get_agent("key", "a")  # error: credentials are a block
    create_outbound_call(credentials)  # error: the call is missing


def change(credentials: FlireoCredentials, lead: NewCampaignLead) -> None:
    assert_type(list_campaigns(credentials), list[Campaign])
    assert_type(update_campaign(credentials, "c", CampaignChanges(status="paused")), Campaign)
    assert_type(add_campaign_lead(credentials, "c", lead=lead), CampaignLead)
    assert_type(say(credentials, "c", "Hello", end_after=True), Controlled)
    update_campaign(credentials, "c", lead)  # error: a lead is no change
    say(credentials, "c", text="Hello")  # error: it is called content


def wait(credentials: FlireoCredentials) -> None:
    assert_type(wait_for_call(credentials, "c", timeout_seconds=60), Call)
    assert_type(wait_for_call.submit(credentials, "c").result(), Call)
    assert_type(list_all_calls(credentials, start_date=datetime.now()), list[Call])
    wait_for_call(credentials, "c", timeout="1 h")  # error: a number of seconds


async def aread(credentials: FlireoCredentials, call: OutboundCall) -> None:
    assert_type(await aget_agent(credentials, "a"), Agent)
    assert_type(await acreate_outbound_call(credentials, call), Placed)
    assert_type(await await_for_call(credentials, "c"), Call)
"""


@pytest.mark.slow
def test_an_editor_sees_the_types_of_a_derived_task(tmp_path: Path) -> None:
    file = tmp_path / "typed.py"
    file.write_text(TYPED)
    project = Path(__file__).parents[3]
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(project / "pyproject.toml"), str(file)]
    reported = subprocess.run(
        mypy, cwd=project, capture_output=True, text=True, timeout=280, check=False
    ).stdout
    complaints = {
        int(line.split(":")[1]) for line in reported.splitlines() if "typed.py" in line and ": error:" in line
    }
    wanted = {number for number, line in enumerate(TYPED.splitlines(), start=1) if "# error:" in line}
    assert complaints == wanted, reported
