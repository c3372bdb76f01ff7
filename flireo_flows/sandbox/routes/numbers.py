"""Phone numbers of the organization.

Source: contract section 8.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import Refusal, invalid
from flireo_flows.sandbox.request_forms import NewNumberForm, NumberForm, body_of, changes_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, named
from flireo_flows.sandbox.seeds import number_record
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()


@router.get("/numbers")
async def list_numbers(request: Request) -> Response:
    """All numbers, in the order they were registered."""
    world = world_of(request)
    return JSONResponse({"numbers": [_shown(number, world) for number in world.store.numbers.values()]})


@router.post("/numbers")
async def register_number(request: Request) -> Response:
    """Register a number that a SIP provider forwards here."""
    world = world_of(request)
    fields = _known_things(read_form(NewNumberForm, await body_of(request)), world)
    phone = fields["phone_number"]
    if any(number["phone_number"] == phone for number in world.store.numbers.values()):
        raise Refusal(409, "conflict", "This number is already registered", param="phone_number")
    number = {**number_record(new_id(), phone, iso(world.clock.unix_ms())), **_changeable(fields)}
    world.store.numbers[number["id"]] = number
    return JSONResponse({"number": _shown(number, world)}, 201)


@router.get("/numbers/{id}")
async def get_number(request: Request) -> Response:
    """One number."""
    world = world_of(request)
    return JSONResponse({"number": _shown(_number(request, world), world)})


@router.patch("/numbers/{id}")
async def update_number(request: Request) -> Response:
    """Change the fields that are sent; null takes the agent or the trunk away."""
    world = world_of(request)
    number = _number(request, world)
    fields = _known_things(read_form(NumberForm, changes_of(await body_of(request))), world)
    changed = {**number, **_changeable(fields), "updated_at": iso(world.clock.unix_ms())}
    world.store.numbers[number["id"]] = changed
    return JSONResponse({"number": _shown(changed, world)})


@router.delete("/numbers/{id}")
async def delete_number(request: Request) -> Response:
    """Forget a number. Calls from it stay."""
    world = world_of(request)
    del world.store.numbers[_number(request, world)["id"]]
    return deleted(request)


def _number(request: Request, world: World) -> Record:
    return named(request, world.store.numbers, "Number")


def _known_things(fields: Record, world: World) -> Record:
    """The fields, if what they name exists.

    Raises:
        Refusal: 400, it does not. The reference has no 404 for registering a number.
    """
    for name, things in (("agent_id", world.store.agents), ("transfer_trunk_id", world.store.sip_trunks)):
        if fields.get(name) is not None and fields[name] not in things:
            raise invalid(name, "names nothing that exists")
    return fields


def _changeable(fields: Record) -> Record:
    return {
        name: fields[name]
        for name in ("name", "agent_id", "transfer_trunk_id", "is_active")
        if name in fields
    }


def _shown(number: Record, world: World) -> Record:
    """With the names of what it refers to."""
    agent = world.store.agents.get(number["agent_id"], {})
    trunk = world.store.sip_trunks.get(number["transfer_trunk_id"], {})
    return {
        **number,
        "agent_name": agent.get("name"),
        "business_name": agent.get("business_name"),
        "transfer_trunk_name": trunk.get("name"),
    }
