"""A task for every operation, safe in every kind of flow."""

import asyncio
import gc
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings

from flireo_flows import tasks
from flireo_flows.api import errors
from flireo_flows.api.agents import Agent
from flireo_flows.api.calls import OutboundCall, Placed
from flireo_flows.api.operation import Effect
from flireo_flows.api.registry import OPERATIONS, OperationFunction
from tests.flows.stage import ANNA, BEN, Stage

EVERY = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
VERBS_THAT_READ = ("get_", "list_")


def effect_of(operation: OperationFunction) -> Effect:
    """What the request of an operation does."""
    if operation.__name__.startswith(VERBS_THAT_READ):
        return Effect.READS
    return Effect.RINGS if operation.__name__ == "create_outbound_call" else Effect.CHANGES


@EVERY
def test_every_operation_has_a_task_and_an_asynchronous_twin(operation: OperationFunction) -> None:
    task, twin = getattr(tasks, operation.__name__), getattr(tasks, f"a{operation.__name__}")
    assert not inspect.iscoroutinefunction(task.fn)
    assert inspect.iscoroutinefunction(twin.fn)
    words = operation.__name__.replace("_", " ")
    assert (task.name, twin.name) == (f"Flireo: {words}", f"Flireo: {words} (async)")
    area = operation.__module__.rpartition(".")[2]
    for each in (task, twin):
        assert each.description == inspect.getdoc(operation) != ""
        assert each.tags == {"flireo", f"flireo-{area}"}
        assert each.cache_policy == NO_CACHE
        own = list(inspect.signature(each.fn).parameters.values())
        assert own[0].name == "credentials"
        assert [parameter.name for parameter in own[1:]] == list(inspect.signature(operation).parameters)


@EVERY
def test_only_what_reads_is_ever_repeated_by_prefect(operation: OperationFunction) -> None:
    reads = effect_of(operation) is Effect.READS
    for each in (getattr(tasks, operation.__name__), getattr(tasks, f"a{operation.__name__}")):
        assert bool(each.retries) is reads


def test_every_task_is_of_an_operation() -> None:
    from prefect import Task

    names = {operation.__name__ for operation in OPERATIONS}
    public = {name for name, value in vars(tasks).items() if isinstance(value, Task)}
    assert public == names | {f"a{name}" for name in names}


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
    assert stage.rung() == {ANNA: 1}


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
    assert stage.rung() == {BEN: 1}
    gc.collect()


@pytest.mark.server
def test_two_equal_calls_ring_twice_even_where_results_are_persisted(stage: Stage) -> None:
    @flow
    def twice() -> set[str]:
        call = OutboundCall(destination=ANNA, agent_id="demo-agent")
        return {tasks.create_outbound_call(stage.credentials, call).call_id for _ in range(2)}

    with temporary_settings({PREFECT_RESULTS_PERSIST_BY_DEFAULT: True}):
        assert len(twice()) == 2
    assert stage.rung() == {ANNA: 2}


@pytest.mark.server
def test_a_call_whose_answer_was_lost_is_not_sent_again(stage: Stage) -> None:
    @flow
    def ring() -> Placed:
        return tasks.create_outbound_call(
            stage.credentials, OutboundCall(destination=ANNA, agent_id="demo-agent")
        )

    stage.sandbox.faults(lose_next_answers=1)
    with pytest.raises(errors.OutcomeUnknown):
        ring()
    assert stage.rung() == {ANNA: 1}


TYPED = """
from typing import assert_type

from flireo_flows import FlireoCredentials
from flireo_flows.api.agents import Agent
from flireo_flows.api.calls import OutboundCall, Placed
from flireo_flows.tasks import acreate_outbound_call, aget_agent, create_outbound_call, get_agent


def read(credentials: FlireoCredentials, call: OutboundCall) -> None:
    assert_type(get_agent(credentials, "a"), Agent)
    assert_type(create_outbound_call(credentials, call), Placed)
    assert_type(get_agent.submit(credentials, "a").result(), Agent)
    get_agent(credentials, 5)  # error: an id is a string
    get_agent("key", "a")  # error: credentials are a block
    create_outbound_call(credentials)  # error: whom to ring is missing


async def aread(credentials: FlireoCredentials, call: OutboundCall) -> None:
    assert_type(await aget_agent(credentials, "a"), Agent)
    assert_type(await acreate_outbound_call(credentials, call), Placed)
"""


@pytest.mark.slow
def test_an_editor_sees_the_types_of_a_derived_task(tmp_path: Path) -> None:
    file = tmp_path / "typed.py"
    file.write_text(TYPED)
    project = Path(__file__).parents[2]
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(project / "pyproject.toml"), str(file)]
    told = subprocess.run(mypy, cwd=project, capture_output=True, text=True, timeout=280, check=False).stdout
    complaints = {
        int(line.split(":")[1]) for line in told.splitlines() if "typed.py" in line and ": error:" in line
    }
    wanted = {number for number, line in enumerate(TYPED.splitlines(), start=1) if "# error:" in line}
    assert complaints == wanted, told
