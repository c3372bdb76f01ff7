"""SIP trunks, in the three bodies that are documented. The password is not even kept.

Source: contract section 12. One record under the names of the later dialect; each dialect shows its own.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import Refusal, missing
from flireo_flows.sandbox.request_forms import Form, Text, Whole, body_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, is_later, named
from flireo_flows.sandbox.seeds import trunk_record
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

# Where each variant says where the trunk leads, and who logs in there.
_ADDRESS: Final = ("host", "address", "outbound_address")
_USER: Final = ("username", "auth_username")
_PLAIN: Final[tuple[str, ...]] = ("port", "provider", "transport", "is_active")


class _TrunkForm(Form):
    name: Text
    host: Text = ""
    port: Annotated[Whole, Field(ge=1, le=65535)] = 5060
    username: str = ""
    password: str = ""
    provider: Text = ""
    address: Text = ""
    outbound_address: Text = ""
    auth_username: str = ""
    auth_password: str = ""
    transport: Annotated[str, Field(pattern="^(udp|tcp|tls)$")] = "udp"
    is_active: bool = True


@router.get("/sip-trunks")
async def list_sip_trunks(request: Request) -> Response:
    """All trunks, in the order they were made."""
    world = world_of(request)
    return JSONResponse({"trunks": [_shown(trunk, world) for trunk in world.store.sip_trunks.values()]})


@router.post("/sip-trunks")
async def create_sip_trunk(request: Request) -> Response:
    """Save a trunk. Names need not differ."""
    world = world_of(request)
    fields = read_form(_TrunkForm, await body_of(request))
    address = _given(fields, _ADDRESS)
    if address is None:
        raise missing("address" if is_later(world) else "host")
    if "address" in fields and "provider" not in fields:
        raise missing("provider")  # the later body requires both
    trunk: Record = {
        **trunk_record(new_id(), fields["name"], address, iso(world.clock.unix_ms())),
        **{name: fields[name] for name in _PLAIN if name in fields},
        "org_id": world.store.organization_id,
        "auth_username": _given(fields, _USER),
    }
    world.store.sip_trunks[trunk["id"]] = trunk
    return JSONResponse({"trunk": _shown(trunk, world)}, 201)


@router.get("/sip-trunks/{id}")
async def get_sip_trunk(request: Request) -> Response:
    """One trunk."""
    world = world_of(request)
    return JSONResponse({"trunk": _shown(named(request, world.store.sip_trunks, "SIP trunk"), world)})


@router.delete("/sip-trunks/{id}")
async def delete_sip_trunk(request: Request) -> Response:
    """Forget a trunk that no number uses."""
    store = world_of(request).store
    trunk_id = named(request, store.sip_trunks, "SIP trunk")["id"]
    if any(number["transfer_trunk_id"] == trunk_id for number in store.numbers.values()):
        raise Refusal(409, "conflict", "A number uses this trunk; clear its transfer_trunk_id first")
    del store.sip_trunks[trunk_id]
    return deleted(request)


def _given(fields: Record, names: tuple[str, ...]) -> str | None:
    """The value of the first of these fields that was sent."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _shown(trunk: Record, world: World) -> Record:
    if is_later(world):
        return {name: value for name, value in trunk.items() if name != "port"}
    return {
        "id": trunk["id"],
        "name": trunk["name"],
        "host": trunk["address"],
        "port": trunk["port"],
        "username": trunk["auth_username"],
        "created_at": trunk["created_at"],
    }
