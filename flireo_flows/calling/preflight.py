"""What must be right before the first call: key, agent, number, balance, and the account of the campaign's last run."""

from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.agents import Agent, get_agent
from flireo_flows.api.calls import get_call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.numbers import get_number
from flireo_flows.api.organization import get_organization
from flireo_flows.api.redaction import redact
from flireo_flows.ledger import Database, Expectations, Runner
from flireo_flows.ledger.run_rules import (
    LONGEST_CALL_SECONDS,
    Readiness,
    RunRules,
    awaits_results_in,
    fingerprint,
    newest_call_ids,
    read_rules,
)
from flireo_flows.script.call_choice import Composes

MOST_LOOKED_UP: Final = 20  # agents, and numbers, before the first call; the others are not checked
MOST_PROVING: Final = 3  # calls asked for to know an account by them


class NotReady(Exception):
    """The account cannot ring anybody as asked. Says what is wrong and what to do."""


class LowBalance(NotReady):
    """The balance is empty, or too low to ring. Says how much is left and what to do."""


async def check_account(
    client: AsyncFlireoClient, caller: Composes, min_balance_minutes: float = 0.0
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


async def is_of_account(
    database: Database, client: AsyncFlireoClient, campaign: str, rules: RunRules
) -> bool:
    """Whether a campaign's calls are in this account. What another account's list lacks proves nothing.

    A key that was replaced is known by a call that is there.

    Args:
        database: The ledger.
        client: Of the account.
        campaign: Its name.
        rules: What it last called under.

    Raises:
        FlireoError: It cannot be known.
    """
    if rules.account == fingerprint(client.account, database):
        return True
    for call_id in await newest_call_ids(database, campaign, MOST_PROVING):
        try:
            await client.send(get_call(call_id))
        except errors.NotFound as error:
            if error.is_foreign:
                raise
            continue
        return True
    return False


async def require_account(
    database: Database, client: AsyncFlireoClient, campaign: str, runner: Runner
) -> str:
    """Refuse to call in another account while a run of the last one is alive, or the results of its calls are out.

    Each would look for the other's calls in its own list and not find them: it would call the leads again whose last
    call is unknown, and give up the results of the others.

    Returns:
        Fingerprint that the campaign has now: none, the run's own, or one that proved to be the same account.

    Raises:
        NotReady: So it is, and nothing shows that this is the account in which those calls were made.
        FlireoError: It cannot be known.
    """
    rules = await read_rules(database, campaign)
    if rules.account in ("", fingerprint(client.account, database)):
        return rules.account
    async with database.read() as db:
        is_alone = await runner.is_alone_in(db)
        if is_alone and not await awaits_results_in(db, campaign):
            return rules.account
    if await is_of_account(database, client, campaign, rules):
        return rules.account
    if not is_alone:
        raise two_accounts(campaign)
    raise NotReady(
        f"campaign {redact(campaign)!r} called under another API key, and how some of its calls ended is not known: "
        "this key's list of calls cannot tell. Run it, or flireo-flows collect, once with the key it had."
    )


def two_accounts(campaign: str) -> NotReady:
    """Two runs of one campaign, each in an account of its own."""
    return NotReady(
        f"another run of campaign {redact(campaign)!r} calls under another API key: run it with that key, or wait "
        "until the other run has ended."
    )
