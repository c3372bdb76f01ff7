"""What is told of a call, by webhook or by the call list, and how it is written: once, whatever the order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.calls import OVER, Call
from flireo_flows.api.webhooks import EventType, WebhookEvent
from flireo_flows.ledger.attempts import move, to_json
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.erasure import is_pseudonym
from flireo_flows.ledger.leads import stored
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.suppressions import suppress_all_in
from flireo_flows.lifecycle.outcomes import FinishedCall, Outcome, outcome_of
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import AttemptEvent, AttemptState, LeadState
from flireo_flows.policy import CallingPolicy, OptOut, is_retried, may_follow, opt_out_of, retry_delay

LARGEST: Final = 2**31 - 1  # of an integer column
# What is not written down of a person who was forgotten.
WORDS: Final[dict[str, Any]] = {
    "summary": "",
    "analysis": None,
    "messages": None,
    "recording_url": None,
    "end_reason": "",
    "error": "",
}


class Channel(StrEnum):
    """How a result reached us."""

    WEBHOOK = "webhook"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Report:
    """What one message tells of a call; empty where it tells nothing.

    Attributes:
        is_last_word: Nothing will follow: the platform sends it after the analysis (contract section 15.2).
    """

    call_id: str
    channel: Channel
    status: str
    is_over: bool
    is_last_word: bool = False
    end_reason: str = ""
    error: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    duration_seconds: int | None = None
    summary: str = ""
    analysis: str | None = None  # JSON object
    messages: str | None = None  # JSON list
    recording_url: str | None = None


def report_of_call(call: Call) -> Report:
    """A call of the list as a report."""
    return Report(
        call_id=call.id,
        channel=Channel.LIST,
        status=stored(call.status),
        is_over=call.is_over,
        end_reason=stored(call.end_reason or ""),
        error=stored(call.error or ""),
        started_at=_seconds(call.started_at),
        ended_at=_seconds(call.ended_at),
        duration_seconds=_storable(call.duration_seconds),
        summary=stored(call.summary or ""),
        analysis=to_json(call.analysis_result) if call.analysis_result is not None else None,
        messages=to_json([turn.model_dump() for turn in call.messages]) if call.messages else None,
        recording_url=stored(call.recording_url) if call.recording_url else None,
    )


def report_of_event(event: WebhookEvent) -> Report:
    """A webhook as a report. Only an end-of-call report is the last word on a call."""
    is_report = event.type == EventType.END_OF_CALL_REPORT
    ended_at = event.ended_at or (event.timestamp if is_report else None)
    return Report(
        call_id=event.call_id,
        channel=Channel.WEBHOOK,
        status=event.call_status or ("ended" if is_report else ""),
        is_over=is_report or (event.call_status or "") in OVER,
        is_last_word=is_report,
        end_reason=stored(event.end_reason or ""),
        error=stored(event.error or ""),
        started_at=_seconds(event.started_at),
        ended_at=_seconds(ended_at),
        duration_seconds=_storable(event.duration_seconds),
        summary=stored(event.summary or ""),
        analysis=to_json(event.analysis) if event.analysis is not None else None,
        messages=to_json([turn.model_dump() for turn in event.messages]) if event.messages else None,
        recording_url=stored(event.recording_url) if event.recording_url else None,
    )


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is still to come after a call's end.

    Attributes:
        analysis: Whether the calls of this agent are analysed.
        fewest_messages: An analysis runs from this many turns of transcript on.
    """

    analysis: bool = False
    fewest_messages: int = 0

    def with_analysis(self) -> "Expectations":
        """The same, once an analysis was seen; 2 turns is the platform's default (contract section 15.1)."""
        return self if self.analysis else Expectations(True, 2)


