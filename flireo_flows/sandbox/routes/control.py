"""Commands to a running call.

Source: contract section 10. What an agent is told shows up in the transcript; that it understood does not.
"""

import re
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.call_course import Ending, transferred
from flireo_flows.sandbox.gate import too_many
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import Refusal, invalid, missing, not_found
from flireo_flows.sandbox.request_forms import body_of
from flireo_flows.sandbox.settings import E164
from flireo_flows.sandbox.store import Call, Record

router = APIRouter()

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
_ENDED_BY_US: Final = Ending("ended", "api_end_call")


@router.post("/calls/{id}/control")
async def control_call(request: Request) -> Response:
    """Say something in a call, end it or hand it over."""
    world = world_of(request)
    call = world.store.calls.get(request.path_params["id"])
    if call is None:
        raise not_found("Call")
    standing = world.control_windows.take(call.id, _COMMANDS_PER_WINDOW, world.clock.unix())
    if standing.retry_after:
        raise too_many(standing)
    # Refusals tell of the call's own limit too: a client counts by what it is told.
    try:
        command = _read_command(await body_of(request))
        if call.status != "in-progress":
            raise Refusal(400, "call_not_active", "The call is not in progress")
    except Refusal as refusal:
        refusal.headers.update(standing.headers())
        raise
    _obey(command, call, world)
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


def _obey(command: Record, call: Call, world: World) -> None:
    kind = command["type"]
    call.said.extend(_heard(command))
    if kind == "transfer":
        world.life.hang_up(call, transferred(world.settings.dialect))
    elif kind == "end-call" or command.get("end_after"):
        world.life.hang_up(call, _ENDED_BY_US)


def _heard(command: Record) -> list[Record]:
    """What a command adds to the transcript: words of the agent, or what only the agent was told."""
    if command["type"] == "inject-context":
        told = {"role": "system", "content": command["content"]}
        reply = {"role": "assistant", "content": f"{_UNDERSTOOD} {command['content']}"}
        return [told, reply] if command["trigger_response"] else [told]
    words = command["content"] if command["type"] == "say" else command.get("message")
    return [{"role": "assistant", "content": str(words)}] if words else []
