"""Who was called before: by campaigns of this ledger, and by other calls of the account, read once before the first."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import person_key
from flireo_flows.api.redaction import redact
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.people import numbers_in
from flireo_flows.ledger.schema import account_calls, accounts, attempts, campaigns, leads
from flireo_flows.lifecycle.states import AttemptState

TAIL_DIGITS: Final = (
    8  # of two numbers: where they are the same it may be one person, in whatever form it is written
)
CHUNK: Final = 500  # rows or values a statement
MOST_NAMED: Final = 5  # campaigns
ACCOUNT: Final = ""  # in the place of a campaign: calls of the account that this ledger did not make


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
        unnamed: Those of them whose number the list does not tell.
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
    return AccountRead(row.read_at, row.read_back_to, row.calls, row.unnamed) if row else None


async def keep_account(
    database: Database, fingerprint: str, calls: Sequence[AccountCall], read: AccountRead
) -> None:
    """Write down the calls of an account, and that it was read. Done twice, it changes nothing.

    Args:
        database: The ledger.
        fingerprint: Of the account.
        calls: Those that no attempt of the ledger made.
        read: What the reading came to.
    """
    insert = insert_sqlite if database.is_sqlite else insert_postgresql
    add = insert(account_calls).on_conflict_do_nothing(index_elements=["call_id"])
    for start in range(0, len(calls), CHUNK):
        rows = [
            {
                "call_id": call.call_id,
                "tail": tail_of(call.phone),
                "began_at": call.began_at,
                "open_until": call.open_until,
            }
            for call in calls[start : start + CHUNK]
        ]
        async with database.write() as db:
            await db.execute(add, rows)
    row = {
        "fingerprint": fingerprint,
        "read_at": read.read_at,
        "read_back_to": read.read_back_to,
        "calls": read.calls,
        "unnamed": read.unnamed,
    }
    async with database.write() as db:  # last: one that is killed in the middle is done again
        await db.execute(insert(accounts).values(row).on_conflict_do_nothing(index_elements=["fingerprint"]))


def tail_of(phone: str) -> str:
    """The last digits of a number; empty where it has too few to tell a person by."""
    digits = "".join(character for character in phone if character.isdigit())
    return digits[-TAIL_DIGITS:] if len(digits) >= TAIL_DIGITS else ""


def is_attempt() -> ColumnElement[bool]:
    """Whether the call is one of an attempt: one whose answer was lost takes its call from the list later."""
    mine = or_(attempts.c.call_id == account_calls.c.call_id, attempts.c.report_id == account_calls.c.call_id)
    return select(attempts.c.id).where(mine).exists()


async def forget_calls_in(db: AsyncConnection, phone: str) -> None:
    """Erase the calls to a number.

    Args:
        db: A transaction that may write.
        phone: E.164.
    """
    mine: Any = delete(account_calls).where(account_calls.c.tail == tail_of(phone))
    await db.execute(mine)


@dataclass(frozen=True, slots=True)
class CalledBy:
    """Who called people of a file.

    Attributes:
        campaign: As it is shown; empty for calls of the account that this ledger did not make.
        people: How many of them.
        last_at: When it called one of them last; aware, UTC.
    """

    campaign: str
    people: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierCalls:
    """The people of a file who were called before, over all their numbers.

    Attributes:
        people: In the file.
        called: Those who were called, or may have been, by whatever campaign of the ledger or call of the account.
        by: Who called them, most people first.
    """

    people: int = 0
    called: int = 0
    by: tuple[CalledBy, ...] = ()

    @property
    def in_words(self) -> str:
        """One sentence, without a number; empty where no one was called before."""
        if not self.called:
            return ""
        named = [_called_by(each) for each in self.by[:MOST_NAMED]]
        if len(self.by) > MOST_NAMED:
            named.append(f"others by {len(self.by) - MOST_NAMED} more campaigns")
        were = "was" if self.called == 1 else "were"
        return f"{self.called} of these {self.people} people {were} called before: {', '.join(named)}."


async def earlier_calls_of(campaign: CampaignLedger, batch: str) -> EarlierCalls:
    """As `earlier_calls_in`, for the people of a file that a campaign took in."""
    wanted = select(leads.c.phone).where(leads.c.campaign == campaign.name, leads.c.batch == batch)
    async with campaign.read() as db:
        return await earlier_calls_in(db, list((await db.execute(wanted)).scalars()))


async def earlier_calls_in(db: AsyncConnection, phones: Collection[str]) -> EarlierCalls:
    """Look up who of these was called before.

    Args:
        db: Any transaction.
        phones: E.164.
    """
    asked = sorted(set(map(person_key, phones)))
    numbers = await numbers_in(db, asked)
    every = sorted({number for phone in asked for number in numbers.get(phone, (phone,))})
    last: dict[str, dict[str, float]] = defaultdict(dict)  # by number, by campaign
    for start in range(0, len(every), CHUNK):
        await _look_up(db, every[start : start + CHUNK], last)
    if not last:
        return EarlierCalls(len(asked))
    counts: dict[str, tuple[int, float]] = {}
    called = 0
    for phone in asked:
        mine: dict[str, float] = {}
        for number in numbers.get(phone, (phone,)):
            for campaign, at in last.get(number, {}).items():
                mine[campaign] = max(at, mine.get(campaign, at))
        called += bool(mine)
        for campaign, at in mine.items():
            count, newest = counts.get(campaign, (0, at))
            counts[campaign] = count + 1, max(at, newest)
    by = [
        CalledBy(campaign, count, datetime.fromtimestamp(at, UTC)) for campaign, (count, at) in counts.items()
    ]
    by.sort(key=lambda each: (each.campaign == ACCOUNT, -each.people, each.campaign))
    return EarlierCalls(len(asked), called, tuple(by))


async def _look_up(db: AsyncConnection, phones: list[str], last: dict[str, dict[str, float]]) -> None:
    mine = (
        select(attempts.c.phone, campaigns.c.shown, func.max(attempts.c.began_at))
        .join(campaigns, campaigns.c.name == attempts.c.campaign)
        .where(attempts.c.phone.in_(phones), attempts.c.state != AttemptState.NOT_PLACED)
        .group_by(attempts.c.phone, campaigns.c.shown)
    )
    for phone, shown, at in (await db.execute(mine)).all():
        last[phone][shown] = at
    tails: dict[str, list[str]] = defaultdict(list)
    for phone in phones:
        tails[tail_of(phone)].append(phone)
    tails.pop("", None)
    theirs = (
        select(account_calls.c.tail, func.max(account_calls.c.began_at))
        .where(account_calls.c.tail.in_(list(tails)), ~is_attempt())
        .group_by(account_calls.c.tail)
    )
    for tail, at in (await db.execute(theirs)).all():
        for phone in tails[tail]:
            last[phone][ACCOUNT] = at


def _called_by(each: CalledBy) -> str:
    by = f"by {redact(each.campaign)!r}" if each.campaign else "by other calls of the account"
    return f"{each.people} {by} (last on {each.last_at:%Y-%m-%d})"
