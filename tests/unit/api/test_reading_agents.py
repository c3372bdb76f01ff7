"""What a server may leave out, add or get wrong about an agent without the rest being lost."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api.agent_config import AgentSettings, LLMConfig
from flireo_flows.api.agents import Agent, get_agent, list_agents, update_agent
from flireo_flows.api.calls import Call, Placed, create_outbound_call, get_call, list_calls
from flireo_flows.api.fields import Dialect
from flireo_flows.api.tools import EndCallTool, FunctionTool, OtherTool, TransferCallTool, WebhookTool
from tests.support.api.speaking import ANNA, PLACED, RING_ANNA

WHOLE: dict[str, Any] = {
    "id": "a",
    "name": "Sanne",
    "business_name": "Voorbeeld Wonen",
    "notification_email": "desk@example.org",
    "first_message": "Dag!",
    "is_active": False,
    "max_duration_seconds": 600,
    "autonomous_silence_handling": True,
    "silence_timeout_seconds": 8,
    "voicemail_detection": True,
    "voicemail_message": "Bye.",
    "gdpr_mode": True,
    "webhook_url": "https://example.org",
    "webhook_secret": "whsec_x",
    "webhook_events": ["status-update"],
    "analysis_plan": {"structuredDataPlan": {"enabled": True}, "minMessagesThreshold": 3},
    "stt_config": {"provider": "gladia", "languages": ["nl"], "region": "eu-west"},
    "llm_config": {"provider": "openai", "model": "m", "tools": [{"type": "endCall"}]},
    "tts_config": {"provider": "elevenlabs", "voice_id": "v"},
    "created_at": "2026-01-09T14:25:39.000Z",
    "updated_at": "2026-01-09T14:25:39.000Z",
}


def agent(**fields: Any) -> Agent:
    read: Agent = get_agent("a").reads({"agent": {**WHOLE, **fields}})
    return read


def test_every_field_of_an_agent_is_read_with_its_type() -> None:
    read = agent()
    assert not read.model_extra
    assert read.llm_config == LLMConfig(provider="openai", model="m", tools=(EndCallTool(),))
    assert read.stt_config and read.stt_config.languages == ("nl",)
    assert read.analysis_plan and read.analysis_plan.is_on
    assert read.analysis_plan.min_messages_threshold == 3
    assert read.webhook_secret and read.webhook_secret.get_secret_value() == "whsec_x"
    assert read.created_at == datetime(2026, 1, 9, 14, 25, 39, tzinfo=UTC)
    assert list_agents().reads({"agents": [WHOLE]}) == [read]


@pytest.mark.parametrize("key", ["voice_id", "voiceId"])
def test_a_voice_is_read_by_either_name(key: str) -> None:
    tts = agent(tts_config={"provider": "cartesia", key: "v", "newest": 1}).tts_config
    assert tts and (tts.voice_id, tts.model_extra) == ("v", {"newest": 1})


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ({"name": "f", "description": "d", "asyncResponse": "hm"}, WebhookTool),
        ({"name": "f", "async_response": "hm", "message": "later"}, WebhookTool),
        ({"type": "function", "function": {"name": "f"}, "server": {"url": 5, "secret": "s"}}, FunctionTool),
        ({"type": "end_call"}, EndCallTool),
        ({"type": "transfer_call", "destinations": [{"type": "sip", "number": "x"}]}, TransferCallTool),
        ({"type": "transferCall", "destinations": "none"}, TransferCallTool),
        ({"type": "dtmf"}, OtherTool),
        ({"type": 5}, OtherTool),
        ({}, WebhookTool),
    ],
)
def test_a_tool_of_any_shape_is_read_whatever_it_lacks(written: Any, kind: type) -> None:
    llm = agent(llm_config={"provider": "openai", "tools": [{"type": "endCall"}, written]}).llm_config
    assert llm and llm.tools
    assert [type(tool) for tool in llm.tools] == [EndCallTool, kind]


@pytest.mark.parametrize(
    ("field", "odd", "left"),
    [
        ("llm_config", {"provider": "openai", "temperature": "hot"}, {"provider": "openai"}),
        ("llm_config", {"provider": "openai", "tools": "none", "x": 1}, {"provider": "openai", "x": 1}),
        ("llm_config", {"model": "m"}, {"provider": "", "model": "m"}),
        ("stt_config", {"provider": None, "language": "nl"}, {"provider": "", "language": "nl"}),
        ("tts_config", {"provider": "x", "voiceId": 5, "speed": 1}, {"provider": "x", "speed": 1}),
        (
            "analysis_plan",
            {"structuredDataPlan": {"schema": 1}},
            {"structured_data_plan": {"enabled": False}},
        ),
        (
            "analysis_plan",
            {"structured_data_plan": {"enabled": True, "messages": [5]}, "minMessagesThreshold": "few"},
            {"structured_data_plan": {"enabled": True}},
        ),
        ("llm_config", "openai", None),
        ("analysis_plan", [], None),
    ],
)
def test_an_odd_setting_costs_neither_its_block_nor_the_agent(field: str, odd: object, left: Any) -> None:
    read = agent(**{field: odd})
    block = getattr(read, field)
    assert (block and block.model_dump(exclude_unset=True)) == left
    assert (read.name, read.max_duration_seconds) == ("Sanne", 600)


def test_what_was_read_can_be_written_back() -> None:
    read = agent()
    changes = AgentSettings(llm_config=read.llm_config, analysis_plan=read.analysis_plan)
    body = update_agent("a", changes).sends.writes(Dialect.FLIREO)
    assert body == {"llm_config": WHOLE["llm_config"], "analysis_plan": WHOLE["analysis_plan"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["provider", "type", "tools", "function", "destinations", "enabled", "schema"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional={name: JSON for name in WHOLE if name not in ("id", "name")}))
def test_an_agent_is_read_whatever_its_settings_are(fields: dict[str, Any]) -> None:
    read = agent(**fields)
    assert (read.id, read.name) == ("a", "Sanne")
    read.model_dump_json()


@pytest.mark.parametrize("key", ["agent_name", "assistant_name"])
def test_the_agent_of_a_call_is_read_by_either_name(key: str) -> None:
    record = {"id": "c", key: "Sanne", "room_name": "room-1", "business_name": "Voorbeeld Wonen"}
    read: Call = get_call("c").reads(record)
    assert (read.agent_name, read.room_name, read.business_name) == ("Sanne", "room-1", "Voorbeeld Wonen")
    assert not read.model_extra
    assert list_calls().reads({"calls": [{"call": record}]}).calls == (read,)


def test_the_answer_to_a_call_is_read_bare_and_in_an_envelope() -> None:
    reads = create_outbound_call(RING_ANNA).reads
    read = Placed(call_id="call-1", success=True, status="dialing", room_name="room-1")
    assert reads(PLACED) == reads({"call": PLACED}) == read
    assert reads({**PLACED, "queue": 3}).model_extra == {"queue": 3}
    assert ANNA not in repr(read)
