"""The inbox: what Flireo sent us, stored as it came before it was acknowledged, and matched afterwards.

A report belongs to an attempt by the attempt's own reference, where it came back to us; else by the call's id;
else, after a while, by the number, if no other attempt could own it.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, and_, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.webhooks import EventType, UnreadableEvent, WebhookEvent, parse_event
from flireo_flows.calling.choice import ATTEMPT_KEY
from flireo_flows.calling.ledger.attempts import move
from flireo_flows.calling.ledger.database import Database
from flireo_flows.calling.ledger.forgetting import is_of_forgotten_in, is_pseudonym
from flireo_flows.calling.ledger.leads import stored
from flireo_flows.calling.ledger.picking import LONGEST_CALL_SECONDS
from flireo_flows.calling.ledger.reports import Expectations, apply_report, report_of_event
from flireo_flows.calling.ledger.schema import attempts, inbox, leads
from flireo_flows.calling.ledger.suppressions import FORGOTTEN
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.states import OPEN, AttemptState, Event, InboxState, LeadState

PORTION: Final = 500  # reports handled in one transaction
SETTLING_SECONDS: Final = 3.0  # a report can overtake the answer that carries its call id
EARLY_SECONDS: Final = 120.0  # how far the platform's clock may be before ours
LONGEST_REFERENCE: Final = 64  # characters; ours have 32
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

    async def store(self, body: bytes, reference: str = "") -> Delivered:
        """Keep a body as it came. It is on the disk when this returns.

        Of somebody who was forgotten only the digest is kept.

        Args:
            body: Raw bytes of the request, signature already checked.
            reference: Of the attempt to whose own address it came; empty for the common address.
        """
        row = _row(body, reference, self._database.now())
        upsert = insert_sqlite(inbox) if self._database.is_sqlite else insert_postgresql(inbox)
        # The same body may come to both addresses.
        named = case((inbox.c.reference == "", upsert.excluded.reference), else_=inbox.c.reference)
        again = upsert.on_conflict_do_update(
            index_elements=["digest"], set_={"deliveries": inbox.c.deliveries + 1, "reference": named}
        ).returning(inbox.c.deliveries, inbox.c.state)
        async with self._database.write() as db:
            phone, call_id = str(row["customer"]), str(row["call_id"])
            if await is_of_forgotten_in(db, self._database, phone, call_id, str(row["reference"])):
                row |= {
                    "body": b"",
                    "customer": "",
                    "call_id": "",
                    "state": InboxState.APPLIED,
                    "reason": FORGOTTEN,
                }
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
            for row in (await db.execute(_by_reference(campaign))).all():
                ended += await self._settle(db, await self._owned(db, row), policy, expects, now)
                applied += 1
            for row in (await db.execute(_by_call_id(campaign))).all():
                ended += await self._settle(db, row, policy, expects, now)
                applied += 1
            for row in (await db.execute(_by_number(campaign, now))).all():
                if await self._adopt(db, row):
                    adopted = (await db.execute(_matched(row.inbox_id, row.id))).one()
                    ended += await self._settle(db, adopted, policy, expects, now)
                    applied += 1
        return applied, ended

    async def _owned(self, db: AsyncConnection, row: Row[Any]) -> Row[Any]:
        """Give an attempt the call of a report that names it, and thereby tell of an unknown one that it rang."""
        if row.inbox_call_id in (row.call_id, row.report_id) or await _has_owner(db, row.inbox_call_id):
            return row
        if row.state == AttemptState.UNKNOWN and row.call_id is None:
            await move(db, row.id, Event.FOUND, call_id=row.inbox_call_id, reason="")
        elif row.state != AttemptState.NOT_PLACED:
            # The webhooks carry another id than the answer did: possible, never yet proved.
            alias = update(attempts).where(attempts.c.id == row.id, attempts.c.report_id.is_(None))
            await db.execute(alias.values(report_id=row.inbox_call_id))
        return (await db.execute(_matched(row.inbox_id, row.id))).one()

    async def _settle(
        self, db: AsyncConnection, row: Row[Any], policy: CallingPolicy, expects: Expectations, now: float
    ) -> bool:
        """Write one report of an attempt that is known."""
        if row.state == AttemptState.UNKNOWN:
            await move(db, row.id, Event.FOUND)
            row = (await db.execute(_matched(row.inbox_id, row.id))).one()
        event = parse_event(row.body)
        reason, ends = "", False
        if row.state == AttemptState.NOT_PLACED:
            reason = "its attempt had counted as not placed"
            await _rang_after_all(db, row.lead_id)
        elif event.type in RESULTS:
            report = report_of_event(event)
            ends = await apply_report(db, self._database, row, report, policy, expects, now)
        nameless = {"body": b"", "customer": ""} if is_pseudonym(row.phone) else {}
        applied = update(inbox).where(inbox.c.id == row.inbox_id)
        await db.execute(applied.values(state=InboxState.APPLIED, reason=reason, **nameless))
        return ends

    async def _adopt(self, db: AsyncConnection, row: Row[Any]) -> bool:
        """Take a report whose call id nobody has for the one attempt at its number that could own it.

        Contract section 19. Ended ones could too: a call may be reported under another id than it was listed
        under, and after the next call to the number began.
        """
        if (await db.execute(_rivals(row))).first() is not None:
            return False
        if row.state == AttemptState.UNKNOWN:
            return await move(db, row.id, Event.FOUND, call_id=row.inbox_call_id, reason="")
        # A placed call whose webhooks carry another id than its answer did: possible, never yet proved.
        agrees = select(attempts.c.id).where(attempts.c.channel == "webhook", attempts.c.report_id.is_(None))
        if (await db.execute(agrees.limit(1))).first():
            return False
        alias = update(attempts).where(attempts.c.id == row.id, attempts.c.report_id.is_(None))
        return bool((await db.execute(alias.values(report_id=row.inbox_call_id))).rowcount)


def _row(body: bytes, reference: str, now: float) -> dict[str, object]:
    row: dict[str, object] = {
        "digest": hashlib.sha256(body).hexdigest(),
        "body": body,
        "received_at": now,
        "deliveries": 1,
        "state": InboxState.WAITING,
        "reason": "",
        "call_id": "",
        "customer": "",
        "reference": stored(reference)[:LONGEST_REFERENCE],
        "rang_at": None,
    }
    try:
        event = parse_event(body)
    except UnreadableEvent as error:
        return {**row, "state": InboxState.UNREADABLE, "reason": str(error)}
    told = event.metadata.get(ATTEMPT_KEY)
    return {
        **row,
        "call_id": event.call_id,
        "customer": event.customer_number or "",
        "reference": row["reference"] or (stored(told)[:LONGEST_REFERENCE] if isinstance(told, str) else ""),
        "rang_at": _rang_at(event, now),
    }


def _rang_at(event: WebhookEvent, now: float) -> float | None:
    """About when the phone rang, at the latest: the start if it is told, else the report's time less the talk.

    Told by Flireo's clock, which may be ahead of ours: so never later than so long before it came to us.
    """
    if "inbound" in (event.call_type or "").lower():
        return None  # we did not ring; no attempt of ours can own it
    sent_at = event.timestamp.timestamp() if event.timestamp else None
    if event.started_at:
        rang_at = event.started_at.timestamp()
    elif sent_at is not None:
        rang_at = sent_at - (event.duration_seconds or 0)
    else:
        return None
    return min(rang_at, now - (sent_at - rang_at if sent_at is not None else 0.0))


_COLUMNS: Final = (
    *attempts.c,
    inbox.c.id.label("inbox_id"),
    inbox.c.body.label("body"),
    inbox.c.call_id.label("inbox_call_id"),
    inbox.c.rang_at.label("rang_at"),
)


def _is_waiting() -> Any:
    return inbox.c.state == InboxState.WAITING


def _by_reference(campaign: str) -> Select[Any]:
    """One whose request is still on its way gets its call id from the answer first."""
    return (
        select(*_COLUMNS)
        .join(inbox, and_(inbox.c.reference != "", attempts.c.reference == inbox.c.reference))
        .where(_is_waiting(), attempts.c.campaign == campaign, attempts.c.state != AttemptState.SENDING)
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def _by_call_id(campaign: str) -> Select[Any]:
    same = or_(attempts.c.call_id == inbox.c.call_id, attempts.c.report_id == inbox.c.call_id)
    return (
        select(*_COLUMNS)
        .join(inbox, same)
        .where(_is_waiting(), attempts.c.campaign == campaign)
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def _by_number(campaign: str, now: float) -> Select[Any]:
    """Reports that may be of an attempt at their number; not those that name an attempt of ours."""
    owner = attempts.alias()
    owned = select(owner.c.id).where(
        or_(
            owner.c.call_id == inbox.c.call_id,
            owner.c.report_id == inbox.c.call_id,
            and_(inbox.c.reference != "", owner.c.reference == inbox.c.reference),
        )
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


def _rivals(row: Row[Any]) -> Select[Any]:
    """Other attempts at a number, of any campaign, that could own a report of a call to it."""
    others = and_(attempts.c.phone == row.phone, attempts.c.id != row.id)
    # Its call rang when the report's did, as far as clocks agree; and its own report has not come yet.
    then = and_(
        attempts.c.began_at.between(row.rang_at - LONGEST_CALL_SECONDS, row.rang_at + EARLY_SECONDS),
        or_(attempts.c.over_at.is_(None), attempts.c.over_at >= row.rang_at - EARLY_SECONDS),
        attempts.c.channel != "webhook",
        or_(attempts.c.state != AttemptState.NOT_PLACED, attempts.c.absent_since.is_not(None)),
    )
    return select(attempts.c.id).where(others, or_(attempts.c.state.in_(list(map(str, OPEN))), then)).limit(1)


def _matched(inbox_id: int, attempt_id: int) -> Select[Any]:
    both = attempts.join(inbox, and_(attempts.c.id == attempt_id, inbox.c.id == inbox_id))
    return select(*_COLUMNS).select_from(both)


async def _has_owner(db: AsyncConnection, call_id: str) -> bool:
    owner = or_(attempts.c.call_id == call_id, attempts.c.report_id == call_id)
    return (await db.execute(select(attempts.c.id).where(owner).limit(1))).first() is not None


async def _rang_after_all(db: AsyncConnection, lead_id: int) -> None:
    """Somebody was rung of whom the list said, twice, that nobody had. A person looks before they are rung again."""
    waits = update(leads).where(leads.c.id == lead_id, leads.c.state == LeadState.WAITING)
    reason = "a report came of a call that had counted as not placed"
    await db.execute(waits.values(state=LeadState.REVIEW, reason=reason))
