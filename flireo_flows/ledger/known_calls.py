"""Calls whose attempts we know: what a reading of the call list has to show before it proves anything."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, and_, or_, select, update

from flireo_flows.ledger.database import Database
from flireo_flows.ledger.leads import chunks
from flireo_flows.ledger.schema import IS_ERASED, attempts
from flireo_flows.lifecycle.states import AttemptState, IdSource

LOOKBACK_SECONDS: Final = (
    86_400.0  # how far back known calls are looked for that were placed before an attempt
)
EARLIER: Final = 3  # of those, so many
LATE_LIST_SECONDS: Final = (
    120.0  # how long after its request a call that no list shows is asked for by its id at the latest
)
HAS_CALL: Final = and_(
    or_(attempts.c.call_id.is_not(None), attempts.c.report_id.is_not(None)),
    attempts.c.id_source != IdSource.MISMATCH,
    ~IS_ERASED,  # of whom was forgotten there is no number to compare
)
_COLUMNS: Final = (
    attempts.c.id,
    attempts.c.campaign,
    attempts.c.phone,
    attempts.c.state,
    attempts.c.began_at,
    attempts.c.call_id,
    attempts.c.report_id,
    attempts.c.id_source,
    attempts.c.listed_at,
    attempts.c.fetched_at,
)


@dataclass(frozen=True, slots=True)
class KnownCall:
    """An attempt whose call has an id.

    Attributes:
        attempt_id: Of the attempt.
        phone: The number that was called, E.164.
        began_at: When the attempt began, Unix seconds of the ledger's clock.
        is_open: Whether its result is not in.
        call_id: Its id.
        is_webhook_id: Whether a webhook gave it: perhaps not the id of the list.
        listed_at: When a reading first showed it; None where none did.
        fetched_at: When it was last asked for by its id because the list did not show it.
    """

    attempt_id: int
    campaign: str
    phone: str
    began_at: float
    is_open: bool
    call_id: str
    is_webhook_id: bool = False
    listed_at: float | None = None
    fetched_at: float | None = None

    def may_be_asked_for(self, now: float) -> bool:
        """Whether nobody has asked for it by its id yet, and its campaign's run soon will where no list shows it."""
        is_new = self.listed_at is None and self.fetched_at is None
        return self.is_open and is_new and now < self.began_at + LATE_LIST_SECONDS


async def placed_calls(database: Database, campaign: str) -> list[KnownCall]:
    """The calls of a campaign whose results are not in, oldest first."""
    # Also of whom was forgotten: their results are awaited, without words.
    wanted = select(*_COLUMNS).where(
        attempts.c.campaign == campaign,
        attempts.c.state == AttemptState.PLACED,
        or_(attempts.c.call_id.is_not(None), attempts.c.report_id.is_not(None)),
    )
    return await _read(database, wanted)


async def calls_around(database: Database, campaigns: Collection[str], began_at: float) -> list[KnownCall]:
    """Known calls from the last few before an attempt on, within a day of it, oldest first.

    Args:
        database: The ledger.
        campaigns: Those of the account.
        began_at: When the attempt began, Unix seconds.
    """
    mine = select(*_COLUMNS).where(attempts.c.campaign.in_(sorted(campaigns)), HAS_CALL)
    earlier = mine.where(attempts.c.began_at < began_at, attempts.c.began_at >= began_at - LOOKBACK_SECONDS)
    before = await _read(database, earlier.order_by(attempts.c.began_at.desc()).limit(EARLIER))
    return [*before, *await _read(database, mine.where(attempts.c.began_at >= began_at))]


async def mark_listed(database: Database, attempt_ids: Sequence[int], read_at: float) -> None:
    """Write down that a reading showed these calls."""
    if not attempt_ids:
        return
    async with database.write() as db:
        for chunk in chunks(list(attempt_ids)):
            new = update(attempts).where(attempts.c.id.in_(chunk), attempts.c.listed_at.is_(None))
            await db.execute(new.values(listed_at=read_at))


async def mark_fetched(database: Database, attempt_id: int, now: float) -> None:
    """Write down that a call was asked for by its id."""
    async with database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt_id).values(fetched_at=now))


async def _read(database: Database, wanted: Select[Any]) -> list[KnownCall]:
    async with database.read() as db:
        return sorted(map(_known, (await db.execute(wanted)).all()), key=lambda call: call.began_at)


def _known(row: Row[Any]) -> KnownCall:
    return KnownCall(
        row.id,
        row.campaign,
        row.phone,
        row.began_at,
        row.state == AttemptState.PLACED,
        row.call_id or row.report_id,
        row.id_source == IdSource.WEBHOOK,
        row.listed_at,
        row.fetched_at,
    )
