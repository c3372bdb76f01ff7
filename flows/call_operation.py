"""Entry point of the deployment `call-operation`. The flow itself is `flireo_flows.flows.call_operation`."""

from flireo_flows.flows import call_operation

__all__ = ["call_operation"]
