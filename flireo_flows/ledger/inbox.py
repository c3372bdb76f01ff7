"""The inbox: what Flireo sent us, read once and stored as it came before it is acknowledged.

`report_matches.py` applies it.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table, bindparam, case, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import IntegrityError

from flireo_flows.api.calls import is_of_others
from flireo_flows.api.identity import comparable
from flireo_flows.api.webhooks import EventType, Glance, WebhookFormatError, glance
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.erasure import ReportOf, of_forgotten_in
from flireo_flows.ledger.leads import stored
from flireo_flows.ledger.messages import inbox_reason
from flireo_flows.ledger.report_matches import apply_waiting
from flireo_flows.ledger.reports import Expectations
from flireo_flows.ledger.schema import inbox, meta
from flireo_flows.lifecycle.states import InboxReason, InboxState
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import ATTEMPT_KEY

NO_ONE: Final = ReportOf("", "")
LONGEST_REFERENCE: Final = 64  # characters; ours have 32
_KNOWN: Final = frozenset(EventType)
_PLAIN: Final = re.compile(r"[a-z]+(?:[-._][a-z]+)*")  # a type that surely quotes no one
# What is kept of a report of a forgotten person, beside its digest.
NAMELESS: Final[Mapping[str, Any]] = {
    "body": b"",
    "customer": "",
    "call_id": "",
    "state": InboxState.APPLIED,
    "reason": InboxReason.ERASED,
    "detail": "",
}
# Rows a statement; ten columns of 128 are far below any limit.
SIZES: Final = (128, 64, 32, 16, 8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One body that came.

    Attributes:
        event: What it contains; None if it cannot be read.
        state: Where it stands in the inbox at first.
        reason: Why it is there.
        detail: Of an unreadable one, what is wrong with it, without a word of it.
        reference: Of the attempt that it names, by the address it came to or in its metadata; may be empty.
        received_at: Unix seconds of the ledger's clock.
        called_at: About when the call began, on the same clock; None if it cannot be an attempt of ours.
        of: Whose it is, by its own words.
    """

    body: bytes
    digest: str
    event: Glance | None
    state: InboxState
    reason: InboxReason
    detail: str
    reference: str
    received_at: float
    called_at: float | None = None
    of: ReportOf = NO_ONE

    @property
    def is_unknown_event(self) -> bool:
        """It can be read, and is of a type that no one here knows."""
        return self.event is not None and self.event.type not in _KNOWN

    @property
    def in_words(self) -> str:
        """Why it is there."""
        return inbox_reason(self.reason, self.detail)

    def as_row(self) -> dict[str, Any]:
        """Its row in the inbox."""
        return {
            "digest": self.digest,
            "body": self.body,
            "received_at": self.received_at,
            "deliveries": 1,
            "state": self.state,
            "reason": self.reason,
            "detail": self.detail,
            "call_id": self.of.call_id,
            "customer": _customer(self.of.phone),
            "reference": self.reference,
            "called_at": self.called_at,
        }


def read_delivery(body: bytes, reference: str, now: float, ahead: float = 0.0) -> Delivery:
    """Read a body. What cannot be read is kept too, with its reason.

    Args:
        body: Raw bytes of the request, signature already checked.
        reference: Of the attempt to whose own address it came; empty for the common address.
        now: Unix seconds of the ledger's clock.
        ahead: Seconds by which the platform's clock is ahead of that one; negative if it is behind.
    """
    digest, named = hashlib.sha256(body).hexdigest(), stored(reference)[:LONGEST_REFERENCE]
    try:
        return _read(body, digest, named, now, ahead)
    except WebhookFormatError as error:
        why = InboxReason.UNREADABLE, str(error)
    # It is signed, and will not come again: whatever it does to the reader, it is kept.
    except Exception as error:
        why = InboxReason.READER_FAILED, type(error).__name__
    of = ReportOf("", "", named)
    return Delivery(body, digest, None, InboxState.UNREADABLE, *why, named, now, None, of)


