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


EXAMPLES: dict[OperationFunction, Callable[[Scene], Operation[Any]]] = {
    agents.list_agents: lambda scene: agents.list_agents(),
    agents.create_agent: lambda scene: agents.create_agent("Piet", {"first_message": "Dag!"}),
    agents.get_agent: lambda scene: agents.get_agent("demo-agent"),
    agents.update_agent: lambda scene: agents.update_agent("demo-agent", {"first_message": "Dag!"}),
    agents.delete_agent: lambda scene: agents.delete_agent("demo-agent"),
    numbers.list_numbers: lambda scene: numbers.list_numbers(),
    numbers.register_number: lambda scene: numbers.register_number(BEN, "demo-agent", name="Line 2"),
    numbers.get_number: lambda scene: numbers.get_number("demo-number"),
    numbers.update_number: lambda scene: numbers.update_number("demo-number", NumberChanges(agent_id=None)),
    numbers.delete_number: lambda scene: numbers.delete_number("demo-number"),
    calls.list_calls: lambda scene: calls.list_calls(limit=5, status="ended"),
    calls.get_call: lambda scene: calls.get_call(scene.call_id),
    calls.create_outbound_call: lambda scene: calls.create_outbound_call(
        OutboundCall(destination=BEN, number_id="demo-number", agent_id="demo-agent", first_message="Hi.")
    ),
    organization.get_organization: lambda scene: organization.get_organization(),
}
