"""Every operation there is. What must stay together (tasks, docs, tests) is made from this list."""

from collections.abc import Callable
from typing import Any, Final

from flireo_flows.api import agents, calls, numbers, organization
from flireo_flows.api.operation import Operation

OperationFunction = Callable[..., Operation[Any]]

OPERATIONS: Final[tuple[OperationFunction, ...]] = (
    agents.list_agents,
    agents.create_agent,
    agents.get_agent,
    agents.update_agent,
    agents.delete_agent,
    numbers.list_numbers,
    numbers.register_number,
    numbers.get_number,
    numbers.update_number,
    numbers.delete_number,
    calls.list_calls,
    calls.get_call,
    calls.create_outbound_call,
    organization.get_organization,
)