def _read(body: bytes, digest: str, named: str, now: float, ahead: float) -> Delivery:
    event = glance(body)
    given = event.metadata.get(ATTEMPT_KEY)
    if not named and isinstance(given, str):
        named = stored(given)[:LONGEST_REFERENCE]
    state, reason, detail = _standing(event, named)
    of = ReportOf(event.customer_number or "", event.call_id, named)
    return Delivery(body, digest, event, state, reason, detail, named, now, _called_at(event, now, ahead), of)


def _standing(event: Glance, reference: str) -> tuple[InboxState, InboxReason, str]:
    if event.type == EventType.ASSISTANT_REQUEST:
        return InboxState.APPLIED, InboxReason.ANSWERED, ""
    if event.type in _KNOWN and _is_inbound(event) and not reference:
        return InboxState.APPLIED, InboxReason.INBOUND, ""
    if event.type in _KNOWN:
        return InboxState.WAITING, InboxReason.NONE, ""
    known = _PLAIN.fullmatch(event.type) and len(event.type) <= 40
    return InboxState.UNREADABLE, InboxReason.UNKNOWN_EVENT, repr(event.type) if known else ""


def _customer(phone: str) -> str:
    """The key of the person, where the number is written with its country; else what came."""
    text = phone.strip()
    if not text.startswith(("+", "00")) or any(map(str.isalpha, text)):
        return phone
    return f"+{comparable(text)}"


def _is_inbound(event: Glance) -> bool:
    return is_of_others(event.call_type)


def _called_at(event: Glance, now: float, ahead: float) -> float | None:
    """About when the call began, at the latest: the start if it is given, else the report's time less the talk.

    By Flireo's clock, which may be far from ours, and further than anyone knows: so never later than so
    long before it came to us.
    """
    if _is_inbound(event):
        return None  # we did not call; no attempt of ours can own it
    sent_at = event.timestamp.timestamp() if event.timestamp else None
    if event.started_at:
        called_at = event.started_at.timestamp()
    elif sent_at is not None:
        called_at = sent_at - (event.duration_seconds or 0)
    else:
        return None
    return min(called_at - ahead, now - (sent_at - called_at if sent_at is not None else 0.0))


@dataclass(frozen=True, slots=True)
class Delivered:
    """One thing Flireo sent us: `is_new` is False for a doubled delivery."""

    is_new: bool
    state: InboxState
    reason: InboxReason = InboxReason.NONE
    detail: str = ""


