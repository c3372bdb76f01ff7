"""The control surface under `/sandbox`: what a real platform would never show or let you do.

No key, no limit, not counted.
"""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.errors import Refusal
from flireo_flows.sandbox.faults import Faults
from flireo_flows.sandbox.forms import body_of
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.world import world_of

router = APIRouter(prefix="/sandbox")


class Changes(BaseModel):
    """Settings that may change while the sandbox runs. `outcomes` is added to, the others are replaced."""

    model_config = ConfigDict(extra="forbid")

    minutes_balance: float | None = None
    outcomes: dict[str, Any] = Field(default_factory=dict)
    outcome_weights: dict[str, float] | None = None
    revoked_keys: list[str] | None = None
    rate_limit: int | None = None
    report_delay_seconds: float | None = None


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
        ]
    )


@router.get("/requests")
async def requests(request: Request) -> Response:
    """How many requests had which answer. Status 0: the answer was lost."""
    counts = world_of(request).requests.items()
    return JSONResponse([{"route": route, "status": status, "count": n} for (route, status), n in counts])


@router.get("/faults")
async def faults(request: Request) -> Response:
    """The faults in force."""
    return JSONResponse(world_of(request).faults.model_dump())


@router.post("/faults")
async def change_faults(request: Request) -> Response:
    """Change the faults that are named, leave the others."""
    world = world_of(request)
    try:
        changed = Faults.model_validate({**world.faults.model_dump(), **await body_of(request)})
    except ValidationError as error:
        raise _refused(error) from None
    _copy_onto(world.faults, changed, Faults.model_fields)
    return JSONResponse(world.faults.model_dump())


@router.post("/settings")
async def change_settings(request: Request) -> Response:
    """Change what `Changes` names: balance, outcomes, revoked keys, limit, report delay."""
    world = world_of(request)
    now = world.settings.model_dump(mode="json")
    try:
        changes = Changes.model_validate(await body_of(request)).model_dump(exclude_none=True)
        changes["outcomes"] = {**now["outcomes"], **changes["outcomes"]}
        changed = SandboxSettings.model_validate({**now, **changes})
    except ValidationError as error:
        raise _refused(error) from None
    _copy_onto(world.settings, changed, changes)
    if "minutes_balance" in changes:
        world.store.minutes_balance = changed.minutes_balance
    return JSONResponse({"success": True})


def _copy_onto(target: BaseModel, source: BaseModel, names: Any) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))


def _refused(error: ValidationError) -> Refusal:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, problem["loc"]))
    return Refusal(400, "invalid_field", f"{field}: {problem['msg']}", param=field)
