"""Usage: what the answered calls cost, one entry a call.

Source: contract sections 11 and 16. Read from the calls themselves, so the two cannot disagree.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import world_of
from flireo_flows.sandbox.routes.answers import is_later
from flireo_flows.sandbox.routes.pages import read_page, read_span
from flireo_flows.sandbox.store import Call, Record, minutes_of

router = APIRouter()

_EURO_PER_MINUTE: Final = 0.07  # the billing page's; the usage page's sample has 0.05


@router.get("/usage")
async def list_usage(request: Request) -> Response:
    """A page of entries, newest first, and a summary of all that match, on this page or not."""
    world = world_of(request)
    page, span = read_page(request), read_span(request)
    found = [call for call in answered(world.store.calls) if span.holds(_ended_ms(call))]
    found.sort(key=_ended_ms, reverse=True)
    entry, summary = (_later_entry, _later_summary) if is_later(world) else (_entry, _summary)
    logs = [entry(call) for call in page.of(found)]
    return JSONResponse({"logs": logs, "pagination": page.as_record(found), "summary": summary(found)})


def answered(calls: Iterable[Call]) -> Iterable[Call]:
    """The calls that were answered and are over: those that cost something."""
    return (call for call in calls if call.started_ms is not None and call.ended_ms is not None)


def minutes_this_month(calls: Iterable[Call], now_ms: int) -> int:
    """Minutes of the calls that ended since the 1st of the month, 00:00 UTC."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    begin = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin_ms = round(begin.timestamp() * 1000)
    return sum(_minutes(call) for call in answered(calls) if begin_ms <= _ended_ms(call) <= now_ms)


def _ended_ms(call: Call) -> int:
    return call.ended_ms or 0


def _seconds(call: Call) -> int:
    return call.duration_seconds or 0


def _minutes(call: Call) -> int:
    return minutes_of(_seconds(call))


def _cost(minutes: int) -> float:
    return round(minutes * _EURO_PER_MINUTE, 2)


def _entry(call: Call) -> Record:
    return {
        "id": f"usage-{call.id}",
        "call_id": call.id,
        "duration_seconds": _seconds(call),
        "minutes_used": _minutes(call),
        "cost": _cost(_minutes(call)),
        "created_at": iso(_ended_ms(call)),
    }


def _later_entry(call: Call) -> Record:
    return {
        "id": f"usage-{call.id}",
        "duration_sec": _seconds(call),
        "phone_number": call.number["phone_number"],
        "agent_name": call.agent.get("name"),
        "business_name": call.agent.get("business_name"),
        "call_type": "phone",
        "created_at": iso(_ended_ms(call)),
    }


def _summary(calls: Sequence[Call]) -> Record:
    minutes = sum(map(_minutes, calls))
    return {"total_minutes": minutes, "total_cost": _cost(minutes), "total_calls": len(calls)}


def _later_summary(calls: Sequence[Call]) -> Record:
    return {
        "total_calls": len(calls),
        "total_duration_seconds": sum(map(_seconds, calls)),
        "total_duration_minutes": sum(map(_minutes, calls)),
    }
