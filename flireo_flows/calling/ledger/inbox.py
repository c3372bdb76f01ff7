"""The inbox: what Flireo sent us, stored as it came before it was acknowledged, and matched afterwards."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.webhooks import EventType, UnreadableEvent, WebhookEvent, parse_event
from flireo_flows.calling.ledger.attempts import move
from flireo_flows.calling.ledger.database import Database
from flireo_flows.calling.ledger.reports import Expectations, apply_report, report_of_event
from flireo_flows.calling.ledger.schema import attempts, inbox
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.states import AttemptState, Event, InboxState

PORTION: Final = 500  # reports handled in one transaction
SETTLING_SECONDS: Final = 3.0  # a report can overtake the answer that carries its call id
EARLY_SECONDS: Final = 120.0  # how far the platform's clock may be before ours
RESULTS: Final = (EventType.END_OF_CALL_REPORT, EventType.STATUS_UPDATE)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One thing Flireo sent us: `is_new` is False for a doubled delivery."""

    is_new: bool
    state: InboxState
    reason: str = ""


class Inbox:
    """Everything the webhooks brought."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, body: bytes) -> Delivered:
        """Keep a body as it came. It is on the disk when this returns.

        Args:
            body: Raw bytes of the request, signature already checked.
        """
        row = _row(body, self._database.now())
        upsert = insert_sqlite(inbox) if self._database.is_sqlite else insert_postgresql(inbox)
        again = upsert.on_conflict_do_update(
            index_elements=["digest"], set_={"deliveries": inbox.c.deliveries + 1}
        ).returning(inbox.c.deliveries, inbox.c.state)
        async with self._database.write() as db:
            deliveries, state = (await db.execute(again, row)).one()
        return Delivered(deliveries == 1, InboxState(state), str(row["reason"]))

    async def apply(self, campaign: str, policy: CallingPolicy, expects: Expectations) -> tuple[int, int]:
        """Write what waiting reports tell of the campaign's attempts.

        Returns:
            How many reports were applied, and how many attempts ended by them.
        """
        now = self._database.now()
        async with self._database.read() as db:
            if not (await db.execute(select(inbox.c.id).where(_is_waiting()).limit(1))).first():
                return 0, 0
        ended = applied = 0
        async with self._database.write(campaign) as db:
            for row in (await db.execute(_by_call_id(campaign))).all():
                ended += await self._settle(db, row, policy, expects, now)
                applied += 1
            for row in (await db.execute(_by_number(campaign, now))).all():
                if await self._adopt(db, row):
                    adopted = (await db.execute(_matched(row.inbox_id, row.id))).one()
                    ended += await self._settle(db, adopted, policy, expects, now)
                    applied += 1
        return applied, ended

    async def _settle(
        self, db: AsyncConnection, row: Row[Any], policy: CallingPolicy, expects: Expectations, now: float
    ) -> bool:
        """Write one report of an attempt that is known."""
        if row.state == AttemptState.UNKNOWN:
            await move(db, row.id, Event.FOUND)
            row = (await db.execute(_matched(row.inbox_id, row.id))).one()
        event = parse_event(row.body)
        ends = event.type in RESULTS and await apply_report(
            db, row, report_of_event(event), policy, expects, now
        )
        await db.execute(update(inbox).where(inbox.c.id == row.inbox_id).values(state=InboxState.APPLIED))
        return ends

    async def _adopt(self, db: AsyncConnection, row: Row[Any]) -> bool:
        """Take a report whose call id nobody has for the one open attempt at its number (contract section 19)."""
        rivals = select(func.count()).where(
            attempts.c.phone == row.phone,
            attempts.c.state.in_([AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.PLACED]),
        )
        if (await db.execute(rivals)).scalar_one() != 1:
            return False
        if row.state == AttemptState.UNKNOWN:
            return await move(db, row.id, Event.FOUND, call_id=row.inbox_call_id, reason="")
        # A placed call whose webhooks carry another id than its answer did: possible, never yet proved.
        agrees = select(attempts.c.id).where(attempts.c.channel == "webhook", attempts.c.report_id.is_(None))
        if (await db.execute(agrees.limit(1))).first():
            return False
        alias = update(attempts).where(attempts.c.id == row.id, attempts.c.report_id.is_(None))
        return bool((await db.execute(alias.values(report_id=row.inbox_call_id))).rowcount)


def _row(body: bytes, now: float) -> dict[str, object]:
    row: dict[str, object] = {
        "digest": hashlib.sha256(body).hexdigest(),
        "body": body,
        "received_at": now,
        "deliveries": 1,
        "state": InboxState.WAITING,
        "reason": "",
        "call_id": "",
        "customer": "",
        "rang_at": None,
    }
    try:
        event = parse_event(body)
    except UnreadableEvent as error:
        return {**row, "state": InboxState.UNREADABLE, "reason": str(error)}
    return {
        **row,
        "call_id": event.call_id,
        "customer": event.customer_number or "",
        "rang_at": _rang_at(event),
    }


def _rang_at(event: WebhookEvent) -> float | None:
    """About when the phone rang: the start if it is told, else the report's time less the talk."""
    if "inbound" in (event.call_type or "").lower():
        return None  # we did not ring; no attempt of ours can own it
    if event.started_at:
        return event.started_at.timestamp()
    return event.timestamp.timestamp() - (event.duration_seconds or 0) if event.timestamp else None


_COLUMNS: Final = (
    *attempts.c,
    inbox.c.id.label("inbox_id"),
    inbox.c.body.label("body"),
    inbox.c.call_id.label("inbox_call_id"),
)


def _is_waiting() -> Any:
    return inbox.c.state == InboxState.WAITING


def _by_call_id(campaign: str) -> Any:
    same = or_(attempts.c.call_id == inbox.c.call_id, attempts.c.report_id == inbox.c.call_id)
    return (
        select(*_COLUMNS)
        .join(inbox, same)
        .where(_is_waiting(), attempts.c.campaign == campaign)
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def _by_number(campaign: str, now: float) -> Any:
    owner = attempts.alias()
    owned = select(owner.c.id).where(
        or_(owner.c.call_id == inbox.c.call_id, owner.c.report_id == inbox.c.call_id)
    )
    may_own = and_(
        attempts.c.phone == inbox.c.customer,
        attempts.c.state.in_([AttemptState.UNKNOWN, AttemptState.PLACED]),
        inbox.c.rang_at >= attempts.c.began_at - EARLY_SECONDS,
    )
    return (
        select(*_COLUMNS)
        .join(inbox, may_own)
        .where(
            _is_waiting(),
            attempts.c.campaign == campaign,
            inbox.c.received_at <= now - SETTLING_SECONDS,
            ~owned.exists(),
        )
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def _matched(inbox_id: int, attempt_id: int) -> Any:
    both = attempts.join(inbox, and_(attempts.c.id == attempt_id, inbox.c.id == inbox_id))
    return select(*_COLUMNS).select_from(both)
