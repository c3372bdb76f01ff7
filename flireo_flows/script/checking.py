"""Before anybody is rung: who can be spoken to at all, and what has to be known of the agents that speak."""

from collections.abc import Iterable
from typing import Final

from flireo_flows.api.agent_config import LLMConfig
from flireo_flows.api.agents import get_agent
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.leads.lead import Lead, LeadBatch, Reject, RejectCode
from flireo_flows.script.call_choice import LeadFacts
from flireo_flows.script.composer import Composer

# Stands for any model while nothing may be sent: only whether there is one matters then.
ANY_MIND: Final = LLMConfig(provider="unknown")


def speakable(batch: LeadBatch, composer: Composer) -> LeadBatch:
    """The same file, with each lead that nothing can be said to among the rejects. Sends nothing."""
    problems = {lead.line: composer.check(facts_of(lead)) for lead in batch.leads}
    mute = tuple(
        Reject(lead.line, RejectCode.MISSING_VARIABLE, f"{problems[lead.line]}.", lead.columns)
        for lead in batch.leads
        if problems[lead.line]
    )
    if not mute:
        return batch
    return LeadBatch(
        leads=tuple(lead for lead in batch.leads if not problems[lead.line]),
        rejects=tuple(sorted((*batch.rejects, *mute), key=lambda reject: reject.line)),
        columns=batch.columns,
    )


def assuming(composer: Composer, leads: Iterable[Lead]) -> Composer:
    """The same composer, as if the models of all agents were known: for whatever may send nothing."""
    return composer.knowing(dict.fromkeys(told_otherwise(composer, leads), ANY_MIND))


def facts_of(lead: Lead) -> LeadFacts:
    """A lead of a file, as choosing and speaking see it."""
    return LeadFacts(lead.phone, lead.name, lead.columns, lead.wishes)


def told_otherwise(composer: Composer, leads: Iterable[Lead]) -> frozenset[str]:
    """Saved agents that are given a system message, those that rows ask for included."""
    if not composer.gives_system_message:
        return frozenset()
    asked = {lead.wishes.agent_id for lead in leads}
    return (composer.agents_to_know | asked) - {""}


async def knowing_agents(client: AsyncFlireoClient, composer: Composer, agent_ids: Iterable[str]) -> Composer:
    """The same composer, told the models of these agents. One request an agent.

    Raises:
        FlireoError: An agent does not exist, or Flireo was not reached; nobody was rung.
    """
    minds = {}
    for agent_id in sorted(agent_ids):
        agent = await client.send(get_agent(agent_id))
        if agent.llm_config is not None:
            minds[agent_id] = agent.llm_config
    return composer.knowing(minds) if minds else composer
