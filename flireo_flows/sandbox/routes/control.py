"""Commands to a running call.

Source: contract, section 10. What an agent is told shows up in the transcript; that it understood does not.
"""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.errors import Refusal, invalid, missing, not_found
from flireo_flows.sandbox.forms import body_of
from flireo_flows.sandbox.gate import too_many
from flireo_flows.sandbox.outcomes import Ending, transferred
from flireo_flows.sandbox.store import Call, Record
from flireo_flows.sandbox.world import World, world_of

router = APIRouter()

_COMMANDS_PER_WINDOW: Final = 10  # per call and minute (contract, section 3)

# Each command's required fields and their types.
_COMMANDS: Final[Mapping[str, Mapping[str, type]]] = {
    "inject-context": {"content": str, "trigger_response": bool},
    "say": {"content": str, "end_after": bool},
    "end-call": {},
    "transfer": {"destination": str},
}
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
    command = _read_command(await body_of(request))
    if call.status != "in-progress":
        raise Refusal(400, "call_not_active", "The call is not in progress")
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
    return body


def _obey(command: Record, call: Call, world: World) -> None:
    kind = command["type"]
    words = command["content"] if kind == "say" else command.get("message")
    if words:
        call.said.append(str(words))
    if kind == "transfer":
        world.life.hang_up(call, transferred(world.settings.dialect))
    elif kind == "end-call" or command.get("end_after"):
        world.life.hang_up(call, _ENDED_BY_US)
