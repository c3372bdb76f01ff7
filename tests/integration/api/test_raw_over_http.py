"""Raw calls of any operation, at a sandbox."""

from typing import Any

import pytest

from flireo_flows.api.client import FlireoClient
from flireo_flows.api.errors import OutcomeUnknown
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Effect, Operation
from flireo_flows.api.registry import (
    raw_operation,
)
from tests.support.api.speaking import KEY, account
from tests.support.faulty.server import answer, lost, page, run_faulty
from tests.support.sandbox.running import ANNA, BEN, run_sandbox

CALL = {"destination": ANNA, "agent_id": "agent-1", "number_id": "number-1"}


def sent(asked: Operation[Any], url: str) -> Any:
    """What a server's answer is read as."""
    with FlireoClient(account(url)) as client:
        return client.send(asked)


def test_the_answer_is_the_json_that_came() -> None:
    for act, read in ((answer(200, {"newKey": [1]}), {"newKey": [1]}), (answer(204), None)):
        with run_faulty(act) as server, FlireoClient(account(server.url)) as client:
            assert client.send(raw_operation("delete_number", {"id": "a"})) == read
    with run_faulty(page(405)) as server, FlireoClient(account(server.url)) as client:
        assert client.send(raw_operation("get_byok_config")) is None


@pytest.mark.parametrize(
    "body",
    [
        CALL,
        {"destination": ANNA, "assistant_id": "agent-1"},
        {"destination": ANNA, "assistant_id": "agent-1", "assistant_override": {"first_message": "Hi."}},
        {**CALL, "context": "unnamed in the contract"},
    ],
)
def test_a_raw_call_calls_once_in_either_spelling(body: dict[str, Any]) -> None:
    raw = raw_operation("create_outbound_call", body=body)
    assert raw.effect is Effect.PLACES_CALL
    assert raw.sends.writes(Dialect.FLIREO) == body
    with run_faulty(lost()) as server, pytest.raises(OutcomeUnknown):
        sent(raw, server.url)
    assert len(server.requests) == 1


def test_an_answer_to_a_raw_call_without_a_call_id_leaves_its_outcome_open() -> None:
    with run_faulty(answer(200, {"success": True})) as server, pytest.raises(OutcomeUnknown):
        sent(raw_operation("create_outbound_call", body=CALL), server.url)
    assert len(server.requests) == 1


def test_a_sandbox_answers_raw_requests() -> None:
    with run_sandbox() as sandbox, FlireoClient(account(sandbox.base_url)) as client:
        body = {"destination": BEN, "number_id": "demo-number", "agent_id": "demo-agent"}
        placed = client.send(raw_operation("create_outbound_call", body=body))
        assert placed["status"] == "dialing"
        found = client.send(raw_operation("get_call", {"id": placed["call_id"]}))
        assert found["id"] == placed["call_id"]
        listed = client.send(raw_operation("list_calls", query={"limit": 1, "status": None}))
        assert [call["id"] for call in listed["calls"]] == [placed["call_id"]]
        assert sandbox.times_called(BEN) == 1
    assert KEY not in repr(placed)
