"""Entry point of the deployment `steer-campaign`. The flow itself is `flireo_flows.flows.steer_campaign`."""

from flireo_flows.flows import steer_campaign

__all__ = ["steer_campaign"]
