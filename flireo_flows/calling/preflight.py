"""What must be right before the first call: the key, the agent, the number, the balance."""

from dataclasses import dataclass, field

from flireo_flows.api import errors
from flireo_flows.api.agents import Agent, get_agent
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.numbers import get_number
from flireo_flows.api.organization import get_organization
from flireo_flows.ledger import Expectations
from flireo_flows.script import Composer

LONGEST_CALL_SECONDS = 3600.0  # for an agent that names no maximum
MOST_LOOKED_UP = 20  # agents, and numbers, before the first call; the others are looked at by nobody


class NotReady(Exception):
    """The account cannot ring anybody as asked. Says what is wrong and what to do."""


class LowBalance(NotReady):
    """The balance is empty, or too low to ring. Says how much is left and what to do."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the checks told.

    Attributes:
        expects: What is still to come after a call's end.
        longest_call: Seconds a call can last at most, by an agent that was looked up.
        agents: Ids of those. A call by another one, as a lead's own row may name it, can last an hour.
    """

    expects: Expectations = field(default_factory=Expectations)
    longest_call: float = LONGEST_CALL_SECONDS
    agents: frozenset[str] = frozenset()


async def check_account(
    client: AsyncFlireoClient, caller: Composer, min_balance_minutes: float = 0.0
) -> Readiness:
    """Look whether the account can ring as asked. One request an agent and number, up to twenty of each.

    Agents and numbers that only a lead's own row names are not looked up: one that does not exist is that
    lead's matter, once its turn comes.

    Args:
        client: Of the account.
        caller: Names the agents that speak and the numbers that ring.
        min_balance_minutes: Prepaid minutes below which nobody is rung.

    Raises:
        NotReady: An agent or number is unknown or switched off, or the balance is empty or too low.
        FlireoError: Flireo refused the key, failed, or was not reached.
    """
    agent_ids = sorted(caller.agent_ids)[:MOST_LOOKED_UP]
    agents = [await _agent(client, agent_id) for agent_id in agent_ids]
    for number_id in sorted(caller.number_ids)[:MOST_LOOKED_UP]:
        await _check_number(client, number_id)
    await check_balance(client, min_balance_minutes)
    plans = [agent.analysis_plan for agent in agents if agent.analysis_plan is not None]
    analysed = [plan.min_messages_threshold for plan in plans if plan.is_on]
    lengths = [float(agent.max_duration_seconds or LONGEST_CALL_SECONDS) for agent in agents]
    return Readiness(
        Expectations(bool(analysed), min(analysed, default=0)),
        max(lengths, default=LONGEST_CALL_SECONDS),
        frozenset(agent_ids),
    )


async def _agent(client: AsyncFlireoClient, agent_id: str) -> Agent:
    try:
        agent = await client.send(get_agent(agent_id))
    except errors.NotFound as error:
        if error.is_foreign:
            raise
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
    except errors.NotFound as error:
        if error.is_foreign:
            raise
        raise NotReady(
            f"number {number_id!r} does not exist in this account. Give its id, not the number itself; "
            "the task list_numbers shows both."
        ) from None
    if not number.is_active:
        raise NotReady(
            f"number {number_id!r} is switched off. Switch it on in the dashboard, or use another one."
        )


async def check_balance(client: AsyncFlireoClient, least: float) -> None:
    """Read the balance.

    Args:
        client: Of the account.
        least: Prepaid minutes that must be left; at 0, any.

    Raises:
        LowBalance: It is empty, or below `least`.
        FlireoError: It could not be read.
    """
    try:
        organization = await client.send(get_organization())
    except errors.NotFound as error:
        if error.is_foreign:
            raise
        return  # a server that keeps no account page; 402 will still stop the run
    balance = organization.minutes_balance
    if balance is None or (balance > 0 and balance >= least):
        return
    if balance <= 0:
        raise LowBalance(f"the Flireo balance is empty ({balance:g} minutes). Top it up, then run again.")
    raise LowBalance(
        f"the Flireo balance is low: {balance:g} minutes, and the policy stops below {least:g} "
        "(min_balance_minutes). Top it up, then run again."
    )
