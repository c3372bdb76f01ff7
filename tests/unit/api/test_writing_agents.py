"""What is written about an agent: each dialect's words, only what was set, secrets in the body alone."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from flireo_flows.api.agent_config import (
    AgentOverride,
    AgentSettings,
    AnalysisPlan,
    InlineAgent,
    LLMConfig,
    Prompt,
    StructuredDataPlan,
    STTConfig,
    TTSConfig,
)
from flireo_flows.api.agents import Agent, create_agent, get_agent, update_agent
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Operation
from flireo_flows.api.tools import (
    EndCallTool,
    FunctionTool,
    OtherTool,
    Tool,
    ToolFunction,
    ToolServer,
    TransferCallTool,
    TransferDestination,
    WebhookTool,
)
from tests.support.api.speaking import ANNA
from tests.support.api.written_bodies import schema, written

SECRET = "whsec_correcthorsebattery"
SCHEMA = {"type": "object", "properties": {"mood": {"type": "integer"}}}


def settings(**fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a change of an agent writes in either dialect."""
    return written(update_agent("agent-1", AgentSettings(**fields)), "AgentUpdate")


def tool(one: Tool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an agent with one tool writes of it in either dialect."""
    flireo, later = settings(llm_config=LLMConfig(provider="openai", tools=(one,)))
    return flireo["llm_config"]["tools"][0], later["llm_config"]["tools"][0]


WHOLE = AgentSettings(
    business_name="Voorbeeld Wonen",
    notification_email="desk@example.org",
    first_message="Dag!",
    is_active=True,
    max_duration_seconds=600,
    autonomous_silence_handling=True,
    silence_timeout_seconds=8,
    voicemail_detection=True,
    voicemail_message=None,
    gdpr_mode=False,
    webhook_url="https://example.org/hooks",
    webhook_secret=SecretStr(SECRET),
    webhook_events=("status-update", "end-of-call-report"),
    analysis_plan=AnalysisPlan(
        structured_data_plan=StructuredDataPlan(
            enabled=True,
            data_schema=SCHEMA,
            messages=(Prompt(role="user", content="{{transcript}}"),),
        ),
        min_messages_threshold=3,
    ),
    stt_config=STTConfig(provider="deepgram", model="nova-3-general", language="nl", keyterms=("Wonen",)),
    llm_config=LLMConfig(
        provider="openai",
        model="gpt-4o-mini",
        temperature=0.4,
        messages=(Prompt(role="system", content="You take reports."),),
    ),
    tts_config=TTSConfig(provider="elevenlabs", voice_id="v", stability=0.5, speed=1.1),
)


def test_a_whole_agent_is_written_as_the_contract_has_it() -> None:
    flireo, later = written(create_agent("Piet", WHOLE), "AgentCreate")
    assert flireo == {
        "name": "Piet",
        "business_name": "Voorbeeld Wonen",
        "notification_email": "desk@example.org",
        "first_message": "Dag!",
        "is_active": True,
        "max_duration_seconds": 600,
        "autonomous_silence_handling": True,
        "silence_timeout_seconds": 8,
        "voicemail_detection": True,
        "voicemail_message": None,
        "gdpr_mode": False,
        "webhook_url": "https://example.org/hooks",
        "webhook_secret": SECRET,
        "webhook_events": ["status-update", "end-of-call-report"],
        "analysis_plan": {
            "structuredDataPlan": {
                "enabled": True,
                "schema": SCHEMA,
                "messages": [{"role": "user", "content": "{{transcript}}"}],
            },
            "minMessagesThreshold": 3,
        },
        "stt_config": {
            "provider": "deepgram",
            "model": "nova-3-general",
            "language": "nl",
            "keyterms": ["Wonen"],
        },
        "llm_config": {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "temperature": 0.4,
            "messages": [{"role": "system", "content": "You take reports."}],
        },
        "tts_config": {"provider": "elevenlabs", "voice_id": "v", "stability": 0.5, "speed": 1.1},
    }
    plan = {
        "structured_data_plan": flireo["analysis_plan"]["structuredDataPlan"],
        "min_messages_threshold": 3,
    }
    assert later == {**flireo, "analysis_plan": plan}


@pytest.mark.parametrize("name", ["Agent", "InlineAgentConfig", "STTConfig", "LLMConfig", "TTSConfig"])
def test_every_field_of_the_contract_is_a_field_of_ours(name: str) -> None:
    models: dict[str, type[BaseModel]] = {
        "Agent": Agent,
        "InlineAgentConfig": InlineAgent,
        "STTConfig": STTConfig,
        "LLMConfig": LLMConfig,
        "TTSConfig": TTSConfig,
    }
    document: Any = schema(name).schema
    named = document["components"]["schemas"][name]["properties"].keys()
    assert named - {"voiceId"} <= models[name].model_fields.keys()
    if name == "Agent":
        assert named - {"id", "created_at", "updated_at"} <= AgentSettings.model_fields.keys()


def test_every_field_that_can_be_written_is_described() -> None:
    for model in (AgentSettings, InlineAgent, AgentOverride, STTConfig, LLMConfig, TTSConfig, AnalysisPlan):
        assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_an_agent_needs_nothing_but_a_name() -> None:
    assert written(create_agent("Piet"), "AgentCreate") == ({"name": "Piet"}, {"name": "Piet"})
    with pytest.raises(InvalidInput, match="name: String should have at least 1 character") as refused:
        create_agent("")
    assert refused.value.param == "name"


def test_the_name_of_a_new_agent_is_the_one_it_is_made_with() -> None:
    assert written(create_agent("Piet", AgentSettings(name="Sanne")), "AgentCreate")[0] == {"name": "Piet"}


NULLABLE = [
    "business_name",
    "notification_email",
    "first_message",
    "max_duration_seconds",
    "voicemail_detection",
    "voicemail_message",
    "webhook_url",
    "webhook_secret",
    "webhook_events",
    "analysis_plan",
    "stt_config",
    "tts_config",
]


@pytest.mark.parametrize("field", NULLABLE)
def test_none_clears_a_field_and_what_is_not_set_is_not_sent(field: str) -> None:
    assert settings(**{field: None}) == ({field: None}, {field: None})
    flireo, _ = settings(is_active=False)
    assert flireo == {"is_active": False}


@hypothesis_settings(deadline=None)
@given(st.sets(st.sampled_from(NULLABLE)))
def test_exactly_the_fields_that_are_set_are_sent(fields: set[str]) -> None:
    body = AgentSettings(**dict.fromkeys(fields)).as_body(Dialect.HMSOVEREIGN)
    assert body == dict.fromkeys(fields)


def test_a_value_that_is_the_default_is_sent_when_it_is_set() -> None:
    assert settings(is_active=True, gdpr_mode=False)[0] == {"is_active": True, "gdpr_mode": False}


def test_a_dict_does_as_well_as_a_model() -> None:
    plain = {
        "first_message": "Dag!",
        "analysis_plan": {"structured_data_plan": {"enabled": True, "schema": SCHEMA}},
        "tts_config": {"provider": "cartesia", "voiceId": "v"},
        "vendors_newest": {"deep": [1]},
    }
    flireo, later = written(update_agent("agent-1", plain), "AgentUpdate")  # type: ignore[arg-type]
    assert flireo["analysis_plan"] == {"structuredDataPlan": {"enabled": True, "schema": SCHEMA}}
    assert later["analysis_plan"] == plain["analysis_plan"]
    assert flireo["tts_config"] == later["tts_config"] == {"provider": "cartesia", "voice_id": "v"}
    assert flireo["vendors_newest"] == later["vendors_newest"] == {"deep": [1]}


PLAN = {"structuredDataPlan": {"enabled": True, "schema": SCHEMA}, "minMessagesThreshold": 4}
LATER_PLAN = {"structured_data_plan": {"enabled": True, "schema": SCHEMA}, "min_messages_threshold": 4}


@pytest.mark.parametrize("given_as", [PLAN, LATER_PLAN])
def test_an_analysis_plan_is_taken_in_either_case_and_written_in_the_dialects(given_as: Any) -> None:
    flireo, later = settings(analysis_plan=given_as)
    assert (flireo["analysis_plan"], later["analysis_plan"]) == (PLAN, LATER_PLAN)


def test_a_webhook_tool_is_written_flat() -> None:
    flireo, later = tool(
        WebhookTool(
            name="find",
            description="Find a tenant",
            url="https://tools.example.org",
            is_async=True,
            async_response="One moment.",
            parameters=SCHEMA,
        )
    )
    same = {
        "name": "find",
        "description": "Find a tenant",
        "url": "https://tools.example.org",
        "async": True,
        "parameters": SCHEMA,
    }
    assert flireo == {**same, "asyncResponse": "One moment."}
    assert later == {**same, "async_response": "One moment."}


def test_a_function_tool_is_written_nested_with_its_secret_in_clear() -> None:
    server = ToolServer(url="https://tools.example.org", secret=SecretStr(SECRET))
    flireo, later = tool(FunctionTool(function=ToolFunction(name="find", parameters=SCHEMA), server=server))
    assert flireo == later
    assert flireo == {
        "type": "function",
        "function": {"name": "find", "parameters": SCHEMA},
        "server": {"url": "https://tools.example.org", "secret": SECRET},
    }


def test_what_is_built_in_is_spelled_as_the_dialect_does() -> None:
    assert tool(EndCallTool()) == ({"type": "endCall"}, {"type": "end_call"})
    flireo, later = tool(
        TransferCallTool(destinations=(TransferDestination(number=ANNA, description="Sales"),))
    )
    destinations = [{"type": "number", "number": ANNA, "description": "Sales"}]
    assert flireo == {"type": "transferCall", "destinations": destinations}
    assert later == {"type": "transfer_call", "destinations": destinations}


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        ({"name": "f", "description": "d"}, WebhookTool),
        ({"name": "f", "description": "d", "asyncResponse": "hm"}, WebhookTool),
        ({"type": "function", "name": "f", "description": "d"}, WebhookTool),
        ({"type": "function", "function": {"name": "f"}, "async": True}, FunctionTool),
        ({"type": "endCall"}, EndCallTool),
        ({"type": "end_call"}, EndCallTool),
        ({"type": "transferCall", "destinations": []}, TransferCallTool),
        ({"type": "transfer_call", "destinations": []}, TransferCallTool),
        ({"type": "dtmf", "digits": "12"}, OtherTool),
    ],
)
def test_a_tool_is_known_by_its_shape_and_written_back_as_it_was(plain: dict[str, Any], kind: type) -> None:
    config = LLMConfig.model_validate({"provider": "openai", "tools": [plain]})
    assert config.tools and type(config.tools[0]) is kind
    spelled = {"end_call": "endCall", "transfer_call": "transferCall"}
    earlier = {name: spelled.get(str(value), value) for name, value in plain.items()}
    assert config.as_body(Dialect.FLIREO)["tools"] == [earlier]


@pytest.mark.parametrize(
    ("llm", "param"),
    [
        ({"model": "m"}, "provider"),
        ({"provider": "openai", "temperature": "hot"}, "temperature"),
        ({"provider": "openai", "temperature": float("inf")}, "temperature"),
        ({"provider": "openai", "tools": [{"name": "f"}]}, "tools.0.description"),
        ({"provider": "openai", "tools": [{"type": "function"}]}, "tools.0.function"),
        ({"provider": "openai", "tools": [{"type": "transferCall"}]}, "tools.0.destinations"),
        (
            {
                "provider": "openai",
                "tools": [
                    {"type": "end_call"},
                    {"type": "transfer_call", "destinations": [{"number": "0612345678", "description": "d"}]},
                ],
            },
            "tools.1.destinations.0.number",
        ),
    ],
)
def test_a_setting_that_cannot_be_right_is_named_and_not_left_out(llm: Any, param: str) -> None:
    makes: tuple[Callable[[], object], ...] = (
        lambda: create_agent("Piet", {"llm_config": llm}),  # type: ignore[arg-type]
        lambda: update_agent("a", {"llm_config": llm}),  # type: ignore[arg-type]
    )
    for make in makes:
        with pytest.raises(InvalidInput) as refused:
            make()
        assert str(refused.value.param).endswith(f".llm_config.{param}")
        assert "0612345678" not in repr(refused.value)


DEEPGRAM, CARTESIA = STTConfig(provider="deepgram"), TTSConfig(provider="cartesia", voice_id="v")
REALTIME = st.sampled_from(["xai_realtime", "google_realtime", "openai_live"])


@hypothesis_settings(deadline=None)
@given(REALTIME, st.sampled_from([{}, {"stt_config": None}, {"stt_config": None, "tts_config": None}]))
def test_a_realtime_model_needs_neither_ears_nor_a_voice(provider: str, none: dict[str, None]) -> None:
    agent = InlineAgent(llm_config=LLMConfig(provider=provider), **none)
    body = agent.as_body(Dialect.FLIREO)
    schema("InlineAgentConfig").validate(body)
    assert body == {"llm_config": {"provider": provider}}


@hypothesis_settings(deadline=None)
@given(st.text())
def test_any_other_model_needs_both(provider: str) -> None:
    llm = LLMConfig(provider=provider)
    if llm.is_realtime:
        return
    body = InlineAgent(llm_config=llm, stt_config=DEEPGRAM, tts_config=CARTESIA).as_body(Dialect.FLIREO)
    schema("InlineAgentConfig").validate(body)
    for field, others in (("stt_config", {"tts_config": CARTESIA}), ("tts_config", {"stt_config": DEEPGRAM})):
        with pytest.raises(ValidationError, match="is required unless the model is realtime") as refused:
            InlineAgent(llm_config=llm, **others)
        assert [problem["loc"] for problem in refused.value.errors()] == [(field,)]


@hypothesis_settings(deadline=None)
@given(REALTIME, st.sampled_from([("stt_config", DEEPGRAM), ("tts_config", CARTESIA)]))
def test_a_realtime_model_takes_neither(provider: str, config: tuple[str, Any]) -> None:
    with pytest.raises(ValidationError, match="hears and speaks by itself") as refused:
        InlineAgent(llm_config=LLMConfig(provider=provider), **dict([config]))
    assert [problem["loc"] for problem in refused.value.errors()] == [(config[0],)]


def held(secret: Any) -> list[Any]:
    """Everything of ours that can hold a secret."""
    server = ToolServer(url="https://tools.example.org", secret=secret)
    agent = AgentSettings(webhook_secret=secret)
    return [
        agent,
        server,
        FunctionTool(function=ToolFunction(name="find"), server=server),
        InlineAgent(llm_config=LLMConfig(provider="xai_realtime"), webhook_secret=secret),
        AgentOverride(webhook_secret=secret),
        get_agent("a").reads({"agent": {"id": "a", "webhook_secret": SECRET}}),
        create_agent("Piet", agent),
    ]


@pytest.mark.parametrize("show", [repr, str, lambda one: getattr(one, "model_dump_json", str)()])
def test_a_secret_is_shown_by_nothing_that_holds_it(show: Callable[[Any], str]) -> None:
    for one in held(SecretStr(SECRET)):
        assert "correcthorse" not in show(one)
        assert "correcthorse" not in str(one.model_dump() if hasattr(one, "model_dump") else one)


def test_a_secret_is_not_repeated_by_the_error_about_it() -> None:
    bad: list[Callable[[], Operation[Any]]] = [
        lambda: create_agent("Piet", {"webhook_secret": [SECRET]}),  # type: ignore[arg-type]
        lambda: update_agent("a", {"llm_config": SECRET, "webhook_secret": SECRET}),  # type: ignore[arg-type]
    ]
    for make in bad:
        with pytest.raises(InvalidInput) as refused:
            make()
        assert "correcthorse" not in f"{refused.value} {refused.value!r} {pickle.dumps(refused.value)!r}"


def test_a_number_is_not_shown_with_the_tool_that_hands_over_to_it() -> None:
    assert ANNA not in repr(TransferDestination(number=ANNA, description="Sales"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@hypothesis_settings(deadline=None)
@given(st.fixed_dictionaries({}, optional={name: JSON for name in AgentSettings.model_fields}))
def test_settings_are_written_or_refused_but_never_lost(fields: dict[str, Any]) -> None:
    try:
        operation = update_agent("agent-1", fields)  # type: ignore[arg-type]
    except InvalidInput as refused:
        assert refused.param and refused.param.split(".")[1] in fields
    else:
        for dialect in Dialect:
            body = operation.sends.writes(dialect)
            assert body is not None and body.keys() == fields.keys()
