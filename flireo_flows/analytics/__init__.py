"""Finished calls become tables, files and the report people look at.

The doors: `table.results_table`, `sinks.export_results` and `report.write_report`. They are not imported
here because the first two need pandas, and importing the package must stay cheap.
"""

from flireo_flows.analytics.files import ExportError

__all__ = ["ExportError"]
