"""What a notice of the outbox contains, read from the ledger when it is sent. No name, no full number, no secret."""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import name_key
from flireo_flows.api.redaction import cut_off, levels_of, mask_phone, masked, redact
from flireo_flows.ledger.campaigns import DeclinedError, known_campaigns, require_campaign, shown_in
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.erasure import is_pseudonym
from flireo_flows.ledger.messages import inbox_reason, lead_reason
from flireo_flows.ledger.outbox import OF_CALLS, Posted
from flireo_flows.ledger.schema import attempts, inbox, leads, outbox
from flireo_flows.ledger.suppressions import digest
from flireo_flows.lifecycle.states import LedgerEvent

DIGITS: Final = 8  # of the digest that keeps two masked names of campaigns apart
LARGEST_ANALYSIS: Final = 20_000  # characters of JSON; the server refuses events above 1.5 MB
DEEPEST_ANALYSIS: Final = 50  # levels; an event that is much deeper can be written by no one
MOST_LABELS: Final = 40  # answers that become labels, by which an automation can choose
LONGEST_LABEL: Final = 100  # characters
OUTCOME: Final = "flireo.outcome"  # labels
LEAD: Final = "flireo.lead"
OF_LEADS: Final = (LedgerEvent.NEEDS_REVIEW,)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, ready to be sent.

    Attributes:
        id: The same for the same happening, however often it is sent: whoever takes it knows a repetition.
        resource: What it is about, such as `flireo.call.<id>`.
        labels: What an automation can choose by, beside the resource: outcome, and each answer of the analysis
            as `flireo.analysis.<key>`, in lower case. An amended call has only those that no earlier notice of
            it had: else whatever follows up an answer would do so twice.
        payload: What it contains.
        lead_id: Of the lead that it is about; None for a campaign or the inbox as a whole.
    """

    id: uuid.UUID
    event: str
    resource: str
    campaign: str
    occurred_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)
    lead_id: int | None = None

    @property
    def ends_call(self) -> bool:
        """Whether it reports the end of a call."""
        return self.event == LedgerEvent.CALL_ENDED


async def read_notices(database: Database, posted: Sequence[Posted]) -> list[Notice]:
    """What each of them contains now.

    Args:
        posted: As the outbox gave them.
    """
    async with database.read() as db:
        calls = await _rows(db, select(attempts), [it.row_id for it in posted if it.event in OF_CALLS])
        earlier = await _earlier_labels(db, calls)
        people = await _rows(db, select(leads), [it.row_id for it in posted if it.event in OF_LEADS])
        dead = [it.row_id for it in posted if it.event is LedgerEvent.DEAD_LETTER]
        letters = await _rows(db, select(inbox.c.id, inbox.c.reason, inbox.c.detail), dead)
        figures = await _figures(db, {it.campaign for it in posted if it.event in OF_CAMPAIGNS})
        shown = await shown_in(db, {it.campaign for it in posted})
    posted = [replace(it, campaign=shown[it.campaign]) for it in posted]
    notices = []
    for it in posted:
        try:
            notice = _notice(database, it, calls, people, letters, figures)
        except Exception as error:  # whatever is wrong with one must not keep all others from being sent
            _log.warning("the details of a notice cannot be read: %s", type(error).__name__)
            notice = _without_details(database, it, calls, people)
        if it.event in OF_CALLS and it.row_id is not None:
            notice = _with_news(notice, it, earlier.setdefault(it.row_id, {}))
        notices.append(notice)
    return notices


OF_CAMPAIGNS: Final = (
    LedgerEvent.CAMPAIGN_STARTED,
    LedgerEvent.CAMPAIGN_PAUSED,
    LedgerEvent.CAMPAIGN_RESUMED,
    LedgerEvent.CAMPAIGN_CANCELLED,
    LedgerEvent.CAMPAIGN_FINISHED,
)
Rows = Mapping[int, Row[Any]]


def _notice(
    database: Database, it: Posted, calls: Rows, people: Rows, letters: Rows, figures: Mapping[str, Any]
) -> Notice:
    name = shown_name(it.campaign, database.key)
    about: dict[str, Any] = {"resource": f"flireo.campaign.{name}"}
    payload: dict[str, Any] = {"campaign": name, "reason": redact(it.reason)}
    if it.event in OF_CALLS and (call := calls.get(it.row_id or 0)):
        analysis, is_whole = _analysis(call)
        about = _about_call(call, analysis)
        payload = {"campaign": name, **_call_payload(call, analysis if is_whole else None)}
    elif it.event in OF_LEADS and (lead := people.get(it.row_id or 0)):
        about = {"resource": f"flireo.lead.{lead.id}", "lead_id": lead.id}
        payload |= {"reason": redact(lead_reason(lead)), "outcome": lead.outcome, **_lead_payload(lead)}
    elif it.event is LedgerEvent.DEAD_LETTER:
        about = {"resource": f"flireo.inbox.{it.row_id}"}
        letter = letters.get(it.row_id or 0)
        why = inbox_reason(letter.reason, letter.detail) if letter else ""
        payload = {"inbox_id": it.row_id, "reason": redact(why)}
    elif it.event is LedgerEvent.REPORTS_WAITING:
        about = {"resource": "flireo.inbox"}
    elif it.event in OF_CAMPAIGNS:
        payload |= figures.get(name_key(it.campaign), {})
    return Notice(
        id=_id(database, it.key),
        event=str(it.event),
        campaign=name,
        occurred_at=datetime.fromtimestamp(it.occurred_at, UTC),
        payload=payload,
        **about,
    )


def _without_details(database: Database, it: Posted, calls: Rows, people: Rows) -> Notice:
    """What is certain of a notice: what happened, when, and to which lead."""
    name = shown_name(it.campaign, database.key)
    about: dict[str, Any] = {"resource": f"flireo.campaign.{name}"}
    if it.event in OF_CALLS and (call := calls.get(it.row_id or 0)):
        about = _about_call(call, {})
    elif it.event in OF_LEADS and (lead := people.get(it.row_id or 0)):
        about = {"resource": f"flireo.lead.{lead.id}", "lead_id": lead.id}
    return Notice(
        id=_id(database, it.key),
        event=str(it.event),
        campaign=name,
        occurred_at=datetime.fromtimestamp(it.occurred_at, UTC),
        payload={"campaign": name, "lead_id": about.get("lead_id"), "details_omitted": True},
        **about,
    )


def label_names(notice: Notice) -> frozenset[str]:
    """The labels of a call's notice, without the answers."""
    return frozenset(_kept_as(name, text) for name, text in notice.labels.items() if name != LEAD)


