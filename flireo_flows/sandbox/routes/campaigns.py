"""Campaigns, which the platform calls by itself, and their leads.

Source: contract sections 17.1 and 17.2.
"""

from contextlib import suppress
from datetime import time
from typing import Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.api.campaigns import CampaignStatus, Clock, LeadStatus, ZoneName
from flireo_flows.sandbox.api_errors import ApiError, invalid, not_found
from flireo_flows.sandbox.campaign_dialer import begin_dialing, require_means
from flireo_flows.sandbox.campaigns import MOVES, DailyHours, SandboxCampaign
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import PhoneText, RequestForm, Text, body_of, read_form
from flireo_flows.sandbox.routes.answers import RequestedPage, deleted, named, read_page
from flireo_flows.sandbox.state import SeedCampaign, SeedLead, add_lead, campaign_of
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

_FIXED: Final = ("agent_id", "leads")  # since its making


class LeadForm(RequestForm):
    """A person to call."""

    phone_number: PhoneText
    name: str = ""
    variables: dict[str, str] = Field(default_factory=dict)


class _CampaignForm(RequestForm):
    name: Text = ""
    system_message_template: str | None = None
    schedule_start_time: Clock = ""
    schedule_end_time: Clock = ""
    timezone: ZoneName = ""


class _NewCampaignForm(_CampaignForm):
    agent_id: str
    leads: list[LeadForm] = Field(default_factory=list)


@router.get("/campaigns")
async def list_campaigns(request: Request) -> Response:
    """All campaigns, in the order they were made."""
    campaigns = platform_of(request).store.campaigns.values()
    return JSONResponse({"campaigns": [campaign.as_record() for campaign in campaigns]})


@router.post("/campaigns")
async def create_campaign(request: Request) -> Response:
    """Save a campaign as a draft, with the leads that are sent along."""
    platform = platform_of(request)
    fields = read_form(_NewCampaignForm, await body_of(request), required=("name",))
    if fields["agent_id"] not in platform.store.agents:
        raise not_found("Agent", "agent_id")
    leads = [_new_lead(lead) for lead in fields.get("leads", ())]
    seed = SeedCampaign.model_validate({**fields, "leads": leads, "status": CampaignStatus.DRAFT})
    campaign = campaign_of(new_id(), seed, platform.clock.unix_ms())
    platform.store.campaigns[campaign.id] = campaign
    return JSONResponse({"campaign": campaign.as_record()}, 201)


@router.get("/campaigns/{id}")
async def get_campaign(request: Request) -> Response:
    """One campaign."""
    return JSONResponse({"campaign": _campaign(request).as_record()})


@router.patch("/campaigns/{id}")
async def update_campaign(request: Request) -> Response:
    """Change the fields that are sent. `status` starts, stops and cancels it; all of the body or none is done."""
    platform = platform_of(request)
    campaign = _campaign(request)
    body = await body_of(request, changes=True)
    fields = read_form(_CampaignForm, body)
    if campaign.is_over:
        raise ApiError(400, "conflict", f"A {campaign.status} campaign cannot be changed", param="status")
    _check_fixed(campaign, body)
    status = _next_status(campaign, body, platform)
    _change(campaign, fields)
    campaign.updated_ms = platform.clock.unix_ms()
    _move(campaign, status, platform)
    return JSONResponse({"campaign": campaign.as_record()})


@router.delete("/campaigns/{id}")
async def delete_campaign(request: Request) -> Response:
    """Delete a campaign and its leads. Its calls stay, and running ones go on."""
    campaign = _campaign(request)
    if campaign.status is CampaignStatus.SCHEDULED:
        raise ApiError(409, "conflict", "The campaign is scheduled; pause or cancel it first")
    del platform_of(request).store.campaigns[campaign.id]
    return deleted(request)


def _campaign(request: Request) -> SandboxCampaign:
    return named(request, platform_of(request).store.campaigns, "Campaign")


def _change(campaign: SandboxCampaign, fields: Record) -> None:
    campaign.name = fields.get("name", campaign.name)
    campaign.system_message_template = fields.get("system_message_template", campaign.system_message_template)
    now = campaign.window
    campaign.window = DailyHours(
        _hour(fields, "schedule_start_time", now.opens),
        _hour(fields, "schedule_end_time", now.closes),
        fields.get("timezone", now.timezone),
    )


def _hour(fields: Record, name: str, now: time | None) -> time | None:
    return time.fromisoformat(fields[name]) if name in fields else now


def _check_fixed(campaign: SandboxCampaign, body: Record) -> None:
    for name in _FIXED:
        if name in body and body[name] != campaign.as_record().get(name):
            raise invalid(name, "cannot be changed after the campaign was made")


def _next_status(campaign: SandboxCampaign, body: Record, platform: Platform) -> CampaignStatus:
    """The status that the body asks for; the present one if it asks for none, or for just that.

    Raises:
        ApiError: 400, it cannot be had from here.
    """
    try:
        status = CampaignStatus(body.get("status", campaign.status))
    except ValueError:
        raise invalid("status", f"must be one of {', '.join(CampaignStatus)}") from None
    if status is campaign.status:
        return status
    if status not in MOVES[campaign.status]:
        raise invalid("status", f"cannot become {status} from {campaign.status}")
    if status is CampaignStatus.SCHEDULED:
        require_means(campaign, platform.store)
    return status


def _move(campaign: SandboxCampaign, status: CampaignStatus, platform: Platform) -> None:
    campaign.status = status
    if status is CampaignStatus.SCHEDULED:
        begin_dialing(campaign, platform)  # also when only its window changed
    elif status is CampaignStatus.CANCELLED:
        campaign.skip_pending()


_PATH: Final = "/campaigns/{id}/leads"


@router.get(_PATH)
async def list_campaign_leads(request: Request) -> Response:
    """A page of leads, oldest first. What makes no page is ignored: the later platform reads neither field."""
    leads = list(_campaign(request).leads.values())
    page = RequestedPage()
    with suppress(ApiError):
        page = read_page(request)
    found = [lead.as_record() for lead in page.of(leads)]
    return JSONResponse({"leads": found, "pagination": page.as_record(leads)})


@router.post(_PATH)
async def add_campaign_lead(request: Request) -> Response:
    """Add one lead, also while the campaign calls others. The same number twice is called twice."""
    campaign = _campaign(request)
    fields = read_form(LeadForm, await body_of(request))
    if campaign.is_over:
        raise ApiError(400, "conflict", f"A {campaign.status} campaign takes no more leads")
    lead = add_lead(campaign, _new_lead(fields), platform_of(request).clock.unix_ms())
    return JSONResponse({"lead": lead.as_record()}, 201)


@router.delete(_PATH + "/{lead_id}")
async def remove_campaign_lead(request: Request) -> Response:
    """Take a lead out, unless it is being called."""
    campaign = _campaign(request)
    lead = campaign.leads.get(request.path_params["lead_id"])
    if lead is None:
        raise not_found("Lead")
    if lead.status is LeadStatus.CALLING:
        raise ApiError(409, "conflict", "The lead is being called")
    del campaign.leads[lead.id]
    return deleted(request)


def _new_lead(fields: Record) -> SeedLead:
    return SeedLead(**{name: fields[name] for name in LeadForm.model_fields if name in fields})
