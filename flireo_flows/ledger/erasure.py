"""Forgetting a person: what the ledger knows of them is erased, and they are still never called."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import name_key, spellings
from flireo_flows.api.redaction import mask_phone
from flireo_flows.ledger.call_history import tail_of
from flireo_flows.ledger.campaigns import DeclinedError
from flireo_flows.ledger.database import WRITING, Database
from flireo_flows.ledger.reports import WORDS
from flireo_flows.ledger.schema import (
    FORGOT,
    IS_ERASED,
    IS_OPEN,
    PSEUDONYM,
    account_calls,
    attempts,
    decisions,
    do_not_call,
    inbox,
    leads,
    meta,
    people,
    suppressions,
)
from flireo_flows.ledger.suppressions import digest, suppress_in
from flireo_flows.lifecycle.states import (
    AttemptState,
    InboxReason,
    InboxState,
    LeadState,
    Reason,
    SuppressionSource,
)
from flireo_flows.policy import Rule

BESIDE_DIGITS: Final = "+ ()./-\u00a0\t"
NO_FILE: Final = "forgotten"  # the file of an erased lead: no run is given it
PREFIX: Final = 16  # characters of the digest in a pseudonym


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much of a person was erased: rows by kind."""

    leads: int
    attempts: int
    reports: int
    decisions: int


async def forget(database: Database, phone: str) -> Forgotten:
    """Erase what the ledger knows of a person, in every campaign, and never call them again.

    Name, columns, wishes, time zones, words and recordings of calls, analyses, reports as they came, and
    what decisions looked at. Only a digest of the number stays. States, times and outcomes stay under a
    pseudonym, so that the counts of a campaign stay true. Doing it again changes nothing.

    SQLite overwrites what it erases, in the file and in its log. PostgreSQL frees the old rows at its next
    vacuum. Files that were exported, backups, and what Flireo itself keeps are not reached.

    Args:
        phone: E.164.

    Raises:
        DeclinedError: A call to the number is in progress, and its end could not be matched without the number. It is
            suppressed at once all the same.
    """
    async with database.write() as db:
        if database.is_sqlite:
            await db.execute(text("PRAGMA secure_delete=ON"))
        await _take_turns(db, database, phone)
        now = database.now()
        await suppress_in(db, database, [phone], SuppressionSource.PERSON, "asked to be forgotten", "", now)
        is_under_way = await _is_under_way(db, phone)
        if not is_under_way:
            erased = await _erase(db, database, phone, now)
    if is_under_way:
        raise DeclinedError(
            f"a call to {mask_phone(phone)} is under way, or its result is not in yet: nothing is erased, but they are "
            "not called any more. Try again when it has ended (the next run of its campaign collects it)."
        )
    if database.is_sqlite:
        await _empty_log(database)
    return erased


class ReportOf(NamedTuple):
    """What a report that just came is of, by its own words; each may be empty.

    Attributes:
        phone: The number it names.
        call_id: The call.
        reference: Of the attempt to whose own address it came.
    """

    phone: str
    call_id: str
    reference: str = ""


def of_forgotten_in(db: Connection, key: bytes, reports: Collection[ReportOf]) -> set[ReportOf]:
    """Which reports are of forgotten people: nothing but their digests is to be kept.

    Args:
        key: The ledger's own (`Database.key`).
        reports: A few hundred at most.
    """
    if db.execute(_FORGOT_SOMEBODY).first() is None:  # as in most ledgers: each delivery that comes asks this
        return set()
    digests = {it.phone: [digest(key, name) for name in _spellings(it.phone)] for it in reports if it.phone}
    names = {report.call_id: _names(key, report.call_id) for report in reports}
    ids = [name for several in names.values() for name in several]
    asked = [one for several in digests.values() for one in several]
    theirs = {"digests": asked, "ids": ids, "references": [it.reference for it in reports]}
    gone = set(db.execute(_FORGOTTEN, theirs).scalars())
    return {
        report
        for report in reports
        if not gone.isdisjoint(
            [*digests.get(report.phone, ()), report.reference or None, *names[report.call_id]]
        )
    }


def _spellings(phone: str) -> set[str]:
    """A number as it came, and in E.164 where it was written with its country but otherwise: `0044 20 ...`."""
    digits = "".join(character for character in phone if character.isascii() and character.isdigit())
    return {phone, f"+{digits.removeprefix('00')}"}


