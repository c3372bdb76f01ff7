"""Campaigns that Flireo runs by itself, and their leads. Contract section 17.

Here Flireo decides which lead it calls when: the calling policy and the ledger of this package do not apply.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from flireo_flows.api.fields import Id, PhoneText, optional
from flireo_flows.api.model import ApiBody, ApiModel, Json, Page, read_done, read_list, read_total, unwrap
from flireo_flows.api.operation import Sends, operation

CLOCK: Final = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"
_CLOCK: Final = re.compile(CLOCK, re.ASCII)


def check_clock(time: str) -> str:
    """A time of day as `HH:MM:SS`; `HH:MM` is taken too. Raises `ValueError` for anything else."""
    if not _CLOCK.fullmatch(time):
        raise ValueError("write the time of day as HH:MM or HH:MM:SS, such as 09:00")
    return time if len(time) == len("HH:MM:SS") else f"{time}:00"


def check_zone(name: str) -> str:
    """The name, if the IANA database has such a time zone. Raises `ValueError` otherwise."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: "Europe" is a folder
        raise ValueError("write the time zone as its IANA name, such as Europe/Amsterdam") from None
    return name


def _texts(variables: Any) -> Any:
    """Text by name. A value of another type is shown as text: it must not cost the other variables."""
    if not isinstance(variables, dict):
        return {}
    return {name: str(value) for name, value in variables.items() if value is not None}


Clock = Annotated[str, AfterValidator(check_clock), Field(json_schema_extra={"pattern": CLOCK})]
ZoneName = Annotated[str, AfterValidator(check_zone)]


class CampaignStatus(StrEnum):
    """The known statuses (contract section 17.1). The set is open: `Campaign.status` is text."""

    DRAFT = "draft"  # as it is made
    SCHEDULED = "scheduled"  # set by the client: it calls, within its hours
    PAUSED = "paused"  # set by the client: no new calls
    COMPLETED = "completed"  # set by the server: no lead is left
    CANCELLED = "cancelled"  # set by the client, for good


class LeadStatus(StrEnum):
    """The known statuses of a lead (contract section 17.2). The set is open: `CampaignLead.status` is text."""

    PENDING = "pending"
    CALLING = "calling"  # a call is running; it cannot be removed now
    COMPLETED = "completed"  # the call took place
    FAILED = "failed"  # the call could not be made
    NO_ANSWER = "no_answer"
    SKIPPED = "skipped"  # not called


CAMPAIGN_OVER: Final = frozenset({CampaignStatus.COMPLETED, CampaignStatus.CANCELLED})
LEAD_OVER: Final = frozenset(
    {LeadStatus.COMPLETED, LeadStatus.FAILED, LeadStatus.NO_ANSWER, LeadStatus.SKIPPED}
)


class Campaign(ApiModel):
    """A campaign. Its calls' events go to the agent's webhook (contract section 17.1)."""

    id: Id
    name: str = ""
    agent_id: str | None = None
    status: str = ""  # open on purpose: the vendor has added values since
    system_message_template: str | None = None
    schedule_start_time: str | None = None
    schedule_end_time: str | None = None
    timezone: str | None = None
    total_leads: int | None = None
    completed_leads: int | None = None
    failed_leads: int | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether it will make no more calls, whatever anyone does. A paused one may go on."""
        return self.status in CAMPAIGN_OVER


class CampaignLead(ApiModel):
    """A person in a campaign. `call_id` is the only link between a campaign and its calls."""

    id: Id
    campaign_id: str | None = None
    phone_number: str = ""
    name: str | None = None  # on earlier servers
    variables: Annotated[dict[str, str], BeforeValidator(_texts)] = Field(default_factory=dict)
    status: str = ""  # open on purpose
    call_id: str | None = None
    attempts: int | None = None
    last_attempt_at: AwareDatetime | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the campaign is done with this person. A status yet unknown is not an end."""
        return self.status in LEAD_OVER


class NewCampaignLead(ApiBody):
    """A person to call (contract section 17.2)."""

    phone_number: PhoneText = Field(description="Number to call, E.164.")
    variables: dict[str, str] = Field(
        default_factory=dict, description="Text for each {{variable}} of the campaign's template."
    )


class NewCampaign(ApiBody):
    """A campaign to be made. It calls no one before its status is set to `scheduled` (contract section 17.1)."""

    name: str = Field(min_length=1, description="Display name.")
    agent_id: Id = Field(description="Agent that speaks; it cannot be changed later.")
    schedule_start_time: Clock = Field(description="First time of day to call at, HH:MM.")
    schedule_end_time: Clock = Field(description="Last time of day to call at, HH:MM.")
    timezone: ZoneName = Field(description="IANA name of the zone of those times: Europe/Amsterdam.")
    system_message_template: str | None = optional(
        "System message, with {{variable}} for what a lead brings."
    )
    leads: tuple[NewCampaignLead, ...] = Field(default=(), description="People to call.")


class CampaignChanges(ApiBody):
    """What may be changed about a campaign; only what is set is sent (contract section 17.1).

    None clears the template. Hours and zone cannot be cleared: a campaign without them could call at night.
    """

    name: str = Field(default="", min_length=1, description="Display name.")
    status: str = Field(
        default="", description="`scheduled` starts ringing, `paused` stops it; also `draft`, `cancelled`."
    )
    system_message_template: str | None = optional("System message.")
    schedule_start_time: Clock = Field(default="", description="First time of day to call at, HH:MM.")
    schedule_end_time: Clock = Field(default="", description="Last time of day to call at, HH:MM.")
    timezone: ZoneName = Field(default="", description="IANA name of the zone of those times.")


