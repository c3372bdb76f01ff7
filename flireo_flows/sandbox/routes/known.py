"""Which operations there are, for faults that are for some of them only."""

from starlette.routing import Route

from flireo_flows.sandbox.faults import Faults
from flireo_flows.sandbox.routes import ROUTERS
from flireo_flows.sandbox.state import StateError


def operation_routes() -> list[Route]:
    """Every route of the API; its name is the operationId."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]


def check_operations(faults: Faults) -> None:
    """Faults are for operations that exist.

    Raises:
        StateError: One does not.
    """
    unknown = faults.operations() - {route.name for route in operation_routes()}
    if unknown:
        raise StateError(
            f"there is no operation {min(unknown)!r}; operations are named by operationId, such as list_calls"
        )