def _names(key: bytes, call_id: str) -> list[str]:
    """How a call may be called in an attempt of a forgotten person."""
    if not call_id:
        return []
    return (
        [call_id, _hidden(key, call_id)]
        if _MAY_HOLD.search(_BETWEEN.sub(b"", call_id.encode()))
        else [call_id]
    )


def _of_theirs(column: Column[Any], name: str) -> Any:
    return select(column).where(column.in_(bindparam(name, expanding=True)), column != "", IS_ERASED)


_FORGOT_SOMEBODY: Final = select(meta.c.key).where(meta.c.key == FORGOT, meta.c.value == "yes")
# Digests, call ids and references, of those that are asked about, that belong to forgotten people.
_FORGOTTEN: Final = union_all(
    select(suppressions.c.digest).where(
        suppressions.c.digest.in_(bindparam("digests", expanding=True)),
        suppressions.c.source == SuppressionSource.FORGOTTEN,
    ),
    _of_theirs(attempts.c.call_id, "ids"),
    _of_theirs(attempts.c.report_id, "ids"),
    _of_theirs(attempts.c.reference, "references"),
)
_BETWEEN: Final = re.compile(rb"[\s().\-/]")
_MAY_HOLD: Final = re.compile(rb"\d{5}")  # no number has fewer figures


def is_pseudonym(phone: str) -> bool:
    """Whether this stands where the number of a forgotten person stood."""
    return phone.startswith(PSEUDONYM)


async def _take_turns(db: AsyncConnection, database: Database, phone: str) -> None:
    """No one else writes to the campaigns that know the person, until the transaction ends."""
    if database.is_sqlite:
        return  # it has one writer
    known = select(leads.c.campaign).where(leads.c.phone == phone).order_by(leads.c.campaign)
    for campaign in (await db.execute(known)).scalars().all():
        await db.execute(select(func.pg_advisory_xact_lock(WRITING, func.hashtext(name_key(campaign)))))


async def _is_under_way(db: AsyncConnection, phone: str) -> bool:
    """Whether an attempt is open. One that a person was to look at, as no one knows of it, stays as it is."""
    left_to_a_person = and_(attempts.c.state == AttemptState.UNKNOWN, leads.c.state == LeadState.REVIEW)
    open_ = (
        select(attempts.c.id)
        .join(leads, leads.c.id == attempts.c.lead_id)
        .where(attempts.c.phone == phone, IS_OPEN)
        .where(~left_to_a_person)
    )
    return (await db.execute(open_.limit(1))).first() is not None


async def _erase(db: AsyncConnection, database: Database, phone: str, now: float) -> Forgotten:
    name = await _pseudonym(db, database, phone)
    await db.execute(update(meta).where(meta.c.key == FORGOT).values(value="yes"))
    reports = await _erase_reports(db, database, phone, name)
    tried = await _erase_attempts(db, database, phone, name)
    asked = update(decisions).where(decisions.c.phone == phone).values(phone=name, inputs="{}")
    decided = int((await db.execute(asked)).rowcount)
    known = int((await db.execute(_nameless_leads(phone, name))).rowcount)
    await db.execute(delete(do_not_call).where(do_not_call.c.phone == phone))
    await db.execute(delete(people).where(people.c.phone == phone))
    await db.execute(delete(account_calls).where(account_calls.c.tail == tail_of(phone)))
    only_digest = {
        "phone": "",
        "source": SuppressionSource.FORGOTTEN,
        "reason": "",
        "campaign": "",
        "at": now,
    }
    mine = suppressions.c.digest == digest(database.key, phone)
    known_by_more = update(suppressions).where(mine, suppressions.c.source != SuppressionSource.FORGOTTEN)
    await db.execute(known_by_more.values(only_digest))
    return Forgotten(known, tried, reports, decided)


async def _pseudonym(db: AsyncConnection, database: Database, phone: str) -> str:
    """A name that no number leads to without the ledger's key; another one for each time of forgetting."""
    name = f"{PSEUDONYM}{digest(database.key, phone)[:PREFIX]}"
    taken = select(func.count(leads.c.phone.distinct())).where(
        leads.c.phone.startswith(name, autoescape=True)
    )
    times = (await db.execute(taken)).scalar_one()
    return f"{name}-{times + 1}" if times else name


