"""The flow `call_operation`: any operation from the Prefect UI, with nothing private in what it shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from prefect.client.schemas import State
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import SecretStr

from flireo_flows import FlireoCredentials
from flireo_flows.api import errors
from flireo_flows.api.registry import OPERATIONS
from flireo_flows.tasks.composite import PlainSecretError, fill_in_secrets
from tests.support.flows.stage import Stage, Stored, patiently
from tests.support.sandbox.running import ANNA

PROJECT = Path(__file__).parents[3]
KEY, HUSH = "fl_live_decafdecafdecaf", "dg-5ecret5ecret"


@pytest.fixture(scope="module")
def call_operation() -> Any:
    return load_flow_from_entrypoint(str(PROJECT / "flows/call_operation.py:call_operation"))


def test_its_parameters_are_a_form_with_every_operation_to_choose_from(
    call_operation: Any,
) -> None:
    schema = json.loads(json.dumps(parameter_schema(call_operation).model_dump_for_openapi()))
    names = schema["definitions"]["OperationName"]["enum"]
    assert names == [operation.__name__ for operation in OPERATIONS]
    schema["definitions"]["OperationName"]["enum"] = []  # the list is the registry's
    kept = Path(__file__).with_name("call_operation.schema.json")
    assert schema == json.loads(kept.read_text()), f"if it is meant, write it: {kept}\n{json.dumps(schema)}"
    assert schema["required"] == ["operation", "credentials"]


@pytest.mark.server
def test_an_answer_is_returned_and_shown_without_numbers_and_secrets(
    call_operation: Any, stage: Stage, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    stage.key = KEY
    secret = {"name": "Sanne", "webhook_secret": HUSH}
    stage.sandbox.api.patch("/agents/demo-agent", json=secret).raise_for_status()
    agent = _state(call_operation, stage, "get_agent", id="demo-agent")
    assert agent.is_completed()

    made = stage.sandbox.api.post("/numbers", json={"phone_number": ANNA, "name": "Sales"}).json()["number"]
    numbers = _state(call_operation, stage, "list_numbers")
    for state in (agent, numbers):
        run_id = str(state.state_details.flow_run_id)
        everything = patiently(lambda run_id=run_id: _if_shown(stored.everything_of(run_id)))  # type: ignore[misc]
        text = json.dumps(everything) + caplog.text
        assert not [private for private in (KEY, HUSH, ANNA, ANNA[1:]) if private in text]
        (artifact,) = everything["artifacts"]
        assert artifact["type"] == "markdown" and artifact["data"].startswith("```json\n{")
        assert artifact["key"].startswith("flireo-")
    assert made["id"] in json.dumps(everything["artifacts"])
    # What a flow that calls this one gets: numbers, for it may need them, but no secrets.
    answer = call_operation("list_numbers", stage.credentials)
    assert ANNA in json.dumps(answer)
    assert HUSH not in json.dumps(call_operation("get_agent", stage.credentials, id="demo-agent"))


@pytest.mark.server
def test_a_secret_in_clear_is_refused_and_one_in_a_block_is_sent(
    call_operation: Any, stage: Stage, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PlainSecretError, match="api_key is a secret"):
        call_operation("add_byok", stage.credentials, body={"provider": "deepgram", "api_key": HUSH})
    assert ("POST /byok", 200) not in stage.sandbox.requests()
    Secret(value=HUSH).save("deepgram-key", overwrite=True)
    body = {"provider": "deepgram", "api_key": {"secret_block": "deepgram-key"}}
    state = _state(call_operation, stage, "add_byok", body=body)
    assert state.is_completed()
    assert stage.sandbox.requests()["POST /byok", 200] == 1
    everything = patiently(lambda: _if_shown(stored.everything_of(str(state.state_details.flow_run_id))))
    assert HUSH not in json.dumps(everything) + caplog.text


@pytest.mark.server
def test_ids_query_and_body_go_where_they_belong(call_operation: Any, stage: Stage) -> None:
    fields = {"name": "n", "agent_id": "demo-agent", "timezone": "UTC"}
    hours = {"schedule_start_time": "09:00:00", "schedule_end_time": "17:00:00"}
    campaign = call_operation("create_campaign", stage.credentials, body={**fields, **hours})["campaign"]
    lead = call_operation(
        "add_campaign_lead", stage.credentials, id=campaign["id"], body={"phone_number": ANNA}
    )["lead"]
    listed = call_operation("list_campaign_leads", stage.credentials, id=campaign["id"], query={"limit": 5})
    assert [one["id"] for one in listed["leads"]] == [lead["id"]]
    gone = call_operation("remove_campaign_lead", stage.credentials, id=campaign["id"], lead_id=lead["id"])
    assert gone == {"success": True}


@pytest.mark.server
def test_what_cannot_be_right_ends_the_run_in_words_and_nothing_is_sent(
    call_operation: Any, stage: Stage
) -> None:
    for name, given, words in (
        ("get_call", {}, "text for exactly id"),
        ("list_calls", {"id": "c"}, "takes none"),
        ("create_agent", {}, "it takes a body"),
        ("list_calls", {"body": {"limit": 1}}, "it takes no body"),
        ("create_outbound_call", {"body": {"destination": "112", "agent_id": "a"}}, "E.164"),
    ):
        with pytest.raises(errors.InvalidInput) as refused:
            call_operation(name, stage.credentials, **given)
        assert words in str(refused.value)
    assert not stage.sandbox.requests()


def test_a_reference_is_filled_in_at_any_depth_only_if_it_is_one() -> None:
    body = {"max_tokens": 5, "tools": [{"name": "x"}], "secret": None, "password": ""}
    assert fill_in_secrets(body) == body
    for clear in ({"tools": [{"server": {"secret": HUSH}}]}, {"secret": {"secret_block": HUSH, "more": 1}}):
        with pytest.raises(PlainSecretError) as refused:
            fill_in_secrets(clear)
        assert HUSH not in str(refused.value)


@pytest.mark.server
def test_a_reference_to_no_block_ends_the_run(call_operation: Any, stage: Stage) -> None:
    with pytest.raises(ValueError, match="no-such-block"):
        call_operation("create_agent", stage.credentials, body={"name": {"secret_block": "no-such-block"}})


def _state(call_operation: Any, stage: Stage, name: str, **given: Any) -> State[Any]:
    credentials = FlireoCredentials(api_key=SecretStr(stage.key), base_url=stage.sandbox.base_url)
    state: State[Any] = call_operation(name, credentials, **given, return_state=True)
    return state


def _if_shown(everything: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]] | None:
    return everything if all(everything.values()) else None
