"""What is reported of a call, by webhook or by the call list, and what it adds to what is known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row

from flireo_flows.api.calls import OVER, Call
from flireo_flows.api.webhooks import EventType, WebhookEvent
from flireo_flows.ledger.attempts import to_json
from flireo_flows.ledger.leads import stored
from flireo_flows.lifecycle.outcomes import FinishedCall
from flireo_flows.policy import CallingPolicy

_TEXTS: Final = ("summary", "end_reason", "error", "recording_url")
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
    """What one message contains of a call; empty where it contains nothing.

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
        ended_at=_seconds(call.ended_at),
        **_results(call, call.analysis_result),
    )


def report_of_event(event: WebhookEvent) -> Report:
    """A webhook as a report. Only an end-of-call report is the last word on a call."""
    is_report = event.type == EventType.END_OF_CALL_REPORT
    return Report(
        call_id=event.call_id,
        channel=Channel.WEBHOOK,
        status=event.call_status or ("ended" if is_report else ""),
        is_over=is_report or (event.call_status or "") in OVER,
        is_last_word=is_report,
        ended_at=_seconds(event.ended_at or (event.timestamp if is_report else None)),
        **_results(event, event.analysis),
    )


def _results(source: Call | WebhookEvent, analysis: object) -> dict[str, Any]:
    """What both report of a call that is over."""
    return {
        "end_reason": stored(source.end_reason or ""),
        "error": stored(source.error or ""),
        "started_at": _seconds(source.started_at),
        "duration_seconds": _storable(source.duration_seconds),
        "summary": stored(source.summary or ""),
        "analysis": to_json(analysis) if analysis is not None else None,
        "messages": to_json([turn.model_dump() for turn in source.messages]) if source.messages else None,
        "recording_url": stored(source.recording_url) if source.recording_url else None,
    }


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


def merged(row: Row[Any], report: Report, now: float) -> dict[str, Any]:
    """The attempt's columns with what the report adds; empty if the call is still running."""
    if not report.is_over and row.over_at is None:
        return {}
    keeps = {name: getattr(row, name) or getattr(report, name) for name in _TEXTS}
    for name in ("started_at", "ended_at", "duration_seconds"):
        known = getattr(row, name)
        keeps[name] = known if known is not None else getattr(report, name)
    keeps |= {
        "analysis": _added(row.analysis, report.analysis),
        "messages": _longer(row.messages, report),
        "over_at": row.over_at if row.over_at is not None else now,
        "channel": row.channel or str(report.channel),
        **{name: getattr(row, name) for name in ("reported_at", "report_channel", "analysed_at")},
    }
    if row.reported_at is None and (report.is_last_word or report.summary or report.messages):
        keeps |= {"reported_at": now, "report_channel": str(report.channel)}
    if row.analysed_at is None and report.analysis is not None:
        keeps["analysed_at"] = now
    # The most telling terminal status wins: webhooks call every end "ended".
    status = report.status if row.call_status in ("", "ended") and report.is_over else row.call_status
    return {**keeps, "call_status": status}


def _added(known: str | None, added: str | None) -> str | None:
    """The analysis that is known, with the answers that it lacked: a report only ever adds."""
    if known is None or added is None or known == added:
        return known if known is not None else added
    had, new = object_of(known), object_of(added)
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
    had, new = _spoken(known), _spoken(report.messages)
    goes_on = len(new) > len(had) and (report.is_last_word or new[: len(had)] == had)
    return report.messages if goes_on else known


def _spoken(messages: str) -> list[tuple[object, object]]:
    turns = (turn for turn in json.loads(messages) if isinstance(turn, dict))
    return [(turn.get("role"), turn.get("content")) for turn in turns]


def is_complete(
    columns: dict[str, Any], report: Report, policy: CallingPolicy, expects: Expectations, now: float
) -> bool:
    """Whether nothing is missing from a call's result, or has been waited for long enough."""
    if report.is_last_word:
        return True
    if report.channel is Channel.WEBHOOK:
        return False  # a status update; the report follows, and if it does not, the list will show it
    if columns["analysis"] is not None or not talked(columns):
        return True
    if columns["summary"] and not _awaits_analysis(columns, expects):
        return True
    grace = policy.analysis_grace_seconds if columns["summary"] else policy.report_grace_seconds
    return bool(now >= columns["over_at"] + grace)


def _awaits_analysis(columns: dict[str, Any], expects: Expectations) -> bool:
    turns = len(json.loads(columns["messages"])) if columns["messages"] else 0
    return expects.analysis and (turns == 0 or turns >= expects.fewest_messages)


def talked(columns: Mapping[str, Any]) -> bool:
    """A person or a machine answered."""
    return bool(
        columns["started_at"] is not None
        or columns["duration_seconds"]
        or columns["messages"]
        or columns["summary"]
    )


def finished_call_of(columns: Mapping[str, Any]) -> FinishedCall:
    """What an attempt's columns contain of how its call ended."""
    turns = _turns(columns["messages"])
    theirs = (str(turn.get("content") or "") for turn in turns if turn.get("role") == "user")
    return FinishedCall(
        status=columns["call_status"],
        end_reason=columns["end_reason"],
        error=columns["error"],
        summary=columns["summary"],
        talked=talked(columns),
        duration_seconds=columns["duration_seconds"],
        turns=len(turns),
        first_heard=next((words for words in theirs if words.strip()), ""),
        analysis=object_of(columns["analysis"]),
    )


def _turns(messages: str | None) -> list[dict[str, Any]]:
    """The turns of a transcript that a person spoke; a system's are none."""
    found = json.loads(messages) if messages else []
    return [turn for turn in found if isinstance(turn, dict) and turn.get("role") != "system"]


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
