"""What a campaign last rang under: its rules, what to expect of its calls, and in which account.

A run writes it down before it rings; whoever collects without a run reads it. Of rules that another version wrote,
those that cannot be read are the default ones: they only say how long to wait for more and whether to ring again.
But where the rules cannot be read by which a call teaches a "no", its result waits for somebody who can read them.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api import errors
from flireo_flows.api.calls import get_call
from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.redaction import redact
from flireo_flows.calling.preflight import LONGEST_CALL_SECONDS, NotReady, Readiness
from flireo_flows.ledger import Database, Expectations, Runner
from flireo_flows.ledger.campaigns import register_in
from flireo_flows.ledger.milestones import post_started
from flireo_flows.ledger.schema import attempts, campaigns, leads
from flireo_flows.lifecycle.states import AttemptState, LeadState
from flireo_flows.policy import CallingPolicy

DIGITS: Final = 16  # of an account's fingerprint
TEACHING: Final = frozenset({"do_not_call_keys", "do_not_call_outcomes", "do_not_call_words", "outcomes"})
MOST_PROVING: Final = 3  # calls asked for to know an account by them


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a campaign last rang under.

    Attributes:
        account: Fingerprint of the account; empty where no run wrote it down.
        problem: Which rules could not be read, so that they are the default ones; empty where all could.
        teaches: Whether those could by which a call tells that somebody is not to be rung again.
    """

    policy: CallingPolicy = field(default_factory=CallingPolicy)
    readiness: Readiness = field(default_factory=Readiness)
    account: str = ""
    problem: str = ""
    teaches: bool = True


def fingerprint(account: Account, database: Database) -> str:
    """An account as a ledger knows it again: neither the key nor its address follow from it.

    A key that was replaced is another account to it; see `is_of_account`.
    """
    text = f"{account.url}\n{account.api_key}".encode()
    return hmac.new(database.key, text, hashlib.sha256).hexdigest()[:DIGITS]


async def remember(
    database: Database,
    campaign: str,
    policy: CallingPolicy,
    readiness: Readiness,
    account: Account,
    is_starting: bool,
    beside: "Beside | None" = None,
) -> None:
    """Write down what a run rings under, before it rings.

    Args:
        database: The ledger.
        campaign: Its name.
        policy: Its rules.
        readiness: What the checks told.
        account: Where it rings.
        is_starting: Whether there is somebody to ring.
        beside: What the run knows of others; None for no run.

    Raises:
        NotReady: Another run of the campaign began at the same moment, in another account.
    """
    mine = fingerprint(account, database)
    told = {
        "account": mine,
        "analysis": readiness.expects.analysis,
        "fewest_messages": readiness.expects.fewest_messages,
        "longest_call": readiness.longest_call,
        "agents": sorted(readiness.agents),
    }
    values = {"policy": policy.model_dump_json(), "readiness": json.dumps(told)}
    async with database.write(campaign) as db:
        if beside is not None:
            await beside.require_same(db, campaign, mine)
        await register_in(db, campaign)
        await db.execute(update(campaigns).where(campaigns.c.name == campaign).values(values))
        if is_starting:
            await post_started(db, database, campaign)


async def rules_of(database: Database, campaign: str) -> Remembered:
    """What a campaign last rang under; the defaults where nothing can be read."""
    wanted = select(campaigns.c.policy, campaigns.c.readiness).where(campaigns.c.name == campaign)
    async with database.read() as db:
        row = (await db.execute(wanted)).first()
    if row is None or not row.policy:
        return Remembered(problem="no run of this version wrote its rules down: the default policy is used")
    told = _object(row.readiness)
    expects = Expectations(bool(told.get("analysis")), int(_number(told.get("fewest_messages"), 0)))
    named = told.get("agents")
    agents = frozenset(map(str, named)) if isinstance(named, list) else frozenset()
    readiness = Readiness(expects, _number(told.get("longest_call"), LONGEST_CALL_SECONDS), agents)
    account = str(told.get("account") or "")
    policy, unread = _policy_of(row.policy)
    problem = ""
    if unread:
        problem = f"rules of another version cannot be read ({', '.join(unread)}): those of the default policy count"
    return Remembered(policy, readiness, account, problem, not TEACHING & set(unread))


async def campaigns_of(database: Database, account: Account) -> set[str]:
    """Campaigns that last called in an account."""
    mine = fingerprint(account, database)
    async with database.read() as db:
        rows = (await db.execute(select(campaigns.c.name, campaigns.c.readiness))).all()
    return {row.name for row in rows if _object(row.readiness).get("account") == mine}


