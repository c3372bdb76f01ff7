"""One example of each operation, and the sandbox in which all of them mean something."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flireo_flows.api import agents, calls, numbers, organization
from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.numbers import NumberChanges
from flireo_flows.api.operation import Operation
from flireo_flows.api.registry import OperationFunction
from tests.sandbox.running import ANNA, BEN, RunningSandbox


@dataclass(frozen=True)
class Scene:
    """Ids of things that exist; the demo agent and number of a sandbox exist anyway.

    Attributes:
        call_id: A finished call with ANNA.
    """

    call_id: str = "call-1"


SOMEWHERE = Scene()  # where nothing is sent


def set_scene(sandbox: RunningSandbox) -> Scene:
    """Make what the examples speak of."""
    return Scene(call_id=sandbox.finished(ANNA)["id"])


# The arguments of one request of each operation, by name: a task takes the same.
EXAMPLES: dict[OperationFunction, Callable[[Scene], dict[str, Any]]] = {
    agents.list_agents: lambda scene: {},
    agents.create_agent: lambda scene: {"name": "Piet", "settings": {"first_message": "Dag!"}},
    agents.get_agent: lambda scene: {"agent_id": "demo-agent"},
    agents.update_agent: lambda scene: {"agent_id": "demo-agent", "changes": {"first_message": "Dag!"}},
    agents.delete_agent: lambda scene: {"agent_id": "demo-agent"},
    numbers.list_numbers: lambda scene: {},
    numbers.register_number: lambda scene: {"phone_number": BEN, "agent_id": "demo-agent", "name": "Line 2"},
    numbers.get_number: lambda scene: {"number_id": "demo-number"},
    numbers.update_number: lambda scene: {
        "number_id": "demo-number",
        "changes": NumberChanges(agent_id=None),
    },
    numbers.delete_number: lambda scene: {"number_id": "demo-number"},
    calls.list_calls: lambda scene: {"limit": 5, "status": "ended"},
    calls.get_call: lambda scene: {"call_id": scene.call_id},
    calls.create_outbound_call: lambda scene: {
        "call": OutboundCall(
            destination=BEN, number_id="demo-number", agent_id="demo-agent", first_message="Hi."
        )
    },
    organization.get_organization: lambda scene: {},
}


def example(function: OperationFunction, scene: Scene = SOMEWHERE) -> Operation[Any]:
    """One request of an operation."""
    return function(**EXAMPLES[function](scene))
