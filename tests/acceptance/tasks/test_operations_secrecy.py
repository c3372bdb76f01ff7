"""Every operation goes well once and fails once, and nothing private of it is left in what Prefect shows.

The server that refuses repeats all that it was sent, as a careless one would: key, address and body.
"""

import asyncio
import gc
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import Task, flow
from prefect.client.schemas import State
from pydantic import SecretStr

from flireo_flows import FlireoCredentials, tasks
from flireo_flows.api.operation import endpoint_of
from flireo_flows.api.registry import OPERATIONS, OperationFunction
from flireo_flows.tasks.operation_task import async_name
from tests.support.api.examples import EXAMPLES, SECRETS, Scene, set_scene
from tests.support.faulty.server import Act, FaultyServer, Request, answer, run_faulty
from tests.support.flows.stage import Stored, patiently
from tests.support.sandbox.running import ANNA, BEN, RunningSandbox

pytestmark = pytest.mark.server

KEY = "fl_live_7ab1e5ea7ab1e5ea"
PRIVATE = (KEY, ANNA, BEN, ANNA[1:], BEN[1:], *SECRETS)


def late(operation: OperationFunction) -> int:
    """What is deleted is read first, and a lead is taken out of its campaign before that goes."""
    endpoint = endpoint_of(operation)
    return 1 - endpoint.path.count("/") if endpoint.method == "DELETE" else -100


IN_ORDER = sorted(OPERATIONS, key=late)


def echo(request: Request) -> Act:
    """Refuse, and repeat everything."""
    reported = f"{dict(request.headers)} {request.target} {request.body.decode()}"
    error = {"code": f"no {reported}", "message": f"I will not: {reported}", "param": reported}
    return answer(422, {"error": error}, {"X-Request-Id": request.headers["authorization"]})


@pytest.fixture
def parrot() -> Iterator[FaultyServer]:
    with run_faulty(echo) as server:
        yield server


def credentials(base_url: str) -> FlireoCredentials:
    return FlireoCredentials(api_key=SecretStr(KEY), base_url=base_url)


def once(operation: OperationFunction, *, twin: bool = False) -> Task[..., Any]:
    """The task of an operation, without the minutes that a read waits for its next try."""
    name = operation.__name__
    task: Task[..., Any] = getattr(tasks, async_name(name) if twin else name)
    return task.with_options(retries=0)


@pytest.mark.slow
# Prefect leaves a connection of its own open when the event loop of an asynchronous flow ends.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_nothing_private_is_left_of_operations_that_went_well_and_failed(
    kind: str, sandbox: RunningSandbox, parrot: FaultyServer, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scene = set_scene(sandbox)
    good, bad = credentials(sandbox.base_url), credentials(parrot.url)
    run = asyncio.run(_async_run(good, bad, scene)) if kind == "async" else _run(good, bad, scene)
    gc.collect()  # so that the warning comes here, not in another test
    run_id = str(run.state_details.flow_run_id)
    assert run.is_completed(), run.message
    assert {request.headers["authorization"] for request in parrot.requests} == {f"Bearer {KEY}"}
    assert len(parrot.requests) == len(OPERATIONS)

    log = patiently(lambda: _whole_log(stored, run_id))
    seen = patiently(lambda: _if_told(stored.everything_of(run_id)))
    for text, where in [(caplog.text, "the console"), (log, "the log"), (json.dumps(seen), "Prefect")]:
        found = [private for private in PRIVATE if private in text]
        assert not found, f"{found} in {where}: ...{text[max(0, text.find(found[0]) - 300) :][:600]}"


def _run(good: FlireoCredentials, bad: FlireoCredentials, scene: Scene) -> State[Any]:
    @flow(name="every operation")
    def every_operation() -> list[str]:
        for operation in IN_ORDER:
            _check(operation, once(operation)(good, **EXAMPLES[operation](scene), return_state=True), None)
            refused = once(operation)(bad, **EXAMPLES[operation](scene), return_state=True)
            _check(operation, refused, 422)
        return [operation.__name__ for operation in IN_ORDER]

    state: State[Any] = every_operation(return_state=True)
    return state


async def _async_run(good: FlireoCredentials, bad: FlireoCredentials, scene: Scene) -> State[Any]:
    @flow(name="every operation (async)")
    async def every_operation() -> list[str]:
        for operation in IN_ORDER:
            task, arguments = once(operation, twin=True), EXAMPLES[operation](scene)
            _check(operation, await task(good, **arguments, return_state=True), None)
            _check(operation, await task(bad, **arguments, return_state=True), 422)
        return [operation.__name__ for operation in IN_ORDER]

    state: State[Any] = await every_operation(return_state=True)
    return state


def _check(operation: OperationFunction, state: State[Any], refused_with: int | None) -> None:
    assert state.is_completed() is (refused_with is None), f"{operation.__name__}: {state.message}"
    if refused_with is not None:
        assert f": {refused_with} " in (state.message or "")


def _whole_log(stored: Stored, run_id: str) -> str:
    log = stored.log(run_id)
    return log if log.count("Finished in state") > 2 * len(OPERATIONS) else ""


def _if_told(everything: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]] | None:
    """Once the server has recorded a task run for both of each operation."""
    return everything if len(everything["task runs"]) >= 2 * len(OPERATIONS) else None
