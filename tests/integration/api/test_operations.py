"""Every operation is one of the contract, and a server that keeps to the contract takes and answers it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from flireo_flows.api import agents, calls, numbers
from flireo_flows.api.agent_config import AgentSettings
from flireo_flows.api.client import Account
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Effect, endpoint_of
from flireo_flows.api.registry import OPERATIONS
from flireo_flows.sandbox import Dialect as SandboxDialect
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.examples import Scene, example, set_scene
from tests.support.api.speaking import KEY, SPEAKERS, MakesSpeaker, Speaker
from tests.support.document import body_schema
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, BEN, RunningSandbox, run_sandbox


class Wiretap(httpx.HTTPTransport):
    """The ordinary network, and a copy of what went over it."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[httpx.Response] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        answer.read()
        answer.request = request
        self.answers.append(answer)
        return answer


class AsyncWiretap(httpx.AsyncHTTPTransport):
    """The same for async code."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[httpx.Response] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        await answer.aread()
        answer.request = request
        self.answers.append(answer)
        return answer


WIRETAPS: dict[MakesSpeaker, Callable[[], Wiretap | AsyncWiretap]] = dict(
    zip(SPEAKERS.values(), (Wiretap, AsyncWiretap), strict=True)
)
BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox() as running:
        yield running


@BOTH
def test_the_sandbox_takes_and_answers_every_operation_as_the_contract_has_it(speaker: MakesSpeaker) -> None:
    with run_sandbox() as sandbox:
        scene = set_scene(sandbox)
        tap = WIRETAPS[speaker]()
        with speaker(Account(KEY, sandbox.base_url), transport=tap) as client:
            for operation in sorted(OPERATIONS, key=lambda one: one.__name__.startswith("delete")):
                client.send(example(operation, scene))
                answer = tap.answers.pop()
                check(operation.__name__, answer)
                schema = body_schema(operation.__name__)
                if schema is None:
                    assert answer.request.content == b""
                else:
                    schema.validate(yaml.safe_load(answer.request.content))
        assert tap.answers == []  # one request each
        assert sandbox.times_called(BEN) == 1


def tell(client: Speaker, scene: Scene) -> list[Any]:
    """What the operations that read make of a sandbox."""
    reading = [one for one in OPERATIONS if endpoint_of(one).effect is Effect.READS]
    return [client.send(example(operation, scene)) for operation in reading]


@BOTH
@pytest.mark.parametrize("server", SandboxDialect)
def test_either_dialect_is_understood_by_either_server(speaker: MakesSpeaker, server: SandboxDialect) -> None:
    with run_sandbox(SandboxSettings(dialect=server, rate_limit=0, time_scale=1000)) as sandbox:
        scene = set_scene(sandbox)
        received = []
        for dialect in Dialect:
            with speaker(Account(KEY, sandbox.base_url, dialect)) as client:
                received.append(tell(client, scene))
                placed = client.send(example(calls.create_outbound_call, scene))
                assert placed.status == "dialing"
        assert received[0][0][0].name == "Sanne"
        assert received[0][0] == received[1][0]
        assert sandbox.times_called(BEN) == 2


def test_what_was_made_changed_and_deleted_is_read_back(sandbox: RunningSandbox) -> None:
    for speaker in SPEAKERS.values():
        with speaker(Account(KEY, sandbox.base_url)) as client:
            made = client.send(agents.create_agent("Piet", AgentSettings(first_message="Dag!")))
            assert (made.name, made.first_message, made.is_active) == ("Piet", "Dag!", True)
            changed = client.send(agents.update_agent(made.id, AgentSettings(first_message=None)))
            assert (changed.id, changed.first_message) == (made.id, None)
            assert made.id in {agent.id for agent in client.send(agents.list_agents())}
            assert client.send(agents.delete_agent(made.id)) is True
            number = client.send(numbers.register_number(BEN, "demo-agent", name="Line 2"))
            assert (number.phone_number, number.agent_id, number.name) == (BEN, "demo-agent", "Line 2")
            assert client.send(numbers.get_number(number.id)) == number
            assert client.send(numbers.delete_number(number.id)) is True


def test_deletes_without_a_body_are_done() -> None:
    with run_sandbox(SandboxSettings(empty_deletes=True, rate_limit=0)) as sandbox:
        for speaker, number in zip(SPEAKERS.values(), ("demo-number", None), strict=True):
            with speaker(Account(KEY, sandbox.base_url)) as client:
                mine = number or client.send(numbers.register_number(BEN)).id
                assert client.send(numbers.delete_number(mine)) is True


def test_a_finished_call_is_read_whole_and_found_in_the_list(sandbox: RunningSandbox) -> None:
    record = sandbox.finished(ANNA)
    for speaker in SPEAKERS.values():
        with speaker(Account(KEY, sandbox.base_url)) as client:
            call = client.send(calls.get_call(record["id"]))
            page = client.send(calls.list_calls(start_date=call.created_at, end_date=call.created_at))
        assert call.is_over
        assert call.is_outbound
        assert call.is_with(ANNA)
        assert call.id in {one.id for one in page.calls}
        assert page.total is not None
