"""The organization, at its old path and its new one, and its usage: one entry an answered call.

Source: contract sections 11 and 16. Read from the calls themselves, so the two cannot disagree.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import platform_of
from flireo_flows.sandbox.routes.answers import is_later, read_page, read_span
from flireo_flows.sandbox.store import Record, SandboxCall, minutes_of

router = APIRouter()

_EURO_PER_MINUTE: Final = 0.07  # the billing page's; the usage page's sample has 0.05


@router.get("/usage")
async def list_usage(request: Request) -> Response:
    """A page of entries, newest first, and a summary of all that match, on this page or not."""
    platform = platform_of(request)
    page, span = read_page(request), read_span(request)
    found = [call for call in answered(platform.store.calls) if span.holds(_ended_ms(call))]
    found.sort(key=_ended_ms, reverse=True)
    entry, summary = (_later_entry, _later_summary) if is_later(platform) else (_entry, _summary)
    logs = [entry(call) for call in page.of(found)]
    return JSONResponse({"logs": logs, "pagination": page.as_record(found), "summary": summary(found)})


def answered(calls: Iterable[SandboxCall]) -> Iterable[SandboxCall]:
    """The calls that were answered and are over: those that cost something."""
    return (call for call in calls if call.started_ms is not None and call.ended_ms is not None)


def minutes_this_month(calls: Iterable[SandboxCall], now_ms: int) -> int:
    """Minutes of the calls that ended since the 1st of the month, 00:00 UTC."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    begin = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin_ms = round(begin.timestamp() * 1000)
    return sum(_minutes(call) for call in answered(calls) if begin_ms <= _ended_ms(call) <= now_ms)


def _ended_ms(call: SandboxCall) -> int:
    return call.ended_ms or 0


def _seconds(call: SandboxCall) -> int:
    return call.duration_seconds or 0


def _minutes(call: SandboxCall) -> int:
    return minutes_of(_seconds(call))


def _cost(minutes: int) -> float:
    return round(minutes * _EURO_PER_MINUTE, 2)


def _entry(call: SandboxCall) -> Record:
    return {
        "id": f"usage-{call.id}",
        "call_id": call.id,
        "duration_seconds": _seconds(call),
        "minutes_used": _minutes(call),
        "cost": _cost(_minutes(call)),
        "created_at": iso(_ended_ms(call)),
    }


def _later_entry(call: SandboxCall) -> Record:
    return {
        "id": f"usage-{call.id}",
        "duration_sec": _seconds(call),
        "phone_number": call.number["phone_number"],
        "agent_name": call.agent.get("name"),
        "business_name": call.agent.get("business_name"),
        "call_type": "phone",
        "created_at": iso(_ended_ms(call)),
    }


def _summary(calls: Sequence[SandboxCall]) -> Record:
    minutes = sum(map(_minutes, calls))
    return {"total_minutes": minutes, "total_cost": _cost(minutes), "total_calls": len(calls)}


def _later_summary(calls: Sequence[SandboxCall]) -> Record:
    return {
        "total_calls": len(calls),
        "total_duration_seconds": sum(map(_seconds, calls)),
        "total_duration_minutes": sum(map(_minutes, calls)),
    }


@router.get("/account")
@router.get("/organizations")
async def get_organization(request: Request) -> Response:
    """Balance and counts, without an envelope."""
    platform = platform_of(request)
    store = platform.store
    return JSONResponse(
        {
            "id": store.organization_id,
            "name": store.organization_name,
            "minutes_balance": store.minutes_balance,
            "monthly_usage_minutes": minutes_this_month(store.calls, platform.clock.unix_ms()),
            "active_numbers": sum(number["is_active"] for number in store.numbers.values()),
            "active_agents": sum(agent["is_active"] for agent in store.agents.values()),
            "active_calls": store.active_calls,
            **(_later(request) if is_later(platform) else {}),
        }
    )


def _later(request: Request) -> Record:
    """What the later dialect adds. A sandbox has one organization, so no parent and no children."""
    children: Record = {"children": []} if request.query_params.get("include_children") == "true" else {}
    return {"has_local_models_access": False, "parent_org_id": None, **children}
