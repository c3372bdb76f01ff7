"""The control surface under `/sandbox`: what a real platform would never show or let you do.

It needs no key, has no limit and is not counted.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flireo_flows.api.campaigns import CampaignStatus
from flireo_flows.api.redaction import redact
from flireo_flows.sandbox.api_errors import ApiError, invalid
from flireo_flows.sandbox.campaign_dialer import begin_dialing
from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.placement import InboundCall, place_inbound
from flireo_flows.sandbox.request_forms import body_of
from flireo_flows.sandbox.routes import check_operations
from flireo_flows.sandbox.settings import Faults, SandboxSettings
from flireo_flows.sandbox.state import StateError, state_of

router = APIRouter(prefix="/sandbox")


_SCRIPTS: Final = frozenset({"outcomes", "reports", "tools"})  # added to; the other settings are replaced
_CHANGEABLE: Final = _SCRIPTS | {
    "minutes_balance",
    "outcome_weights",
    "report_weights",
    "revoked_keys",
    "rate_limit",
    "report_delay_seconds",
    "slow_report_seconds",
    "echo_metadata",
    "recordings",
    "empty_deletes",
    "error_form",
    "talk_seconds_min",
    "talk_seconds_max",
}


@router.get("/health")
async def health(request: Request) -> Response:
    """Whether it runs, and how its webhooks fare."""
    platform = platform_of(request)
    return JSONResponse(
        {
            "status": "ok",
            "active_calls": platform.store.active_calls,
            "webhooks": dict(platform.courier.counts),
        }
    )


@router.get("/calls")
async def placed_calls(request: Request) -> Response:
    """Every outbound call that was placed, oldest first, also when its answer was lost."""
    return JSONResponse(
        [
            {
                "destination": call.destination,
                "number_id": call.number["id"],
                "agent_id": call.agent_id,
                "call_id": call.id,
                "created_at": iso(call.created_ms),
            }
            for call in platform_of(request).store.calls
            if call.direction == "outbound"
        ]
    )


@router.get("/requests")
async def requests(request: Request) -> Response:
    """How many requests had which answer. Status 0: the answer was lost."""
    counts = platform_of(request).requests.items()
    return JSONResponse([{"route": route, "status": status, "count": n} for (route, status), n in counts])


@router.get("")
async def what_there_is(request: Request) -> Response:
    """What the control surface can do."""
    routes = sorted(
        (route for route in router.routes if isinstance(route, Route)), key=lambda route: route.path
    )
    return JSONResponse(
        {f"{min(route.methods or ())} {route.path}": _first_line(route.endpoint) for route in routes}
    )


@router.post("/inbound")
async def inbound(request: Request) -> Response:
    """Simulate an inbound call: `{"from": "+44...", "number_id": ...}`, and `outcome` and `report` if wanted."""
    platform = platform_of(request)
    try:
        inbound_call = InboundCall.model_validate(await body_of(request))
    except ValidationError as error:
        raise _refused(error) from None
    call = place_inbound(inbound_call, platform)
    return JSONResponse({"success": True, "call_id": call.id, "status": call.status})


@router.get("/exchanges")
async def exchanges(request: Request) -> Response:
    """Webhooks whose answer matters (assistant-request, tool-calls) and the answers; `?call_id=` for one call."""
    call_id = request.query_params.get("call_id")
    known = platform_of(request).exchanges
    return JSONResponse([one.as_record() for one in known if call_id in (None, one.call_id)])


@router.get("/state")
async def state(request: Request) -> Response:
    """The present state, calls apart, as a state file holds it. With the keys and secrets that it was given."""
    platform = platform_of(request)
    return JSONResponse(state_of(platform.store, platform.settings, platform.faults.model_dump(mode="json")))


@router.post("/reset")
async def go_back(request: Request) -> Response:
    """Go back to the beginning. Running calls are forgotten, and none of their webhooks is sent any more."""
    platform = platform_of(request)
    platform.reset()
    begin(platform)
    return JSONResponse({"success": True})


@router.get("/faults")
async def faults(request: Request) -> Response:
    """The faults in force."""
    return JSONResponse(platform_of(request).faults.model_dump(mode="json"))


@router.post("/faults")
async def change_faults(request: Request) -> Response:
    """Change the faults that are named, leave the others."""
    platform = platform_of(request)
    try:
        changed = Faults.model_validate({**platform.faults.model_dump(), **await body_of(request)})
        check_operations(changed)
    except ValidationError as error:
        raise _refused(error) from None
    except StateError as error:
        raise ApiError(400, "invalid_field", str(error), param="operations") from None
    _copy_onto(platform.faults, changed, Faults.model_fields)
    return JSONResponse(platform.faults.model_dump(mode="json"))


@router.post("/settings")
async def change_settings(request: Request) -> Response:
    """Change balance, scripts (added to), weights, revoked keys, limit, lengths and delays."""
    platform = platform_of(request)
    now = platform.settings.model_dump(mode="json")
    changes = {name: value for name, value in (await body_of(request)).items() if value is not None}
    if unknown := changes.keys() - _CHANGEABLE:
        raise invalid(redact(min(unknown)), "cannot be changed while the sandbox runs")
    for script in _SCRIPTS & changes.keys():
        if isinstance(changes[script], dict):
            changes[script] = {**now[script], **changes[script]}
    try:
        changed = SandboxSettings.model_validate({**now, **changes})
    except ValidationError as error:
        raise _refused(error) from None
    _copy_onto(platform.settings, changed, changes)
    if "minutes_balance" in changes:
        platform.store.minutes_balance = changed.minutes_balance
    return JSONResponse({"success": True})


def _first_line(described: object) -> str:
    return (described.__doc__ or "").strip().partition("\n")[0]


def _copy_onto(target: BaseModel, source: BaseModel, names: Any) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))


def _refused(error: ValidationError) -> ApiError:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(redact(str(part)) for part in problem["loc"])  # a script's place is a phone number
    return ApiError(400, "invalid_field", f"{field}: {problem['msg']}", param=field)


def begin(platform: Platform) -> None:
    """Let the campaigns that are scheduled from the beginning dial."""
    for campaign in platform.store.campaigns.values():
        if campaign.status is CampaignStatus.SCHEDULED:
            begin_dialing(campaign, platform)
