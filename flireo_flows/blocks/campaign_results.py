"""What became of a campaign that Flireo ran."""

from collections import Counter
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from flireo_flows.api.campaigns import Campaign, CampaignLead, CampaignStatus


class CampaignLeadResult(BaseModel):
    """What became of one person of a campaign.

    Attributes:
        status: `completed`, `failed`, `no_answer`, `skipped`; `pending` or `calling` while it goes on. Open.
        call_id: For `get_call`: transcript, summary, analysis. None if nobody was rung.
        is_over: Whether the campaign is done with this person.
    """

    model_config = ConfigDict(frozen=True)

    lead_id: str
    phone_number: str = Field(default="", repr=False)
    status: str
    call_id: str | None = Field(default=None, repr=False)  # may hold the number
    attempts: int | None = None
    is_over: bool = False

    @classmethod
    def of(cls, lead: CampaignLead) -> Self:
        """What the API says of a lead."""
        return cls(
            lead_id=lead.id,
            phone_number=lead.phone_number,
            status=lead.status,
            call_id=lead.call_id,
            attempts=lead.attempts,
            is_over=lead.is_over,
        )


class CampaignResult(BaseModel):
    """What became of a campaign, as it stands.

    Attributes:
        status: Of the campaign (contract section 17.1). Open.
        counts: Leads by status.
        leads: Every lead, in the API's order.
        is_complete: The campaign is completed, every lead of it was read, and each is over.
    """

    model_config = ConfigDict(frozen=True)

    campaign_id: str
    name: str
    status: str
    counts: dict[str, int]
    leads: tuple[CampaignLeadResult, ...]
    is_complete: bool

    @classmethod
    def of(cls, campaign: Campaign, leads: Sequence[CampaignLead]) -> Self:
        """Put together what the API says of a campaign and of its leads."""
        everybody = campaign.total_leads is None or len(leads) >= campaign.total_leads
        over = all(lead.is_over for lead in leads)
        return cls(
            campaign_id=campaign.id,
            name=campaign.name,
            status=campaign.status,
            counts=dict(Counter(lead.status for lead in leads)),
            leads=tuple(CampaignLeadResult.of(lead) for lead in leads),
            is_complete=campaign.status == CampaignStatus.COMPLETED and everybody and over,
        )