async def apply_report(
    db: AsyncConnection,
    database: Database,
    row: Row[Any],
    report: Report,
    policy: CallingPolicy,
    expects: Expectations,
    now: float,
) -> bool:
    """Write what a report tells of an attempt: it only ever adds, and a finished call never goes back.

    Args:
        db: A transaction that may write.
        database: Its ledger.
        row: The attempt, placed or ended, as this transaction reads it: what somebody wrote since an older reading
            would be written over. To one that counted as not placed only the words are added.
        report: What was told.
        policy: Says when to stop waiting for more, whether the lead is called again, and what it teaches.
        expects: What is still to come.
        now: Unix seconds.

    Returns:
        Whether the attempt ended by it.
    """
    if is_pseudonym(row.phone):
        if row.state == AttemptState.ENDED:
            return False
        report = replace(report, **WORDS)
    told = _merged(row, report, now)
    if not told:
        return False
    ends = row.state == AttemptState.PLACED and _is_complete(told, report, policy, expects, now)
    outcome = outcome_of(finished_call_of(told), policy.outcomes)
    if ends or row.state == AttemptState.ENDED:
        told["outcome"] = outcome
    changed = {key: value for key, value in told.items() if value != getattr(row, key)}
    ended = ends and await move(db, row.id, AttemptEvent.REPORTED, complete=True, **changed)
    if changed and not ended:
        await db.execute(update(attempts).where(attempts.c.id == row.id).values(changed))
    if not ended and (
        row.state != AttemptState.ENDED or not {"outcome", "analysis", "end_reason"} & changed.keys()
    ):
        return False
    lesson = opt_out_of(policy, outcome, object_of(told["analysis"]), told["end_reason"])
    if ended:
        await _finish_lead(db, row, outcome, _ended_at(row, told), policy, lesson)
    else:
        await correct_lead(db, row, outcome, policy, lesson)
    await suppress_after_call(db, database, row, lesson, now)
    return ended


async def suppress_after_call(
    db: AsyncConnection, database: Database, row: Row[Any], lesson: OptOut | None, now: float
) -> bool:
    """Suppress the number of a call after which no one may call it, or not before a person settled what it says.

    Args:
        db: A transaction that may write.
        database: Its ledger.
        row: The attempt.
        lesson: What its call teaches; None for nothing.
        now: Unix seconds.

    Returns:
        Whether it was not suppressed before.
    """
    if lesson is None or is_pseudonym(row.phone):
        return False
    added = await suppress_all_in(db, database, [row.phone], lesson.source, lesson.cause, row.campaign, now)
    return bool(added)


async def close_without_report(
    db: AsyncConnection, row: Row[Any], reason: Reason, policy: CallingPolicy, now: float, detail: str = ""
) -> None:
    """End an attempt of which nothing more is heard; a person looks at the lead."""
    why = {"reason": reason, "detail": stored(detail)}
    values = {"outcome": Outcome.UNKNOWN, "over_at": row.over_at or now, **why}
    if await move(db, row.id, AttemptEvent.REPORTED, **values):
        await _finish_lead(db, row, Outcome.UNKNOWN, now, policy)
        await db.execute(update(leads).where(leads.c.id == row.lead_id).values(state=LeadState.REVIEW, **why))


def _ended_at(row: Row[Any], told: Mapping[str, Any]) -> float:
    """When a call ended, on the ledger's clock: the next call keeps its distance from it.

    Flireo's own moment counts where it can be true. One before the call could have ended, or after its end was
    heard, is of another clock; then the call ended when that was heard.
    """
    earliest = row.began_at + max(0, told["duration_seconds"] or 0)
    ended, heard = told["ended_at"], float(told["over_at"])
    return float(ended) if ended is not None and earliest <= ended <= heard else heard


def _merged(row: Row[Any], report: Report, now: float) -> dict[str, Any]:
    """The attempt's columns with what the report adds; empty if the call is still running."""
    if not report.is_over and row.over_at is None:
        return {}
    keeps = {
        "summary": row.summary or report.summary,
        "analysis": _added(row.analysis, report.analysis),
        "messages": _longer(row.messages, report),
        "recording_url": row.recording_url or report.recording_url,
        "end_reason": row.end_reason or report.end_reason,
        "error": row.error or report.error,
        "started_at": row.started_at if row.started_at is not None else report.started_at,
        "ended_at": row.ended_at if row.ended_at is not None else report.ended_at,
        "over_at": row.over_at if row.over_at is not None else now,
        "channel": row.channel or str(report.channel),
        "reported_at": row.reported_at,
        "report_channel": row.report_channel,
        "analysed_at": row.analysed_at,
    }
    if row.reported_at is None and (report.is_last_word or report.summary or report.messages):
        keeps |= {"reported_at": now, "report_channel": str(report.channel)}
    if row.analysed_at is None and report.analysis is not None:
        keeps["analysed_at"] = now
    duration = row.duration_seconds if row.duration_seconds is not None else report.duration_seconds
    # The most telling terminal status wins: webhooks call every end "ended".
    status = report.status if row.call_status in ("", "ended") and report.is_over else row.call_status
    return {**keeps, "duration_seconds": duration, "call_status": status}