def _kept_as(name: str, text: str) -> str:
    """An answer never changes, so its name is enough; an outcome may."""
    return f"{name}={text}" if name == OUTCOME else name


def _with_news(notice: Notice, it: Posted, earlier: dict[int, frozenset[str]]) -> Notice:
    """An amended call without the labels that earlier notices of it have; and keep those of this one.

    One that is sent again has the labels that it had: Prefect drops it if the first came, and with it whatever it
    had that was new.
    """
    if earlier.get(it.id):
        return replace(notice, labels=_as_kept(notice.labels, earlier[it.id]))
    if it.event is LedgerEvent.CALL_AMENDED:
        before = frozenset[str]().union(*(names for id_, names in earlier.items() if id_ < it.id))
        new = {
            name: text
            for name, text in notice.labels.items()
            if name == LEAD or _kept_as(name, text) not in before
        }
        notice = replace(notice, labels=new)
    earlier[it.id] = label_names(notice)
    return notice


def _as_kept(labels: Mapping[str, str], kept: frozenset[str]) -> dict[str, str]:
    """The labels that were sent; an outcome may have changed since, so it is taken from what was kept."""
    again = {name: text for name, text in labels.items() if name == LEAD or _kept_as(name, text) in kept}
    outcomes = [name.partition("=")[2] for name in kept if name.startswith(f"{OUTCOME}=")]
    return {**again, OUTCOME: outcomes[0]} if outcomes else again


def _id(database: Database, key: str) -> uuid.UUID:
    """Of this ledger's happening: another ledger has the same keys."""
    return uuid.uuid5(
        uuid.uuid5(uuid.NAMESPACE_URL, f"flireo-ledger:{sha256(database.key).hexdigest()}"), key
    )


def _about_call(row: Row[Any], analysis: object) -> dict[str, Any]:
    labels = {OUTCOME: row.outcome, LEAD: str(row.lead_id)}
    labels |= {f"flireo.analysis.{key}": text for key, text in list(_answers(analysis))[:MOST_LABELS]}
    return {"resource": f"flireo.call.{_shown_id(row.call_id)}", "labels": labels, "lead_id": row.lead_id}


def _call_payload(row: Row[Any], analysis: object) -> dict[str, Any]:
    """The payload; without an analysis if that is None."""
    return {
        "lead_id": row.lead_id,
        "attempt": row.number,
        "call_id": _shown_id(row.call_id),
        "number": "" if is_pseudonym(row.phone) else mask_phone(row.phone),
        "outcome": row.outcome,
        "duration_seconds": row.duration_seconds,
        "ended_at": _iso(row.ended_at or row.over_at),
        "end_reason": redact(row.end_reason),
        "agent_id": redact(row.agent_id),
        "variant": redact(row.variant),
        "analysis": {} if analysis is None else analysis,
        "analysis_omitted": analysis is None,
    }


