"""A sandbox that begins with a state, goes back to it, and writes it."""

from typing import Any

import pytest
from pydantic import ValidationError

from flireo_flows.sandbox import SandboxSettings, create_app
from flireo_flows.sandbox.state import Contents, StateError
from tests.support.sandbox.running import ANNA


@pytest.mark.parametrize(
    ("state", "reported"),
    [
        ({"agents": {"a": {}}}, "agents.a: name is required"),
        ({"agents": {"a": {"name": 5}}}, "agents.a: name is not valid"),
        ({"agents": {"a": {"name": "A", "webhook_events": "all"}}}, "agents.a: webhook_events is not valid"),
        ({"numbers": {"n": {}}}, "numbers.n: phone_number is required"),
        ({"numbers": {"n": {"phone_number": "06"}}}, "numbers.n: phone_number must be in E.164"),
        (
            {"numbers": {"n": {"phone_number": ANNA, "agent_id": "nobody"}}},
            "numbers.n.agent_id: there is no 'nobody'",
        ),
        ({"numbers": [{"phone_number": ANNA}, {"phone_number": ANNA}]}, "a phone_number is there twice"),
        ({"sip_trunks": {"t": {"name": "T"}}}, "sip_trunks.t: address is required"),
        ({"tool_templates": {"t": {"name": "T"}}}, "tool_templates.t: tool_type is required"),
        (
            {"tool_templates": {"t": {"name": "T", "tool_type": "sing", "tool_config": {}}}},
            "tool_templates.t: tool_type must be one of",
        ),
        ({"campaigns": {"c": {"name": "C", "agent_id": "x"}}}, "campaigns.c.agent_id: there is no 'x'"),
        ({"domain": {}}, "domain: domain_name is required"),
    ],
)
def test_a_state_that_cannot_be_says_where(state: dict[str, Any], reported: str) -> None:
    with pytest.raises(StateError) as error:
        create_app(SandboxSettings(), Contents.model_validate(state))
    assert reported in str(error.value)
    assert ANNA not in str(error.value)


@pytest.mark.parametrize("agents", [5, ["piet"], [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]])
def test_a_section_that_is_no_section_is_refused(agents: Any) -> None:
    with pytest.raises(ValidationError):
        Contents.model_validate({"agents": agents})
