"""What must be right before the first call: key, agent, number, balance, the account, and its calls of the last days.

A new ledger knows of no call: not those from the dashboard, not those of Flireo's own campaigns, and not those of a
ledger that was lost, whose campaign would call the same people again. So it reads the account's list first, and counts
those calls as calls by others (`CallingPolicy.other_campaigns`). Without that list no one is called.
"""

from datetime import UTC, datetime
from typing import Final, TypeVar

from flireo_flows.api import errors
from flireo_flows.api.agents import Agent, get_agent
from flireo_flows.api.calls import Call, get_call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.numbers import PhoneNumber, get_number
from flireo_flows.api.operation import Operation
from flireo_flows.api.organization import get_organization
from flireo_flows.api.redaction import redact
from flireo_flows.calling.call_list import CallList, Window
from flireo_flows.ledger import CampaignLedger, Database, Expectations, Runner
from flireo_flows.ledger.call_history import tail_of
from flireo_flows.ledger.known_calls import owners_of
from flireo_flows.ledger.run_rules import (
    LONGEST_CALL_SECONDS,
    AccountCall,
    AccountRead,
    Readiness,
    RunRules,
    account_read,
    awaits_results_in,
    fingerprint,
    keep_account,
    newest_call_ids,
    read_rules,
)
from flireo_flows.script import Composer

MOST_LOOKED_UP: Final = 20  # agents, and numbers, before the first call; the others are not checked
DAYS: Final = 7  # of the account's calls that a new ledger reads
MOST_REQUESTS: Final = 100
# A call that was not over blocks its number for so long: no one reports its end to us.
OPEN_SECONDS: Final = 3600.0
HOUR: Final = 3600.0
MOST_PROVING: Final = 3  # calls asked for to know an account by them
FIND_AGENT: Final = "Look up its id in the dashboard, or list the agents with the task list_agents."
FIND_NUMBER: Final = "Give its id, not the number itself; the task list_numbers shows both."
T = TypeVar("T", Agent, PhoneNumber)


class NotReadyError(Exception):
    """The account cannot call anyone as asked. Names what is wrong and what to do."""


class LowBalanceError(NotReadyError):
    """The balance is empty, or too low to call. Names how much is left and what to do."""


async def check_account(
    client: AsyncFlireoClient, caller: Composer, min_balance_minutes: float = 0.0
) -> Readiness:
    """Check that the account can call as asked. One request an agent and number, up to twenty of each.

    Agents and numbers that only a lead's own row names are not looked up: one that does not exist is that
    lead's matter, once its turn comes.

    Args:
        client: Of the account.
        caller: Names the agents that speak and the numbers that call.
        min_balance_minutes: Prepaid minutes below which no one is called.

    Raises:
        NotReadyError: An agent or number is unknown or switched off, or the balance is empty or too low.
        FlireoError: Flireo refused the key, failed, or was not reached.
    """
    agent_ids = sorted(caller.agent_ids)[:MOST_LOOKED_UP]
    agents = [await _look_up(client, get_agent(id_), f"agent {id_!r}", FIND_AGENT) for id_ in agent_ids]
    for id_ in sorted(caller.number_ids)[:MOST_LOOKED_UP]:
        await _look_up(client, get_number(id_), f"number {id_!r}", FIND_NUMBER)
    await check_balance(client, min_balance_minutes)
    plans = [agent.analysis_plan for agent in agents if agent.analysis_plan is not None]
    analysed = [plan.min_messages_threshold for plan in plans if plan.is_on]
    lengths = [float(agent.max_duration_seconds or LONGEST_CALL_SECONDS) for agent in agents]
    return Readiness(
        Expectations(bool(analysed), min(analysed, default=0)),
        max(lengths, default=LONGEST_CALL_SECONDS),
        frozenset(agent_ids),
    )


async def _look_up(client: AsyncFlireoClient, operation: Operation[T], what: str, where: str) -> T:
    """An agent or a number that exists and is switched on."""
    try:
        found = await client.send(operation)
    except errors.NotFound as error:
        if error.is_foreign:
            raise
        raise NotReadyError(f"{what} does not exist in this account. {where}") from None
    if not found.is_active:
        raise NotReadyError(f"{what} is switched off. Switch it on in the dashboard, or use another one.")
    return found


