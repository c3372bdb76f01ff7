"""What must be right before the first call: the key, the agent, the number, the balance."""

from dataclasses import dataclass, field

from flireo_flows.api import errors
from flireo_flows.api.agents import Agent, get_agent
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.numbers import get_number
from flireo_flows.api.organization import get_organization
from flireo_flows.calling.ledger import Expectations

LONGEST_CALL_SECONDS = 3600.0  # for an agent that names no maximum


class NotReady(Exception):
    """The account cannot ring anybody as asked. Says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who rings: a saved agent, from a number.

    Attributes:
        agent_id: Id of the saved agent.
        number_id: Id of the number; empty lets Flireo pick one.
    """

    agent_id: str
    number_id: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the checks told.

    Attributes:
        expects: What is still to come after a call's end.
        longest_call: Seconds a call can last at most.
    """

    expects: Expectations = field(default_factory=Expectations)
    longest_call: float = LONGEST_CALL_SECONDS


async def check_account(client: AsyncFlireoClient, caller: Caller) -> Readiness:
    """Look whether the account can ring as asked. Three requests at most.

    Raises:
        NotReady: The agent or number is unknown or switched off, or the balance is empty.
        FlireoError: Flireo refused the key, failed, or was not reached.
    """
    agent = await _agent(client, caller.agent_id)
    if caller.number_id:
        await _check_number(client, caller.number_id)
    await _check_balance(client)
    plan = agent.analysis_plan
    expects = Expectations(plan.is_on, plan.min_messages_threshold) if plan else Expectations()
    return Readiness(expects, float(agent.max_duration_seconds or LONGEST_CALL_SECONDS))


async def _agent(client: AsyncFlireoClient, agent_id: str) -> Agent:
    try:
        agent = await client.send(get_agent(agent_id))
    except errors.NotFound:
        raise NotReady(
            f"agent {agent_id!r} does not exist in this account. Look up its id in the dashboard, "
            "or list the agents with the task list_agents."
        ) from None
    if not agent.is_active:
        raise NotReady(
            f"agent {agent_id!r} is switched off. Switch it on in the dashboard, or use another one."
        )
    return agent


async def _check_number(client: AsyncFlireoClient, number_id: str) -> None:
    try:
        number = await client.send(get_number(number_id))
    except errors.NotFound:
        raise NotReady(
            f"number {number_id!r} does not exist in this account. Give its id, not the number itself; "
            "the task list_numbers shows both."
        ) from None
    if not number.is_active:
        raise NotReady(
            f"number {number_id!r} is switched off. Switch it on in the dashboard, or use another one."
        )


async def _check_balance(client: AsyncFlireoClient) -> None:
    try:
        organization = await client.send(get_organization())
    except errors.NotFound:
        return  # a server that keeps no account page; 402 will still stop the run
    balance = organization.minutes_balance
    if balance is not None and balance <= 0:
        raise NotReady(f"the Flireo balance is empty ({balance:g} minutes). Top it up, then run again.")
