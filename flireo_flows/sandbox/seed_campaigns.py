"""Campaigns in a state file: as the API takes them, and as far as they have come."""

from datetime import time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flireo_flows.sandbox.campaigns import Campaign, CampaignStatus, Lead, LeadStatus, Window
from flireo_flows.sandbox.settings import Phone
from flireo_flows.sandbox.store import new_id


def _a_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("an IANA time zone is expected, such as Europe/Amsterdam") from None
    return name


class SeedLead(BaseModel):
    """A lead. One that was rung comes back as skipped or failed: its call is no part of a state."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(default_factory=new_id)
    phone_number: Phone
    name: str | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    status: LeadStatus = LeadStatus.PENDING


class SeedCampaign(BaseModel):
    """A campaign with its leads."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1)
    agent_id: str = Field(min_length=1)
    system_message_template: str | None = None
    schedule_start_time: time | None = None
    schedule_end_time: time | None = None
    timezone: Annotated[str, AfterValidator(_a_zone)] | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    leads: list[SeedLead] = Field(default_factory=list)


def campaign_of(identity: str, seed: SeedCampaign, created_ms: int) -> Campaign:
    """The campaign that a state speaks of. It does not dial yet."""
    campaign = Campaign(
        id=identity,
        name=seed.name,
        agent_id=seed.agent_id,
        created_ms=created_ms,
        updated_ms=created_ms,
        system_message_template=seed.system_message_template,
        window=Window(seed.schedule_start_time, seed.schedule_end_time, seed.timezone),
        status=seed.status,
    )
    for lead in seed.leads:
        campaign.leads[lead.id] = Lead(
            id=lead.id,
            campaign_id=identity,
            phone_number=lead.phone_number,
            name=lead.name,
            variables=lead.variables,
            created_ms=created_ms,
            refused=lead.status is LeadStatus.FAILED,
            skipped=lead.status not in (LeadStatus.PENDING, LeadStatus.FAILED),
        )
    return campaign


def seed_of(campaign: Campaign) -> dict[str, Any]:
    """The campaign as a state file holds it, in plain JSON."""
    record, names = campaign.as_record(), SeedCampaign.model_fields
    fields = {name: value for name, value in record.items() if name in names}
    leads = [
        {name: value for name, value in lead.as_record().items() if name in SeedLead.model_fields}
        for lead in campaign.leads.values()
    ]
    return {**fields, "leads": leads}
