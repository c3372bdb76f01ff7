"""A campaign whose leads are handed to a campaign of Flireo's own, and a process that does so: to be killed.

python -m tests.calling.handing LEDGER_URL BASE_URL LEADS
"""

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import update

from flireo_flows.api.client import Timeouts
from flireo_flows.calling.engine import Ran
from flireo_flows.calling.handover import HandOver, Words
from flireo_flows.calling.ledger import Database
from flireo_flows.calling.ledger.handed import HandedBook
from flireo_flows.calling.ledger.schema import runners
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.policy.limits import Breaker
from flireo_flows.calling.turns import Until

from .campaign import Campaign, people

POLICY = CallingPolicy(
    calling_hours=None, reconcile_grace_seconds=0.3, poll_seconds=0.1, breaker=Breaker(enabled=False)
)
WORDS = Words("demo-agent", "You ring {{ name }}.")
SECONDS = 120.0  # nothing here takes so long


@dataclass
class HandedCampaign(Campaign):
    """One campaign, handed over."""

    policy: CallingPolicy = POLICY
    words: Words = WORDS

    @property
    def handed(self) -> HandedBook:
        """What the ledger knows of the hand-over."""
        return HandedBook(self.database, self.name)

    @property
    def hand_over(self) -> HandOver:
        """One runner of it."""
        return HandOver(self.database, self.account, self.name, self.batch, self.words, self.policy)

    async def run(self, until: Until = Until.FINISHED, seconds: float | None = None) -> Ran:
        """Run it here."""
        return await self.hand_over.run(until, self.database.now() + (seconds or SECONDS))

    def but(self, **changes: Any) -> "HandedCampaign":
        """The same with other settings."""
        return replace(self, **changes)

    async def bury_runners(self) -> None:
        """Runners that were killed count as dead at once, not only when their lease ends."""
        async with self.database.write() as db:
            await db.execute(update(runners).values(lease_until=0.0))


async def main(ledger_url: str, base_url: str, leads: int) -> None:
    """Hand over and follow to the end, patiently: whoever started this kills it."""
    async with await Database.open(ledger_url) as database:
        campaign = HandedCampaign(database, base_url, timeouts=Timeouts(connect=2, read=60, ring=60))
        await campaign.take_in(*people(leads))
        await campaign.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
