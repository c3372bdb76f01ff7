"""Entry point of the deployment `plan-campaign`. The flow itself is `flireo_flows.flows.plan_campaign`."""

from flireo_flows.flows import plan_campaign

__all__ = ["plan_campaign"]
