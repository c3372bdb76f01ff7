"""Events of a campaign as a whole, posted once each: it started, it finished, its credits are low.

Triggers post what happens to a single call or lead (`triggers.py`). That a campaign is finished shows only when
all of its leads are looked at, so runs and sweeps look at their end.
"""

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.redaction import redact
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.outbox import post
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.lifecycle.event_types import LedgerEvent
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import LeadState


async def post_started(db: AsyncConnection, campaign: CampaignLedger) -> bool:
    """A run has somebody to ring. Told at the campaign's first such run.

    Args:
        db: A transaction that may write.
        database: Its ledger.
        campaign: Its name.

    Returns:
        Whether it was the first.
    """
    return await post(
        db, campaign.database, LedgerEvent.CAMPAIGN_STARTED, campaign.name, campaign=campaign.name
    )


async def post_finished(campaign: CampaignLedger) -> bool:
    """Tell that nobody of a campaign waits or is being called any more, if it is so: once for each such state.

    Who was taken out of the file waits for nothing. A campaign that gets new leads, or calls somebody again,
    finishes anew.

    Returns:
        Whether it is finished, and was not told before.
    """
    mine = leads.c.campaign == campaign.name
    left_out = and_(leads.c.state == LeadState.WAITING, leads.c.reason == Reason.NOT_IN_NEWEST_FILE)
    open_ = select(leads.c.id).where(
        mine, or_(leads.c.state == LeadState.WAITING, leads.c.state == LeadState.CALLING), ~left_out
    )
    async with campaign.read() as db:
        if (await db.execute(open_.limit(1))).first() is not None:
            return False
    async with campaign.write() as db:
        if (await db.execute(open_.limit(1))).first() is not None:
            return False
        people = (await db.execute(select(func.count()).where(mine))).scalar_one()
        newest = select(func.max(attempts.c.id)).where(attempts.c.campaign == campaign.name)
        last = (await db.execute(newest)).scalar_one()
        if not people:
            return False
        key = f"{campaign.name}:{last or 0}:{people}"
        return await post(db, campaign.database, LedgerEvent.CAMPAIGN_FINISHED, key, campaign=campaign.name)


async def post_credits_low(campaign: CampaignLedger, run: str, reason: str) -> bool:
    """A run met a balance that is too low to go on. Told once a run.

    Args:
        campaign: In its ledger.
        run: Id of the run.
        reason: What was met, in words.

    Returns:
        Whether it was not told before.
    """
    async with campaign.database.write() as db:
        key = f"{campaign.name}:{run}"
        return await post(
            db, campaign.database, LedgerEvent.CREDITS_LOW, key, campaign=campaign.name, reason=redact(reason)
        )