class LeadPage(BaseModel, Page, frozen=True):
    """One page of a campaign's leads, oldest first.

    Attributes:
        leads: The page's leads; some servers give all of them at once.
        total: All leads of the campaign; None when the server does not report it.
    """

    leads: tuple[CampaignLead, ...]
    total: int | None = None


def read_campaign(answer: Json) -> Campaign:
    """A campaign in its envelope, or bare."""
    return Campaign.model_validate(unwrap(answer, "campaign"))


def read_campaigns(answer: Json) -> list[Campaign]:
    """The list of campaigns in its envelope."""
    return [Campaign.model_validate(item) for item in read_list(answer, "campaigns")]


def read_lead(answer: Json) -> CampaignLead:
    """A lead in its envelope, or bare."""
    return CampaignLead.model_validate(unwrap(answer, "lead"))


def read_leads(answer: Json) -> LeadPage:
    """A page of leads; `pagination` may be missing."""
    leads = tuple(CampaignLead.model_validate(item) for item in read_list(answer, "leads"))
    return LeadPage(leads=leads, total=read_total(answer))


@operation("GET", "/campaigns", read_campaigns)
def list_campaigns() -> Sends:
    """List all campaigns of the organization.

    Returns:
        Every campaign, in one answer.

    Source: contract section 17.1.
    """
    return Sends()


@operation("POST", "/campaigns", read_campaign)
def create_campaign(campaign: NewCampaign) -> Sends:
    """Make a campaign, with or without leads. It calls no one yet: see `update_campaign`.

    Args:
        campaign: Name, agent, daily hours with their time zone, and perhaps leads.

    Returns:
        The campaign, with its id and the status `draft`.

    Raises:
        InvalidInput: A time, the zone or a lead's number cannot be right; nothing was sent.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 17.1.
    """
    return Sends(writes=campaign.as_body)


@operation("GET", "/campaigns/{id}", read_campaign)
def get_campaign(campaign_id: Id) -> Sends:
    """Read one campaign, with its counters.

    Args:
        campaign_id: Id of the campaign.

    Raises:
        NotFound: The organization has no such campaign.

    Source: contract section 17.1.
    """
    return Sends(values={"id": campaign_id})


@operation("PATCH", "/campaigns/{id}", read_campaign)
def update_campaign(campaign_id: Id, changes: CampaignChanges) -> Sends:
    """Change some fields of a campaign. The status `scheduled` makes it call its leads.

    Args:
        campaign_id: Id of the campaign.
        changes: The fields to change. `paused` and `cancelled` stop new calls; running ones go on.

    Returns:
        The campaign as it is now.

    Raises:
        InvalidInput: A time or the zone cannot be right; nothing was sent.
        NotFound: The organization has no such campaign.
        BadRequest: A field is not valid, or the campaign's status does not allow the change.

    Source: contract section 17.1.
    """
    return Sends(values={"id": campaign_id}, writes=changes.as_body)


@operation("DELETE", "/campaigns/{id}", read_done)
def delete_campaign(campaign_id: Id) -> Sends:
    """Delete a campaign and its leads; calls that were made stay.

    Args:
        campaign_id: Id of the campaign.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such campaign.

    Source: contract section 17.1.
    """
    return Sends(values={"id": campaign_id})


@operation("GET", "/campaigns/{id}/leads", read_leads)
def list_campaign_leads(campaign_id: Id, limit: int | None = None, offset: int | None = None) -> Sends:
    """Read a page of a campaign's leads, oldest first. `iter_campaign_leads` reads all of them.

    Args:
        campaign_id: Id of the campaign.
        limit: Leads a page; None leaves it to the server, which may give all.
        offset: Leads to skip. Some servers ignore both and give all.

    Raises:
        NotFound: The organization has no such campaign.

    Source: contract section 17.2.
    """
    return Sends(values={"id": campaign_id}, query={"limit": limit, "offset": offset})


@operation("POST", "/campaigns/{id}/leads", read_lead)
def add_campaign_lead(campaign_id: Id, lead: NewCampaignLead) -> Sends:
    """Add one person to a campaign. One that is `scheduled` may call at once.

    Args:
        campaign_id: Id of the campaign.
        lead: The number, and text for the template's variables.

    Returns:
        The lead, with its id.

    Raises:
        InvalidInput: The number is not E.164; nothing was sent.
        NotFound: The organization has no such campaign.
        BadRequest: A field is not valid, or the campaign is over.
        OutcomeUnknown: Look for the number in the leads before it is added again: the same number twice is
            accepted, and would be called twice.

    Source: contract section 17.2.
    """
    return Sends(values={"id": campaign_id}, writes=lead.as_body)


@operation("DELETE", "/campaigns/{id}/leads/{lead_id}", read_done)
def remove_campaign_lead(campaign_id: Id, lead_id: Id) -> Sends:
    """Take a person out of a campaign, so that it does not call them.

    Args:
        campaign_id: Id of the campaign.
        lead_id: Id of the lead.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The campaign has no such lead.
        Conflict: A call with the lead is running.

    Source: contract section 17.2.
    """
    return Sends(values={"id": campaign_id, "lead_id": lead_id})
