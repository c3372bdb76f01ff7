"""Campaigns: leads that the platform rings by itself. Their leads are in `campaign_leads`.

Source: contract section 17.1.
"""

from datetime import time
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.campaign_dialer import begin_dialing, require_means
from flireo_flows.sandbox.campaigns import MOVES, Campaign, CampaignStatus, Window
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import Refusal, invalid, not_found
from flireo_flows.sandbox.request_forms import Form, Text, body_of, changes_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, named
from flireo_flows.sandbox.routes.campaign_leads import LeadForm, new_lead
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

_FIXED: Final = ("agent_id", "leads")  # since its making


def _an_hour(text: str) -> str:
    time.fromisoformat(text)
    return text


def _a_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("an IANA time zone is expected, such as Europe/Amsterdam") from None
    return name


Hour = Annotated[str, Field(pattern=r"^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"), AfterValidator(_an_hour)]


class _CampaignForm(Form):
    name: Text = ""
    system_message_template: str | None = None
    schedule_start_time: Hour = ""
    schedule_end_time: Hour = ""
    timezone: Annotated[str, AfterValidator(_a_zone)] = ""


class _NewCampaignForm(_CampaignForm):
    name: Text
    agent_id: str
    leads: list[LeadForm] = Field(default_factory=list)


@router.get("/campaigns")
async def list_campaigns(request: Request) -> Response:
    """All campaigns, in the order they were made."""
    campaigns = world_of(request).store.campaigns.values()
    return JSONResponse({"campaigns": [campaign.as_record() for campaign in campaigns]})


@router.post("/campaigns")
async def create_campaign(request: Request) -> Response:
    """Save a campaign as a draft, with the leads that are sent along."""
    world = world_of(request)
    fields = read_form(_NewCampaignForm, await body_of(request))
    if fields["agent_id"] not in world.store.agents:
        raise not_found("Agent", "agent_id")
    now = world.clock.unix_ms()
    campaign = Campaign(new_id(), fields["name"], fields["agent_id"], now, now)
    _change(campaign, fields)
    for lead in fields.get("leads", ()):
        new_lead(campaign, lead, world)
    world.store.campaigns[campaign.id] = campaign
    return JSONResponse({"campaign": campaign.as_record()}, 201)


@router.get("/campaigns/{id}")
async def get_campaign(request: Request) -> Response:
    """One campaign."""
    return JSONResponse({"campaign": _campaign(request).as_record()})


@router.patch("/campaigns/{id}")
async def update_campaign(request: Request) -> Response:
    """Change the fields that are sent. `status` starts, stops and cancels it; all of the body or none is done."""
    world = world_of(request)
    campaign = _campaign(request)
    body = changes_of(await body_of(request))
    fields = read_form(_CampaignForm, body)
    if campaign.is_over:
        raise Refusal(400, "conflict", f"A {campaign.status} campaign cannot be changed", param="status")
    _check_fixed(campaign, body)
    status = _next_status(campaign, body, world)
    _change(campaign, fields)
    campaign.updated_ms = world.clock.unix_ms()
    _move(campaign, status, world)
    return JSONResponse({"campaign": campaign.as_record()})


@router.delete("/campaigns/{id}")
async def delete_campaign(request: Request) -> Response:
    """Forget a campaign and its leads. Its calls stay, and those that run go on."""
    campaign = _campaign(request)
    if campaign.status is CampaignStatus.SCHEDULED:
        raise Refusal(409, "conflict", "The campaign is scheduled; pause or cancel it first")
    del world_of(request).store.campaigns[campaign.id]
    return deleted(request)


def _campaign(request: Request) -> Campaign:
    return named(request, world_of(request).store.campaigns, "Campaign")


def _change(campaign: Campaign, fields: Record) -> None:
    campaign.name = fields.get("name", campaign.name)
    campaign.system_message_template = fields.get("system_message_template", campaign.system_message_template)
    now = campaign.window
    campaign.window = Window(
        _hour(fields, "schedule_start_time", now.opens),
        _hour(fields, "schedule_end_time", now.closes),
        fields.get("timezone", now.timezone),
    )


def _hour(fields: Record, name: str, now: time | None) -> time | None:
    return time.fromisoformat(fields[name]) if name in fields else now


def _check_fixed(campaign: Campaign, body: Record) -> None:
    for name in _FIXED:
        if name in body and body[name] != campaign.as_record().get(name):
            raise invalid(name, "cannot be changed after the campaign was made")


def _next_status(campaign: Campaign, body: Record, world: World) -> CampaignStatus:
    """The status that the body asks for; the present one if it asks for none, or for just that.

    Raises:
        Refusal: 400, it cannot be had from here.
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
        require_means(campaign, world.store)
    return status


def _move(campaign: Campaign, status: CampaignStatus, world: World) -> None:
    campaign.status = status
    if status is CampaignStatus.SCHEDULED:
        begin_dialing(campaign, world)  # also when only its window changed
    elif status is CampaignStatus.CANCELLED:
        campaign.skip_pending()
