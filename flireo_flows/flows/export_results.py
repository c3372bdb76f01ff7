"""Write the results of a campaign again, from the ledger alone."""

from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from flireo_flows.api.identity import KnownCampaignName
from flireo_flows.blocks import CallLedger
from flireo_flows.tasks.export import export_campaign


@flow(name="export-results")
def export_results(
    campaign: KnownCampaignName,
    ledger: CallLedger,
    out: Annotated[str, Field(title="Results folder")] = "",
) -> list[str]:
    """Write the results of a campaign as they stand. Sends nothing, and needs no file of leads.

    Args:
        campaign: Name of the campaign, or as an event shows it.
        ledger: The record of who was called.
        out: Folder for results.csv, results.jsonl, results.parquet and report.html; empty for one of the
            campaign's own, results/CAMPAIGN.
    """
    return [str(file) for file in export_campaign(ledger, campaign, Path(out) if out else None)]
