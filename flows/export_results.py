"""Entry point of the deployment `export-results`. The flow itself is `flireo_flows.flows.export_results`."""

from flireo_flows.flows import export_results

__all__ = ["export_results"]
