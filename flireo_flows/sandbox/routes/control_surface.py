"""The control surface under `/sandbox`: what a real platform would never show or let you do.

No key, no limit, not counted.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flireo_flows.api.redaction import redact
from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.faults import Faults
from flireo_flows.sandbox.inbound import Ringing, ring_in
from flireo_flows.sandbox.local_platform import world_of
from flireo_flows.sandbox.refusals import Refusal
from flireo_flows.sandbox.request_forms import body_of
from flireo_flows.sandbox.reset import reset
from flireo_flows.sandbox.routes.known import check_operations
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.state import StateError, state_of

router = APIRouter(prefix="/sandbox")


_SCRIPTS: Final = ("outcomes", "reports", "tools")


class Changes(BaseModel):
    """Settings that may change while the sandbox runs. Scripts are added to, the others are replaced."""

    model_config = ConfigDict(extra="forbid")

    minutes_balance: float | None = None
    outcomes: dict[str, Any] = Field(default_factory=dict)
    reports: dict[str, Any] = Field(default_factory=dict)
    tools: dict[str, Any] = Field(default_factory=dict)
    outcome_weights: dict[str, float] | None = None
    report_weights: dict[str, float] | None = None
    revoked_keys: list[str] | None = None
    rate_limit: int | None = None
    report_delay_seconds: float | None = None
    slow_report_seconds: float | None = None
    echo_metadata: bool | None = None
    recordings: bool | None = None
    empty_deletes: bool | None = None
    error_form: str | None = None
    talk_seconds_min: float | None = None
    talk_seconds_max: float | None = None


@router.get("/health")
async def health(request: Request) -> Response:
    """Whether it runs, and how its webhooks fare."""
    world = world_of(request)
    return JSONResponse(
        {"status": "ok", "active_calls": world.store.active_calls, "webhooks": dict(world.courier.counts)}
    )


@router.get("/rings")
async def rings(request: Request) -> Response:
    """Every request that made a phone ring, heard or not, oldest first."""
    return JSONResponse(
        [
            {
                "destination": call.destination,
                "number_id": call.number["id"],
                "agent_id": call.agent_id,
                "call_id": call.id,
                "created_at": iso(call.created_ms),
            }
            for call in world_of(request).store.calls
            if call.direction == "outbound"
        ]
    )


@router.get("/requests")
async def requests(request: Request) -> Response:
    """How many requests had which answer. Status 0: the answer was lost."""
    counts = world_of(request).requests.items()
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
    """Let somebody ring in: `{"from": "+44...", "number_id": ...}`, and `outcome` and `report` if wanted."""
    world = world_of(request)
    try:
        ringing = Ringing.model_validate(await body_of(request))
    except ValidationError as error:
        raise _refused(error) from None
    call = ring_in(ringing, world)
    return JSONResponse({"success": True, "call_id": call.id, "status": call.status})


@router.get("/exchanges")
async def exchanges(request: Request) -> Response:
    """Webhooks whose answer matters (assistant-request, tool-calls) and the answers; `?call_id=` for one call."""
    call_id = request.query_params.get("call_id")
    known = world_of(request).exchanges
    return JSONResponse([one.as_record() for one in known if call_id in (None, one.call_id)])


@router.get("/state")
async def state(request: Request) -> Response:
    """The present state, calls apart, as a state file holds it. With the keys and secrets that it was given."""
    world = world_of(request)
    return JSONResponse(state_of(world.store, world.settings, world.faults.model_dump(mode="json")))


@router.post("/reset")
async def go_back(request: Request) -> Response:
    """Go back to the beginning. Running calls are forgotten, and none of their webhooks is sent any more."""
    reset(world_of(request))
    return JSONResponse({"success": True})


@router.get("/faults")
async def faults(request: Request) -> Response:
    """The faults in force."""
    return JSONResponse(world_of(request).faults.model_dump(mode="json"))


@router.post("/faults")
async def change_faults(request: Request) -> Response:
    """Change the faults that are named, leave the others."""
    world = world_of(request)
    try:
        changed = Faults.model_validate({**world.faults.model_dump(), **await body_of(request)})
        check_operations(changed)
    except ValidationError as error:
        raise _refused(error) from None
    except StateError as error:
        raise Refusal(400, "invalid_field", str(error), param="operations") from None
    _copy_onto(world.faults, changed, Faults.model_fields)
    return JSONResponse(world.faults.model_dump(mode="json"))


@router.post("/settings")
async def change_settings(request: Request) -> Response:
    """Change what `Changes` names: balance, scripts, weights, revoked keys, limit, lengths and delays."""
    world = world_of(request)
    now = world.settings.model_dump(mode="json")
    try:
        changes = Changes.model_validate(await body_of(request)).model_dump(exclude_none=True)
        changes.update({script: {**now[script], **changes[script]} for script in _SCRIPTS})
        changed = SandboxSettings.model_validate({**now, **changes})
    except ValidationError as error:
        raise _refused(error) from None
    _copy_onto(world.settings, changed, changes)
    if "minutes_balance" in changes:
        world.store.minutes_balance = changed.minutes_balance
    return JSONResponse({"success": True})


def _first_line(described: object) -> str:
    return (described.__doc__ or "").strip().partition("\n")[0]


def _copy_onto(target: BaseModel, source: BaseModel, names: Any) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))


def _refused(error: ValidationError) -> Refusal:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(redact(str(part)) for part in problem["loc"])  # a script's place is a phone number
    return Refusal(400, "invalid_field", f"{field}: {problem['msg']}", param=field)
