"""A task for every operation, safe in every kind of flow."""

import inspect
from typing import Any

import pytest
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Failed

from flireo_flows import tasks
from flireo_flows.api import errors
from flireo_flows.api.operation import Effect
from flireo_flows.api.registry import OPERATIONS, SHORTHANDS, OperationFunction
from flireo_flows.tasks.operation_task import async_name

EVERY = pytest.mark.parametrize(
    "operation", (*OPERATIONS, *SHORTHANDS), ids=lambda operation: operation.__name__
)
VERBS_THAT_READ = ("get_", "list_")
SEVERAL = ("wait_for_call", "list_all_calls", "call_operation")
BOTH = [name for one in SEVERAL for name in (one, async_name(one))]


def effect_of(operation: OperationFunction) -> Effect:
    """What the request of an operation does."""
    if operation.__name__.startswith(VERBS_THAT_READ):
        return Effect.READS
    return Effect.PLACES_CALL if operation.__name__ == "create_outbound_call" else Effect.CHANGES


@EVERY
def test_every_operation_has_a_task_and_an_asynchronous_twin(operation: OperationFunction) -> None:
    task, twin = getattr(tasks, operation.__name__), getattr(tasks, async_name(operation.__name__))
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
    for each in (getattr(tasks, operation.__name__), getattr(tasks, async_name(operation.__name__))):
        assert bool(each.retries) is reads


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        (errors.ServerFailed, True),
        (errors.TimedOut, True),
        (errors.NotSent, True),
        (errors.RateLimited, True),
        (errors.UnreadableAnswer, True),
        (errors.NotFound, False),
        (errors.AuthenticationFailed, False),
        (errors.BadRequest, False),
        (errors.InvalidInput, False),
        (errors.OutcomeUnknown, False),
    ],
)
def test_a_read_is_repeated_after_an_outage_and_not_after_a_refusal(
    kind: type[errors.FlireoError], again: bool
) -> None:
    failed: State[Any] = Failed(data=kind("get_agent", "GET /agents/{id}"))
    for each in (tasks.get_agent, tasks.aget_agent, tasks.list_all_calls):
        # Anything but a plain function would be an error to Prefect 3.8, and mean "never again".
        assert inspect.isfunction(each.retry_condition_fn)
        assert each.retry_condition_fn(each, None, failed) is again


@pytest.mark.parametrize("name", SEVERAL)
def test_a_task_of_several_requests_has_a_twin_of_the_same_parameters(name: str) -> None:
    task, twin = getattr(tasks, name), getattr(tasks, async_name(name))
    assert not inspect.iscoroutinefunction(task.fn) and inspect.iscoroutinefunction(twin.fn)
    assert inspect.signature(task.fn) == inspect.signature(twin.fn)
    words = name.replace("_", " ")
    assert (task.name, twin.name) == (f"Flireo: {words}", f"Flireo: {words} (async)")
    for each in (task, twin):
        assert each.description == inspect.getdoc(task.fn)
        assert "flireo" in each.tags and each.cache_policy == NO_CACHE
        assert bool(each.retries) is (name == "list_all_calls")  # what may change something is sent once


def test_every_task_is_of_an_operation_or_of_several() -> None:
    names = {operation.__name__ for operation in (*OPERATIONS, *SHORTHANDS)}
    public = {name for name, value in vars(tasks).items() if isinstance(value, Task)}
    assert public == names | {async_name(name) for name in names} | set(BOTH)
