"""Finished calls become tables, files and the report people look at.

What it offers: `results.results_table`, `results.export_results` and `report.render_report`. They are not imported
here because the first two need pandas, and to import the package must stay cheap.
"""

from flireo_flows.analytics.files import ExportError

__all__ = ["ExportError"]