def _policy_of(text: str) -> tuple[CallingPolicy, list[str]]:
    """What can be read of rules, and the fields that cannot: they keep their defaults."""
    try:
        return CallingPolicy.model_validate_json(text), []
    except ValidationError as error:
        wrong = {str(each["loc"][0]) if each["loc"] else "" for each in error.errors(include_input=False)}
    told = {name: value for name, value in _object(text).items() if name not in wrong}
    try:
        return CallingPolicy.model_validate_json(json.dumps(told)), sorted(wrong)
    except ValidationError:  # they are right one by one, and not together
        return CallingPolicy(), sorted(set(CallingPolicy.model_fields))


async def is_of_account(
    database: Database, client: AsyncFlireoClient, campaign: str, remembered: Remembered
) -> bool:
    """Whether a campaign's calls are in this account. What another account's list lacks proves nothing.

    A key that was replaced is known by a call that is there.

    Args:
        database: The ledger.
        client: Of the account.
        campaign: Its name.
        remembered: What it last rang under.

    Raises:
        FlireoError: Nobody could tell.
    """
    if remembered.account == fingerprint(client.account, database):
        return True
    newest = (
        select(attempts.c.call_id)
        .where(attempts.c.campaign == campaign, attempts.c.call_id.is_not(None))
        .order_by(attempts.c.id.desc())
        .limit(MOST_PROVING)
    )
    async with database.read() as db:
        call_ids = (await db.execute(newest)).scalars().all()
    for call_id in call_ids:
        try:
            await client.send(get_call(call_id))
        except errors.NotFound as error:
            if error.is_foreign:
                raise
            continue
        return True
    return False


@dataclass(frozen=True, slots=True)
class Beside:
    """What a run knows of others of its campaign, once it was let in.

    Attributes:
        runner: The run's own.
        account: Fingerprint that the campaign had then: none, the run's own, or one that proved to be the same.
    """

    runner: Runner
    account: str

    async def require_same(self, db: AsyncConnection, campaign: str, mine: str) -> None:
        """Refuse where another run wrote another account down since: it is alive, or left calls behind.

        Args:
            db: A transaction of `Database.write(campaign)`.
            campaign: Its name.
            mine: Fingerprint of the run's account.

        Raises:
            NotReady: So it is.
        """
        row = (await db.execute(select(campaigns.c.readiness).where(campaigns.c.name == campaign))).first()
        now = str(_object(row.readiness if row else "").get("account") or "")
        if now not in ("", mine, self.account):
            raise NotReady(_two_accounts(campaign))


async def require_account(
    database: Database, client: AsyncFlireoClient, campaign: str, runner: Runner
) -> Beside:
    """Refuse to ring in another account while a run of the last one is alive, or the results of its calls are out.

    Each would look for the other's calls in its own list and not find them: it would ring those people again of
    whom nobody knows whether they were rung, and give up the results of the others.

    Raises:
        NotReady: So it is, and nothing shows that this is the account in which those calls were made.
        FlireoError: Nobody could tell.
    """
    remembered = await rules_of(database, campaign)
    beside = Beside(runner, remembered.account)
    if remembered.account in ("", fingerprint(client.account, database)):
        return beside
    out = (
        select(attempts.c.id)
        .join(leads, leads.c.id == attempts.c.lead_id)
        .where(attempts.c.campaign == campaign)
        .where(attempts.c.state.in_([str(AttemptState.UNKNOWN), str(AttemptState.PLACED)]))
        .where(leads.c.state == LeadState.CALLING)  # who is up for review is not rung by machine
    )
    async with database.read() as db:
        is_alone = await runner.is_alone_in(db)
        if is_alone and (await db.execute(out.limit(1))).first() is None:
            return beside
    if await is_of_account(database, client, campaign, remembered):
        return beside
    if not is_alone:
        raise NotReady(_two_accounts(campaign))
    raise NotReady(
        f"campaign {redact(campaign)!r} rang under another API key, and how some of its calls ended is not known: "
        "this key's list of calls cannot tell. Run it, or flireo-flows collect, once with the key it had."
    )


def _two_accounts(campaign: str) -> str:
    return (
        f"another run of campaign {redact(campaign)!r} rings under another API key: run it with that key, or wait "
        "until the other run has ended."
    )


def _object(text: str) -> Mapping[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, Mapping) else {}


def _number(told: object, default: float) -> float:
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else default
