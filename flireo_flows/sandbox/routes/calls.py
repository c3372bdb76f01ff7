"""Calls: place one, look one up, list them.

Source: contract, section 9.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from flireo_flows.sandbox.dialing import place, read_order
from flireo_flows.sandbox.errors import invalid, not_found
from flireo_flows.sandbox.forms import body_of
from flireo_flows.sandbox.lost import LostAnswer
from flireo_flows.sandbox.world import world_of

router = APIRouter()

_LARGEST_PAGE: Final = 1000  # larger limits are clamped (contract, section 4)
_DATE_LENGTH: Final = len("2026-01-10")

_BAD_GATEWAY: Final = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


@router.post("/calls/outbound")
async def create_outbound_call(request: Request) -> Response:
    """Ring somebody. Each accepted request is a call: there is no idempotency key."""
    world = world_of(request)
    body = await body_of(request)
    destination = str(body.get("destination"))
    attempt = world.store.calls.next_request(destination)
    if world.faults.is_bad_gateway(world.dice, destination, attempt):
        return HTMLResponse(_BAD_GATEWAY, 502)
    call = place(read_order(body, world), world)
    if world.faults.loses_answer(world.dice, destination, call.ring):
        return LostAnswer()
    answer = {"success": True, "call_id": call.id, "room_name": call.room_name, "status": "dialing"}
    return JSONResponse(answer)


@router.get("/calls")
async def list_calls(request: Request) -> Response:
    """A page of calls, newest first."""
    query = request.query_params
    limit = min(_count(query.get("limit"), "limit", default=100, least=1), _LARGEST_PAGE)
    offset = _count(query.get("offset"), "offset", default=0, least=0)
    found = world_of(request).store.calls.newest_first(
        since_ms=_moment_ms(query.get("start_date"), "start_date"),
        until_ms=_moment_ms(query.get("end_date"), "end_date", end_of_day=True),
        status=query.get("status"),
    )
    page = [call.as_record() for call in found[offset : offset + limit]]
    return JSONResponse(
        {"calls": page, "pagination": {"total": len(found), "limit": limit, "offset": offset}}
    )


@router.get("/calls/{id}")
async def get_call(request: Request) -> Response:
    """One call, without an envelope."""
    call = world_of(request).store.calls.get(request.path_params["id"])
    if call is None:
        raise not_found("Call")
    return JSONResponse(call.as_record())


def _count(text: str | None, name: str, default: int, least: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise invalid(name, f"must be a whole number of at least {least}")
    return int(text)


def _moment_ms(text: str | None, name: str, *, end_of_day: bool = False) -> int | None:
    """Unix milliseconds of a date or date-time; a date alone may stand for its last millisecond."""
    if text is None:
        return None
    try:
        if len(text) == _DATE_LENGTH:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return _ms(day + timedelta(days=1)) - 1 if end_of_day else _ms(day)
        # A "+" that was not quoted arrives as a space; there is no other in a date-time with an offset.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except (ValueError, OverflowError):
        raise invalid(name, "must be an ISO 8601 date or date-time") from None
    return _ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
