"""Campaigns of which something is still to be heard, and how much: for whoever collects without a run."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.campaign_names import name_key
from flireo_flows.ledger.campaigns import require_campaign
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.report_matches import MAY_OWN
from flireo_flows.ledger.schema import IS_OPEN, attempts, campaigns, inbox, leads
from flireo_flows.ledger.unknown_attempts import is_given_up
from flireo_flows.lifecycle.states import AttemptState, InboxState, LeadState

LATELY_SECONDS: Final = 2 * 86_400.0


@dataclass(frozen=True, slots=True)
class OpenResults:
    """What is still to be heard of a campaign.

    Attributes:
        open: Attempts whose result is not in; not those that only a person can settle any more.
        ended: Attempts whose result is in.
        review: Leads that a person has to look at.
    """

    open: int
    ended: int
    review: int


async def campaigns_with_open_results(database: Database, campaign: str = "") -> list[str]:
    """Campaigns that have open attempts, or reports that wait.

    Args:
        database: The ledger.
        campaign: Only this one, whatever is to be heard of it; empty for all that have something.

    Raises:
        DeclinedError: There is no such campaign.
    """
    async with database.read() as db:
        if campaign:
            return [name_key(await require_campaign(db, campaign, database.where))]
        mine = or_(
            attempts.c.call_id == inbox.c.call_id,
            attempts.c.report_id == inbox.c.call_id,
            and_(inbox.c.reference != "", attempts.c.reference == inbox.c.reference),
        )
        told = select(attempts.c.campaign).join(inbox, mine).where(inbox.c.state == InboxState.WAITING)
        since = database.now() - LATELY_SECONDS
        # Under an id that no attempt has: of a call that the list showed to be over before its analysis came.
        named = select(attempts.c.campaign).join(inbox, MAY_OWN)
        named = named.where(inbox.c.state == InboxState.WAITING, inbox.c.received_at > since)
        wanted = union(select(attempts.c.campaign).where(_is_unheard(database)), told, named)
        return sorted((await db.execute(wanted)).scalars())


async def recently_called_campaigns(database: Database) -> list[str]:
    """Campaigns that rang somebody in the last days, as far as runs wrote their rules down."""
    since = database.now() - LATELY_SECONDS
    rang = select(attempts.c.id).where(attempts.c.campaign == campaigns.c.name, attempts.c.began_at > since)
    async with database.read() as db:
        wanted = select(campaigns.c.name).where(campaigns.c.policy != "", rang.exists())
        return list((await db.execute(wanted)).scalars())


async def open_results_of(campaign: CampaignLedger) -> OpenResults:
    """What is still to be heard of a campaign."""
    mine = attempts.c.campaign == campaign.name
    async with campaign.read() as db:
        return OpenResults(
            open=await _count(db, select(func.count()).where(mine, _is_unheard(campaign.database))),
            ended=await _count(db, select(func.count()).where(mine, attempts.c.state == AttemptState.ENDED)),
            review=await _count(
                db,
                select(func.count()).where(
                    leads.c.campaign == campaign.name, leads.c.state == LeadState.REVIEW
                ),
            ),
        )


async def has_open(campaign: CampaignLedger) -> bool:
    """Whether the result of some attempt is not in."""
    open_ = select(attempts.c.id).where(attempts.c.campaign == campaign.name, _is_unheard(campaign.database))
    async with campaign.read() as db:
        return (await db.execute(open_.limit(1))).first() is not None


def _is_unheard(database: Database) -> ColumnElement[bool]:
    unknown = attempts.c.state == AttemptState.UNKNOWN
    return and_(IS_OPEN, ~and_(unknown, is_given_up(database.now())))


async def _count(db: AsyncConnection, wanted: Select[tuple[int]]) -> int:
    return int((await db.execute(wanted)).scalar_one())