class Inbox:
    """Everything the webhooks brought."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, body: bytes, reference: str = "") -> Delivered:
        """Keep a body as it came. It is on the disk when this returns.

        Args:
            body: Raw bytes of the request, signature already checked.
            reference: Of the attempt to whose own address it came; empty for the common address.
        """
        (delivered,) = await self.store_all([read_delivery(body, reference, self._database.now())])
        return delivered

    async def store_all(self, deliveries: Sequence[Delivery]) -> list[Delivered]:
        """Keep what came, in one transaction. All of it is on the disk when this returns, or none.

        Of a person who was forgotten only the digest is kept.

        Args:
            deliveries: A few hundred at most; the same body may be among them several times.

        Returns:
            What became of each, in their order.
        """
        rows: dict[str, dict[str, Any]] = {}
        for delivery in deliveries:
            row = rows.setdefault(delivery.digest, {**delivery.as_row(), "deliveries": 0})
            row["deliveries"] += 1
            row["reference"] = row["reference"] or delivery.reference
        try:
            await self._write(deliveries, rows, None)
        except IntegrityError:
            # Something of it came before. That is rare, and an upsert takes longer to prepare than to write.
            upsert = UPSERT_SQLITE if self._database.is_sqlite else UPSERT_POSTGRESQL
            found = await self._write(deliveries, rows, upsert)
            return _delivered(deliveries, rows, found)
        return _delivered(deliveries, rows, rows)

    async def try_writing(self) -> None:
        """Write something that changes nothing: whether the ledger takes it.

        Raises:
            LedgerError: It does not.
        """
        async with self._database.write() as db:
            await db.execute(update(meta).values(value=meta.c.value))

    async def _write(
        self, deliveries: Sequence[Delivery], rows: Mapping[str, dict[str, Any]], statement: Any
    ) -> Mapping[str, Mapping[str, Any]]:
        """Write the rows: insert them, or by a statement; what it returns, by digest."""

        def write(db: Connection) -> Mapping[str, Mapping[str, Any]]:
            gone = of_forgotten_in(db, self._database.key, {delivery.of for delivery in deliveries})
            for delivery in deliveries if gone else ():
                if delivery.of in gone:
                    rows[delivery.digest].update(NAMELESS)
            # In one order for everybody: two processes that store the same never wait for each other's rows.
            ordered = [rows[digest] for digest in sorted(rows)]
            if statement is None:
                insert_rows(db, inbox, ordered)
                return {}
            return {row["digest"]: dict(row) for row in db.execute(statement, ordered).mappings()}

        return await self._database.write_whole(write)

    async def apply(self, campaign: str, policy: CallingPolicy, expects: Expectations) -> tuple[int, int]:
        """Write what waiting reports contain of the campaign's attempts.

        A report that cannot be written goes to the dead letters with its reason, and the others are applied.

        Returns:
            How many reports were applied, and how many attempts ended by them.
        """
        return await apply_waiting(self._database, campaign, policy, expects)


def insert_rows(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, in their order, with as few statements as there can be.

    With SQLite each row of an `executemany` is a step of its own, before and after which the driver waits for
    Python's lock: in a thread beside a busy event loop that is most of the time. One statement of many rows is one
    step. SQLAlchemy can write it, but not remember it; so it is remembered here, for a few sizes.

    Raises:
        IntegrityError: One is there already; the transaction is to be given up.
    """
    if db.dialect.name != "sqlite":
        db.execute(insert(table), [dict(row) for row in rows])  # its driver sends them all at once
        return
    names, done = tuple(rows[0]), 0
    for size in SIZES:
        while len(rows) - done >= size:
            statement, order = _statement(table, names, size, db.dialect)
            given = {f"{name}_{i}": rows[done + i][name] for i in range(size) for name in names}
            db.exec_driver_sql(statement, tuple(given[name] for name in order))
            done += size


@lru_cache(maxsize=64)
def _statement(
    table: Table, names: tuple[str, ...], size: int, dialect: Dialect
) -> tuple[str, tuple[str, ...]]:
    """The statement for so many rows, and its parameters in their order."""
    places = [
        {name: bindparam(f"{name}_{i}", type_=table.c[name].type) for name in names} for i in range(size)
    ]
    compiled = insert(table).values(places).compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())


def _delivered(
    deliveries: Sequence[Delivery],
    rows: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Mapping[str, Any]],
) -> list[Delivered]:
    """What became of each; the first of several in one transaction is the new one, if any is."""
    seen: set[str] = set()
    delivered = []
    for delivery in deliveries:
        row, kept = rows[delivery.digest], found[delivery.digest]
        is_new = delivery.digest not in seen and kept["deliveries"] == row["deliveries"]
        seen.add(delivery.digest)
        delivered.append(
            Delivered(is_new, InboxState(kept["state"]), InboxReason(row["reason"]), str(row["detail"]))
        )
    return delivered


def _upsert(insert_into: Callable[[Table], Any]) -> Any:
    upsert = insert_into(inbox)
    # The same body may come to both addresses.
    named = case((inbox.c.reference == "", upsert.excluded.reference), else_=inbox.c.reference)
    counted = inbox.c.deliveries + upsert.excluded.deliveries
    return upsert.on_conflict_do_update(
        index_elements=["digest"], set_={"deliveries": counted, "reference": named}
    ).returning(inbox.c.digest, inbox.c.deliveries, inbox.c.state)


UPSERT_SQLITE: Final = _upsert(insert_sqlite)
UPSERT_POSTGRESQL: Final = _upsert(insert_postgresql)