def _lead_payload(row: Row[Any]) -> dict[str, Any]:
    number = "" if is_pseudonym(row.phone) else mask_phone(row.phone)
    return {"lead_id": row.id, "line": row.line, "number": number, "attempts": row.attempts}


def _analysis(row: Row[Any]) -> tuple[Any, bool]:
    """The analysis as it may be sent; and whether that is all of it, and not too large for an event."""
    if not row.analysis:
        return {}, True
    try:
        found = json.loads(row.analysis)
    except RecursionError:
        return {}, False
    is_whole = levels_of(found) <= DEEPEST_ANALYSIS
    shown = masked(cut_off(found, DEEPEST_ANALYSIS))
    return shown, is_whole and len(json.dumps(shown)) <= LARGEST_ANALYSIS


def _answers(analysis: object, prefix: str = "") -> Any:
    """Each answer that is a word, a figure, or yes or no, under its dotted key."""
    if not isinstance(analysis, Mapping):
        return
    for key, value in analysis.items():
        if isinstance(value, Mapping):
            yield from _answers(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float) and len(str(value)) <= LONGEST_LABEL:
            yield f"{prefix}{key}", str(value).strip().lower()


def _shown_id(call_id: str | None) -> str:
    """A call id may hold the number (`call-_+31612345678_abc123`); then a digest stands for it."""
    if not call_id:
        return ""
    return call_id if redact(call_id) == call_id else sha256(call_id.encode()).hexdigest()[:16]


def _iso(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds is not None else None


async def _rows(db: AsyncConnection, wanted: Select[Any], ids: Sequence[int | None]) -> Rows:
    """Rows by their ids."""
    of_these = wanted.where(wanted.selected_columns.id.in_(ids))
    return {row.id: row for row in (await db.execute(of_these)).all()} if ids else {}


async def _earlier_labels(db: AsyncConnection, calls: Rows) -> dict[int, dict[int, frozenset[str]]]:
    """By call and by notice, the labels of earlier notices."""
    wanted = select(outbox.c.id, outbox.c.row_id, outbox.c.labels).where(
        outbox.c.event.in_([str(event) for event in OF_CALLS]), outbox.c.row_id.in_(list(calls))
    )
    earlier: dict[int, dict[int, frozenset[str]]] = {}
    for row in (await db.execute(wanted)).all() if calls else ():
        earlier.setdefault(row.row_id, {})[row.id] = frozenset(json.loads(row.labels))
    return earlier


async def _figures(db: AsyncConnection, campaigns: set[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Leads by state and by outcome, of each campaign."""
    return {
        name: {
            "leads": await _counted(db, leads.c.state, name),
            "outcomes": await _counted(db, leads.c.outcome, name),
        }
        for name in campaigns
    }


async def _counted(db: AsyncConnection, column: Any, campaign: str) -> dict[str, int]:
    wanted = select(column, func.count()).where(leads.c.campaign == campaign, column != "").group_by(column)
    return {str(value): int(count) for value, count in (await db.execute(wanted.order_by(column))).all()}


def shown_name(name: str, key: bytes) -> str:
    """A campaign's name for the world outside: one that holds a phone number is masked, and kept apart by a digest.

    Args:
        name: The campaign's, as it is shown.
        key: The ledger's own (`Database.key`).
    """
    shown = redact(name)
    return name if shown == name else f"{shown} {digest(key, name_key(name))[:DIGITS]}"


async def find_campaign(database: Database, given: str) -> str:
    """The name of a campaign, given in any spelling or as an event shows it (`shown_name`).

    Args:
        given: For example `campaign` of an event's payload.

    Returns:
        Its first spelling.

    Raises:
        DeclinedError: There is no such campaign.
    """
    if (meant := await _shown_as(database, given)) is not None:
        return meant
    async with database.read() as db:
        return await require_campaign(db, given, database.where)


async def refuse_shown_name(database: Database, given: str) -> None:
    """Refuse to call under a masked name: it would be another campaign, which calls the same people once more.

    Raises:
        DeclinedError: So an event shows a campaign. Contains what to do.
    """
    if await _shown_as(database, given) is not None:
        raise DeclinedError(
            f"{given!r} is how events show a campaign whose name holds a phone number: give it by its own name."
        )


async def _shown_as(database: Database, given: str) -> str | None:
    """The campaign that is shown so."""
    if "*" not in (wanted := name_key(given)):
        return None
    async with database.read() as db:
        names = (await db.execute(known_campaigns())).scalars()
        shown = ((name, name_key(shown_name(name, database.key))) for name in names)
        return next((name for name, as_shown in shown if name_key(name) != wanted == as_shown), None)
