"""Leads that wait because a call of another campaign to their number is in progress, or is not known to have ended."""

from typing import Final

from sqlalchemy import ColumnElement, and_, select, update

from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.schema import IS_OPEN, attempts, leads
from flireo_flows.lifecycle.states import LeadState
from flireo_flows.policy import Rule

REASON: Final = str(Rule.ALREADY_RINGING)


async def blocking_campaigns(campaign: CampaignLedger, batch: str) -> list[str]:
    """The other campaigns whose open calls hold leads of a file back, by name."""
    here = campaign.name
    wanted = (
        select(attempts.c.campaign)
        .join(leads, leads.c.phone == attempts.c.phone)
        .where(_blocked(here, batch), attempts.c.campaign != here, IS_OPEN)
        .distinct()
        .order_by(attempts.c.campaign)
    )
    async with campaign.read() as db:
        return list((await db.execute(wanted)).scalars())


async def ask_again(campaign: CampaignLedger, batch: str) -> None:
    """Make the leads due that were held back, as it may be known by now that the other call has ended."""
    here = campaign.name
    async with campaign.database.write(here) as db:
        await db.execute(update(leads).where(_blocked(here, batch)).values(not_before=campaign.now()))


def _blocked(campaign: str, batch: str) -> ColumnElement[bool]:
    return and_(
        leads.c.campaign == campaign,
        leads.c.batch == batch,
        leads.c.state == LeadState.WAITING,
        leads.c.reason == REASON,
    )
