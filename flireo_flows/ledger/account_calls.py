"""Calls of an account that this ledger did not make, read once before its first call there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.database import Database
from flireo_flows.ledger.schema import account_calls, accounts, attempts

TAIL_DIGITS: Final = (
    8  # of two numbers: where they are the same it may be one person, in whatever form it is written
)
CHUNK: Final = 500  # rows a statement


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
