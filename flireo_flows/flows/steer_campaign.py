"""Pause, resume or cancel a campaign from the Prefect UI."""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from flireo_flows.api.identity import KnownCampaignName
from flireo_flows.api.redaction import redact
from flireo_flows.blocks import CallLedger
from flireo_flows.tasks.campaign_control import cancel_campaign, pause_campaign, resume_campaign


@flow(name="steer-campaign")
def steer_campaign(
    action: Literal["pause", "resume", "cancel"],
    campaign: KnownCampaignName,
    ledger: CallLedger,
    reason: Annotated[str, Field(max_length=200, title="Reason")] = "",
) -> str:
    """Pause, resume or cancel a campaign. Running calls go on, and its next run collects their results.

    Args:
        action: Pause calls no one until it is resumed. Cancel calls no one any more and cannot be undone.
        campaign: Name of the campaign, or as an event shows it.
        ledger: The record of who was called.
        reason: Why, in words, without a phone number; shown by flireo-flows status and why.
    """
    if action == "pause":
        standing = pause_campaign(ledger, campaign, reason)
    elif action == "resume":
        standing = resume_campaign(ledger, campaign)
    else:
        standing = cancel_campaign(ledger, campaign, reason)
    return f"Campaign {redact(campaign)} is {standing.in_words}"
