"""The outbox: events to send to Prefect, once each, in the order in which they happened.

Triggers write most of it (`triggers.py`), in the transaction in which it happens: nothing is sent that was
rolled back, and nothing is left out, whoever writes. A notice's content is read from the ledger when it is sent
(`notices.py`): nothing is kept twice, and nothing of an erased person is sent.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.redaction import redact
from flireo_flows.ledger.database import CampaignLedger, Database, from_row
from flireo_flows.ledger.report_matches import IS_REPORT_OF
from flireo_flows.ledger.schema import IS_ERASED, IS_OPEN, attempts, inbox, leads, outbox
from flireo_flows.lifecycle.states import ONCE, InboxState, LeadState, LedgerEvent, Reason

CLAIM_SECONDS: Final = 60.0  # then a sender counts as dead, and another one sends what it had
# A notice that no one sent for so long would set off what is no longer wanted.
KEPT_SECONDS: Final = 7 * 86_400.0
WAITED_SECONDS: Final = 10.0  # a run that lives reads its reports within a second or two
DISTANCE_SECONDS: Final = 30.0  # between two notices: one collector reads all there are
OLDEST_SECONDS: Final = 86_400.0  # what found no attempt in a day is not looked for by another event
NO_LABELS: Final = "[]"
OF_CALLS: Final = (LedgerEvent.CALL_ENDED, LedgerEvent.CALL_AMENDED)


@dataclass(frozen=True, slots=True)
class Posted:
    """A notice that this process alone sends now."""

    id: int
    key: str
    event: LedgerEvent
    campaign: str
    row_id: int | None
    reason: str
    occurred_at: float


class Outbox:
    """The notices of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, most: int) -> list[Posted]:
        """Take the oldest notices that no one else is sending, for a minute.

        Args:
            most: At most so many.
        """
        now = self._database.now()
        free = select(outbox.c.id).where(
            outbox.c.sent_at.is_(None),
            outbox.c.claimed_until <= now,
            outbox.c.occurred_at > now - KEPT_SECONDS,
        )
        oldest = free.order_by(outbox.c.id).limit(most).with_for_update(skip_locked=True)
        taken = update(outbox).where(outbox.c.id.in_(oldest)).values(claimed_until=now + CLAIM_SECONDS)
        async with self._database.read() as db:
            if (await db.execute(free.limit(1))).first() is None:
                return []  # most of the time: no writer's turn is taken for it
        async with self._database.write() as db:
            rows = (await db.execute(taken.returning(outbox))).all()
        return [
            from_row(Posted, row, event=LedgerEvent(row.event))
            for row in sorted(rows, key=lambda row: int(row.id))
        ]

    async def sent(self, ids: Iterable[int]) -> None:
        """These arrived."""
        await self._set(ids, sent_at=self._database.now())

    async def give_back(self, ids: Iterable[int]) -> None:
        """These did not arrive; any process may send them."""
        await self._set(ids, claimed_until=0.0)

    async def prune(self) -> int:
        """Drop what was sent, or could not be sent, a week ago. Returns how many were dropped.

        Of a call's notices the names of the labels that were sent stay, for as long as the call: who amends it next
        year must not have the same answers followed up again. Of a person who was forgotten they do not. It reads
        all notices there are, so an hour apart is often enough.
        """
        now = self._database.now()
        old = outbox.c.occurred_at <= now - KEPT_SECONDS
        dropped = and_(old, ~_is_kept())
        closed = and_(old, _is_kept(), outbox.c.sent_at.is_(None))
        async with self._database.read() as db:
            if (await db.execute(select(outbox.c.id).where(or_(dropped, closed)).limit(1))).first() is None:
                return 0
        async with self._database.write() as db:
            done = await db.execute(delete(outbox).where(dropped))
            await db.execute(update(outbox).where(closed).values(sent_at=now))
            return int(done.rowcount)

    async def unsent(self) -> int:
        """How many notices wait to be sent."""
        recent = outbox.c.occurred_at > self._database.now() - KEPT_SECONDS
        async with self._database.read() as db:
            waiting = select(func.count()).where(outbox.c.sent_at.is_(None), recent)
            return int((await db.execute(waiting)).scalar_one())

    async def keep(self, labels: Mapping[int, Iterable[str]]) -> None:
        """Write down, before they are sent, which labels notices have.

        Args:
            labels: By the notice's id.
        """
        # [""] for none, which is not the same as a notice that no one has tried to send.
        rows = [{"notice": id_, "names": json.dumps(sorted(names) or [""])} for id_, names in labels.items()]
        if rows:
            named = update(outbox).where(outbox.c.id == bindparam("notice"))
            async with self._database.write() as db:
                await db.execute(named.values(labels=bindparam("names")), rows)

    async def _set(self, ids: Iterable[int], **values: object) -> None:
        chosen = list(ids)
        if chosen:
            async with self._database.write() as db:
                await db.execute(update(outbox).where(outbox.c.id.in_(chosen)).values(values))


