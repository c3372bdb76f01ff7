"""Which reports of the inbox are of which attempts: by reference, by call id, by number."""

from typing import Any, Final

from sqlalchemy import Row, Select, and_, or_, select

from flireo_flows.ledger.lead_queue import LONGEST_CALL_SECONDS
from flireo_flows.ledger.schema import attempts, inbox
from flireo_flows.lifecycle.reasons import InboxReason
from flireo_flows.lifecycle.states import OPEN, AttemptState, IdSource, InboxState

PORTION: Final = 500  # reports handled in one transaction
SETTLING_SECONDS: Final = 3.0  # a report can overtake the answer that carries its call id
EARLY_SECONDS: Final = 120.0  # how far the platform's clock may be before ours
LATE_SECONDS: Final = 600.0  # how long after its request a call may be placed
_COLUMNS: Final = (
    *attempts.c,
    inbox.c.id.label("inbox_id"),
    inbox.c.body.label("body"),
    inbox.c.call_id.label("inbox_call_id"),
    inbox.c.customer.label("customer"),
    inbox.c.received_at.label("received_at"),
    inbox.c.called_at.label("called_at"),
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
    return select(attempts.c.id).where(others, or_(attempts.c.state.in_(list(map(str, OPEN))), then)).limit(1)


def report_and_attempt(inbox_id: int, attempt_id: int) -> Select[Any]:
    """A report beside an attempt, as this transaction sees both."""
    both = attempts.join(inbox, and_(attempts.c.id == attempt_id, inbox.c.id == inbox_id))
    return select(*_COLUMNS).select_from(both)
