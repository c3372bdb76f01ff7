"""Calls: place one, look one up, list them, and send commands to a running one.

Source: contract sections 9 and 10. Injected context shows up in the transcript; whether the agent understood it does
not.
"""

import re
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from flireo_flows.sandbox.api_errors import ApiError, invalid, missing, not_found
from flireo_flows.sandbox.call_course import CallEnd, transferred
from flireo_flows.sandbox.call_simulator import hang_up
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.middleware import LostAnswer, too_many
from flireo_flows.sandbox.placement import place, read_order
from flireo_flows.sandbox.request_forms import body_of
from flireo_flows.sandbox.routes.answers import read_page, read_span
from flireo_flows.sandbox.settings import E164
from flireo_flows.sandbox.store import OVER, Record, SandboxCall

router = APIRouter()

# Of both dialects (contract section 9.4).
_STATUSES: Final = OVER | {"connecting", "ringing", "in-progress", "insufficient-credits"}

_BAD_GATEWAY: Final = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


@router.post("/calls/outbound")
async def create_outbound_call(request: Request) -> Response:
    """Call a person. Each accepted request is a call: there is no idempotency key."""
    platform = platform_of(request)
    body = await body_of(request)
    destination = str(body.get("destination"))
    attempt = platform.store.calls.next_request(destination)
    if platform.faults.is_bad_gateway(platform.random, destination, attempt):
        return HTMLResponse(_BAD_GATEWAY, 502)
    call = place(read_order(body, platform), platform)
    if platform.faults.loses_answer(platform.random, destination, call.ordinal):
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
    found = platform_of(request).store.calls.newest_first(span.since_ms, span.until_ms, status)
    calls = [call.as_record() for call in page.of(found)]
    return JSONResponse({"calls": calls, "pagination": page.as_record(found)})


@router.get("/calls/{id}")
async def get_call(request: Request) -> Response:
    """One call, without an envelope."""
    return JSONResponse(_call(request).as_record())


def _call(request: Request) -> SandboxCall:
    call = platform_of(request).store.calls.get(request.path_params["id"])
    if call is None:
        raise not_found("Call")
    return call


_COMMANDS_PER_WINDOW: Final = 10  # per call and minute (contract section 3)

# Each command's required fields and their types.
_COMMANDS: Final[Mapping[str, Mapping[str, type]]] = {
    "inject-context": {"content": str, "trigger_response": bool},
    "say": {"content": str, "end_after": bool},
    "end-call": {},
    "transfer": {"destination": str},
}
_PHONE: Final = re.compile(E164)
_SIP: Final = re.compile(r"sips?:[^\s@]+(@[^\s@]+)?")
_UNDERSTOOD: Final = "I have just been told:"
_ENDED_BY_US: Final = CallEnd("ended", "api_end_call")


@router.post("/calls/{id}/control")
async def control_call(request: Request) -> Response:
    """Say something in a call, end it or transfer it."""
    platform = platform_of(request)
    call = _call(request)
    standing = platform.control_windows.take(call.id, _COMMANDS_PER_WINDOW, platform.clock.unix())
    if standing.retry_after:
        raise too_many(standing)
    # Refusals carry the call's own limit too: a client counts by what the headers report.
    try:
        command = _read_command(await body_of(request))
        if call.status != "in-progress":
            raise ApiError(400, "call_not_active", "The call is not in progress")
    except ApiError as refusal:
        refusal.headers.update(standing.headers())
        raise
    _apply(command, call, platform)
    answer = {"success": True, "message": "Command sent successfully"}
    return JSONResponse(answer, headers=standing.headers())


def _read_command(body: Record) -> Record:
    kind = body.get("type")
    if kind is None:
        raise missing("type")
    if not isinstance(kind, str) or kind not in _COMMANDS:
        raise invalid("type", f"must be one of {', '.join(_COMMANDS)}")
    for field, its_type in _COMMANDS[kind].items():
        if body.get(field) is None:
            raise missing(field)
        if not isinstance(body[field], its_type):
            raise invalid(field, f"must be of type {its_type.__name__}")
    if not isinstance(body.get("message", ""), str):
        raise invalid("message", "must be text")
    if kind == "transfer":
        _reachable(body["destination"])
    return body


def _reachable(destination: str) -> None:
    """A call can be handed to a phone number or a SIP address."""
    if not (_PHONE.fullmatch(destination) or _SIP.fullmatch(destination)):
        raise invalid("destination", "must be a phone number in E.164 format or a SIP URI")


def _apply(command: Record, call: SandboxCall, platform: Platform) -> None:
    kind = command["type"]
    call.said.extend(_transcript_of(command))
    if kind == "transfer":
        hang_up(call, transferred(platform.settings.dialect), platform)
    elif kind == "end-call" or command.get("end_after"):
        hang_up(call, _ENDED_BY_US, platform)


def _transcript_of(command: Record) -> list[Record]:
    """What a command adds to the transcript: words of the agent, or context for the agent alone."""
    if command["type"] == "inject-context":
        context = {"role": "system", "content": command["content"]}
        reply = {"role": "assistant", "content": f"{_UNDERSTOOD} {command['content']}"}
        return [context, reply] if command["trigger_response"] else [context]
    words = command["content"] if command["type"] == "say" else command.get("message")
    return [{"role": "assistant", "content": str(words)}] if words else []
