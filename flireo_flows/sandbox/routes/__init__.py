"""The operations by resource. A route's name is the operation's id in the reference."""

from typing import Final

from fastapi import APIRouter
from starlette.routing import Route

from flireo_flows.sandbox.routes import account, calls, campaigns, domains, providers, resources
from flireo_flows.sandbox.settings import Faults
from flireo_flows.sandbox.state import StateError

ROUTERS: Final[tuple[APIRouter, ...]] = (
    resources.router,
    calls.router,
    account.router,
    providers.router,
    domains.router,
    campaigns.router,
)


def operation_routes() -> list[Route]:
    """Every route of the API; its name is the operationId."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]


def check_operations(faults: Faults) -> None:
    """Refuse faults for operations that do not exist.

    Raises:
        StateError: A fault names an unknown operation.
    """
    unknown = faults.operations() - {route.name for route in operation_routes()}
    if unknown:
        raise StateError(
            f"there is no operation {min(unknown)!r}; operations are named by operationId, such as list_calls"
        )
