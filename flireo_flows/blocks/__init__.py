"""Blocks: what people save once in Prefect and pick in every form, with secrets that stay secret."""

from flireo_flows.api.campaign_lookup import AmbiguousCampaignError, CampaignError, CampaignRefusedError
from flireo_flows.blocks.agent import FlireoAgent
from flireo_flows.blocks.campaign_decisions import (
    CampaignCancelledError,
    CampaignLeadResult,
    CampaignNotOverError,
    CampaignResult,
    Duplicates,
)
from flireo_flows.blocks.campaign_gate import OnBlocked
from flireo_flows.blocks.campaign_job import FlireoCampaignJob, FlireoCampaignRun
from flireo_flows.blocks.credentials import FlireoCredentials
from flireo_flows.blocks.ledger import CallLedger, default_ledger
from flireo_flows.blocks.number import FlireoPhoneNumber
from flireo_flows.blocks.webhook import FlireoWebhook

__all__ = [
    "AmbiguousCampaignError",
    "CallLedger",
    "CampaignCancelledError",
    "CampaignError",
    "CampaignLeadResult",
    "CampaignNotOverError",
    "CampaignRefusedError",
    "CampaignResult",
    "Duplicates",
    "FlireoAgent",
    "FlireoCampaignJob",
    "FlireoCampaignRun",
    "FlireoCredentials",
    "FlireoPhoneNumber",
    "FlireoWebhook",
    "OnBlocked",
    "default_ledger",
]