def _nameless_leads(phone: str, name: str) -> Any:
    """Whoever waits is skipped. In no file any more, so no run asks about them again."""
    waits = leads.c.state == LeadState.WAITING
    return (
        update(leads)
        .where(leads.c.phone == phone)
        .values(
            phone=name,
            name="",
            columns="{}",
            wishes="{}",
            zones="",
            zone_source="",
            destination="",
            home_state="",
            postcode="",
            line=0,
            batch=NO_FILE,
            state=case((waits, LeadState.SKIPPED), else_=leads.c.state),
            reason=case((leads.c.state == LeadState.DONE, ""), else_=str(Rule.DO_NOT_CALL)),
            detail="",
        )
    )


async def _erase_attempts(db: AsyncConnection, database: Database, phone: str, name: str) -> int:
    mine = (await db.execute(select(attempts).where(attempts.c.phone == phone))).all()
    for row in mine:
        nameless = {
            "phone": name,
            "reason": Reason.NONE,
            "detail": "",
            **WORDS,
            "call_id": _nameless_id(database, row.call_id, phone),
            "report_id": _nameless_id(database, row.report_id, phone),
        }
        await db.execute(update(attempts).where(attempts.c.id == row.id).values(nameless))
    return len(mine)


async def _erase_reports(db: AsyncConnection, database: Database, phone: str, name: str) -> int:
    """The bodies that came for his calls, or that hold his number, as far as they can be read at all."""
    same = or_(
        attempts.c.call_id == inbox.c.call_id,
        attempts.c.report_id == inbox.c.call_id,
        attempts.c.reference == inbox.c.reference,
    )
    of_a_call = select(attempts.c.id).where(attempts.c.phone == phone, same).exists()
    # As it may be written with its country. In its own country's way it could be anyone's.
    written = [one.lstrip("+") for one in sorted(spellings(phone))]
    named = _bare(inbox.c.customer).in_([*written, *(f"00{digits}" for digits in written)])
    his = select(inbox.c.id, inbox.c.call_id).where(or_(named, of_a_call))
    rows = list((await db.execute(his)).all())
    unread = select(inbox.c.id, inbox.c.call_id, inbox.c.body).where(inbox.c.state == InboxState.UNREADABLE)
    rows += [row for row in (await db.execute(unread)).all() if _holds(row.body, phone)]
    for row in rows:
        nameless = {
            "body": b"",
            "customer": name,
            "call_id": _nameless_id(database, row.call_id, phone),
            "reason": InboxReason.ERASED,
            "detail": "",
            # An empty body is nothing to read; one that no one could read stays counted as such.
            "state": case((inbox.c.state == InboxState.WAITING, InboxState.APPLIED), else_=inbox.c.state),
        }
        await db.execute(update(inbox).where(inbox.c.id == row.id).values(nameless))
    return len({row.id for row in rows})


def _bare(column: Column[Any]) -> Any:
    """A number without what may stand in it beside its digits."""
    bare: Any = column
    for sign in BESIDE_DIGITS:
        bare = func.replace(bare, sign, "")
    return bare


def _nameless_id(database: Database, call_id: str | None, phone: str) -> str | None:
    """A call id stays, for late reports are known by it; but one that holds the number does not."""
    if call_id is None or not _holds(call_id.encode(), phone):
        return call_id
    return _hidden(database.key, call_id)


def _hidden(key: bytes, call_id: str) -> str:
    return f"{PSEUDONYM}{digest(key, call_id)[: 2 * PREFIX]}"


def _holds(body: bytes, phone: str) -> bool:
    """Whether a text holds the number with its country, in any spelling (`+44 20...`, `%2B4420...`)."""
    bare = _BETWEEN.sub(b"", body)
    return any(one.lstrip("+").encode() in bare for one in spellings(phone))


async def _empty_log(database: Database) -> None:
    """Write SQLite's log into the file and cut it off: it holds pages as they were. Later, if it is being read."""
    async with database.engine.connect() as db:
        # Not as a statement of SQLAlchemy's, which would begin a transaction, in which the log stays.
        raw: Any = (await db.get_raw_connection()).driver_connection
        await (await raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")).close()
