"""How a scheduled campaign calls its leads: some at a time, each once, within its daily hours.

Source: contract section 17. It does not document the platform's own pace; these figures are the emulator's.
A call is placed as by `POST /calls/outbound`, so usage, balance and webhooks follow.
"""

import re
from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from flireo_flows.api.campaigns import CampaignStatus, LeadStatus
from flireo_flows.sandbox.api_errors import ApiError, invalid
from flireo_flows.sandbox.campaigns import SandboxCampaign, SandboxLead
from flireo_flows.sandbox.local_platform import Platform
from flireo_flows.sandbox.placement import place, read_order
from flireo_flows.sandbox.store import Record, Store

_AT_A_TIME: Final = 5  # calls of one campaign
_LOOK_SECONDS: Final = 5.0  # between two looks at a campaign that calls, in simulated seconds
_LOOK_SECONDS_CLOSED: Final = 60.0  # outside its hours

_VARIABLE: Final = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


def begin_dialing(campaign: SandboxCampaign, platform: Platform) -> None:
    """Call the leads of a scheduled campaign from now on, within its hours as they are now."""
    campaign.round += 1
    platform.schedule.after(0, partial(_look, campaign, campaign.round, platform))


def require_means(campaign: SandboxCampaign, store: Store) -> None:
    """A campaign needs an active agent, and a number with a SIP trunk.

    Raises:
        ApiError: 400, one of them is missing.
    """
    agent = store.agents.get(campaign.agent_id)
    if agent is None or not agent["is_active"]:
        raise invalid("agent_id", "must be an active agent before the campaign can be scheduled")
    if _caller(campaign, store) is None:
        raise invalid("status", "cannot be scheduled: no active number has a SIP trunk for outbound calls")


def _look(campaign: SandboxCampaign, round_: int, platform: Platform) -> None:
    """Call some leads and look again later, or complete the campaign."""
    if campaign.round != round_ or platform.store.campaigns.get(campaign.id) is not campaign:
        return
    if campaign.status is not CampaignStatus.SCHEDULED:
        return
    is_open = campaign.window.is_open(platform.clock.simulated_moment())
    if is_open:
        _call_some(campaign, platform)
    if not any(campaign.leads_in(LeadStatus.PENDING, LeadStatus.CALLING)):
        campaign.status, campaign.updated_ms = CampaignStatus.COMPLETED, platform.clock.unix_ms()
        return
    wait = _LOOK_SECONDS if is_open else _LOOK_SECONDS_CLOSED
    platform.schedule.after(wait, partial(_look, campaign, round_, platform))


def _call_some(campaign: SandboxCampaign, platform: Platform) -> None:
    free = _AT_A_TIME - sum(1 for _ in campaign.leads_in(LeadStatus.CALLING))
    for lead in list(islice(campaign.leads_in(LeadStatus.PENDING), max(free, 0))):
        _call(lead, campaign, platform)


def _call(lead: SandboxLead, campaign: SandboxCampaign, platform: Platform) -> None:
    """The one attempt of a lead: one that cannot be called now has failed, also when minutes are used up."""
    lead.attempts += 1
    lead.attempted_ms = platform.clock.unix_ms()
    try:
        lead.call = place(read_order(_order(lead, campaign, platform.store), platform), platform)
    except ApiError:
        lead.refused = True


def _order(lead: SandboxLead, campaign: SandboxCampaign, store: Store) -> Record:
    """The body of the request that would call this lead."""
    return {
        "destination": lead.phone_number,
        "number_id": _caller(campaign, store) or "",  # no such number: the lead fails
        "agent_id": campaign.agent_id,
        "assistant_override": _instructions(lead, campaign, store),
    }


def _caller(campaign: SandboxCampaign, store: Store) -> str | None:
    """The number to call from: the agent's own if it has a trunk, else any that has."""
    able = [one for one in store.numbers.values() if one["is_active"] and one["transfer_trunk_id"]]
    able.sort(key=lambda number: number["agent_id"] != campaign.agent_id)
    return str(able[0]["id"]) if able else None


def _instructions(lead: SandboxLead, campaign: SandboxCampaign, store: Store) -> Mapping[str, Any] | None:
    """The agent's model with the campaign's system message, filled in for this lead."""
    agent = store.agents.get(campaign.agent_id)
    if not campaign.system_message_template or agent is None:
        return None
    known = agent["llm_config"].get("messages") or []
    others = [message for message in known if message["role"] != "system"]
    # A variable that the lead lacks stays as it is written.
    words = _VARIABLE.sub(
        lambda found: lead.variables.get(found[1], found[0]), campaign.system_message_template
    )
    return {
        "llm_config": {**agent["llm_config"], "messages": [{"role": "system", "content": words}, *others]}
    }
