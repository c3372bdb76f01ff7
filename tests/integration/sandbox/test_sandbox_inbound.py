"""Calls that come in, and what an agent asks of someone's server: who answers, and its tools."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from flireo_flows.api.webhooks import parse_event, verify
from flireo_flows.sandbox import Dialect, SandboxSettings
from tests.support.sandbox.contract import check, check_webhook
from tests.support.sandbox.running import ANNA, RunningSandbox, run_sandbox, until
from tests.support.sandbox.webhook_mailbox import Receiver, run_receiver

SECRET = "whsec_of_a_test"
EVENTS = ["assistant-request", "tool-calls", "status-update", "end-of-call-report"]
TOOL: dict[str, Any] = {
    "name": "lookup_tenant",
    "description": "Look a tenant up",
    "parameters": {
        "type": "object",
        "properties": {"floor": {"type": "integer", "minimum": 1, "maximum": 3}},
    },
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as running:
        yield running


def listening(receiver: Receiver, **settings: Any) -> SandboxSettings:
    """Calls are answered, and their webhooks go to the receiver."""
    return SandboxSettings(
        rate_limit=0,
        time_scale=1000,
        outcome_weights={"answered": 1},
        webhook_url=receiver.url,
        webhook_secret=SECRET,
        **settings,
    )


@pytest.fixture
def sandbox(receiver: Receiver) -> Iterator[RunningSandbox]:
    with run_sandbox(listening(receiver)) as running:
        change(running, webhook_events=EVENTS)
        yield running


def change(sandbox: RunningSandbox, **fields: Any) -> None:
    """Change the demo agent."""
    assert sandbox.api.patch("/agents/demo-agent", json=fields).status_code == 200


def with_tools(*tools: dict[str, Any]) -> dict[str, Any]:
    """A model with these tools."""
    return {"provider": "openai", "model": "gpt-4o-mini", "tools": list(tools)}


def test_someone_who_rings_in_is_answered_by_the_agent_of_the_number(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    receiver.answers["assistant-request"] = {}
    call = sandbox.settle(sandbox.call_in())
    check("get_call", sandbox.api.get(f"/calls/{call['id']}"))
    assert (call["direction"], call["caller_phone"], call["agent_id"]) == ("inbound", ANNA, "demo-agent")
    assert (call["status"], call["number_id"]) == ("ended", "demo-number")
    assert call["messages"][0]["content"] == "Goedemiddag, u spreekt met Sanne van Voorbeeld Wonen."
    until(lambda: len(receiver.received) == 4)
    for webhook in receiver.received:
        verify(webhook.body, webhook.headers, [SECRET], time.time())
        check_webhook({"message": webhook.message})
        assert webhook.message["call"]["type"] == "inboundPhoneCall"
    (request,) = receiver.of("assistant-request")
    assert request.message["call"] == {"id": call["id"], "type": "inboundPhoneCall", "status": "ringing"}
    assert request.message["customer"] == {"number": ANNA}
    assert sandbox.placed_calls() == []  # no one's phone rang but ours
    assert sandbox.api.get("/account").json()["minutes_balance"] < 1000


def test_an_agent_that_asks_for_no_events_answers_without_asking(sandbox: RunningSandbox) -> None:
    change(sandbox, webhook_events=["status-update"])
    call = sandbox.settle(sandbox.call_in())
    assert (call["status"], sandbox.exchanges(call["id"])) == ("ended", [])


def test_an_answer_can_override_parts_of_the_agent(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers["assistant-request"] = {
        "assistant": {"firstMessage": "Dag mevrouw Jansen."},
        "maxDurationSeconds": 5,
        "metadata": {"tenant": "T-1"},
    }
    call = sandbox.settle(sandbox.call_in())
    assert call["messages"][0]["content"] == "Dag mevrouw Jansen."
    assert (call["duration_seconds"], call["end_reason"]) == (5, "max_duration")
    until(lambda: receiver.of("end-of-call-report"))
    report = parse_event(receiver.of("end-of-call-report")[0].body)
    assert (report.metadata, report.duration_seconds) == ({"tenant": "T-1"}, 5)


@pytest.mark.parametrize("dialect", Dialect)
def test_an_answer_can_choose_another_saved_agent(receiver: Receiver, dialect: Dialect) -> None:
    with run_sandbox(listening(receiver, dialect=dialect)) as sandbox:
        change(sandbox, webhook_events=EVENTS)
        made = sandbox.api.post("/agents", json={"name": "Piet", "first_message": "Met Piet."}).json()
        piet = next(iter(made.values()))["id"]
        receiver.answers["assistant-request"] = {
            "assistant_id": piet,
            "assistant_override": {"max_duration_seconds": 7},
        }
        call = sandbox.settle(sandbox.call_in())
    assert (call["agent_id"], call["agent_name"], call["duration_seconds"]) == (piet, "Piet", 7)
    assert call["messages"][0]["content"] == "Met Piet."


def test_an_answer_can_reject_the_call(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers["assistant-request"] = {"error": "Wij zijn gesloten."}
    call = sandbox.settle(sandbox.call_in())
    assert (call["status"], call["error"], call["started_at"]) == ("rejected", "Wij zijn gesloten.", None)
    (exchange,) = sandbox.exchanges(call["id"])
    assert (exchange["event"], exchange["outcome"]) == ("assistant-request", "rejected")
    assert sandbox.health()["active_calls"] == 0
    assert sandbox.api.get("/account").json()["minutes_balance"] == 1000


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"<html>", "the body is not JSON"),
        ([], "the body is not a JSON object"),
        ({"assistant_id": "nobody"}, "Agent not found"),
        ({"assistant": {"first_message": 5}}, "first_message is not valid"),
        ({"assistant": "Sanne"}, "the override must be an object"),
    ],
)
def test_an_answer_that_cannot_be_used_leaves_the_saved_agent(
    sandbox: RunningSandbox, receiver: Receiver, answer: Any, why: str
) -> None:
    receiver.answers["assistant-request"] = answer
    call = sandbox.settle(sandbox.call_in())
    assert (call["status"], call["agent_id"]) == ("ended", "demo-agent")
    (exchange,) = sandbox.exchanges(call["id"])
    assert exchange["outcome"].startswith("the saved agent answers: ")
    assert why in exchange["outcome"]


def test_a_server_that_fails_leaves_the_saved_agent(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.status = 500
    call = sandbox.settle(sandbox.call_in())
    assert call["status"] == "ended"
    assert sandbox.exchanges(call["id"])[0]["outcome"] == "the saved agent answers: status 500"
    change(sandbox, webhook_url="http://127.0.0.1:1/")
    call = sandbox.settle(sandbox.call_in())
    assert sandbox.exchanges(call["id"])[0]["outcome"] == "the saved agent answers: no answer (ConnectError)"


def test_a_server_has_five_seconds_to_say_who_answers(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers["assistant-request"] = None
    began = time.monotonic()
    call_id = sandbox.call_in()
    assert sandbox.call(call_id)["status"] == "connecting"
    assert sandbox.health()["active_calls"] == 1
    assert sandbox.settle(call_id)["status"] == "ended"
    assert 5 <= time.monotonic() - began < 9
    assert "no answer within 5 seconds" in sandbox.exchanges(call_id)[0]["outcome"]


def test_with_an_empty_balance_a_call_that_comes_in_is_rejected(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    sandbox.settings(minutes_balance=0)
    call = sandbox.settle(sandbox.call_in())
    assert (call["status"], call["error"]) == ("rejected", "insufficient credits")
    assert receiver.received == []


@pytest.mark.parametrize("path", ["/numbers/demo-number", "/agents/demo-agent"])
def test_a_number_that_no_one_answers_rings_until_the_caller_gives_up(
    sandbox: RunningSandbox, path: str
) -> None:
    sandbox.api.patch(path, json={"agent_id": None} if "numbers" in path else {"is_active": False})
    call = sandbox.settle(sandbox.call_in())
    assert (call["status"], call["end_reason"], call["started_at"]) == ("failed", "no_answer", None)


@pytest.mark.parametrize(
    ("outcome", "status"), [("transferred", "ended"), ("error", "failed"), ("no_answer", "failed")]
)
def test_how_a_call_that_comes_in_goes_can_be_said(
    sandbox: RunningSandbox, outcome: str, status: str
) -> None:
    assert sandbox.settle(sandbox.call_in(outcome=outcome))["status"] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"from": "0612345678"}, 400),
        ({"from": ANNA, "number_id": "none"}, 404),
        ({"from": ANNA, "outcome": "sings"}, 400),
        ({"from": ANNA, "outcome": "voicemail"}, 400),
        ({"from": ANNA, "to": ANNA}, 400),
    ],
)
def test_no_one_can_ring_in_wrongly(sandbox: RunningSandbox, body: dict[str, Any], status: int) -> None:
    assert sandbox.surface.post("inbound", json=body).status_code == status


def test_calls_that_come_in_leave_the_scripts_of_calls_that_go_out_alone(sandbox: RunningSandbox) -> None:
    sandbox.settings(outcomes={ANNA: ["busy", "answered"]})
    sandbox.settle(sandbox.call_in())
    assert sandbox.finished(ANNA)["error"] == "busy"


NESTED = {"type": "function", "function": {k: TOOL[k] for k in ("name", "parameters")}}


@pytest.mark.parametrize("tool", [TOOL, NESTED], ids=["flat", "nested"])
def test_a_function_tool_is_used_in_a_conversation(
    sandbox: RunningSandbox, receiver: Receiver, tool: dict[str, Any]
) -> None:
    receiver.answers["tool-calls"] = {"result": {"tenant": "T-1042"}}
    change(sandbox, llm_config=with_tools(tool, {"type": "endCall"}))
    call = sandbox.finished()
    (webhook,) = receiver.of("tool-calls")
    check_webhook({"message": webhook.message})
    verify(webhook.body, webhook.headers, [SECRET], time.time())
    (asked,) = parse_event(webhook.body).tool_calls
    assert (asked.name, set(asked.arguments)) == ("lookup_tenant", {"floor"})
    assert 1 <= asked.arguments["floor"] <= 3
    note = {"role": "system", "content": 'lookup_tenant answered: {"tenant": "T-1042"}'}
    assert call["messages"][2] == note
    (exchange,) = sandbox.exchanges(call["id"])
    assert (exchange["status"], exchange["answer"]) == (200, {"result": {"tenant": "T-1042"}})


def test_the_later_dialect_writes_tool_calls_in_its_own_case(receiver: Receiver) -> None:
    receiver.answers["tool-calls"] = {"error": "not now"}
    with run_sandbox(listening(receiver, dialect="hmsovereign")) as sandbox:
        change(sandbox, webhook_events=EVENTS, llm_config=with_tools(TOOL))
        sandbox.finished()
    message = receiver.of("tool-calls")[0].message
    assert message["tool_call_list"][0]["function"]["name"] == "lookup_tenant"
    assert message["call"]["type"] == "outbound_phone_call"


def test_results_are_matched_by_the_id_of_the_tool_call(sandbox: RunningSandbox, receiver: Receiver) -> None:
    change(sandbox, llm_config=with_tools(TOOL))
    receiver.answers["tool-calls"] = {"results": [{"toolCallId": "another", "result": 1}]}
    notes = [message["content"] for message in sandbox.finished()["messages"] if message["role"] == "system"]
    assert notes == ["lookup_tenant failed: no result has the id of this tool call"]


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ({"tenant": "T-1"}, 'answered: {"tenant": "T-1"}'),
        ({"result": [1]}, "answered: [1]"),
        ({"error": "Tenant not found"}, "failed: Tenant not found"),
        (b"oops", "failed: the body is not JSON"),
    ],
)
def test_every_shape_of_a_tools_answer_is_read(
    sandbox: RunningSandbox, receiver: Receiver, answer: Any, note: str
) -> None:
    change(sandbox, llm_config=with_tools(TOOL))
    receiver.answers["tool-calls"] = answer
    assert {"role": "system", "content": f"lookup_tenant {note}"} in sandbox.finished()["messages"]


def test_a_tools_own_url_and_secret_win(sandbox: RunningSandbox, receiver: Receiver) -> None:
    own = {**NESTED, "server": {"url": receiver.url, "secret": "of_the_tool"}}
    change(sandbox, llm_config=with_tools(own), webhook_url="http://127.0.0.1:1/", webhook_events=[])
    sandbox.finished()
    (webhook,) = receiver.of("tool-calls")
    verify(webhook.body, webhook.headers, ["of_the_tool"], time.time())


def test_an_async_tool_is_not_waited_for(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers["tool-calls"] = None
    change(sandbox, llm_config=with_tools({**TOOL, "async": True, "asyncResponse": "Ik zoek het op."}))
    call = sandbox.finished()
    assert {"role": "assistant", "content": "Ik zoek het op."} in call["messages"]
    until(lambda: receiver.of("tool-calls"))
    assert "async" in sandbox.exchanges(call["id"])[0]["outcome"]


def test_which_tools_a_call_uses_can_be_scripted(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers["tool-calls"] = {}
    change(sandbox, llm_config=with_tools(TOOL, {**TOOL, "name": "book"}))
    sandbox.settings(tools={ANNA: ["book", "book", "not_there"]})
    sandbox.finished()
    assert [parse_event(webhook.body).tool_calls[0].name for webhook in receiver.of("tool-calls")] == [
        "book",
        "book",
    ]


def test_a_machine_is_not_worth_a_tool(receiver: Receiver) -> None:
    with run_sandbox(listening(receiver, outcomes={ANNA: "voicemail"})) as sandbox:
        change(sandbox, webhook_events=EVENTS, llm_config=with_tools(TOOL))
        sandbox.finished()
    assert receiver.of("tool-calls") == []
