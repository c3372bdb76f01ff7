"""Campaign jobs and the campaigns of an account."""

from collections.abc import Callable
from typing import Any

from flireo_flows.api import errors
from flireo_flows.api.campaign_lookup import Which
from flireo_flows.api.campaigns import Campaign, CampaignLead, NewCampaign, NewCampaignLead
from flireo_flows.api.operation import Operation
from flireo_flows.api.pagination import Rows
from tests.support.sandbox.running import RunningSandbox


def leads(*phones: str) -> list[NewCampaignLead]:
    return [NewCampaignLead(phone_number=phone, variables={"name": "Sam"}) for phone in phones]


def campaigns(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.api.get("/campaigns").json()["campaigns"]
    return found


# Without a server: what cannot be had from one at will.

NEW = NewCampaign(
    name="spring",
    agent_id="a",
    schedule_start_time="09:00",
    schedule_end_time="20:00",
    timezone="Europe/Amsterdam",
)
DRAFT = Campaign(id="c", name="spring", agent_id="a", status="draft", total_leads=1)
NAMED = Which("", NEW)


def unknown(name: str) -> errors.OutcomeUnknown:
    return errors.OutcomeUnknown(name, "POST /campaigns/{id}/leads")


def world(answers: dict[str, Any]) -> Callable[[Operation[Any], float], Any]:
    def answer(operation: Operation[Any], now: float) -> Any:
        given = answers[operation.name]
        return given(now) if callable(given) else given

    return answer


def page(*people: CampaignLead) -> Rows[CampaignLead]:
    return Rows(people, len(people))
