"""Runners: processes that dial. One that does not renew its lease is taken for dead."""

import uuid
from collections.abc import MutableMapping

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.schema import requests, runners

LEASE_SECONDS = 15.0
HEARTBEAT_SECONDS = 4.0
AHEAD_SECONDS = 60.0  # clocks of machines that share a ledger differ by less; see `calling/clock_guard.py`


def is_alive(now: float) -> ColumnElement[bool]:
    """Of a runner: that its lease goes on.

    One that ends later than any lease given now was given by a clock that has been set back since: to wait for its
    end would be to wait for an hour, or a year. What its runner was sending becomes unknown, so no one is called twice
    if it lives.

    Args:
        now: Unix seconds of the ledger's clock.
    """
    latest = now + runners.c.lease_seconds + AHEAD_SECONDS
    return and_(runners.c.lease_until > now, runners.c.lease_until <= latest)


class Runner:
    """This process, as the ledger knows it.

    Attributes:
        lease_seconds: For how long it is trusted to be alive each time.
        lease_until: Until when what it began is its own, Unix seconds of the ledger's clock.
    """

    def __init__(self, campaign: CampaignLedger, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database, self.campaign, self.id = campaign.database, campaign.name, uuid.uuid4().hex
        self.lease_seconds, self.lease_until = lease_seconds, 0.0

    async def join(self) -> None:
        """Register, with a lease."""
        now = self._database.now()
        async with self._database.write() as db:
            await db.execute(delete(runners).where(runners.c.lease_until < now - 100 * LEASE_SECONDS))
            until = await self._lease(db, now)
        self.lease_until = until

    async def join_alone(self) -> bool:
        """Register, unless a runner of the campaign is alive: it collects what comes in.

        Returns:
            Whether this is the campaign's only runner now. One that joins later does no harm.
        """
        async with self._database.write(self.campaign) as db:
            if not await self.is_alone_in(db):
                return False
            until = await self._lease(db, self._database.now())
        self.lease_until = until
        return True

    async def is_alone(self) -> bool:
        """Whether no other runner of the campaign is alive."""
        async with self._database.read() as db:
            return await self.is_alone_in(db)

    async def is_alone_in(self, db: AsyncConnection) -> bool:
        """As `is_alone`, inside any transaction."""
        others = select(runners.c.id).where(
            runners.c.campaign == self.campaign, is_alive(self._database.now()), runners.c.id != self.id
        )
        return (await db.execute(others.limit(1))).first() is None

    async def renew(self, sent: MutableMapping[tuple[str, str], int]) -> None:
        """Renew the lease, and count requests.

        Args:
            sent: Requests since the last time, by route and status; empty afterwards.
        """
        now, counted = self._database.now(), dict(sent)
        sent.clear()
        async with self._database.write() as db:
            until = await self._lease(db, now)
            upsert = self._database.insert_into(requests)
            added = upsert.on_conflict_do_update(
                index_elements=["campaign", "route", "status"],
                set_={"count": requests.c.count + upsert.excluded["count"]},
            )
            for (route, status), count in sorted(counted.items()):
                row = {"campaign": self.campaign, "route": route, "status": status, "count": count}
                await db.execute(added, row)
        self.lease_until = until

    async def _lease(self, db: AsyncConnection, now: float) -> float:
        """Also of a runner that slept for so long that the others cleared it away."""
        until = now + self.lease_seconds
        lease = {"lease_until": until, "lease_seconds": self.lease_seconds}
        row = {"id": self.id, "campaign": self.campaign, "started_at": now, **lease}
        upsert = self._database.insert_into(runners)
        renewed = upsert.on_conflict_do_update(index_elements=["id"], set_=lease)
        await db.execute(renewed, row)
        return until

    async def leave(self) -> None:
        """Give up the lease; what was being sent is unknown from now on."""
        async with self._database.write() as db:
            await db.execute(delete(runners).where(runners.c.id == self.id))