async def check_balance(client: AsyncFlireoClient, least: float) -> None:
    """Read the balance.

    Args:
        client: Of the account.
        least: Prepaid minutes that must be left; at 0, any.

    Raises:
        LowBalanceError: It is empty, or below `least`.
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
        raise LowBalanceError(
            f"the Flireo balance is empty ({balance:g} minutes). Top it up, then run again."
        )
    raise LowBalanceError(
        f"the Flireo balance is low: {balance:g} minutes, and the policy stops below {least:g} "
        "(min_balance_minutes). Top it up, then run again."
    )


async def is_of_account(campaign: CampaignLedger, client: AsyncFlireoClient, rules: RunRules) -> bool:
    """Whether a campaign's calls are in this account. What another account's list lacks proves nothing.

    A key that was replaced is known by a call that is there.

    Args:
        campaign: In its ledger.
        client: Of the account.
        rules: What it last called under.

    Raises:
        FlireoError: It cannot be known.
    """
    if rules.account == fingerprint(client.account, campaign.database):
        return True
    for call_id in await newest_call_ids(campaign, MOST_PROVING):
        try:
            await client.send(get_call(call_id))
        except errors.NotFound as error:
            if error.is_foreign:
                raise
            continue
        return True
    return False


async def require_account(campaign: CampaignLedger, client: AsyncFlireoClient, runner: Runner) -> str:
    """Refuse to call in another account while a run of the last one is alive, or the results of its calls are out.

    Each would look for the other's calls in its own list and not find them: it would call the leads again whose last
    call is unknown, and give up the results of the others.

    Returns:
        Fingerprint that the campaign has now: none, the run's own, or one that proved to be the same account.

    Raises:
        NotReadyError: So it is, and nothing shows that this is the account in which those calls were made.
        FlireoError: It cannot be known.
    """
    rules = await read_rules(campaign)
    if rules.account in ("", fingerprint(client.account, campaign.database)):
        return rules.account
    async with campaign.read() as db:
        is_alone = await runner.is_alone_in(db)
        if is_alone and not await awaits_results_in(db, campaign.name):
            return rules.account
    if await is_of_account(campaign, client, rules):
        return rules.account
    if not is_alone:
        raise two_accounts(campaign.given)
    raise NotReadyError(
        f"campaign {redact(campaign.given)!r} called under another API key, and how some of its calls ended is not "
        "known: this key's list of calls cannot tell. Run it, or flireo-flows collect, once with the key it had."
    )


def two_accounts(campaign: str) -> NotReadyError:
    """Two runs of one campaign, each in an account of its own."""
    return NotReadyError(
        f"another run of campaign {redact(campaign)!r} calls under another API key: run it with that key, or wait "
        "until the other run has ended."
    )


class RecentCallsUnreadError(NotReadyError):
    """The account's list of calls cannot be read, so no one is called yet. Names the reason and what to do."""


async def read_recent_calls(
    database: Database, client: AsyncFlireoClient, fingerprint: str
) -> AccountRead | None:
    """Read the calls of the last seven days, unless this ledger did so before for this account.

    Args:
        database: The ledger.
        client: Of the account.
        fingerprint: Of the account.

    Returns:
        What it came to; None where it was done before.

    Raises:
        RecentCallsUnreadError: The list cannot be read.
        LedgerError: The ledger failed.
    """
    if await account_read(database, fingerprint) is not None:
        return None
    try:
        calls, read = await _read(database, client)
    except errors.FlireoError as error:
        raise RecentCallsUnreadError(
            f"the account's calls of the last {DAYS} days cannot be read ({error}), so no one is called yet: people "
            "who were called a moment ago could be called again. Run it again when the list can be read. "
            "--ignore-recent-calls (ignore_recent_calls) calls without it, at that risk."
        ) from None
    await keep_account(database, fingerprint, calls, read)
    return read


def in_words(read: AccountRead) -> list[str]:
    """What a person should know of a reading, each in a sentence."""
    whole = read.read_at - DAYS * 24 * HOUR + HOUR
    sentences = []
    if read.read_back_to > whole:
        reached = datetime.fromtimestamp(read.read_back_to, UTC)
        sentences.append(
            f"The account has more calls in the last {DAYS} days than {MOST_REQUESTS} requests read: only those since "
            f"{reached:%Y-%m-%d %H:%M} UTC count as calls by others."
        )
    if read.unnamed:
        sentences.append(
            f"{read.unnamed} of the account's calls of the last {DAYS} days show no number: which people they "
            "called is not known."
        )
    return sentences


async def _read(database: Database, client: AsyncFlireoClient) -> tuple[list[AccountCall], AccountRead]:
    now = database.now()
    since = now - DAYS * 24 * HOUR
    calls = CallList(client, database)
    found: dict[str, AccountCall] = {}
    oldest = newest_first = now + 24 * HOUR
    is_cut = is_sorted = True
    unnamed = 0
    async for page in calls.pages([Window(since, None)]):
        for call in page:
            at = _began_at(call, now)
            is_sorted, oldest = is_sorted and at <= newest_first, min(oldest, at)
            newest_first = at
        owners = await owners_of(database, [call.id for call in page])
        for call in page:
            if call.id in owners or not call.is_outbound:
                continue
            if not tail_of(_number(call)):
                unnamed += 1
                continue
            found[call.id] = _account_call(call, now)
        if calls.requests >= MOST_REQUESTS:
            break
    else:
        is_cut = False
    if calls.is_cut and not is_cut:
        text = "it gives fewer calls than there are"
        raise errors.UnreadableAnswer("list_calls", "GET /calls", text=text)
    if is_cut and not is_sorted:
        text = f"more than {MOST_REQUESTS} pages, in no order of time"
        raise errors.UnreadableAnswer("list_calls", "GET /calls", text=text)
    read = AccountRead(now, oldest if is_cut else since, len(found) + unnamed, unnamed)
    return list(found.values()), read


def _account_call(call: Call, now: float) -> AccountCall:
    began_at = _began_at(call, now)
    open_until = 0.0 if call.is_over else min(began_at, now) + OPEN_SECONDS
    return AccountCall(call.id, _number(call), began_at, open_until)


def _began_at(call: Call, now: float) -> float:
    """A call that does not say when it began may have begun just now."""
    at = call.created_at or call.started_at
    return at.timestamp() if at is not None else now


def _number(call: Call) -> str:
    """The other party's; empty where the list does not show it, or shows our own."""
    number = call.caller_phone or ""
    if not all(character.isdigit() or character.isspace() or character in "+-()./" for character in number):
        return ""  # a name, an address, or a number of which some digits are masked
    return "" if call.phone_number and tail_of(number) == tail_of(call.phone_number) else number
