"""Phone numbers of the organization, and the SIP trunks they call through.

Source: contract sections 8 and 12. A trunk is one record under the names of the later dialect; each dialect shows its
own. Its password is not even kept.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.api_errors import ApiError, invalid, missing
from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import (
    NewNumberForm,
    NumberForm,
    RequestForm,
    Text,
    Whole,
    body_of,
    changes_of,
    read_form,
)
from flireo_flows.sandbox.routes.answers import deleted, is_later, named
from flireo_flows.sandbox.store import Record, new_id, number_record, trunk_record

router = APIRouter()


@router.get("/numbers")
async def list_numbers(request: Request) -> Response:
    """All numbers, in the order they were registered."""
    platform = platform_of(request)
    return JSONResponse({"numbers": [_shown(number, platform) for number in platform.store.numbers.values()]})


@router.post("/numbers")
async def register_number(request: Request) -> Response:
    """Register a number that a SIP provider forwards here."""
    platform = platform_of(request)
    fields = _known_things(read_form(NewNumberForm, await body_of(request)), platform)
    phone = fields["phone_number"]
    if any(number["phone_number"] == phone for number in platform.store.numbers.values()):
        raise ApiError(409, "conflict", "This number is already registered", param="phone_number")
    number = {**number_record(new_id(), phone, iso(platform.clock.unix_ms())), **_changeable(fields)}
    platform.store.numbers[number["id"]] = number
    return JSONResponse({"number": _shown(number, platform)}, 201)


@router.get("/numbers/{id}")
async def get_number(request: Request) -> Response:
    """One number."""
    platform = platform_of(request)
    return JSONResponse({"number": _shown(_number(request, platform), platform)})


@router.patch("/numbers/{id}")
async def update_number(request: Request) -> Response:
    """Change the fields that are sent; null takes the agent or the trunk away."""
    platform = platform_of(request)
    number = _number(request, platform)
    fields = _known_things(read_form(NumberForm, changes_of(await body_of(request))), platform)
    changed = {**number, **_changeable(fields), "updated_at": iso(platform.clock.unix_ms())}
    platform.store.numbers[number["id"]] = changed
    return JSONResponse({"number": _shown(changed, platform)})


@router.delete("/numbers/{id}")
async def delete_number(request: Request) -> Response:
    """Delete a number. Calls from it stay."""
    platform = platform_of(request)
    del platform.store.numbers[_number(request, platform)["id"]]
    return deleted(request)


def _number(request: Request, platform: Platform) -> Record:
    return named(request, platform.store.numbers, "Number")


def _known_things(fields: Record, platform: Platform) -> Record:
    """The fields, if what they name exists.

    Raises:
        ApiError: 400, it does not. The reference has no 404 for registering a number.
    """
    for name, things in (
        ("agent_id", platform.store.agents),
        ("transfer_trunk_id", platform.store.sip_trunks),
    ):
        if fields.get(name) is not None and fields[name] not in things:
            raise invalid(name, "names nothing that exists")
    return fields


def _changeable(fields: Record) -> Record:
    return {
        name: fields[name]
        for name in ("name", "agent_id", "transfer_trunk_id", "is_active")
        if name in fields
    }


def _shown(number: Record, platform: Platform) -> Record:
    """With the names of what it refers to."""
    agent = platform.store.agents.get(number["agent_id"], {})
    trunk = platform.store.sip_trunks.get(number["transfer_trunk_id"], {})
    return {
        **number,
        "agent_name": agent.get("name"),
        "business_name": agent.get("business_name"),
        "transfer_trunk_name": trunk.get("name"),
    }


# Each variant's names for the trunk's address and its user.
_ADDRESS: Final = ("host", "address", "outbound_address")
_USER: Final = ("username", "auth_username")
_PLAIN: Final[tuple[str, ...]] = ("port", "provider", "transport", "is_active")


class _TrunkForm(RequestForm):
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
    platform = platform_of(request)
    return JSONResponse(
        {"trunks": [_shown_trunk(trunk, platform) for trunk in platform.store.sip_trunks.values()]}
    )


@router.post("/sip-trunks")
async def create_sip_trunk(request: Request) -> Response:
    """Save a trunk. Names need not differ."""
    platform = platform_of(request)
    fields = read_form(_TrunkForm, await body_of(request))
    address = _given(fields, _ADDRESS)
    if address is None:
        raise missing("address" if is_later(platform) else "host")
    if "address" in fields and "provider" not in fields:
        raise missing("provider")  # the later body requires both
    trunk: Record = {
        **trunk_record(new_id(), fields["name"], address, iso(platform.clock.unix_ms())),
        **{name: fields[name] for name in _PLAIN if name in fields},
        "org_id": platform.store.organization_id,
        "auth_username": _given(fields, _USER),
    }
    platform.store.sip_trunks[trunk["id"]] = trunk
    return JSONResponse({"trunk": _shown_trunk(trunk, platform)}, 201)


@router.get("/sip-trunks/{id}")
async def get_sip_trunk(request: Request) -> Response:
    """One trunk."""
    platform = platform_of(request)
    return JSONResponse(
        {"trunk": _shown_trunk(named(request, platform.store.sip_trunks, "SIP trunk"), platform)}
    )


@router.delete("/sip-trunks/{id}")
async def delete_sip_trunk(request: Request) -> Response:
    """Delete a trunk that no number uses."""
    store = platform_of(request).store
    trunk_id = named(request, store.sip_trunks, "SIP trunk")["id"]
    if any(number["transfer_trunk_id"] == trunk_id for number in store.numbers.values()):
        raise ApiError(409, "conflict", "A number uses this trunk; clear its transfer_trunk_id first")
    del store.sip_trunks[trunk_id]
    return deleted(request)


def _given(fields: Record, names: tuple[str, ...]) -> str | None:
    """The value of the first of these fields that was sent."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _shown_trunk(trunk: Record, platform: Platform) -> Record:
    if is_later(platform):
        return {name: value for name, value in trunk.items() if name != "port"}
    return {
        "id": trunk["id"],
        "name": trunk["name"],
        "host": trunk["address"],
        "port": trunk["port"],
        "username": trunk["auth_username"],
        "created_at": trunk["created_at"],
    }
