"""Templates to make in a test."""

from flireo_flows.api.tools import (
    FunctionConfig,
    TransferConfig,
    TransferDestination,
)
from tests.support.api.speaking import ANNA

SCHEMA = {"type": "object", "properties": {"phone": {"type": "string"}}}
FIND = FunctionConfig(
    name="find", description="Find a tenant", parameters=SCHEMA, is_async=True, async_response="One moment."
)
HAND_OVER = TransferConfig(destinations=(TransferDestination(number=ANNA, description="Sales"),))
