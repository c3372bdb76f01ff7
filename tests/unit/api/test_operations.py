"""Every operation is one of the contract, and a server that keeps to the contract takes and answers it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from flireo_flows.api import calls, numbers
from flireo_flows.api.calls import OutboundCall, list_calls
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Effect, Operation
from flireo_flows.api.registry import OPERATIONS, OperationFunction
from tests.support.api.examples import EXAMPLES, example
from tests.support.cases import every
from tests.support.document import promised
from tests.support.sandbox.running import ANNA


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
    assert (made.effect is Effect.PLACES_CALL) == (made.endpoint.path == "/calls/outbound")


@EACH
def test_an_operation_documents_what_it_does_and_where_that_is_from(operation: OperationFunction) -> None:
    assert operation.__doc__ is not None
    assert "Source: contract section" in operation.__doc__


def test_there_is_an_example_of_every_operation() -> None:
    assert EXAMPLES.keys() == set(OPERATIONS)
    assert len({operation.__name__ for operation in OPERATIONS}) == len(OPERATIONS)


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
