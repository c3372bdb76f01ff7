"""Phone numbers of the organization.

Source: contract, section 8.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.dialing import phone_number
from flireo_flows.sandbox.errors import Refusal, not_found
from flireo_flows.sandbox.forms import NumberForm, body_of, read_form
from flireo_flows.sandbox.routes.answers import deleted
from flireo_flows.sandbox.seeds import number_record
from flireo_flows.sandbox.store import Record, new_id
from flireo_flows.sandbox.world import World, world_of

router = APIRouter()


@router.get("/numbers")
async def list_numbers(request: Request) -> Response:
    """All numbers, in the order they were registered."""
    return JSONResponse({"numbers": list(world_of(request).store.numbers.values())})


@router.post("/numbers")
async def register_number(request: Request) -> Response:
    """Register a number that a SIP provider forwards here."""
    world = world_of(request)
    body = await body_of(request)
    phone = phone_number(body, "phone_number")
    fields = _known_agent(read_form(NumberForm, body), world)
    if any(number["phone_number"] == phone for number in world.store.numbers.values()):
        raise Refusal(409, "conflict", "This number is already registered", param="phone_number")
    number = {**number_record(new_id(), phone, iso(world.clock.unix_ms())), **_changeable(fields)}
    world.store.numbers[number["id"]] = number
    return JSONResponse({"number": number}, 201)


@router.get("/numbers/{id}")
async def get_number(request: Request) -> Response:
    """One number."""
    return JSONResponse({"number": _number(request, world_of(request))})


@router.patch("/numbers/{id}")
async def update_number(request: Request) -> Response:
    """Change the fields that are sent; null takes the agent or the trunk away."""
    world = world_of(request)
    number = _number(request, world)
    fields = _known_agent(read_form(NumberForm, await body_of(request)), world)
    changed = {**number, **_changeable(fields), "updated_at": iso(world.clock.unix_ms())}
    world.store.numbers[number["id"]] = changed
    return JSONResponse({"number": changed})


@router.delete("/numbers/{id}")
async def delete_number(request: Request) -> Response:
    """Forget a number. Calls from it stay."""
    world = world_of(request)
    del world.store.numbers[_number(request, world)["id"]]
    return deleted(request)


def _number(request: Request, world: World) -> Record:
    number = world.store.numbers.get(request.path_params["id"])
    if number is None:
        raise not_found("Number")
    return number


def _known_agent(fields: Record, world: World) -> Record:
    agent_id = fields.get("agent_id")
    if agent_id is not None and agent_id not in world.store.agents:
        raise not_found("Agent", "agent_id")
    return fields


def _changeable(fields: Record) -> Record:
    return {
        name: fields[name]
        for name in ("name", "agent_id", "transfer_trunk_id", "is_active")
        if name in fields
    }
