"""One example of each operation, and the sandbox in which all of them mean something."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from flireo_flows.api import (
    agents,
    analysis_templates,
    byok,
    calls,
    campaigns,
    control,
    domains,
    numbers,
    organization,
    sip_trunks,
    tool_templates,
    usage,
    voices,
)
from flireo_flows.api.agent_config import AgentSettings, LLMConfig
from flireo_flows.api.analysis_templates import AnalysisTemplateChanges, NewAnalysisTemplate
from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.campaigns import CampaignChanges, NewCampaign, NewCampaignLead
from flireo_flows.api.control import Say
from flireo_flows.api.numbers import NumberChanges
from flireo_flows.api.operation import Operation
from flireo_flows.api.registry import OperationFunction
from flireo_flows.api.sip_trunks import NewSipTrunk
from flireo_flows.api.tool_templates import NewToolTemplate, ToolTemplateChanges
from flireo_flows.api.tools import FunctionConfig, FunctionTool, ToolFunction, ToolServer
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, until


@dataclass(frozen=True)
class Scene:
    """Ids of things that exist; the demo agent and number of a sandbox exist anyway.

    Attributes:
        call_id: A finished call with ANNA.
        running_call_id: A call with CARLA that goes on for long.
        tool_template_id: A template of a function.
        analysis_template_id: A template of an analysis.
        sip_trunk_id: A trunk that no number uses.
        campaign_id: A campaign that is not started.
        lead_id: Its only lead.
        resend_domain_id: A domain that can be taken over from Resend, for which there is a key.
    """

    call_id: str = "call-1"
    running_call_id: str = "call-2"
    tool_template_id: str = "tool-1"
    analysis_template_id: str = "analysis-1"
    sip_trunk_id: str = "trunk-1"
    campaign_id: str = "campaign-1"
    lead_id: str = "lead-1"
    resend_domain_id: str = "domain-1"


API_KEY = "sk-correcthorsebattery"
PASSWORD = "correct horse battery"
WEBHOOK_SECRET = "whsec_correcthorsebattery"
TOOL_SECRET = "whsec_batterystaple"
FIND: dict[str, Any] = {"name": "find", "description": "Find a tenant", "parameters": {"type": "object"}}
NEW_TOOL_TEMPLATE: dict[str, Any] = {"name": "Find", "tool_type": "function", "tool_config": FIND}
NEW_ANALYSIS_TEMPLATE: dict[str, Any] = {"name": "Mood", "schema": {"type": "object"}}
NEW_CAMPAIGN: dict[str, Any] = {
    "name": "Spring",
    "agent_id": "demo-agent",
    "schedule_start_time": "09:00:00",
    "schedule_end_time": "17:00:00",
    "timezone": "Europe/Amsterdam",
}
# What the examples carry that no one may ever see.
SECRETS: tuple[str, ...] = (API_KEY, PASSWORD, WEBHOOK_SECRET, TOOL_SECRET)
SOMEWHERE = Scene()  # where nothing is sent


def set_scene(sandbox: RunningSandbox) -> Scene:
    """Make what the examples speak of."""
    trunk = made(sandbox, "/sip-trunks", {"name": "Trunk", "host": "sip.example.org"})["trunk"]
    campaign = made(sandbox, "/campaigns", NEW_CAMPAIGN)["campaign"]
    lead = made(sandbox, f"/campaigns/{campaign['id']}/leads", {"phone_number": CARLA})["lead"]
    (tool,) = made(sandbox, "/tool-templates", NEW_TOOL_TEMPLATE).values()  # its key is the dialect's
    (analysis,) = made(sandbox, "/analysis-templates", NEW_ANALYSIS_TEMPLATE).values()
    return Scene(
        call_id=sandbox.finished(ANNA)["id"],
        running_call_id=long_call(sandbox),
        tool_template_id=tool["id"],
        analysis_template_id=analysis["id"],
        sip_trunk_id=trunk["id"],
        campaign_id=campaign["id"],
        lead_id=lead["id"],
        resend_domain_id=resend_domain(sandbox),
    )


def long_call(sandbox: RunningSandbox) -> str:
    """Ring CARLA, and wait until a talk of days has begun."""
    (agent,) = made(sandbox, "/agents", {"name": "Tireless", "max_duration_seconds": None}).values()
    sandbox.settings(outcomes={CARLA: "answered"}, talk_seconds_min=1e6, talk_seconds_max=1e6)
    call_id: str = sandbox.place(CARLA, agent_id=agent["id"]).json()["call_id"]
    sandbox.settings(talk_seconds_min=20, talk_seconds_max=180)
    until(lambda: sandbox.call(call_id)["status"] == "in-progress")
    return call_id


def resend_domain(sandbox: RunningSandbox) -> str:
    """Id of a domain at Resend, once there is a key."""
    sandbox.api.post("/byok", json={"provider": "resend", "api_key": API_KEY}).raise_for_status()
    listed = sandbox.api.get("/domains/sync").raise_for_status().json()
    found: str = listed["domains"][0]["id"]
    return found


def made(sandbox: RunningSandbox, path: str, body: dict[str, Any]) -> Any:
    """What a sandbox answers to a POST that makes something."""
    answer = sandbox.api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


# The arguments of one request of each operation, by name: a task takes the same.
EXAMPLES: dict[OperationFunction, Callable[[Scene], dict[str, Any]]] = {
    agents.list_agents: lambda scene: {},
    agents.create_agent: lambda scene: {
        "name": "Piet",
        "settings": AgentSettings(
            first_message="Dag!",
            webhook_secret=SecretStr(WEBHOOK_SECRET),
            llm_config=LLMConfig(
                provider="openai",
                tools=(
                    FunctionTool(
                        function=ToolFunction(name="find"),
                        server=ToolServer(url="https://tools.example.org", secret=SecretStr(TOOL_SECRET)),
                    ),
                ),
            ),
        ),
    },
    agents.get_agent: lambda scene: {"agent_id": "demo-agent"},
    agents.update_agent: lambda scene: {"agent_id": "demo-agent", "changes": {"first_message": "Dag!"}},
    agents.delete_agent: lambda scene: {"agent_id": "demo-agent"},
    tool_templates.list_tool_templates: lambda scene: {},
    tool_templates.create_tool_template: lambda scene: {"template": NewToolTemplate(**NEW_TOOL_TEMPLATE)},
    tool_templates.get_tool_template: lambda scene: {"template_id": scene.tool_template_id},
    tool_templates.update_tool_template: lambda scene: {
        "template_id": scene.tool_template_id,
        "changes": ToolTemplateChanges(description=None, tool_config=FunctionConfig(**FIND)),
    },
    tool_templates.delete_tool_template: lambda scene: {"template_id": scene.tool_template_id},
    numbers.list_numbers: lambda scene: {},
    numbers.register_number: lambda scene: {"phone_number": BEN, "agent_id": "demo-agent", "name": "Line 2"},
    numbers.get_number: lambda scene: {"number_id": "demo-number"},
    numbers.update_number: lambda scene: {
        "number_id": "demo-number",
        "changes": NumberChanges(agent_id=None),
    },
    numbers.delete_number: lambda scene: {"number_id": "demo-number"},
    calls.list_calls: lambda scene: {"limit": 5, "status": "ended"},
    calls.get_call: lambda scene: {"call_id": scene.call_id},
    calls.create_outbound_call: lambda scene: {
        "call": OutboundCall(
            destination=BEN, number_id="demo-number", agent_id="demo-agent", first_message="Hi."
        )
    },
    control.control_call: lambda scene: {
        "call_id": scene.running_call_id,
        "command": Say(content="One moment, please."),
    },
    usage.list_usage: lambda scene: {"limit": 5},
    sip_trunks.list_sip_trunks: lambda scene: {},
    sip_trunks.create_sip_trunk: lambda scene: {
        "trunk": NewSipTrunk(
            name="Trunk 2",
            address="sip.example.org",
            port=5080,
            auth_username="me",
            auth_password=SecretStr(PASSWORD),
            provider="example",
            transport="tls",
        )
    },
    sip_trunks.get_sip_trunk: lambda scene: {"trunk_id": scene.sip_trunk_id},
    sip_trunks.delete_sip_trunk: lambda scene: {"trunk_id": scene.sip_trunk_id},
    voices.list_voices: lambda scene: {},
    byok.get_byok: lambda scene: {},
    byok.add_byok: lambda scene: {"provider": "resend", "api_key": SecretStr(API_KEY)},
    byok.delete_byok: lambda scene: {"provider": "resend"},
    byok.get_byok_config: lambda scene: {},
    domains.get_domain: lambda scene: {},
    domains.add_domain: lambda scene: {"domain_name": "mail.example.org"},
    domains.delete_domain: lambda scene: {},
    domains.list_resend_domains: lambda scene: {},
    domains.sync_resend_domain: lambda scene: {"resend_domain_id": scene.resend_domain_id},
    domains.verify_domain: lambda scene: {},
    domains.refresh_domain: lambda scene: {},
    analysis_templates.list_analysis_templates: lambda scene: {},
    analysis_templates.create_analysis_template: lambda scene: {
        "template": NewAnalysisTemplate(**NEW_ANALYSIS_TEMPLATE)
    },
    analysis_templates.get_analysis_template: lambda scene: {"template_id": scene.analysis_template_id},
    analysis_templates.update_analysis_template: lambda scene: {
        "template_id": scene.analysis_template_id,
        "changes": AnalysisTemplateChanges(name="Moods", description=None),
    },
    analysis_templates.delete_analysis_template: lambda scene: {"template_id": scene.analysis_template_id},
    organization.get_organization: lambda scene: {},
    campaigns.list_campaigns: lambda scene: {},
    campaigns.create_campaign: lambda scene: {
        "campaign": NewCampaign(**NEW_CAMPAIGN, leads=(NewCampaignLead(phone_number=CARLA),))
    },
    campaigns.get_campaign: lambda scene: {"campaign_id": scene.campaign_id},
    campaigns.update_campaign: lambda scene: {
        "campaign_id": scene.campaign_id,
        "changes": CampaignChanges(name="Summer", schedule_end_time="18:00"),
    },
    campaigns.delete_campaign: lambda scene: {"campaign_id": scene.campaign_id},
    campaigns.list_campaign_leads: lambda scene: {"campaign_id": scene.campaign_id, "limit": 5},
    campaigns.add_campaign_lead: lambda scene: {
        "campaign_id": scene.campaign_id,
        "lead": NewCampaignLead(phone_number=BEN, variables={"name": "Ben"}),
    },
    campaigns.remove_campaign_lead: lambda scene: {
        "campaign_id": scene.campaign_id,
        "lead_id": scene.lead_id,
    },
}


def example(function: OperationFunction, scene: Scene = SOMEWHERE) -> Operation[Any]:
    """One request of an operation."""
    return function(**EXAMPLES[function](scene))
