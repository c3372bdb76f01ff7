"""Write down how calls ended that no run is waiting for. Made to be run every few minutes."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flireo_flows.api.identity import AnyCampaignName
from flireo_flows.blocks import CallLedger, FlireoCredentials
from flireo_flows.tasks.collection import SweepSummary, collect


@flow(name="collect-reports")
def collect_reports(
    credentials: FlireoCredentials,
    ledger: CallLedger,
    campaign: AnyCampaignName = "",
    patience_seconds: Annotated[int, Field(ge=0, le=86_400, title="Patience (s)")] = 0,
) -> SweepSummary:
    """Write down how calls ended that no run is waiting for. Calls no one, and costs nothing when none is open.

    Args:
        credentials: The API key with which the calls were made; those of another one are left alone.
        ledger: The record of who was called.
        campaign: Only this one, by its name or as an event shows it; empty for all that have open calls.
        patience_seconds: How long to go on while calls are open; 0 reads once.
    """
    return collect(credentials, ledger, campaign, patience_seconds)
