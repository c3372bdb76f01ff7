"""What a campaign last called under: its rules, what to expect of its calls, and in which account.

A run writes it down before it calls anyone; whoever collects without a run reads it. Of rules that another version
wrote, those that cannot be read are the default ones: they only decide how long to wait for more and whether to call
again. But where the rules cannot be read by which a call teaches a "no", its result waits for a version that can.

Before the first call in an account the calls are read that this ledger did not make there.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.client import Account
from flireo_flows.ledger.call_history import tail_of
from flireo_flows.ledger.database import CampaignLedger, Database, from_row
from flireo_flows.ledger.outbox import post
from flireo_flows.ledger.reports import Expectations
from flireo_flows.ledger.schema import account_calls, accounts, attempts, campaigns, leads
from flireo_flows.ledger.suppressions import chunks
from flireo_flows.lifecycle.states import AttemptState, LeadState, LedgerEvent
from flireo_flows.policy import CallingPolicy

LONGEST_CALL_SECONDS: Final = 3600.0  # for an agent that names no maximum
DIGITS: Final = 16  # of an account's fingerprint
TEACHING: Final = frozenset({"do_not_call_keys", "do_not_call_outcomes", "do_not_call_words", "outcomes"})


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the checks before the first call found.

    Attributes:
        expects: What is still to come after a call's end.
        longest_call: Seconds a call can last at most, by an agent that was looked up.
        agents: Ids of those. A call by another one, as a lead's own row may name it, can last an hour.
    """

    expects: Expectations = field(default_factory=Expectations)
    longest_call: float = LONGEST_CALL_SECONDS
    agents: frozenset[str] = frozenset()

    def as_json(self, account: str) -> str:
        """As the ledger keeps it, with the account's fingerprint."""
        fields = {
            "account": account,
            "analysis": self.expects.analysis,
            "fewest_messages": self.expects.fewest_messages,
            "longest_call": self.longest_call,
            "agents": sorted(self.agents),
        }
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> "Readiness":
        """Of what the ledger keeps; the defaults where it cannot be read."""
        fields = _object(text)
        expects = Expectations(bool(fields.get("analysis")), int(_number(fields.get("fewest_messages"), 0)))
        named = fields.get("agents")
        agents = frozenset(map(str, named)) if isinstance(named, list) else frozenset()
        return cls(expects, _number(fields.get("longest_call"), LONGEST_CALL_SECONDS), agents)


@dataclass(frozen=True, slots=True)
class RunRules:
    """What a campaign last called under.

    Attributes:
        account: Fingerprint of the account; empty where no run wrote it down.
        problem: Which rules could not be read, so that they are the default ones; empty where all could.
        teaches: Whether those could by which a call teaches that a person is not to be called again.
    """

    policy: CallingPolicy = field(default_factory=CallingPolicy)
    readiness: Readiness = field(default_factory=Readiness)
    account: str = ""
    problem: str = ""
    teaches: bool = True


def fingerprint(account: Account, database: Database) -> str:
    """An account as a ledger knows it again: neither the key nor its address follow from it.

    A key that was replaced is another account to it; `calling.preflight.is_of_account` looks further.
    """
    text = f"{account.url}\n{account.api_key}".encode()
    return hmac.digest(database.key, text, "sha256").hex()[:DIGITS]


async def write_rules(
    campaign: CampaignLedger,
    policy: CallingPolicy,
    readiness: Readiness,
    account: Account,
    is_starting: bool,
    seen_account: str | None = None,
) -> bool:
    """Write down what a run calls under, before it calls anyone.

    Args:
        policy: Its rules.
        readiness: What the checks found.
        account: Where it calls.
        is_starting: Whether there is anyone to call.
        seen_account: Fingerprint that the campaign had when the run was let in; None for no run.

    Returns:
        False, and nothing is written, where another run wrote another account down since: it is alive, or left calls
        behind.
    """
    mine = fingerprint(account, campaign.database)
    values = {"policy": policy.model_dump_json(), "readiness": readiness.as_json(mine)}
    async with campaign.write() as db:
        if seen_account is not None:
            wanted = select(campaigns.c.readiness).where(campaigns.c.name == campaign.name)
            current = (await db.execute(wanted)).scalar_one_or_none()
            if str(_object(current or "").get("account") or "") not in ("", mine, seen_account):
                return False
        await campaign.register(db)
        await db.execute(update(campaigns).where(campaigns.c.name == campaign.name).values(values))
        if is_starting:
            await post(
                db, campaign.database, LedgerEvent.CAMPAIGN_STARTED, campaign.name, campaign=campaign.name
            )
    return True


