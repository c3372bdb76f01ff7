"""A campaign's do-not-call list: what files brought, kept until a person clears it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.person_key import person_key
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.erasure import forgotten_in
from flireo_flows.ledger.schema import do_not_call, leads
from flireo_flows.ledger.suppressions import pieces
from flireo_flows.lifecycle.states import LeadState
from flireo_flows.policy import Rule


@dataclass(frozen=True, slots=True)
class CampaignList:
    """A campaign's do-not-call list.

    Attributes:
        numbers: How many numbers are on it.
        at: When a file last added some, Unix seconds of the ledger's clock; 0 where none did.
    """

    numbers: int = 0
    at: float = 0.0

    @property
    def in_words(self) -> str:
        """`do-not-call list of 12 numbers from 2026-11-30`; empty without a list."""
        if not self.numbers:
            return ""
        numbers = "1 number" if self.numbers == 1 else f"{self.numbers} numbers"
        return f"do-not-call list of {numbers} from {datetime.fromtimestamp(self.at, UTC):%Y-%m-%d}"


async def list_in(db: AsyncConnection, campaign: str) -> CampaignList:
    """The list of a campaign."""
    wanted = select(func.count(), func.max(do_not_call.c.at)).where(do_not_call.c.campaign == campaign)
    numbers, at = (await db.execute(wanted)).one()
    return CampaignList(numbers, at or 0.0)


async def add_in(db: AsyncConnection, campaign: CampaignLedger, phones: Collection[str]) -> int:
    """Add numbers to a campaign's list, and skip at once who waits. What a file brought before stays.

    Args:
        db: A transaction of `Database.write(campaign)`.
        database: Its ledger.
        campaign: Its name.
        phones: E.164.

    Returns:
        How many were not on it before.
    """
    # Of who asked to be forgotten not even the number is written down again.
    forgotten = map(person_key, await forgotten_in(db, campaign.database, phones))
    kept = sorted(set(map(person_key, phones)) - set(forgotten))
    now, added = campaign.now(), 0
    for chunk in pieces(kept):
        rows = [{"campaign": campaign.name, "phone": phone, "at": now} for phone in chunk]
        add = insert_sqlite(do_not_call) if campaign.database.is_sqlite else insert_postgresql(do_not_call)
        new = add.values(rows).on_conflict_do_nothing(index_elements=["campaign", "phone"])
        added += len((await db.execute(new.returning(do_not_call.c.phone))).all())
    listed = select(do_not_call.c.phone).where(do_not_call.c.campaign == campaign.name)
    await db.execute(
        update(leads)
        .where(leads.c.campaign == campaign.name, leads.c.state == LeadState.WAITING)
        .where(leads.c.phone.in_(listed))
        .values(state=LeadState.SKIPPED, reason=str(Rule.DO_NOT_CALL))
    )
    return added


async def clear_in(db: AsyncConnection, campaign: str) -> int:
    """Take every number off a campaign's list. Returns how many there were."""
    gone = await db.execute(delete(do_not_call).where(do_not_call.c.campaign == campaign))
    return gone.rowcount
