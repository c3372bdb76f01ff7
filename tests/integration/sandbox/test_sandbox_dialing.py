"""What `POST /calls/outbound` takes, refuses and places."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from flireo_flows.sandbox import Dialect, SandboxOutcome, SandboxSettings
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, BEN, RunningSandbox, run_sandbox

STT = {"provider": "deepgram", "model": "nova-3-general", "language": "en"}
TTS = {"provider": "elevenlabs", "voice_id": "any"}
OPENAI = {"provider": "openai", "model": "gpt-4o-mini"}
XAI = {"provider": "xai_realtime", "model": "grok-realtime-v1", "voice": "ara"}
INLINE = {"llm_config": OPENAI, "stt_config": STT, "tts_config": TTS}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox() as running:
        yield running


def post(sandbox: RunningSandbox, **body: Any) -> httpx.Response:
    return sandbox.api.post("/calls/outbound", json=body)


@pytest.mark.parametrize(
    "agent",
    [
        {"agent_id": "demo-agent"},
        {"agent_id": "demo-agent", "first_message": "Hello"},
        {"assistant_id": "demo-agent"},
        {"assistant_id": "demo-agent", "assistant_override": {"voicemail_message": "Call us"}},
        {"agent_config": INLINE},
        {"agent": INLINE},
        {"assistant": INLINE},
        {"agent_config": {"llm_config": XAI}},
        {"agent_config": {"llm_config": XAI, "stt_config": None, "tts_config": None}},
    ],
)
def test_each_way_to_name_an_agent_rings_once(sandbox: RunningSandbox, agent: dict[str, Any]) -> None:
    answer = check("create_outbound_call", post(sandbox, destination=ANNA, **agent))
    assert (answer["success"], answer["status"]) == (True, "dialing")
    (call,) = sandbox.placed_calls()
    assert (call["destination"], call["call_id"]) == (ANNA, answer["call_id"])
    assert call["number_id"] == "demo-number"
    assert call["agent_id"] == ("demo-agent" if {"agent_id", "assistant_id"} & agent.keys() else None)


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"agent_id": "demo-agent"}, 400, "missing_field", "destination"),
        ({"destination": "0612345678", "agent_id": "demo-agent"}, 400, "invalid_phone_number", "destination"),
        ({"destination": ANNA + "\n", "agent_id": "demo-agent"}, 400, "invalid_phone_number", "destination"),
        ({"destination": 447700900001, "agent_id": "demo-agent"}, 400, "invalid_phone_number", "destination"),
        ({"destination": ANNA}, 400, "invalid_request", "agent_id"),
        (
            {"destination": ANNA, "agent_id": "demo-agent", "agent_config": INLINE},
            400,
            "invalid_request",
            None,
        ),
        ({"destination": ANNA, "agent_config": []}, 400, "invalid_field", "agent_config"),
        ({"destination": ANNA, "agent_config": {}}, 400, "missing_field", "agent_config.llm_config"),
        ({"destination": ANNA, "agent_config": {"llm_config": OPENAI, "tts_config": TTS}}, 400, None, None),
        ({"destination": ANNA, "agent_config": {"llm_config": OPENAI, "stt_config": STT}}, 400, None, None),
        ({"destination": ANNA, "agent_config": {**INLINE, "llm_config": XAI}}, 400, "invalid_field", None),
        (
            {"destination": ANNA, "agent_config": {**INLINE, "webhook_events": "all"}},
            400,
            "invalid_field",
            None,
        ),
        ({"destination": ANNA, "agent_id": "demo-agent", "first_message": 1}, 400, "invalid_field", None),
        ({"destination": ANNA, "agent_id": "nobody"}, 404, "not_found", "agent_id"),
        ({"destination": ANNA, "agent_id": "demo-agent", "number_id": "none"}, 404, "not_found", "number_id"),
    ],
)
def test_a_request_that_is_not_right_is_refused_and_rings_no_one(
    sandbox: RunningSandbox, body: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    answer = post(sandbox, **body)
    error = check("create_outbound_call", answer)["error"]
    assert answer.status_code == status
    assert code in (None, error["code"])
    assert param in (None, error["param"])
    assert sandbox.placed_calls() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(sandbox: RunningSandbox, body: bytes) -> None:
    answer = sandbox.api.post("/calls/outbound", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


def test_an_inactive_agent_or_number_cannot_call(sandbox: RunningSandbox) -> None:
    sandbox.api.patch("/agents/demo-agent", json={"is_active": False})
    assert check("create_outbound_call", sandbox.place())["error"]["code"] == "unprocessable"
    assert sandbox.place().status_code == 422
    sandbox.api.patch("/numbers/demo-number", json={"is_active": False})
    assert post(sandbox, destination=ANNA, agent_config=INLINE).status_code == 422
    sandbox.api.delete("/numbers/demo-number")
    assert post(sandbox, destination=ANNA, agent_config=INLINE).status_code == 422
    assert sandbox.placed_calls() == []


@pytest.mark.parametrize("dialect", Dialect)
def test_without_minutes_a_call_is_refused_as_unpaid(dialect: Dialect) -> None:
    with run_sandbox(SandboxSettings(dialect=dialect, rate_limit=0, minutes_balance=0)) as sandbox:
        answer = sandbox.place()
        body = check("create_outbound_call", answer)
        assert answer.status_code == 402
        if dialect is Dialect.FLIREO:
            assert body["error"]["code"] == "insufficient_credits"
        else:
            assert body == {"error": "No credits left for an outbound call.", "balance": 0}
        sandbox.settings(minutes_balance=5)
        assert sandbox.place().status_code == 200


def test_the_same_request_twice_rings_twice(sandbox: RunningSandbox) -> None:
    assert sandbox.place().json()["call_id"] != sandbox.place().json()["call_id"]
    assert sandbox.times_called(ANNA) == 2


def test_a_lost_answer_rings_exactly_once_and_the_call_is_in_the_list(sandbox: RunningSandbox) -> None:
    sandbox.faults(lose_next_answers=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.place(BEN)
    assert sandbox.times_called(BEN) == 1
    (call,) = sandbox.api.get("/calls").json()["calls"]
    assert call["caller_phone"] == BEN
    assert sandbox.requests()["POST /calls/outbound", 0] == 1
    assert sandbox.place(ANNA).status_code == 200


def test_a_bad_gateway_speaks_html_and_rings_no_one(sandbox: RunningSandbox) -> None:
    sandbox.faults(bad_gateway_next=1)
    answer = sandbox.place()
    assert (answer.status_code, answer.text[:6]) == (502, "<html>")
    assert sandbox.placed_calls() == []
    assert sandbox.place().status_code == 200


def _fates(seed: int, destinations: list[str]) -> dict[str, int]:
    """Status of a request to each destination; 0 where the answer was lost."""
    settings = SandboxSettings(seed=seed, rate_limit=0, lose_answer_share=0.3, bad_gateway_share=0.3)
    fates = {}
    with run_sandbox(settings) as sandbox:
        for destination in destinations:
            try:
                fates[destination] = sandbox.place(destination).status_code
            except httpx.RemoteProtocolError:
                fates[destination] = 0
        called = {call["destination"] for call in sandbox.placed_calls()}
    assert called == {destination for destination, status in fates.items() if status != 502}
    return fates


def test_faults_by_share_follow_from_the_seed_and_not_from_the_order_of_requests() -> None:
    destinations = [f"+4477009001{n:02}" for n in range(40)]
    fates = _fates(1, destinations)
    assert set(fates.values()) == {0, 200, 502}
    assert fates == _fates(1, destinations[::-1])
    assert fates != _fates(2, destinations)


def test_a_fault_that_does_not_exist_is_refused(sandbox: RunningSandbox) -> None:
    for path, body in [
        ("faults", {"lose": 1}),
        ("faults", {"lose_answer_share": 2}),
        ("settings", {"seed": 1}),
    ]:
        answer = httpx.post(f"{sandbox.url}/sandbox/{path}", json=body, trust_env=False, verify=False)
        assert answer.status_code == 400


def test_call_ids_can_hold_a_plus_which_a_path_must_quote() -> None:
    settings = SandboxSettings(rate_limit=0, plus_in_call_ids=True)
    with run_sandbox(settings) as sandbox:
        call_id = sandbox.place().json()["call_id"]
        assert "+" in call_id
        assert sandbox.call(call_id)["id"] == call_id


def test_outcomes_can_be_scripted_one_call_after_another() -> None:
    script = {ANNA: [SandboxOutcome.NO_ANSWER, SandboxOutcome.BUSY]}
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000, outcomes=script)) as sandbox:
        errors = [sandbox.finished(ANNA)["error"] for _ in range(3)]
        assert errors == ["no answer", "busy", "busy"]
        sandbox.settings(outcomes={ANNA: "rejected"})
        assert sandbox.finished(ANNA)["status"] == "rejected"


def test_an_inline_agent_calls_under_no_saved_agents_name(sandbox: RunningSandbox) -> None:
    call_id = post(sandbox, destination=ANNA, agent_config=INLINE).json()["call_id"]
    call = check("get_call", sandbox.api.get(f"/calls/{call_id}"))
    assert (call["agent_id"], call["agent_name"]) == (None, None)
    sandbox.settle(call_id)
