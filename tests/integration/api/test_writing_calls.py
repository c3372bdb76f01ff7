"""The number to call and the agent: what either dialect writes, and what is refused before it is sent."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api import errors
from flireo_flows.api.agent_config import AgentOverride
from flireo_flows.api.calls import OutboundCall, create_outbound_call
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from tests.support.api.speaking import ANNA, PLACED, SPEAKERS, MakesSpeaker, account
from tests.support.api.written_bodies import schema
from tests.support.api.written_calls import OVERRIDE, REQUEST, TALKER
from tests.support.faulty.server import answer, run_faulty

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())


@BOTH
@pytest.mark.parametrize(
    ("override", "param"),
    [
        (OVERRIDE, "call.assistant_override.llm_config"),
        (AgentOverride(metadata={"order": 17}), "call.assistant_override.metadata"),
        (AgentOverride(first_message=None), "call.assistant_override.first_message"),
        (AgentOverride(newest_thing=1), "call.assistant_override.newest_thing"),
    ],
)
def test_what_the_earlier_dialect_cannot_override_is_refused_and_nothing_is_sent(
    speaker: MakesSpeaker, override: AgentOverride, param: str
) -> None:
    call = OutboundCall(destination=ANNA, agent_id="agent-1", assistant_override=override)
    with run_faulty(answer(200, PLACED)) as server, speaker(account(server.url)) as client:
        with pytest.raises(
            InvalidInput, match="nothing about a saved agent but its first_message"
        ) as refused:
            client.send(create_outbound_call(call))
        assert not isinstance(refused.value, errors.OutcomeUnknown)
        assert (refused.value.param, refused.value.operation) == (param, "create_outbound_call")
        assert server.requests == []
        # The client is none the worse for it.
        assert client.send(create_outbound_call(OutboundCall(destination=ANNA, agent_id="a"))).call_id


@settings(deadline=None)
@given(
    st.sampled_from(["agent_id", "agent_config"]),
    st.text(max_size=8),
    st.text(max_size=8),
    st.sampled_from(list(Dialect)),
)
def test_a_call_has_one_agent_whatever_else_it_holds(
    which: str, number: str, greeting: str, dialect: Dialect
) -> None:
    agent: Any = "a" if which == "agent_id" else TALKER
    spoken = greeting if which == "agent_id" else ""
    call = OutboundCall(destination=ANNA, number_id=number, first_message=spoken, **{which: agent})
    body = call.as_body(dialect)
    assert len(body.keys() & {"agent_id", "agent_config", "assistant_id", "assistant"}) == 1
    assert ("number_id" in body) is bool(number)
    if dialect is Dialect.FLIREO:
        schema(REQUEST).validate(body)
        assert body.get("first_message", "") == spoken
