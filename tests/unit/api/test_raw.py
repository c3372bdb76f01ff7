"""Any operation by its name, with a body as JSON."""

from typing import Any

import pytest

from flireo_flows.api import calls
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import endpoint_of
from flireo_flows.api.registry import (
    BY_NAME,
    OPERATIONS,
    OperationFunction,
    operation_named,
    path_ids,
    raw_operation,
    takes_body,
)
from tests.support.api.examples import SOMEWHERE, example
from tests.support.document import body_schema, promised
from tests.support.sandbox.running import ANNA

EACH = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
EACH_DIALECT = pytest.mark.parametrize("dialect", Dialect)
INLINE = {"llm_config": {"provider": "xai_realtime", "model": "grok"}}
CALL = {"destination": ANNA, "agent_id": "agent-1", "number_id": "number-1"}


@EACH
def test_the_raw_form_of_an_operation_sends_what_the_typed_one_does(operation: OperationFunction) -> None:
    typed = example(operation, SOMEWHERE)
    for dialect in Dialect:
        body = typed.sends.writes(dialect)
        raw = raw_operation(operation.__name__, typed.sends.values, typed.sends.query, body)
        assert raw.endpoint == typed.endpoint
        assert raw.target(dialect) == typed.target(dialect)
        assert raw.sends.writes(dialect) == body


@EACH
def test_which_operations_take_a_body_and_which_ids_is_as_the_contract_has_it(
    operation: OperationFunction,
) -> None:
    endpoint = endpoint_of(operation)
    assert takes_body(endpoint) == (body_schema(operation.__name__) is not None)
    named = [one for one in promised()[operation.__name__][1].split("/") if one.startswith("{")]
    assert [f"{{{name}}}" for name in path_ids(endpoint)] == named


def test_every_operation_is_found_by_its_name() -> None:
    assert BY_NAME.keys() == {operation.__name__ for operation in OPERATIONS}
    assert operation_named("get_call") is calls.get_call


@EACH_DIALECT
def test_a_body_goes_out_as_it_is_given(dialect: Dialect) -> None:
    body: dict[str, Any] = {"name": "Piet", "later_field": {"innerKey": [1, None]}}
    raw = raw_operation("create_agent", body=body)
    body["name"] = "changed afterwards"
    assert raw.sends.writes(dialect) == {"name": "Piet", "later_field": {"innerKey": [1, None]}}


@pytest.mark.parametrize(
    ("arguments", "param", "words"),
    [
        (("get_cal",), "name", "there is get_call"),
        (("+447700900001",), "name", "no operation of this name"),
        (("fl_live_abcdef",), "name", "no operation of this name"),
        (("get_call",), "ids", "takes text for exactly id; given: none"),
        (("get_call", {"call_id": "a"}), "ids", "takes text for exactly id; given: call_id"),
        (("get_call", {"id": "a", "lead_id": "b"}), "ids", "given: id, lead_id"),
        (("get_call", {"id": 5}), "ids", "takes text for exactly id"),
        (("remove_campaign_lead", {"id": "a"}), "ids", "exactly id and lead_id; given: id"),
        (("list_calls", {"id": "a"}), "ids", "takes none; given: id"),
        (("get_call", {"id": ".."}), "id", "the id is empty"),
        (("get_call", {"id": "a"}, None, {}), "body", "takes no body"),
        (("verify_domain", None, None, {"domain": "a"}), "body", "takes no body"),
        (("create_agent",), "body", "takes a body"),
        (("create_agent", None, None, [1]), "body", "a JSON object"),
        (("delete_byok",), "body", "takes a body"),
        (("create_agent", None, None, {"name": {1}}), "body", "JSON cannot say"),
        (("create_agent", None, None, {"name": float("nan")}), "body", "JSON cannot say"),
    ],
)
def test_what_does_not_fit_the_operation_is_refused_before_anything_is_sent(
    arguments: tuple[Any, ...], param: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        raw_operation(*arguments)
    assert refused.value.param == param
    assert "nothing was sent" in str(refused.value)
    assert "7700900001" not in repr(refused.value) and "fl_live_abcdef" not in repr(refused.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**CALL, "destination": "07700900001"}, "E.164"),
        ({"agent_id": "agent-1"}, "destination"),
        ({"destination": ANNA}, "exactly one"),
        ({"destination": ANNA, "assistant": INLINE, "assistant_id": "a"}, "exactly one"),
        ({"destination": ANNA, "agent": {}}, "llm_config"),
        ({**CALL, "assistant_id": "agent-2"}, "two names"),
    ],
)
def test_a_raw_call_is_held_to_what_is_firm_about_calls(body: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        raw_operation("create_outbound_call", body=body)
    assert "900001" not in repr(refused.value)
