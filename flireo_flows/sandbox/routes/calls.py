"""Calls: place one, look one up, list them.

Source: contract section 9.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from flireo_flows.sandbox.local_platform import world_of
from flireo_flows.sandbox.lost_answer import LostAnswer
from flireo_flows.sandbox.placement import place, read_order
from flireo_flows.sandbox.refusals import invalid, not_found
from flireo_flows.sandbox.request_forms import body_of
from flireo_flows.sandbox.routes.pages import read_page, read_span
from flireo_flows.sandbox.store import OVER

router = APIRouter()

# Of both dialects (contract section 9.4).
_STATUSES: Final = OVER | {"connecting", "ringing", "in-progress", "insufficient-credits"}

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
    page, span = read_page(request), read_span(request)
    status = request.query_params.get("status")
    if status is not None and status not in _STATUSES:
        raise invalid("status", f"must be one of {', '.join(sorted(_STATUSES))}")
    found = world_of(request).store.calls.newest_first(span.since_ms, span.until_ms, status)
    calls = [call.as_record() for call in page.of(found)]
    return JSONResponse({"calls": calls, "pagination": page.as_record(found)})


@router.get("/calls/{id}")
async def get_call(request: Request) -> Response:
    """One call, without an envelope."""
    call = world_of(request).store.calls.get(request.path_params["id"])
    if call is None:
        raise not_found("Call")
    return JSONResponse(call.as_record())
