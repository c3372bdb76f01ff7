"""A tool that starts a deployment: one run a tool call, with the tool's arguments, and an answer at once."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from flireo_flows.prefect_support.deployment_tool import starts_deployment
from flireo_flows.receiver import Receiver
from tests.support.calling.incoming import webhook
from tests.support.prefect_api import ask
from tests.support.receiver.relay import in_thread, post, served, signed
from tests.support.sandbox.running import ANNA

SECRET = "whsec_starting"
pytestmark = pytest.mark.server


@flow(name="send-offer")
def send_offer_flow(product: str, due: str, source: str, call: dict[str, Any]) -> None: ...


def send_offer(product: str, due: date) -> None:
    """Send the caller an offer."""


@pytest.fixture
def deployment(at_prefect: str) -> Iterator[UUID]:
    """A deployment that no worker serves."""

    async def make() -> UUID:
        async with get_client() as client:
            flow_id = await client.create_flow(send_offer_flow)
            return await client.create_deployment(flow_id, "by-tool", parameter_openapi_schema=None)

    made = in_thread(make)
    yield made
    ask(at_prefect, "DELETE", f"deployments/{made}")


def runs_of(url: str, deployment: UUID) -> list[dict[str, Any]]:
    wanted = {"deployments": {"id": {"any_": [str(deployment)]}}}
    runs: list[dict[str, Any]] = ask(url, "POST", "flow_runs/filter", wanted)
    return runs


def tool_calls(name: str, arguments: dict[str, Any], **more: Any) -> bytes:
    call = {"id": "tool-1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return webhook("tool-calls", f"call-_{ANNA}", toolCallList=[call], **more)


def test_a_tool_call_starts_one_run_with_its_arguments_and_answers_at_once(
    tmp_path: Path, at_prefect: str, deployment: UUID
) -> None:
    receiver = Receiver(f"sqlite:///{tmp_path / 'ledger.db'}", [SECRET], tool_seconds=120)
    starts = starts_deployment(
        "send-offer/by-tool",
        like=send_offer,
        parameters={"source": "phone"},
        answer="You will get it by mail.",
    )
    receiver.tool("send_offer")(starts)
    schema = receiver.tool_schemas()["send_offer"]
    assert schema["description"] == "Send the caller an offer."
    assert list(schema["parameters"]["properties"]) == ["product", "due"]
    body = tool_calls("send_offer", {"product": "boiler", "due": "2026-02-01"})
    again = json.dumps(
        json.loads(body), indent=1
    ).encode()  # delivered again in other bytes, to another process
    with served(receiver.app) as url:
        for sent in (body, body, again):
            answer = post(url, sent, signed(SECRET, sent))
            assert answer.json() == {
                "results": [{"toolCallId": "tool-1", "result": "You will get it by mail."}]
            }
        wrong = tool_calls("send_offer", {"product": "boiler", "due": "soon"})
        refused = post(url, wrong, signed(SECRET, wrong)).json()["results"][0]
        assert "argument 'due'" in refused["error"]
    (run,) = runs_of(at_prefect, deployment)
    call = run["parameters"].pop("call")
    assert run["parameters"] == {"product": "boiler", "due": "2026-02-01", "source": "phone"}
    assert (call["tool_call_id"], call["customer_number"]) == ("tool-1", "+44********01")
    assert ANNA not in run["idempotency_key"] + run["name"]
    assert run["state"]["type"] == "SCHEDULED"


def test_without_a_signature_whatever_the_model_sends_is_passed_on(
    tmp_path: Path, at_prefect: str, deployment: UUID
) -> None:
    receiver = Receiver(f"sqlite:///{tmp_path / 'ledger.db'}", [SECRET], tool_seconds=120)
    receiver.tool("any")(starts_deployment("send-offer/by-tool", with_numbers=True))
    receiver.tool("none")(starts_deployment("send-offer/not-there", call=""))
    with served(receiver.app) as url:
        body = tool_calls("any", {"product": "boiler", "more": [1, 2]})
        assert post(url, body, signed(SECRET, body)).json()["results"][0]["result"] == "It has been started."
        lost = tool_calls("none", {})
        assert post(url, lost, signed(SECRET, lost)).json()["results"][0]["error"] == "the function failed"
    (run,) = runs_of(at_prefect, deployment)
    assert run["parameters"]["more"] == [1, 2]
    assert run["parameters"]["call"]["customer_number"] == ANNA
