"""Campaigns and leads: what is written, what is read, and what is refused before anything is sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flireo_flows.api import campaigns
from flireo_flows.api.campaigns import (
    Campaign,
    CampaignLead,
    CampaignStatus,
    LeadPage,
    LeadStatus,
    NewCampaign,
    add_campaign_lead,
    create_campaign,
    list_campaign_leads,
    update_campaign,
)
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from tests.support.api.campaigns import EACH_DIALECT, NEW
from tests.support.document import body_schema
from tests.support.sandbox.running import ANNA, BEN

WRITTEN = {**NEW, "schedule_start_time": "09:00:00"}


@EACH_DIALECT
@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({}, {}),
        (
            {"system_message_template": "Greet {{name}}."},
            {"system_message_template": "Greet {{name}}."},
        ),
        (
            {"leads": [{"phone_number": ANNA}, {"phone_number": BEN, "variables": {"name": "Ben"}}]},
            {"leads": [{"phone_number": ANNA}, {"phone_number": BEN, "variables": {"name": "Ben"}}]},
        ),
    ],
)
def test_a_new_campaign_is_written_with_whole_times_and_its_agent_id_in_either_dialect(
    dialect: Dialect, more: dict[str, Any], written: dict[str, Any]
) -> None:
    body = create_campaign(NewCampaign(**NEW, **more)).sends.writes(dialect)
    assert body == {**WRITTEN, **written}
    schema = body_schema("create_campaign")
    assert schema is not None
    schema.validate(body)


@EACH_DIALECT
@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"status": CampaignStatus.SCHEDULED}, {"status": "scheduled"}),
        ({"status": "hibernating"}, {"status": "hibernating"}),
        ({"schedule_end_time": "18:00"}, {"schedule_end_time": "18:00:00"}),
        ({"timezone": "UTC", "name": "Summer"}, {"timezone": "UTC", "name": "Summer"}),
        ({"system_message_template": None}, {"system_message_template": None}),
    ],
)
def test_only_what_changes_is_written(
    dialect: Dialect, changes: dict[str, Any], written: dict[str, Any]
) -> None:
    asked = update_campaign("campaign-1", changes)  # type: ignore[arg-type]
    assert asked.sends.writes(dialect) == written
    assert asked.target(dialect) == "/campaigns/campaign-1"


@EACH_DIALECT
def test_a_lead_is_written_as_it_is(dialect: Dialect) -> None:
    lead: Any = {"phone_number": ANNA, "variables": {"name": "Anna"}}
    asked = add_campaign_lead("campaign-1", lead)
    assert asked.sends.writes(dialect) == lead
    assert asked.target(dialect) == "/campaigns/campaign-1/leads"
    removed = campaigns.remove_campaign_lead("campaign/1", "lead+1")
    assert removed.target(dialect) == "/campaigns/campaign%2F1/leads/lead%2B1"


@pytest.mark.parametrize(
    ("wrong", "param", "words"),
    [
        ({"name": ""}, "campaign.name", "at least 1 character"),
        ({"agent_id": ""}, "campaign.agent_id", "the id is empty"),
        ({"schedule_start_time": "9:00"}, "campaign.schedule_start_time", "HH:MM"),
        ({"schedule_start_time": "09:00:00Z"}, "campaign.schedule_start_time", "HH:MM"),
        ({"schedule_end_time": "24:00"}, "campaign.schedule_end_time", "HH:MM"),
        ({"schedule_end_time": "17:60"}, "campaign.schedule_end_time", "HH:MM"),
        ({"schedule_end_time": "١٧:٣٠"}, "campaign.schedule_end_time", "HH:MM"),
        ({"schedule_end_time": "17:30\n"}, "campaign.schedule_end_time", "HH:MM"),
        ({"timezone": "Amsterdam"}, "campaign.timezone", "IANA name"),
        ({"timezone": "Europe"}, "campaign.timezone", "IANA name"),
        ({"timezone": "../etc/passwd"}, "campaign.timezone", "IANA name"),
        ({"timezone": ""}, "campaign.timezone", "IANA name"),
        ({"leads": [{"phone_number": "07700900001"}]}, "campaign.leads.0.phone_number", "E.164"),
        (
            {"leads": [{"phone_number": ANNA, "variables": {"age": 5}}]},
            "campaign.leads.0.variables.age",
            "valid string",
        ),
    ],
)
def test_what_cannot_be_right_about_a_campaign_is_named(
    wrong: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        create_campaign({**NEW, **wrong})  # type: ignore[arg-type]
    assert refused.value.param == param
    assert "7700900001" not in str(refused.value)


@pytest.mark.parametrize("left_out", NEW)
def test_everything_about_when_and_who_is_shown(left_out: str) -> None:
    rest: Any = {name: value for name, value in NEW.items() if name != left_out}
    with pytest.raises(InvalidInput, match="Field required") as refused:
        create_campaign(rest)
    assert refused.value.param == f"campaign.{left_out}"


@pytest.mark.parametrize("name", ["schedule_start_time", "schedule_end_time", "timezone", "name", "status"])
def test_the_hours_of_a_campaign_are_never_cleared(name: str) -> None:
    with pytest.raises(InvalidInput, match="valid string"):
        update_campaign("campaign-1", {name: None})  # type: ignore[arg-type]


def test_a_lead_that_is_no_number_is_not_added() -> None:
    with pytest.raises(InvalidInput, match=r"E\.164") as refused:
        add_campaign_lead("campaign-1", {"phone_number": "0031 6 12345678"})  # type: ignore[arg-type]
    assert refused.value.param == "lead.phone_number"
    assert "12345678" not in repr(refused.value)


FULL = {
    "id": "campaign-1",
    "name": "Spring",
    "agent_id": "agent-1",
    "status": "scheduled",
    "schedule_start_time": "09:00:00",
    "timezone": "Europe/Amsterdam",
    "total_leads": 3,
    "completed_leads": 1,
    "created_at": "2026-01-10T09:02:31.000Z",
    "later_field": 1,
}


@pytest.mark.parametrize("answer", [{"campaign": FULL}, FULL])
def test_a_campaign_is_read_in_its_envelope_or_bare(answer: Any) -> None:
    campaign: Campaign = campaigns.get_campaign("campaign-1").reads(answer)
    assert (campaign.id, campaign.total_leads, campaign.timezone) == ("campaign-1", 3, "Europe/Amsterdam")
    assert campaign.created_at == datetime(2026, 1, 10, 9, 2, 31, tzinfo=UTC)
    assert campaign.model_extra == {"later_field": 1}
    assert campaigns.list_campaigns().reads({"campaigns": [FULL]}) == [campaign]
    assert campaigns.list_campaigns().reads([FULL]) == [campaign]


def test_an_odd_field_of_a_campaign_is_absent() -> None:
    odd = {**FULL, "total_leads": "many", "status": None, "created_at": "soon"}
    campaign: Campaign = campaigns.get_campaign("campaign-1").reads({"campaign": odd})
    assert (campaign.total_leads, campaign.status, campaign.created_at) == (None, "", None)


@pytest.mark.parametrize("status", ["", "draft", "scheduled", "paused", "archived"])
def test_a_campaign_that_may_go_on_is_not_over(status: str) -> None:
    assert not Campaign(id="1", status=status).is_over


@pytest.mark.parametrize("status", [CampaignStatus.COMPLETED, CampaignStatus.CANCELLED])
def test_a_campaign_that_is_done_or_called_off_is_over(status: str) -> None:
    assert Campaign(id="1", status=status).is_over


@pytest.mark.parametrize("status", LeadStatus)
def test_a_lead_is_over_unless_it_waits_or_is_on_the_phone(status: LeadStatus) -> None:
    assert CampaignLead(id="1", status=status).is_over == (status not in ("pending", "calling"))
    assert not CampaignLead(id="1", status="dreaming").is_over


def test_leads_of_every_server_are_read() -> None:
    earlier = {
        "id": "lead-1",
        "phone_number": ANNA,
        "name": "Anna",
        "status": "no_answer",
        "updated_at": None,
    }
    later = {
        "id": "lead-2",
        "campaign_id": "campaign-1",
        "phone_number": BEN,
        "variables": {"name": "Ben", "age": 5, "street": None},
        "status": "skipped",
        "call_id": "call-1",
        "attempts": 1,
        "last_attempt_at": "2026-01-10T09:02:31Z",
    }
    page = list_campaign_leads("campaign-1").reads({"leads": [earlier, later], "pagination": {"total": 7}})
    assert page.total == 7
    assert (page.leads[0].name, page.leads[0].variables, page.leads[0].attempts) == ("Anna", {}, None)
    assert (page.leads[1].variables, page.leads[1].call_id) == ({"name": "Ben", "age": "5"}, "call-1")
    assert add_campaign_lead("campaign-1", {"phone_number": BEN}).reads({"lead": later}) == page.leads[1]  # type: ignore[arg-type]


@pytest.mark.parametrize("pagination", [None, {}, [], {"total": None}, {"total": "7"}, {"total": True}])
def test_a_page_of_leads_without_a_total_is_a_page(pagination: Any) -> None:
    answer = {"leads": [], "pagination": pagination}
    assert list_campaign_leads("campaign-1").reads(answer) == LeadPage(leads=())


def test_a_page_of_leads_is_asked_for_only_where_it_is_wanted() -> None:
    assert list_campaign_leads("c").target(Dialect.FLIREO) == "/campaigns/c/leads"
    assert list_campaign_leads("c", 5, 0).target(Dialect.FLIREO) == "/campaigns/c/leads?limit=5&offset=0"
