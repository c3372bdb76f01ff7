"""What is sent for a lead, in both dialects; and what no script may say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from flireo_flows.api.agent_config import LLMConfig
from flireo_flows.api.calls import create_outbound_call
from flireo_flows.api.fields import Dialect
from flireo_flows.leads import Lead, LeadBatch, Reject, RejectCode, Wishes
from flireo_flows.script import (
    CallChoice,
    Caller,
    ComposeError,
    Composer,
    LeadFacts,
    ReportWebhook,
    Script,
    ScriptError,
    facts_of,
    reject_uncomposable,
)
from tests.support.api.written_bodies import schema
from tests.support.calling.scripts import CALLER, INLINE, SANNE, composer, inline, lead, patient

FLIREO, LATER = Dialect.FLIREO, Dialect.HMSOVEREIGN
HOOK = ReportWebhook("https://example.org/hooks/", SecretStr("whsec_x"), ("end-of-call-report",))


def body(campaign: Composer, facts: LeadFacts = SANNE) -> dict[str, Any]:
    """What is sent, as the client would write it; in the older dialect, judged by the contract."""
    operation = create_outbound_call(campaign.compose(facts, campaign.choose(facts), "attempt-1"))
    assert operation.sends.writes is not None
    written = operation.sends.writes(campaign.dialect)
    assert written is not None
    if campaign.dialect is FLIREO:
        schema("OutboundCallRequest").validate(written)
    return written


def test_a_saved_agent_greets_in_the_rendered_words() -> None:
    words: dict[str, Any] = {"first_message": "Hi {{ name|first_word }}, about your {{ product }}."}
    greeting = "Hi Sanne, about your solar panels."
    assert body(composer(FLIREO, **words)) == {
        "destination": SANNE.phone,
        "number_id": "n1",
        "agent_id": "a1",
        "first_message": greeting,
    }
    assert body(composer(LATER, **words)) == {
        "destination": SANNE.phone,
        "number_id": "n1",
        "assistant_id": "a1",
        "assistant_override": {"first_message": greeting, "metadata": {"flireo_flows_attempt": "attempt-1"}},
    }


def test_the_agent_of_the_row_speaks_whatever_the_settings_say() -> None:
    facts = LeadFacts(SANNE.phone, wishes=Wishes(agent_id="a9", number_id="n9"))
    for campaign in (
        composer(),
        composer(agent_config=inline()),
        composer(variants=[{"name": "v", "agent_id": "a2"}]),
    ):
        written = body(campaign, facts)
        assert (written["agent_id"], written["number_id"]) == ("a9", "n9")


def test_a_report_is_known_by_its_address_where_a_call_may_name_one() -> None:
    address = "https://example.org/hooks/attempt-1"
    reported = {"webhook_url": address, "webhook_secret": "whsec_x", "webhook_events": ["end-of-call-report"]}
    metadata = {"metadata": {"flireo_flows_attempt": "attempt-1"}}
    saved, later, one_time = (
        Composer(CALLER, Script(agent_config=config), dialect, webhook=HOOK)
        for config, dialect in (("", FLIREO), ("", LATER), (inline(first_message="Hi."), FLIREO))
    )
    assert body(saved) == {"destination": SANNE.phone, "number_id": "n1", "agent_id": "a1"}
    assert body(later)["assistant_override"] == {**reported, **metadata}
    assert body(one_time)["agent_config"].items() >= {**reported, **metadata}.items()
    assert "whsec_x" not in repr(one_time)


def test_a_one_time_agents_own_address_and_metadata_stay() -> None:
    config = inline(webhook_url="https://crm.example.org/{{ city }}", metadata={"order": 17})
    agent = body(Composer(CALLER, Script(agent_config=config), webhook=HOOK))["agent_config"]
    assert agent["webhook_url"] == "https://crm.example.org/Utrecht"
    assert agent["metadata"] == {"order": 17, "flireo_flows_attempt": "attempt-1"}
    assert "webhook_secret" not in agent


@pytest.mark.parametrize(
    "url",
    ["", "example.org/hooks", "ftp://example.org", "https://example.org/?a=b", "https://example.org/#a"],
)
def test_an_address_that_cannot_take_a_reference_is_refused(url: str) -> None:
    with pytest.raises(ScriptError, match="webhook's URL"):
        ReportWebhook(url)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_one_time_agent_is_filled_in_through_all_its_texts(dialect: Dialect) -> None:
    tool = {"name": "look_{{ city }}", "tool_type": "endCall", "description": "About {{ product }}"}
    config = {**INLINE, "llm_config": {**INLINE["llm_config"], "tools": [tool]}}
    campaign = composer(dialect, caller=Caller(""), agent_config=json.dumps(config))
    agent = body(campaign)["assistant" if dialect is LATER else "agent_config"]
    assert agent["first_message"] == "Hi Sanne de Wit!"
    assert agent["llm_config"]["messages"] == [
        {"role": "system", "content": "You sell solar panels."},
        {"role": "user", "content": "Ready?"},
    ]
    assert agent["llm_config"]["tools"][0]["description"] == "About solar panels"
    assert (agent["max_duration_seconds"], agent["llm_config"]["temperature"]) == (300, 0.2)
    assert agent["metadata"] == {"flireo_flows_attempt": "attempt-1"}


def test_flireos_own_placeholders_in_an_analysis_are_left_to_it() -> None:
    plan = {
        "structuredDataPlan": {"enabled": True, "messages": [{"role": "system", "content": "{{transcript}}"}]}
    }
    agent = body(composer(agent_config=inline(analysis_plan=plan)))["agent_config"]
    assert agent["analysis_plan"] == plan


def test_the_scripts_words_stand_before_those_of_the_one_time_agent() -> None:
    campaign = composer(
        agent_config=inline(), first_message="Dear {{ name }}.", system_message="You are in {{ city }}."
    )
    agent = body(campaign)["agent_config"]
    assert agent["first_message"] == "Dear Sanne de Wit."
    assert [message["content"] for message in agent["llm_config"]["messages"]] == [
        "You are in Utrecht.",
        "Ready?",
    ]


def test_the_leads_language_is_heard_and_spoken_where_the_settings_leave_it_open() -> None:
    config = inline(
        stt_config={"provider": "deepgram"}, tts_config={"provider": "cartesia", "language": "en"}
    )
    campaign = composer(agent_config=config, first_message="{{ language }}")
    facts = LeadFacts(SANNE.phone, SANNE.name, SANNE.columns, Wishes(language="nl"))
    agent = body(campaign, facts)["agent_config"]
    assert (agent["first_message"], agent["stt_config"]["language"], agent["tts_config"]["language"]) == (
        "nl",
        "nl",
        "en",
    )
    gladia = composer(agent_config=inline(stt_config={"provider": "gladia", "languages": ["nl", "en"]}))
    assert "language" not in body(gladia, facts)["agent_config"]["stt_config"]
    assert "language" not in body(composer(agent_config=inline()))["agent_config"]["stt_config"]


def test_a_variant_takes_from_the_script_what_it_leaves_empty() -> None:
    campaign = composer(
        first_message="Hi.",
        variants=[
            {"name": "saved", "agent_id": "a2"},
            {"name": "words", "first_message": "Hello {{ name }}!"},
            {"name": "one-time", "agent_config": inline()},
        ],
    )
    facts = {
        name: LeadFacts(SANNE.phone, SANNE.name, SANNE.columns, variant=name)
        for name in ("saved", "words", "one-time")
    }
    saved, words, one_time = (body(campaign, facts[name]) for name in facts)
    assert (saved["agent_id"], saved["first_message"]) == ("a2", "Hi.")
    assert (words["agent_id"], words["first_message"]) == ("a1", "Hello Sanne de Wit!")
    assert one_time["agent_config"]["first_message"] == "Hi."


MODEL = LLMConfig.model_validate(
    {
        "provider": "openai",
        "model": "gpt-4o",
        "seed": 7,
        "messages": [{"role": "system", "content": "Old."}, {"role": "user", "content": "Ready?"}],
    }
)


def test_a_saved_agent_is_given_another_system_message_without_losing_the_rest_of_its_model() -> None:
    campaign = composer(LATER, system_message="You are in {{ city }}.")
    assert campaign.agents_to_read([]) == {"a1"}
    assert "the language model of agent 'a1' is not known" in campaign.check(SANNE)
    ready = campaign.with_models({"a1": MODEL})
    assert (ready.agents_to_read([]), ready.check(SANNE)) == (frozenset(), "")
    assert body(ready)["assistant_override"]["llm_config"] == {
        "provider": "openai",
        "model": "gpt-4o",
        "seed": 7,
        "messages": [
            {"role": "system", "content": "You are in Utrecht."},
            {"role": "user", "content": "Ready?"},
        ],
    }


def test_what_the_dialect_cannot_do_is_refused_when_the_script_is_made_ready() -> None:
    with pytest.raises(ScriptError, match=r"^system_message is for a one-time agent"):
        composer(FLIREO, system_message="You sell.")
    with pytest.raises(ScriptError, match=r"^variant 'b': system_message is for a one-time agent"):
        composer(FLIREO, variants=[{"name": "b", "agent_id": "a2", "system_message": "You sell."}])
    one_time = composer(FLIREO, agent_config=inline(), system_message="You sell.")
    assert "this row asks for a saved agent" in one_time.check(
        LeadFacts(SANNE.phone, SANNE.name, SANNE.columns, Wishes(agent_id="a9"))
    )


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (
            {"first_message": "Hi {{ nick }}"},
            "first_message, line 1: the variable 'nick' is no column of the file",
        ),
        (
            {"first_message": "{% if city == 'x' %}x{% endif %}"},
            "first_message: nothing comes out for this row",
        ),
        (
            {"agent_config": inline(voicemail_message="Bye\n{{ note }}")},
            "agent_config, voicemail_message, line 2: the variable 'note' is empty",
        ),
        ({"variants": [{"name": "b", "first_message": "{{ nick }}"}]}, "variant 'b', first_message, line 1"),
    ],
)
def test_a_lead_without_words_is_reported_in_one_sentence_and_never_composed(
    script: dict[str, Any], problem: str
) -> None:
    campaign = composer(**script)
    assert campaign.check(SANNE).startswith(problem)
    with pytest.raises(ComposeError) as refused:
        campaign.compose(SANNE, campaign.choose(SANNE), "r")
    assert str(refused.value) == campaign.check(SANNE)


def test_no_one_calls_without_an_agent() -> None:
    mute = composer(caller=Caller(""))
    assert "no agent speaks to this lead" in mute.check(SANNE)
    assert mute.check(lead(agent_id="a9")) == ""
    with pytest.raises(ComposeError, match="no agent speaks"):
        mute.compose(SANNE, CallChoice(), "r")
    with pytest.raises(ComposeError, match="no variant 'gone' any more"):
        composer().compose(SANNE, CallChoice("a1", "n1", "gone"), "r")


def test_a_one_time_agent_gets_its_words_and_its_number() -> None:
    campaign = composer(agent_config=inline(), numbers=[{"number_id": "nl", "country": "NL"}])
    call = campaign.compose(SANNE, campaign.choose(SANNE), "r")
    assert call.agent_config and call.agent_config.llm_config and call.agent_config.llm_config.messages
    assert call.agent_config.first_message == "Hi Sanne de Wit!"
    assert call.agent_config.llm_config.messages[0].content == "You sell solar panels."
    assert (call.agent_id, call.number_id) == ("", "nl")
    assert composer().compose(SANNE, CallChoice("a1"), "r").first_message == ""


def test_leads_without_words_become_rejects_in_the_files_order() -> None:
    anna, ben, cleo = (
        Lead(f"+3120123450{line}", columns={"nick": nick}, line=line)
        for line, nick in ((2, "A"), (3, ""), (5, "C"))
    )
    garbled = Reject(4, RejectCode.INVALID_PHONE, "No.", {})
    batch = LeadBatch((anna, ben, cleo), (garbled,), ("nick",))
    checked = reject_uncomposable(batch, composer(first_message="{{ nick }}"))
    assert checked.leads == (anna, cleo)
    assert [(reject.line, reject.code) for reject in checked.rejects] == [
        (3, RejectCode.MISSING_VARIABLE),
        (4, RejectCode.INVALID_PHONE),
    ]
    assert checked.rejects[0].message.startswith("first_message, line 1: the variable 'nick' is empty")
    assert reject_uncomposable(batch, composer()) is batch
    assert facts_of(anna).columns == {"nick": "A"}


@pytest.mark.parametrize(
    ("fields", "place", "problem"),
    [
        ({"first_message": "{{ x"}, "first_message", "line 1: unexpected end of template"),
        ({"system_message": "{{ x.y }}"}, "system_message", "an attribute with a dot is not allowed"),
        ({"agent_config": "{"}, "agent_config", "this is no JSON (line 1, column 2)"),
        ({"agent_config": "[" * 100_000}, "agent_config", "nested too deeply"),
        ({"agent_config": "[]"}, "agent_config", "it must be a JSON object"),
        ({"agent_config": "{}"}, "agent_config", "llm_config: Field required"),
        ({"agent_config": inline(stt_config=None)}, "agent_config", "stt_config: is required unless"),
        ({"agent_config": inline(webhook_secret="sesame")}, "agent_config", "webhook_secret: leave it out"),
        (
            {"agent_config": inline(x=[{"server": {"secret": "sesame"}}])},
            "agent_config",
            "x.0.server.secret: leave",
        ),
        ({"agent_config": inline(x=json.loads("[" * 500 + "]" * 500))}, "agent_config", "nested too deeply"),
        (
            {"agent_config": inline(first_message="{{ x() }}")},
            "agent_config",
            "first_message, line 1: a call",
        ),
        ({"variants": [{"name": "a"}, {"name": "a"}]}, "variants", "two variants are called 'a'"),
        ({"variants": [{"name": "a", "share": 0}]}, "variants", "every variant has the share 0"),
        ({"variants": [{"name": "a", "share": -1}]}, "variants.0.share", "greater than or equal to 0"),
        ({"variants": [{"name": "a", "agent_id": "x", "agent_config": inline()}]}, "variants.0", "not both"),
        (
            {"numbers": [{"number_id": "+31201234501"}]},
            "numbers.0.number_id",
            "the id of the number in Flireo",
        ),
        (
            {"numbers": [{"number_id": "n", "country": "Holland"}]},
            "numbers.0.country",
            "at most 2 characters",
        ),
        ({"numbers": [{"number_id": "n", "country": "QQ"}]}, "numbers.0.country", "two-letter ISO 3166-1"),
        ({"greeting": "Hi"}, "greeting", "Extra inputs are not permitted"),
    ],
)
def test_a_script_that_cannot_be_used_is_refused_as_a_form(
    fields: dict[str, Any], place: str, problem: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Script.model_validate(fields)
    reported = refused.value.errors()[0]
    assert ".".join(map(str, reported["loc"])) == place
    assert problem in reported["msg"]
    assert "sesame" not in str(refused.value)
    assert "1234501" not in str(refused.value)


def test_an_agent_may_be_written_out_in_yaml_instead_of_as_one_text() -> None:
    written_out = Script.model_validate({"agent_config": INLINE})
    assert json.loads(written_out.agent_config) == INLINE


def test_every_field_of_the_form_is_explained_and_simple() -> None:
    document = Script.model_json_schema()
    forms = [document, *document["$defs"].values()]
    fields = [field for form in forms for field in form["properties"].values()]
    assert all(field["title"] and field["description"] for field in fields)
    assert not any("anyOf" in field for field in fields)
    assert all(form["additionalProperties"] is False for form in forms)


@patient
@given(
    columns=st.dictionaries(st.sampled_from(["City", "product", "note", "x y"]), st.text(max_size=20)),
    language=st.sampled_from(["", "nl", "fr"]),
    agent_id=st.sampled_from(["", "a9"]),
    later=st.booleans(),
)
def test_a_lead_that_passes_the_check_can_be_called_and_one_that_does_not_cannot(
    columns: dict[str, str], language: str, agent_id: str, later: bool
) -> None:
    campaign = composer(
        LATER if later else FLIREO,
        first_message="Hi {{ product }} {{ note|default('-') }}",
        variants=[
            {"name": "v", "language": "nl", "agent_config": inline(), "share": 3},
            {"name": "w", "first_message": "{{ x_y|first_word }}"},
        ],
    )
    facts = LeadFacts("+31201234501", "Sanne", columns, Wishes(agent_id=agent_id, language=language))
    choice = campaign.choose(facts)
    if campaign.check(facts):
        with pytest.raises(ComposeError):
            campaign.compose(facts, choice, "r")
        return
    call = campaign.compose(facts, choice, "r")
    assert call.as_body(campaign.dialect)["destination"] == facts.phone
    greeting = call.agent_config.first_message if call.agent_config else call.first_message
    assert greeting and (choice.variant == "w" or greeting.startswith("Hi "))
