"""The organization, at its old path and its new one.

Source: contract section 16.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.local_platform import world_of
from flireo_flows.sandbox.routes.answers import is_later
from flireo_flows.sandbox.routes.usage import minutes_this_month
from flireo_flows.sandbox.store import Record

router = APIRouter()


@router.get("/account")
@router.get("/organizations")
async def get_organization(request: Request) -> Response:
    """Balance and counts, without an envelope."""
    world = world_of(request)
    store = world.store
    return JSONResponse(
        {
            "id": store.organization_id,
            "name": store.organization_name,
            "minutes_balance": store.minutes_balance,
            "monthly_usage_minutes": minutes_this_month(store.calls, world.clock.unix_ms()),
            "active_numbers": sum(number["is_active"] for number in store.numbers.values()),
            "active_agents": sum(agent["is_active"] for agent in store.agents.values()),
            "active_calls": store.active_calls,
            **(_later(request) if is_later(world) else {}),
        }
    )


def _later(request: Request) -> Record:
    """What the later dialect adds. A sandbox has one organization, so no parent and no children."""
    children: Record = {"children": []} if request.query_params.get("include_children") == "true" else {}
    return {"has_local_models_access": False, "parent_org_id": None, **children}
