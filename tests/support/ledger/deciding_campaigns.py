"""Campaigns whose policies allow any hour, and what one look at their leads comes to."""

from typing import Any

from flireo_flows.ledger import Answer, Attempt, AttemptBook, Begun, Database
from flireo_flows.lifecycle.states import AttemptEvent
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import (
    OTHERS_DO_NOT_COUNT,
    Campaign,
)


def policy(**fields: Any) -> CallingPolicy:
    """Rules that allow any hour, whatever other campaigns called, and these."""
    rules = {"calling_hours": None, "max_concurrent_calls": 200, "other_campaigns": OTHERS_DO_NOT_COUNT}
    return CallingPolicy.model_validate({**rules, **fields})


def campaign_of(database: Database, name: str = "campaign", **rules: Any) -> Campaign:
    return Campaign(database, name=name, policy=policy(**rules))


async def look(campaign: Campaign, book: AttemptBook, most: int = 100) -> Begun:
    """Begin, with all that is reported of it."""
    return await book.begin(campaign.batch, campaign.policy, most, 0)


async def ended(campaign: Campaign, book: AttemptBook, attempt: Attempt) -> None:
    """The attempt is over, and its lead waits for the next."""
    await campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail="429"))
