"""Entry point of the deployment `outbound-campaign`. The flow itself is `flireo_flows.flows.outbound_campaign`."""

from flireo_flows.flows import outbound_campaign

__all__ = ["outbound_campaign"]
