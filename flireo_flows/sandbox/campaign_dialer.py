"""How a scheduled campaign rings its leads: some at a time, each once, while its window is open.

Source: contract section 17. Nothing there tells of the platform's own pace; these figures are the emulator's.
What is placed is placed as by `POST /calls/outbound`, so rings, usage, balance and webhooks follow.
"""

import re
from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from flireo_flows.sandbox.campaigns import Campaign, CampaignStatus, Lead, LeadStatus
from flireo_flows.sandbox.local_platform import World
from flireo_flows.sandbox.placement import place, read_order
from flireo_flows.sandbox.refusals import Refusal, invalid
from flireo_flows.sandbox.store import Record, Store

_AT_A_TIME: Final = 5  # calls of one campaign
_LOOK_SECONDS: Final = 5.0  # between two looks at a campaign that rings, in simulated seconds
_LOOK_SECONDS_CLOSED: Final = 60.0  # while it waits for its window

_VARIABLE: Final = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


def begin_dialing(campaign: Campaign, world: World) -> None:
    """Ring the leads of a scheduled campaign from now on, by its window as it is now."""
    campaign.round += 1
    world.schedule.after(0, partial(_look, campaign, campaign.round, world))


def require_means(campaign: Campaign, store: Store) -> None:
    """A campaign needs an active agent, and a number with a SIP trunk.

    Raises:
        Refusal: 400, one of them is missing.
    """
    agent = store.agents.get(campaign.agent_id)
    if agent is None or not agent["is_active"]:
        raise invalid("agent_id", "must be an active agent before the campaign can be scheduled")
    if _caller(campaign, store) is None:
        raise invalid("status", "cannot be scheduled: no active number has a SIP trunk for outbound calls")


def _look(campaign: Campaign, round_: int, world: World) -> None:
    """Ring who can be rung now, and look again later; or see that it is done."""
    if campaign.round != round_ or world.store.campaigns.get(campaign.id) is not campaign:
        return
    if campaign.status is not CampaignStatus.SCHEDULED:
        return
    is_open = campaign.window.is_open(world.clock.simulated_moment())
    if is_open:
        _ring_some(campaign, world)
    if not any(campaign.leads_in(LeadStatus.PENDING, LeadStatus.CALLING)):
        campaign.status, campaign.updated_ms = CampaignStatus.COMPLETED, world.clock.unix_ms()
        return
    wait = _LOOK_SECONDS if is_open else _LOOK_SECONDS_CLOSED
    world.schedule.after(wait, partial(_look, campaign, round_, world))


def _ring_some(campaign: Campaign, world: World) -> None:
    free = _AT_A_TIME - sum(1 for _ in campaign.leads_in(LeadStatus.CALLING))
    for lead in list(islice(campaign.leads_in(LeadStatus.PENDING), max(free, 0))):
        _ring(lead, campaign, world)


def _ring(lead: Lead, campaign: Campaign, world: World) -> None:
    """One attempt, the only one: a lead that cannot be rung now has failed, out of minutes included."""
    lead.attempts += 1
    lead.attempted_ms = world.clock.unix_ms()
    try:
        lead.call = place(read_order(_order(lead, campaign, world.store), world), world)
    except Refusal:
        lead.refused = True


def _order(lead: Lead, campaign: Campaign, store: Store) -> Record:
    """The body of the request that would ring this lead."""
    return {
        "destination": lead.phone_number,
        "number_id": _caller(campaign, store) or "",  # no such number: the lead fails
        "agent_id": campaign.agent_id,
        "assistant_override": _instructions(lead, campaign, store),
    }


def _caller(campaign: Campaign, store: Store) -> str | None:
    """The number to ring from: the agent's own one if it has a trunk, else any that has."""
    able = [one for one in store.numbers.values() if one["is_active"] and one["transfer_trunk_id"]]
    able.sort(key=lambda number: number["agent_id"] != campaign.agent_id)
    return str(able[0]["id"]) if able else None


def _instructions(lead: Lead, campaign: Campaign, store: Store) -> Mapping[str, Any] | None:
    """The agent's model with the campaign's system message, filled in for this lead."""
    agent = store.agents.get(campaign.agent_id)
    if not campaign.system_message_template or agent is None:
        return None
    known = agent["llm_config"].get("messages") or []
    others = [message for message in known if message["role"] != "system"]
    words = _VARIABLE.sub(partial(_value, lead), campaign.system_message_template)
    return {
        "llm_config": {**agent["llm_config"], "messages": [{"role": "system", "content": words}, *others]}
    }


def _value(lead: Lead, variable: re.Match[str]) -> str:
    """A variable of the lead; one that it lacks stays as it is written."""
    return lead.variables.get(variable[1], variable[0])
