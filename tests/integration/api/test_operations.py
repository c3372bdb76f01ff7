"""Every operation is one of the contract, and a server that keeps to the contract takes and answers it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from flireo_flows.api import agents, calls, numbers
from flireo_flows.api.agent_config import AgentSettings
from flireo_flows.api.calls import OutboundCall, list_calls
from flireo_flows.api.client import Account
from flireo_flows.api.dialect import Dialect
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.operation import Effect, Operation, endpoint_of
from flireo_flows.api.registry import OPERATIONS, OperationFunction
from flireo_flows.sandbox import Dialect as SandboxDialect
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.examples import EXAMPLES, Scene, example, set_scene
from tests.support.api.speaking import KEY, SPEAKERS, MakesSpeaker, Speaker
from tests.support.cases import every
from tests.support.document import openapi
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, BEN, RunningSandbox, run_sandbox


@cache
def promised() -> Mapping[str, tuple[str, str, Mapping[str, Any]]]:
    """Method, path and description of each operation of the contract, by its id."""
    return {
        described["operationId"]: (method.upper(), path, described)
        for path, methods in openapi()["paths"].items()
        for method, described in methods.items()
    }


def name(operation: OperationFunction) -> str:
    return operation.__name__


EACH = every("operation", OPERATIONS, ids=name)


@EACH
def test_an_operation_has_the_name_method_and_path_of_the_contract(operation: OperationFunction) -> None:
    made = example(operation)
    method, path, _ = promised()[operation.__name__]
    assert (made.name, made.endpoint.method, made.endpoint.path) == (operation.__name__, method, path)
    assert made.route == f"{method} {path}"


@EACH
def test_an_operation_that_only_reads_is_a_get_and_no_other(operation: OperationFunction) -> None:
    made = example(operation)
    assert (made.effect is Effect.READS) == (made.endpoint.method == "GET")
    assert (made.effect is Effect.RINGS) == (made.endpoint.path == "/calls/outbound")


@EACH
def test_an_operation_says_what_it_does_and_where_that_is_from(operation: OperationFunction) -> None:
    assert operation.__doc__ is not None
    assert "Source: contract section" in operation.__doc__


def test_there_is_an_example_of_every_operation() -> None:
    assert EXAMPLES.keys() == set(OPERATIONS)
    assert len({operation.__name__ for operation in OPERATIONS}) == len(OPERATIONS)


@cache
def body_schema(operation_id: str) -> Draft202012Validator | None:
    """What the contract says is sent; None for nothing."""
    body = promised()[operation_id][2].get("requestBody")
    if body is None:
        return None
    schema = body["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": openapi()["components"]})


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
        assert sandbox.times_rung(BEN) == 1


def tell(client: Speaker, scene: Scene) -> list[Any]:
    """What the operations that read make of a sandbox."""
    reading = [one for one in OPERATIONS if endpoint_of(one).effect is Effect.READS]
    return [client.send(example(operation, scene)) for operation in reading]


@BOTH
@pytest.mark.parametrize("server", SandboxDialect)
def test_either_dialect_is_understood_by_either_server(speaker: MakesSpeaker, server: SandboxDialect) -> None:
    with run_sandbox(SandboxSettings(dialect=server, rate_limit=0, time_scale=1000)) as sandbox:
        scene = set_scene(sandbox)
        heard = []
        for dialect in Dialect:
            with speaker(Account(KEY, sandbox.base_url, dialect)) as client:
                heard.append(tell(client, scene))
                placed = client.send(example(calls.create_outbound_call, scene))
                assert placed.status == "dialing"
        assert heard[0][0][0].name == "Sanne"
        assert heard[0][0] == heard[1][0]
        assert sandbox.times_rung(BEN) == 2


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


def query(operation: Operation[Any]) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(operation.target(Dialect.FLIREO)).query))


def test_a_page_of_calls_is_asked_for_in_utc_with_milliseconds() -> None:
    amsterdam = timezone(timedelta(hours=1))
    start = datetime(2026, 1, 10, 10, 2, 31, 123_999, amsterdam)
    assert query(list_calls(1000, 20, "ended", start, datetime(2026, 1, 11, tzinfo=UTC))) == {
        "limit": "1000",
        "offset": "20",
        "status": "ended",
        "start_date": "2026-01-10T09:02:31.123Z",
        "end_date": "2026-01-11T00:00:00.000Z",
    }


def test_what_is_not_asked_is_not_written() -> None:
    assert query(list_calls()) == {"limit": "100", "offset": "0"}
    assert list_calls().target(Dialect.FLIREO) == "/calls?limit=100&offset=0"


def test_every_query_parameter_is_one_of_the_openapi() -> None:
    moment = datetime(2026, 1, 10, tzinfo=UTC)
    known = {parameter["name"] for parameter in promised()["list_calls"][2]["parameters"]}
    assert query(list_calls(1, 1, "ended", moment, moment)).keys() == known


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"agent_id": "a", "agent_config": {"llm_config": {}}},
        {"agent_config": {}},
        {"agent_config": {"llm_config": {}}, "first_message": "Hi."},
        {"agent_id": "a", "destination": "0612345678"},
        {"agent_id": "a", "destination": "+0612345678"},
        {"agent_id": "a", "destination": "+3161234567890123"},
        {"agent_id": "a", "destination": "+31612345678\n"},
        {"agent_id": "a", "destination": "+٣١٦١٢٣٤٥٦٧٨"},
    ],
)
def test_a_call_that_the_contract_does_not_know_is_not_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        OutboundCall(**{"destination": ANNA, **fields})


@pytest.mark.parametrize(
    ("make", "param", "words"),
    [
        pytest.param(
            lambda: numbers.register_number("0612345678"), "phone_number", "in E.164", id="national"
        ),
        pytest.param(lambda: calls.get_call(""), "call_id", "the id is empty", id="no id"),
        pytest.param(lambda: calls.list_calls(limit="many"), "limit", "valid integer", id="no figure"),  # type: ignore[arg-type]
        pytest.param(
            lambda: calls.create_outbound_call({"destination": "+44 7700 900001", "agent_id": "a"}),  # type: ignore[arg-type]
            "call.destination",
            "in E.164",
            id="field of a model",
        ),
    ],
)
def test_an_argument_that_cannot_be_right_is_named_but_not_repeated(
    make: Callable[[], Operation[Any]], param: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        make()
    assert refused.value.param == param
    assert "nothing was sent" in str(refused.value)
    assert "900001" not in repr(refused.value) and "0612345678" not in repr(refused.value)


def test_a_model_may_be_given_as_plain_json() -> None:
    made = calls.create_outbound_call({"destination": ANNA, "agent_id": "a"})  # type: ignore[arg-type]
    assert made.sends.writes(Dialect.FLIREO) == {"destination": ANNA, "agent_id": "a"}
    assert ANNA not in repr(made)
