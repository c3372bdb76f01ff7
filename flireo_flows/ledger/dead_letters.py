"""The inbox as a person sees it: what is in it, and what is to be read once more."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.database import Database, from_row
from flireo_flows.ledger.erasure import of_forgotten_in
from flireo_flows.ledger.inbox import NAMELESS, read_delivery
from flireo_flows.ledger.messages import inbox_reason
from flireo_flows.ledger.schema import inbox
from flireo_flows.lifecycle.states import InboxState

NOTHING: Final = hashlib.sha256(b"").hexdigest()  # of a body that was empty when it came
PORTION: Final = 200  # rows that are read again in one transaction


class Replayed(StrEnum):
    """What became of a row that was read again."""

    WAITING = "waiting"  # it can be read; the next run or collector applies it
    DONE = "nothing to apply"  # it can be read, and contains nothing of an attempt
    UNREADABLE = "unreadable"  # as before, or for a newer reason
    ERASED = "erased"  # its body is gone, for its person was forgotten
    ABSENT = "absent"  # there is no such row


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of the inbox.

    Attributes:
        received_at: Unix seconds of the ledger's clock.
        event: Type of the event; empty if it cannot be read.
        customer: E.164, a pseudonym, or empty.
        reason: Why it is in its state, in words.
    """

    id: int
    received_at: float
    event: str
    customer: str
    call_id: str
    state: InboxState
    reason: str
    deliveries: int
    body: bytes


async def counted(db: AsyncConnection) -> dict[str, int]:
    """How many rows there are in each state that has any."""
    rows = await db.execute(select(inbox.c.state, func.count()).group_by(inbox.c.state))
    return {str(state): int(count) for state, count in rows.all()}


async def listed(database: Database, state: InboxState | None, limit: int) -> list[Letter]:
    """The newest rows, newest first.

    Args:
        state: Only those in it; None for all.
        limit: How many at most.
    """
    newest = select(inbox).order_by(inbox.c.id.desc()).limit(limit)
    async with database.read() as db:
        rows = (await db.execute(newest.where(inbox.c.state == state) if state else newest)).all()
    return [_letter(row) for row in rows]


async def one(database: Database, letter_id: int) -> Letter | None:
    """One row; None if there is none of that id."""
    async with database.read() as db:
        row = (await db.execute(select(inbox).where(inbox.c.id == letter_id))).first()
    return _letter(row) if row is not None else None


async def unreadable(database: Database) -> list[int]:
    """Ids of all dead letters, oldest first."""
    dead = select(inbox.c.id).where(inbox.c.state == InboxState.UNREADABLE).order_by(inbox.c.id)
    async with database.read() as db:
        return list((await db.execute(dead)).scalars())


async def replay(database: Database, ids: Sequence[int]) -> dict[int, Replayed]:
    """Read rows again with today's reader. What can be read waits to be applied, as when it came.

    One that was applied before is applied again, which changes nothing: reports only add.

    Args:
        ids: Of the rows.
    """
    became = dict.fromkeys(ids, Replayed.ABSENT)
    for start in range(0, len(ids), PORTION):
        async with database.write() as db:
            wanted = select(inbox).where(inbox.c.id.in_(ids[start : start + PORTION])).order_by(inbox.c.id)
            for row in (await db.execute(wanted)).all():
                became[row.id] = await _replay(db, database, row)
    return became


async def _replay(db: AsyncConnection, database: Database, row: Row[Any]) -> Replayed:
    if not row.body and row.digest != NOTHING:
        return Replayed.ERASED
    read = read_delivery(row.body, row.reference, row.received_at)
    values = {name: value for name, value in read.as_row().items() if name in _RENEWED}
    if row.called_at is not None:
        del values["called_at"]  # it was read when Flireo's clock was known
    if is_forgotten := bool(await db.run_sync(of_forgotten_in, database.key, [read.of])):
        values |= NAMELESS
    await db.execute(update(inbox).where(inbox.c.id == row.id).values(values))
    if is_forgotten:
        return Replayed.ERASED
    return _BECAME[read.state]


_RENEWED: Final = ("state", "reason", "detail", "call_id", "customer", "reference", "called_at")
_BECAME: Final = {
    InboxState.WAITING: Replayed.WAITING,
    InboxState.APPLIED: Replayed.DONE,
    InboxState.UNREADABLE: Replayed.UNREADABLE,
}


def _letter(row: Row[Any]) -> Letter:
    event = read_delivery(row.body, "", row.received_at).event
    return from_row(
        Letter,
        row,
        event=event.type if event else "",
        state=InboxState(row.state),
        reason=inbox_reason(row.reason, row.detail),
    )
