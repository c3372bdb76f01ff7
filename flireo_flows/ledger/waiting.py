"""Whether reports wait in the inbox that no run reads, so that somebody should collect them."""

from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select

from flireo_flows.ledger.database import Database
from flireo_flows.ledger.outbox import post
from flireo_flows.ledger.schema import IS_OPEN, attempts, inbox, outbox
from flireo_flows.lifecycle.event_types import LedgerEvent
from flireo_flows.lifecycle.states import InboxState

WAITED_SECONDS: Final = 10.0  # a run that lives reads its reports within a second or two
DISTANCE_SECONDS: Final = 30.0  # between two notices: one collector reads all there are
OLDEST_SECONDS: Final = 86_400.0  # what found no attempt in a day is not looked for by another event


async def post_reports_waiting(database: Database) -> bool:
    """Post that reports wait for a collector, if they do: told again only when more came in.

    Reports of calls that are not ours, as of people who ring in, count only while a call of ours to that number
    is open.

    Returns:
        Whether it was posted.
    """
    now = database.now()
    async with database.read() as db:
        told = select(func.max(outbox.c.row_id), func.max(outbox.c.occurred_at)).where(
            outbox.c.event == str(LedgerEvent.REPORTS_WAITING)
        )
        last_id, last_at = (await db.execute(told)).one()
        if last_at is not None and now < last_at + DISTANCE_SECONDS:
            return False
        newest = (await db.execute(_newest(now, last_id or 0))).scalar_one_or_none()
    if newest is None:
        return False
    async with database.write() as db:
        return await post(db, database, LedgerEvent.REPORTS_WAITING, str(newest), row_id=newest)


def _newest(now: float, after: int) -> Select[Any]:
    """The newest report that waits and that an attempt of ours may own, if it came after the last that was told."""
    mine = or_(
        attempts.c.call_id == inbox.c.call_id,
        attempts.c.report_id == inbox.c.call_id,
        and_(inbox.c.reference != "", attempts.c.reference == inbox.c.reference),
        and_(attempts.c.phone == inbox.c.customer, IS_OPEN),
    )
    return (
        select(func.max(inbox.c.id))
        .join(attempts, mine)
        .where(
            inbox.c.state == InboxState.WAITING,
            inbox.c.id > after,
            inbox.c.received_at.between(now - OLDEST_SECONDS, now - WAITED_SECONDS),
        )
    )
