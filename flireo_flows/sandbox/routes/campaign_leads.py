"""The leads of a campaign.

Source: contract section 17.2.
"""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.campaigns import Campaign, Lead, LeadStatus
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import Refusal, not_found
from flireo_flows.sandbox.request_forms import Form, PhoneText, body_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, named
from flireo_flows.sandbox.routes.pages import Page, read_page
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

_PATH: Final = "/campaigns/{id}/leads"


class LeadForm(Form):
    """Somebody to ring."""

    phone_number: PhoneText
    name: str = ""
    variables: dict[str, str] = Field(default_factory=dict)


@router.get(_PATH)
async def list_campaign_leads(request: Request) -> Response:
    """A page of leads, oldest first. What makes no page is ignored: the later platform reads neither field."""
    leads = list(_campaign(request).leads.values())
    page = Page()
    with suppress(Refusal):
        page = read_page(request)
    found = [lead.as_record() for lead in page.of(leads)]
    return JSONResponse({"leads": found, "pagination": page.as_record(leads)})


@router.post(_PATH)
async def add_campaign_lead(request: Request) -> Response:
    """Add one lead, also while the campaign rings others. The same number twice is rung twice."""
    campaign = _campaign(request)
    fields = read_form(LeadForm, await body_of(request))
    if campaign.is_over:
        raise Refusal(400, "conflict", f"A {campaign.status} campaign takes no more leads")
    lead = new_lead(campaign, fields, world_of(request))
    return JSONResponse({"lead": lead.as_record()}, 201)


@router.delete(_PATH + "/{lead_id}")
async def remove_campaign_lead(request: Request) -> Response:
    """Take a lead out, unless it is being called."""
    campaign = _campaign(request)
    lead = campaign.leads.get(request.path_params["lead_id"])
    if lead is None:
        raise not_found("Lead")
    if lead.status is LeadStatus.CALLING:
        raise Refusal(409, "conflict", "The lead is being called")
    del campaign.leads[lead.id]
    return deleted(request)


def new_lead(campaign: Campaign, fields: Record, world: World) -> Lead:
    """Add a lead to a campaign, from the fields of a `LeadForm`."""
    lead = Lead(
        id=new_id(),
        campaign_id=campaign.id,
        phone_number=fields["phone_number"],
        name=fields.get("name"),
        variables=fields.get("variables", {}),
        created_ms=world.clock.unix_ms(),
    )
    campaign.leads[lead.id] = lead
    return lead


def _campaign(request: Request) -> Campaign:
    return named(request, world_of(request).store.campaigns, "Campaign")
