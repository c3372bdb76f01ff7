"""The number to call and the agent: what either dialect writes, and what is refused before it is sent."""

from typing import Any

import pytest

from flireo_flows.api.calls import OutboundCall, create_outbound_call
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from tests.support.api.speaking import ANNA
from tests.support.api.written_bodies import written
from tests.support.api.written_calls import OVERRIDE, REQUEST, TALKER

TALKER_BODY = {
    "first_message": "Hi.",
    "llm_config": {"provider": "openai", "model": "gpt-4o-mini"},
    "stt_config": {"provider": "deepgram"},
    "tts_config": {"provider": "cartesia", "voice_id": "v"},
    "metadata": {"order": 17, "async": True},
}


def bodies(**fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a call to ANNA writes in either dialect, without her number."""
    flireo, later = written(create_outbound_call(OutboundCall(destination=ANNA, **fields)), REQUEST)
    assert flireo.pop("destination") == later.pop("destination") == ANNA
    return flireo, later


def test_a_one_time_agent_is_written_under_the_name_of_the_dialect() -> None:
    flireo, later = bodies(number_id="number-1", agent_config=TALKER)
    plan, later_plan = {"minMessagesThreshold": 1}, {"min_messages_threshold": 1}
    assert flireo == {"number_id": "number-1", "agent_config": {**TALKER_BODY, "analysis_plan": plan}}
    assert later == {"number_id": "number-1", "assistant": {**TALKER_BODY, "analysis_plan": later_plan}}


def test_a_saved_agent_is_written_under_the_name_of_the_dialect() -> None:
    assert bodies(agent_id="agent-1") == ({"agent_id": "agent-1"}, {"assistant_id": "agent-1"})


def test_a_greeting_of_its_own_is_written_where_the_dialect_has_it() -> None:
    later = {"assistant_id": "agent-1", "assistant_override": {"first_message": "Hi."}}
    assert bodies(agent_id="agent-1", first_message="Hi.") == (
        {"agent_id": "agent-1", "first_message": "Hi."},
        later,
    )
    assert bodies(agent_id="agent-1", assistant_override={"first_message": "Hi."}) == (
        {"agent_id": "agent-1", "first_message": "Hi."},
        later,
    )


def test_the_later_dialect_overrides_whatever_is_set() -> None:
    call = OutboundCall(
        destination=ANNA, agent_id="agent-1", first_message="Hi.", assistant_override=OVERRIDE
    )
    assert create_outbound_call(call).sends.writes(Dialect.HMSOVEREIGN) == {
        "destination": ANNA,
        "assistant_id": "agent-1",
        "assistant_override": {
            "voicemail_detection": True,
            "llm_config": {"provider": "xai", "voice": "ara"},
            "first_message": "Hi.",
        },
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "call"),
        ({"agent_id": ""}, "call"),
        ({"agent_id": "a", "agent_config": {"llm_config": {"provider": "xai_realtime"}}}, "call"),
        ({"agent_id": "a", "assistant_id": "b"}, "call"),
        ({"agent_id": "a", "assistant": {"llm_config": {"provider": "xai_realtime"}}}, "call"),
        ({"agent_config": {}}, "call.agent_config.llm_config"),
        ({"agent_config": {"llm_config": {}}}, "call.agent_config.llm_config.provider"),
        ({"agent_config": {"llm_config": {"provider": "openai"}}}, "call.agent_config.stt_config"),
        (
            {"agent_config": {"llm_config": {"provider": "openai"}, "stt_config": {"provider": "deepgram"}}},
            "call.agent_config.tts_config",
        ),
        (
            {"assistant": {"llm_config": {"provider": "xai_realtime"}, "tts_config": {"provider": "xai"}}},
            "call.assistant.tts_config",
        ),
        (
            {"agent_config": {"llm_config": {"provider": "xai_realtime"}}, "first_message": "Hi."},
            "call.first_message",
        ),
        (
            {"agent_config": {"llm_config": {"provider": "xai_realtime"}}, "assistant_override": {}},
            "call.assistant_override",
        ),
        (
            {"agent_id": "a", "first_message": "Hi.", "assistant_override": {"first_message": "Ho."}},
            "call.first_message",
        ),
        ({"agent_id": "a", "destination": "0612345678"}, "call.destination"),
    ],
)
def test_a_call_that_cannot_be_right_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_outbound_call({"destination": ANNA, **fields})  # type: ignore[arg-type]
    assert refused.value.param == param
    assert "900001" not in repr(refused.value) and "0612345678" not in repr(refused.value)


@pytest.mark.parametrize("key", ["agent_config", "assistant", "agent"])
def test_either_dialects_names_are_understood(key: str) -> None:
    agent = {"llm_config": {"provider": "xai_realtime"}}
    made = create_outbound_call({"destination": ANNA, key: agent})  # type: ignore[arg-type]
    assert made.sends.writes(Dialect.FLIREO) == {"destination": ANNA, "agent_config": agent}
    saved = create_outbound_call({"destination": ANNA, "assistant_id": "a"})  # type: ignore[arg-type]
    assert saved.sends.writes(Dialect.FLIREO) == {"destination": ANNA, "agent_id": "a"}


def test_what_the_contract_does_not_know_is_sent_only_if_someone_insists() -> None:
    assert "context" not in OutboundCall.model_fields
    call = OutboundCall(destination=ANNA, agent_id="a", context="They moved.")
    assert call.as_body(Dialect.FLIREO) == {"destination": ANNA, "agent_id": "a", "context": "They moved."}


def test_no_one_is_shown_with_the_call_to_them() -> None:
    call = OutboundCall(destination=ANNA, agent_config=TALKER)
    assert ANNA not in f"{call!r} {call} {create_outbound_call(call)!r}"
