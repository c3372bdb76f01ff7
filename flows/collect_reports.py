"""Entry point of the deployment `collect-reports`. The flow itself is `flireo_flows.flows.collect_reports`."""

from flireo_flows.flows import collect_reports

__all__ = ["collect_reports"]