async def post(
    db: AsyncConnection,
    database: Database,
    event: LedgerEvent,
    key: str,
    *,
    campaign: str = "",
    row_id: int | None = None,
    reason: str = "",
) -> bool:
    """Write a notice of something that the database cannot notice by itself.

    Args:
        event: What happened.
        key: What makes it this happening and no other: sent once for each key.
        campaign: Whose.
        row_id: Of the attempt, the lead or the report that it is about.
        reason: In words, without a number.

    Returns:
        Whether it is new.
    """
    insert = database.insert_into(outbox)
    row = {
        "key": f"{event}:{key}",
        "event": str(event),
        "campaign": campaign,
        "row_id": row_id,
        "reason": reason,
        "occurred_at": database.now(),
    }
    new = insert.values(row).on_conflict_do_nothing(index_elements=["key"]).returning(outbox.c.id)
    return (await db.execute(new)).first() is not None


def _is_kept() -> ColumnElement[bool]:
    """What is known for ever: that a campaign started or finished, and which labels were sent of a call."""
    forgotten = select(attempts.c.id).where(attempts.c.id == outbox.c.row_id, IS_ERASED)
    has_labels = and_(outbox.c.event.in_(OF_CALLS), outbox.c.labels != NO_LABELS)
    return or_(outbox.c.event.in_(ONCE), and_(has_labels, ~forgotten.exists()))


async def post_reports_waiting(database: Database) -> bool:
    """Post that reports wait for a collector, if they do: again only when more came in.

    Reports of calls that are not ours, as of people who call in, count only while a call of ours to that number
    is open.

    Returns:
        Whether it was posted.
    """
    now = database.now()
    async with database.read() as db:
        last = select(func.max(outbox.c.row_id), func.max(outbox.c.occurred_at)).where(
            outbox.c.event == str(LedgerEvent.REPORTS_WAITING)
        )
        last_id, last_at = (await db.execute(last)).one()
        if last_at is not None and now < last_at + DISTANCE_SECONDS:
            return False
        newest = (await db.execute(_newest(now, last_id or 0))).scalar_one_or_none()
    if newest is None:
        return False
    async with database.write() as db:
        return await post(db, database, LedgerEvent.REPORTS_WAITING, str(newest), row_id=newest)


def _newest(now: float, after: int) -> Select[Any]:
    """The newest report that waits and that an attempt of ours may own, if it came after the last that was posted."""
    mine = or_(IS_REPORT_OF, and_(attempts.c.phone == inbox.c.customer, IS_OPEN))
    return (
        select(func.max(inbox.c.id))
        .join(attempts, mine)
        .where(
            inbox.c.state == InboxState.WAITING,
            inbox.c.id > after,
            inbox.c.received_at.between(now - OLDEST_SECONDS, now - WAITED_SECONDS),
        )
    )


async def post_finished(campaign: CampaignLedger) -> bool:
    """Post that no lead of a campaign waits or is being called any more, if it is so: once for each such state.

    Who was taken out of the file waits for nothing. A campaign that gets new leads, or calls a lead again,
    finishes again.

    Returns:
        Whether it is finished, and was not posted before.
    """
    mine = leads.c.campaign == campaign.name
    left_out = and_(leads.c.state == LeadState.WAITING, leads.c.reason == Reason.NOT_IN_NEWEST_FILE)
    open_ = select(leads.c.id).where(
        mine, or_(leads.c.state == LeadState.WAITING, leads.c.state == LeadState.CALLING), ~left_out
    )
    async with campaign.read() as db:
        if (await db.execute(open_.limit(1))).first() is not None:
            return False
    async with campaign.write() as db:
        if (await db.execute(open_.limit(1))).first() is not None:
            return False
        people = (await db.execute(select(func.count()).where(mine))).scalar_one()
        newest = select(func.max(attempts.c.id)).where(attempts.c.campaign == campaign.name)
        last = (await db.execute(newest)).scalar_one()
        if not people:
            return False
        key = f"{campaign.name}:{last or 0}:{people}"
        return await post(db, campaign.database, LedgerEvent.CAMPAIGN_FINISHED, key, campaign=campaign.name)


async def post_credits_low(campaign: CampaignLedger, run: str, reason: str) -> bool:
    """A run met a balance that is too low to go on. Posted once a run.

    Args:
        run: Id of the run.
        reason: What was met, in words.

    Returns:
        Whether it was not posted before.
    """
    async with campaign.database.write() as db:
        key = f"{campaign.name}:{run}"
        return await post(
            db, campaign.database, LedgerEvent.CREDITS_LOW, key, campaign=campaign.name, reason=redact(reason)
        )
