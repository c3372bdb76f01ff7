"""Which reports of the inbox are of which attempts, and what they write there.

A report belongs to an attempt by the attempt's own reference, where it came back to us; else by the call's id;
else, after a while, by the number, if no other attempt could own it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, Select, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.calls import Call
from flireo_flows.api.webhooks import EventType, WebhookEvent, parse_event
from flireo_flows.ledger.attempts import has_owner, move, release_call_in
from flireo_flows.ledger.call_reports import apply_report, suppress_after_call
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.erasure import is_pseudonym
from flireo_flows.ledger.errors import LedgerError, has_to_be_repeated, is_outage
from flireo_flows.ledger.lead_queue import LONGEST_CALL_SECONDS
from flireo_flows.ledger.reports import Expectations, finished_call_of, object_of, report_of_event
from flireo_flows.ledger.schema import IS_OPEN, attempts, inbox, leads
from flireo_flows.lifecycle.outcomes import outcome_of
from flireo_flows.lifecycle.states import (
    AttemptEvent,
    AttemptState,
    IdSource,
    InboxReason,
    InboxState,
    LeadState,
    Reason,
)
from flireo_flows.policy import CallingPolicy, opt_out_of

PORTION: Final = 500  # reports handled in one transaction
SETTLING_SECONDS: Final = 3.0  # a report can overtake the answer that carries its call id
EARLY_SECONDS: Final = 120.0  # how far the platform's clock may be before ours
LATE_SECONDS: Final = 600.0  # how long after its request a call may be placed
RESULTS: Final = (EventType.END_OF_CALL_REPORT, EventType.STATUS_UPDATE)
_COLUMNS: Final = (
    *attempts.c,
    inbox.c.id.label("inbox_id"),
    inbox.c.body.label("body"),
    inbox.c.call_id.label("inbox_call_id"),
    inbox.c.customer.label("customer"),
    inbox.c.received_at.label("received_at"),
    inbox.c.called_at.label("called_at"),
)


# A report names an attempt, by an id of its call or by the attempt's own reference.
IS_REPORT_OF: Final = or_(
    attempts.c.call_id == inbox.c.call_id,
    attempts.c.report_id == inbox.c.call_id,
    and_(inbox.c.reference != "", attempts.c.reference == inbox.c.reference),
)


def is_waiting() -> Any:
    """Of a report: that it waits for its attempt."""
    return inbox.c.state == InboxState.WAITING


def reports_by_reference(campaign: str) -> Select[Any]:
    """One whose request is still on its way gets its call id from the answer first."""
    return (
        select(*_COLUMNS)
        .join(inbox, and_(inbox.c.reference != "", attempts.c.reference == inbox.c.reference))
        .where(is_waiting(), attempts.c.campaign == campaign, attempts.c.state != AttemptState.SENDING)
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def reports_by_call_id(campaign: str) -> Select[Any]:
    """Reports of calls whose ids attempts of a campaign have."""
    same = or_(attempts.c.call_id == inbox.c.call_id, attempts.c.report_id == inbox.c.call_id)
    return (
        select(*_COLUMNS)
        .join(inbox, same)
        .where(is_waiting(), attempts.c.campaign == campaign)
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def reports_put_aside(campaign: str) -> Select[Any]:
    """Reports of open attempts that say of an inbound call: the id proves more than the platform's word for it."""
    is_open = and_(attempts.c.campaign == campaign, attempts.c.state == AttemptState.PLACED)
    ids = select(attempts.c.call_id).where(is_open, attempts.c.call_id.is_not(None))
    return (
        select(*_COLUMNS)
        .join(inbox, attempts.c.call_id == inbox.c.call_id)
        .where(
            is_open,
            inbox.c.call_id.in_(ids),
            inbox.c.state == InboxState.APPLIED,
            inbox.c.reason == InboxReason.INBOUND,
        )
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


# A report under an id that no attempt has may be of an open one; of one that the list showed to be over, for its
# analysis came later; and of one that counts as not placed, although it was.
MAY_OWN: Final = and_(
    attempts.c.phone == inbox.c.customer,
    inbox.c.called_at >= attempts.c.began_at - EARLY_SECONDS,
    or_(
        attempts.c.state.in_([str(AttemptState.UNKNOWN), str(AttemptState.PLACED)]),
        and_(
            attempts.c.state == str(AttemptState.ENDED),
            attempts.c.report_channel != "webhook",
            attempts.c.report_id.is_(None),
            attempts.c.id_source != str(IdSource.MISMATCH),
            inbox.c.called_at <= attempts.c.over_at + EARLY_SECONDS,
        ),
        and_(
            attempts.c.state == str(AttemptState.NOT_PLACED),
            attempts.c.absent_since.is_not(None),
            inbox.c.called_at <= attempts.c.began_at + LATE_SECONDS,
        ),
    ),
)


def reports_by_number(campaign: str, now: float) -> Select[Any]:
    """Reports that may be of an attempt at their number; not those that name an attempt of ours."""
    owner = attempts.alias()
    owned = select(owner.c.id).where(
        or_(
            owner.c.call_id == inbox.c.call_id,
            owner.c.report_id == inbox.c.call_id,
            and_(inbox.c.reference != "", owner.c.reference == inbox.c.reference),
        )
    )
    return (
        select(*_COLUMNS)
        .join(inbox, MAY_OWN)
        .where(
            is_waiting(),
            attempts.c.campaign == campaign,
            inbox.c.received_at <= now - SETTLING_SECONDS,
            ~owned.exists(),
        )
        .order_by(inbox.c.id)
        .limit(PORTION)
    )


def rivals_of(row: Row[Any]) -> Select[Any]:
    """Other attempts at a number, of any campaign, that could own a report of a call to it."""
    others = and_(attempts.c.phone == row.phone, attempts.c.id != row.id)
    # Its call began when the report's did, as far as clocks agree; and its own report has not come yet.
    then = and_(
        attempts.c.began_at.between(row.called_at - LONGEST_CALL_SECONDS, row.called_at + EARLY_SECONDS),
        or_(attempts.c.over_at.is_(None), attempts.c.over_at >= row.called_at - EARLY_SECONDS),
        attempts.c.channel != "webhook",
        or_(attempts.c.state != AttemptState.NOT_PLACED, attempts.c.absent_since.is_not(None)),
    )
    return select(attempts.c.id).where(others, or_(IS_OPEN, then)).limit(1)


def report_and_attempt(inbox_id: int, attempt_id: int) -> Select[Any]:
    """A report beside an attempt, as this transaction sees both."""
    both = attempts.join(inbox, and_(attempts.c.id == attempt_id, inbox.c.id == inbox_id))
    return select(*_COLUMNS).select_from(both)


async def apply_waiting(
    database: Database, campaign: str, policy: CallingPolicy, expects: Expectations
) -> tuple[int, int]:
    """As `Inbox.apply`."""
    now = database.now()
    waits = select(inbox.c.id).where(is_waiting()).limit(1)
    async with database.read() as db:
        if not any([(await db.execute(found)).first() for found in (waits, reports_put_aside(campaign))]):
            return 0, 0
    async with database.write(campaign) as db:
        applying = _Applying(db, database, policy, expects, now)
        # The surest way to an attempt comes first: its own reference cannot be another's, a call id may be reused
        # or arrive before the answer that carries it, and a number may have been called by several attempts.
        await applying.each(reports_by_reference(campaign), applying.named)
        await applying.each(reports_by_call_id(campaign), applying.known)
        await applying.each(reports_put_aside(campaign), applying.known)
        await applying.each(reports_by_number(campaign, now), applying.adopted)
    return applying.applied, applying.ended


@dataclass(slots=True)
class _Applying:
    """One transaction in which reports are written to their attempts.

    Attributes:
        applied: How many were.
        ended: How many attempts ended by them.
    """

    db: AsyncConnection
    database: Database
    policy: CallingPolicy
    expects: Expectations
    now: float
    applied: int = 0
    ended: int = 0
    _touched: set[int] = field(default_factory=set)
    _marks: dict[tuple[InboxReason, bool], list[int]] = field(default_factory=dict)

    async def each(self, found: Select[Any], write: Callable[[Row[Any]], Awaitable[bool | None]]) -> None:
        """Write each report that is found; None where it was not this attempt's."""
        rows = (await self.db.execute(found)).all()
        # All in one savepoint: it costs as much as a statement. Its failure is rare, and then each report gets its own.
        counts, touched = (self.applied, self.ended), set(self._touched)
        try:
            async with self.db.begin_nested():
                for row in rows:
                    await self._write(row, write)
                await self._mark()
        except Exception as error:
            _raise_of_ledger(error)
            # One of them cannot be written: now each by itself, so that the others are.
            (self.applied, self.ended), self._touched = counts, touched
            self._marks.clear()
            for row in rows:
                await self._write_alone(row, write)

    async def _write_alone(self, row: Row[Any], write: Callable[[Row[Any]], Awaitable[bool | None]]) -> None:
        try:
            async with self.db.begin_nested():
                await self._write(row, write)
                await self._mark()
        except Exception as error:
            # The report's own fault: it would stop all others each time.
            _raise_of_ledger(error)
            self._marks.clear()
            await self._bury(row, error)

    async def _write(self, row: Row[Any], write: Callable[[Row[Any]], Awaitable[bool | None]]) -> None:
        # What an earlier report of the same call wrote has to be seen, or it would be written over.
        current = await self._current(row) if row.id in self._touched else row
        self._touched.add(row.id)
        ended = await write(current)
        self.applied += ended is not None
        self.ended += bool(ended)

    async def _mark(self) -> None:
        """Say of the reports that were written that they were: all that are marked alike in one statement."""
        marks, self._marks = self._marks, {}
        for (reason, is_nameless), ids in marks.items():
            nameless = {"body": b"", "customer": ""} if is_nameless else {}
            applied = update(inbox).where(inbox.c.id.in_(ids))
            await self.db.execute(applied.values(state=InboxState.APPLIED, reason=reason, **nameless))

    async def _current(self, row: Row[Any]) -> Row[Any]:
        return (await self.db.execute(report_and_attempt(row.inbox_id, row.id))).one()

    async def _bury(self, row: Row[Any], error: Exception) -> None:
        why = {"reason": InboxReason.NOT_APPLIED, "detail": type(error).__name__}
        mine = update(inbox).where(inbox.c.id == row.inbox_id)
        await self.db.execute(mine.values(state=InboxState.UNREADABLE, **why))

    async def named(self, row: Row[Any]) -> bool | None:
        """Write a report that names its attempt; not one of a call with another number."""
        if _is_of_another(row):
            await self._set_aside(row)
            return None
        return await self.settle(await self._owned(row))

    async def _owned(self, row: Row[Any]) -> Row[Any]:
        """Give an attempt the call of a report that names it: an unknown one is settled by that."""
        # Two attempts with one call id would each count the call, and one of them would be called again for nothing.
        if row.inbox_call_id in (row.call_id, row.report_id) or await has_owner(self.db, row.inbox_call_id):
            return row
        if row.state == AttemptState.UNKNOWN and row.call_id is None:
            await move(self.db, row.id, AttemptEvent.FOUND, **_by_webhook(row))
        elif row.state != AttemptState.NOT_PLACED:
            # The webhooks carry another id than the answer did: possible, never yet proved.
            alias = update(attempts).where(attempts.c.id == row.id, attempts.c.report_id.is_(None))
            await self.db.execute(alias.values(report_id=row.inbox_call_id))
        return await self._current(row)

    async def known(self, row: Row[Any]) -> bool | None:
        """Write a report of a call whose id an attempt has; None where that proves to be another call.

        Then the report waits for the attempt whose call it is.
        """
        if row.received_at < row.began_at - EARLY_SECONDS or _is_of_another(row):
            # The id came from the answer to our request, and belongs to a call to someone else: so it is not known
            # whether ours was placed, and the list of calls has to show it before the lead may be called again.
            if row.state == AttemptState.PLACED and row.inbox_call_id == row.call_id:
                await release_call_in(self.db, row, self.now)
            else:
                await self._set_aside(row)
            return None
        return await self.settle(row)

    async def _set_aside(self, row: Row[Any]) -> None:
        mine = update(inbox).where(inbox.c.id == row.inbox_id)
        await self.db.execute(mine.values(state=InboxState.UNREADABLE, reason=InboxReason.OTHER_NUMBER))

    async def settle(self, row: Row[Any]) -> bool:
        """Write one report of an attempt that is known."""
        if row.state == AttemptState.UNKNOWN:
            await move(self.db, row.id, AttemptEvent.FOUND)
            row = await self._current(row)
        event = parse_event(row.body)
        reason, ends = InboxReason.NONE, False
        if row.state == AttemptState.NOT_PLACED:
            reason = InboxReason.ATTEMPT_NOT_PLACED
            await self._write_after_all(row, event)
        elif event.type in RESULTS:
            report = report_of_event(event)
            ends = await apply_report(
                self.db, self.database, row, report, self.policy, self.expects, self.now
            )
        self._marks.setdefault((reason, is_pseudonym(row.phone)), []).append(row.inbox_id)
        return ends

    async def _write_after_all(self, row: Row[Any], event: WebhookEvent) -> None:
        """Write down what a call contained that had counted as not placed. The attempt stays what it counts as.

        Another attempt may have taken its place by now; but an opt-out in this call holds all the same.
        """
        await _called_after_all(self.db, row)
        if event.type not in RESULTS:
            return
        report = report_of_event(event)
        await apply_report(self.db, self.database, row, report, self.policy, self.expects, self.now)
        if not report.is_last_word:
            return
        current = await self._current(row)
        outcome = outcome_of(finished_call_of(current._asdict()), self.policy.outcomes)
        mine = update(attempts).where(attempts.c.id == row.id)
        await self.db.execute(mine.values(outcome=outcome))
        lesson = opt_out_of(self.policy, outcome, object_of(current.analysis), current.end_reason)
        await suppress_after_call(self.db, self.database, current, lesson, self.now)

    async def adopted(self, row: Row[Any]) -> bool | None:
        """Write a report of a call to the attempt's number, if no other attempt could own it."""
        return await self.settle(await self._current(row)) if await self._adopt(row) else None

    async def _adopt(self, row: Row[Any]) -> bool:
        """Take a report whose call id no one has for the one attempt at its number that could own it.

        Contract section 19. Ended ones could too: a call may be reported under another id than it was listed
        under, and after the next call to the number began.
        """
        # A wrong guess gives one lead another's words, and frees the other lead to be called again: so it waits.
        if (await self.db.execute(rivals_of(row))).first() is not None:
            return False
        if row.state == AttemptState.UNKNOWN:
            return await move(self.db, row.id, AttemptEvent.FOUND, **_by_webhook(row))
        if row.state == AttemptState.NOT_PLACED:
            return True
        # A placed call whose webhooks carry another id than its answer did: possible, never yet proved.
        agrees = select(attempts.c.id).where(
            attempts.c.channel == "webhook",
            attempts.c.report_id.is_(None),
            attempts.c.id_source.in_([str(IdSource.ANSWER), str(IdSource.LIST)]),
        )
        if (await self.db.execute(agrees.limit(1))).first():
            return False
        alias = update(attempts).where(attempts.c.id == row.id, attempts.c.report_id.is_(None))
        return bool((await self.db.execute(alias.values(report_id=row.inbox_call_id))).rowcount)


def _by_webhook(row: Row[Any]) -> dict[str, Any]:
    """What an unknown attempt is given by a report of its call."""
    return {"call_id": row.inbox_call_id, "id_source": IdSource.WEBHOOK, "reason": Reason.NONE, "detail": ""}


def _is_of_another(row: Row[Any]) -> bool:
    """Whether a report is of a call with a number that is surely not its attempt's."""
    if not row.customer or row.customer == row.phone or is_pseudonym(row.phone):
        return False
    event = parse_event(row.body)
    call = Call(id=row.inbox_call_id, caller_phone=event.customer_number, phone_number=event.platform_number)
    return call.is_surely_not_with(row.phone)


def _raise_of_ledger(error: Exception) -> None:
    """If the ledger failed, no report is to blame for it."""
    if isinstance(error, LedgerError) or is_outage(error) or has_to_be_repeated(error):
        raise error


async def _called_after_all(db: AsyncConnection, row: Row[Any]) -> None:
    """Two readings of the list proved that no call was placed, and one was. The lead needs review before the next."""
    waits = update(leads).where(leads.c.id == row.lead_id, leads.c.state == LeadState.WAITING)
    await db.execute(waits.values(state=LeadState.REVIEW, reason=Reason.CALLED_AFTER_ALL))
    await db.execute(update(attempts).where(attempts.c.id == row.id).values(called_after_all=True))
