"""The calls of an account that this ledger did not make, read once before its first call there."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import select

from flireo_flows.ledger.call_history import tail_of
from flireo_flows.ledger.database import Database, from_row
from flireo_flows.ledger.schema import account_calls, accounts

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
    for start in range(0, len(calls), CHUNK):
        rows = [asdict(call) for call in calls[start : start + CHUNK]]
        for row in rows:
            row["tail"] = tail_of(row.pop("phone"))
        async with database.write() as db:
            await db.execute(add, rows)
    add = database.insert_into(accounts).on_conflict_do_nothing(index_elements=["fingerprint"])
    async with database.write() as db:  # last: one that is killed in the middle is done again
        await db.execute(add.values(fingerprint=fingerprint, **asdict(read)))
