"""The organization, at its old path and its new one.

Source: contract, section 16.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.world import world_of

router = APIRouter()


@router.get("/account")
@router.get("/organizations")
async def get_organization(request: Request) -> Response:
    """Balance and counts, without an envelope."""
    store = world_of(request).store
    return JSONResponse(
        {
            "id": store.organization_id,
            "name": store.organization_name,
            "minutes_balance": store.minutes_balance,
            "monthly_usage_minutes": store.minutes_used,
            "active_numbers": sum(number["is_active"] for number in store.numbers.values()),
            "active_agents": sum(agent["is_active"] for agent in store.agents.values()),
            "active_calls": store.active_calls,
        }
    )