def _added(known: str | None, told: str | None) -> str | None:
    """The analysis that is known, with the answers that it lacked: a report only ever adds."""
    if known is None or told is None or known == told:
        return known if known is not None else told
    had, new = object_of(known), object_of(told)
    if had is None or new is None:
        return known
    both = _filled(had, new)
    return known if both == had else to_json(both)


def _filled(had: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """An object with what it lacked, in the objects within it too; null is no answer yet."""
    both = dict(had)
    for key, value in new.items():
        known = had.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            both[key] = _filled(known, value)
        elif known is None:
            both[key] = value
    return both


def _longer(known: str | None, report: Report) -> str | None:
    """The transcript that is known, or the whole one of which it is the beginning: the list shows calls early."""
    if known is None or report.messages is None:
        return known if known is not None else report.messages
    had, told = _spoken(known), _spoken(report.messages)
    goes_on = len(told) > len(had) and (report.is_last_word or told[: len(had)] == had)
    return report.messages if goes_on else known


def _spoken(messages: str) -> list[tuple[object, object]]:
    turns = (turn for turn in json.loads(messages) if isinstance(turn, dict))
    return [(turn.get("role"), turn.get("content")) for turn in turns]


def _is_complete(
    told: dict[str, Any],
    report: Report,
    policy: CallingPolicy,
    expects: Expectations,
    now: float,
) -> bool:
    """Whether nothing is missing from a call's result, or has been waited for long enough."""
    if report.is_last_word:
        return True
    if report.channel is Channel.WEBHOOK:
        return False  # a status update; the report follows, and if it does not, the list tells
    if told["analysis"] is not None or not talked(told):
        return True
    if told["summary"] and not _awaits_analysis(told, expects):
        return True
    grace = policy.analysis_grace_seconds if told["summary"] else policy.report_grace_seconds
    return bool(now >= told["over_at"] + grace)


def _awaits_analysis(told: dict[str, Any], expects: Expectations) -> bool:
    turns = len(json.loads(told["messages"])) if told["messages"] else 0
    return expects.analysis and (turns == 0 or turns >= expects.fewest_messages)


def talked(told: Mapping[str, Any]) -> bool:
    """Somebody or something answered."""
    return bool(
        told["started_at"] is not None or told["duration_seconds"] or told["messages"] or told["summary"]
    )


def finished_call_of(told: Mapping[str, Any]) -> FinishedCall:
    """What an attempt's columns tell of how its call ended."""
    turns = _turns(told["messages"])
    theirs = (str(turn.get("content") or "") for turn in turns if turn.get("role") == "user")
    return FinishedCall(
        status=told["call_status"],
        end_reason=told["end_reason"],
        error=told["error"],
        summary=told["summary"],
        talked=talked(told),
        duration_seconds=told["duration_seconds"],
        turns=len(turns),
        first_heard=next((words for words in theirs if words.strip()), ""),
        analysis=object_of(told["analysis"]),
    )


def _turns(messages: str | None) -> list[dict[str, Any]]:
    """The turns of a transcript that somebody spoke; a system's are none."""
    found = json.loads(messages) if messages else []
    return [turn for turn in found if isinstance(turn, dict) and turn.get("role") != "system"]


async def _finish_lead(
    db: AsyncConnection,
    row: Row[Any],
    outcome: Outcome,
    ended_at: float,
    policy: CallingPolicy,
    lesson: OptOut | None = None,
) -> None:
    """The attempt is used up; the lead is called again only if the policy says so, and never if the call said no."""
    wanted = select(leads.c.state, leads.c.attempts, leads.c.reason).where(leads.c.id == row.lead_id)
    lead = (await db.execute(wanted)).one()
    used = lead.attempts + 1
    again = lesson is None and lead.state == LeadState.CALLING and is_retried(policy, outcome, used)
    # Who was skipped meanwhile, as when the campaign was cancelled, stays so.
    state = lead.state if lead.state == LeadState.SKIPPED else _after(again)
    # Who was taken out of the file meanwhile waits for nothing.
    reason, detail = (lead.reason or Reason.RETRY) if again else Reason.NONE, ""
    if again and await _called_uncounted(db, row):
        state, reason = LeadState.REVIEW, Reason.CALLED_AFTER_ALL
    if lesson and lesson.is_unclear and state != LeadState.SKIPPED:
        state, reason, detail = LeadState.REVIEW, Reason.UNCLEAR_ANSWER, lesson.cause
    await db.execute(
        update(leads)
        .where(leads.c.id == row.lead_id)
        .values(
            state=state,
            reason=reason,
            detail=detail,
            not_before=ended_at + retry_delay(policy, outcome, used),
            attempts=used,
            unplaced=0,
            outcome=outcome,
            last_ended_at=ended_at,
        )
    )


async def _called_uncounted(db: AsyncConnection, row: Row[Any]) -> bool:
    """Whether another call to the lead was placed after all, although it had counted as not placed."""
    placed = select(attempts.c.id).where(
        attempts.c.lead_id == row.lead_id,
        attempts.c.state == AttemptState.NOT_PLACED,
        attempts.c.called_after_all,
    )
    return (await db.execute(placed.limit(1))).first() is not None


def _after(again: bool) -> LeadState:
    return LeadState.WAITING if again else LeadState.DONE


async def correct_lead(
    db: AsyncConnection, row: Row[Any], outcome: Outcome, policy: CallingPolicy, lesson: OptOut | None
) -> bool:
    """What an ended call means changed. Only the last attempt of its lead that may have placed a call speaks for it.

    Args:
        db: A transaction that may write.
        row: The attempt as it was.
        outcome: What it means now.
        policy: Says whether another attempt may follow it.
        lesson: What the call teaches; with one, none may follow in any case.

    Returns:
        Whether the lead waited for another call, and does not any more. A lead that is done is never called again.
    """
    newer = select(attempts.c.id).where(
        attempts.c.lead_id == row.lead_id,
        attempts.c.number > row.number,
        attempts.c.state != AttemptState.NOT_PLACED,
    )
    mine = (leads.c.id == row.lead_id) & ~newer.exists()
    await db.execute(update(leads).where(mine).values(outcome=outcome))
    waits = update(leads).where(mine, leads.c.state == LeadState.WAITING)
    if lesson and lesson.is_unclear:
        final = update(leads).where(mine, leads.c.state.in_([LeadState.WAITING, LeadState.DONE]))
        unclear = {"reason": Reason.UNCLEAR_ANSWER, "detail": lesson.cause}
        held = await db.execute(final.values(state=LeadState.REVIEW, **unclear))
        return bool(held.rowcount)
    if lesson or (outcome != row.outcome and not may_follow(policy, outcome)):
        done = await db.execute(waits.values(state=LeadState.DONE, reason=Reason.NONE, detail=""))
        return bool(done.rowcount)
    return False


def object_of(analysis: str | None) -> Mapping[str, object] | None:
    """An analysis as the ledger keeps it (JSON), if it is an object."""
    found = json.loads(analysis) if analysis else None
    return found if isinstance(found, Mapping) else None


def _storable(whole: int | None) -> int | None:
    """A figure as PostgreSQL takes it: one beyond its integers is no duration anyway."""
    return max(-LARGEST, min(whole, LARGEST)) if whole is not None else None


def _seconds(moment: datetime | None) -> float | None:
    """Unix seconds; None for what a program writes that has no date, and which no other zone can say."""
    if moment is not None and not MINYEAR < moment.year < MAXYEAR:
        return None
    return moment.timestamp() if moment else None