async def read_rules(campaign: CampaignLedger) -> RunRules:
    """What a campaign last called under; the defaults where nothing can be read."""
    wanted = select(campaigns.c.policy, campaigns.c.readiness).where(campaigns.c.name == campaign.name)
    async with campaign.read() as db:
        row = (await db.execute(wanted)).first()
    if row is None or not row.policy:
        return RunRules(problem="no run of this version wrote its rules down: the default policy is used")
    policy, unread = _policy_of(row.policy)
    problem = ""
    if unread:
        problem = f"rules of another version cannot be read ({', '.join(unread)}): those of the default policy count"
    account = str(_object(row.readiness).get("account") or "")
    return RunRules(policy, Readiness.from_json(row.readiness), account, problem, not TEACHING & set(unread))


async def campaigns_of(database: Database, account: Account) -> set[str]:
    """Campaigns that last called in an account."""
    mine = fingerprint(account, database)
    async with database.read() as db:
        rows = (await db.execute(select(campaigns.c.name, campaigns.c.readiness))).all()
    return {row.name for row in rows if _object(row.readiness).get("account") == mine}


async def newest_call_ids(campaign: CampaignLedger, most: int) -> list[str]:
    """Ids of the last calls of a campaign, newest first."""
    newest = (
        select(attempts.c.call_id)
        .where(attempts.c.campaign == campaign.name, attempts.c.call_id.is_not(None))
        .order_by(attempts.c.id.desc())
        .limit(most)
    )
    async with campaign.read() as db:
        return list((await db.execute(newest)).scalars())


async def awaits_results_in(db: AsyncConnection, campaign: str) -> bool:
    """Whether results of a campaign's calls are out, but for those whose lead needs review: no run calls it."""
    out = (
        select(attempts.c.id)
        .join(leads, leads.c.id == attempts.c.lead_id)
        .where(attempts.c.campaign == campaign)
        .where(attempts.c.state.in_([str(AttemptState.UNKNOWN), str(AttemptState.PLACED)]))
        .where(leads.c.state == LeadState.CALLING)
    )
    return (await db.execute(out.limit(1))).first() is not None


@dataclass(frozen=True, slots=True)
class AccountCall:
    """A call of the account's list.

    Attributes:
        phone: Of the other party, as the list has it.
        began_at: Unix seconds of the ledger's clock.
        open_until: Until when it counts as open; 0 for one that is over.
    """

    call_id: str
    phone: str
    began_at: float
    open_until: float = 0.0


@dataclass(frozen=True, slots=True)
class AccountRead:
    """What reading an account's list of calls came to.

    Attributes:
        read_at: When, Unix seconds of the ledger's clock.
        read_back_to: What is older was not read, Unix seconds.
        calls: Outbound calls that this ledger did not make.
        unnamed: Those of them whose number the list does not show.
    """

    read_at: float
    read_back_to: float
    calls: int
    unnamed: int


async def account_read(database: Database, fingerprint: str) -> AccountRead | None:
    """What was read of an account; None where it was not read yet."""
    wanted = select(accounts).where(accounts.c.fingerprint == fingerprint)
    async with database.read() as db:
        row = (await db.execute(wanted)).first()
    return from_row(AccountRead, row) if row else None


async def keep_account(
    database: Database, fingerprint: str, calls: Sequence[AccountCall], read: AccountRead
) -> None:
    """Write down the calls of an account, and that it was read. Done twice, it changes nothing.

    Args:
        fingerprint: Of the account.
        calls: Those that no attempt of the ledger made.
        read: What the reading came to.
    """
    add = database.insert_into(account_calls).on_conflict_do_nothing(index_elements=["call_id"])
    for chunk in chunks(calls):
        rows = [asdict(call) for call in chunk]
        for row in rows:
            row["tail"] = tail_of(row.pop("phone"))
        async with database.write() as db:
            await db.execute(add, rows)
    add = database.insert_into(accounts).on_conflict_do_nothing(index_elements=["fingerprint"])
    async with database.write() as db:  # last: one that is killed in the middle is done again
        await db.execute(add.values(fingerprint=fingerprint, **asdict(read)))


def _policy_of(text: str) -> tuple[CallingPolicy, list[str]]:
    """What can be read of rules, and the fields that cannot: they keep their defaults."""
    try:
        return CallingPolicy.model_validate_json(text), []
    except ValidationError as error:
        wrong = {str(each["loc"][0]) if each["loc"] else "" for each in error.errors(include_input=False)}
    readable = {name: value for name, value in _object(text).items() if name not in wrong}
    try:
        return CallingPolicy.model_validate_json(json.dumps(readable)), sorted(wrong)
    except ValidationError:  # they are right one by one, and not together
        return CallingPolicy(), sorted(set(CallingPolicy.model_fields))


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _number(found: object, default: float) -> float:
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else default
