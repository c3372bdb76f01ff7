"""Runners: processes that dial. One that does not renew its lease is taken for dead."""

import uuid
from collections.abc import Mapping

from sqlalchemy import delete, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from flireo_flows.calling.ledger.database import Database
from flireo_flows.calling.ledger.schema import requests, runners

LEASE_SECONDS = 15.0
HEARTBEAT_SECONDS = 4.0


class Runner:
    """This process, as the ledger knows it."""

    def __init__(self, database: Database, campaign: str) -> None:
        self._database, self.campaign, self.id = database, campaign, uuid.uuid4().hex
        self.lease_until = 0.0

    async def join(self) -> None:
        """Register, with a lease."""
        now = self._database.now()
        row = {
            "id": self.id,
            "campaign": self.campaign,
            "started_at": now,
            "lease_until": now + LEASE_SECONDS,
        }
        async with self._database.write() as db:
            await db.execute(delete(runners).where(runners.c.lease_until < now - 100 * LEASE_SECONDS))
            await db.execute(insert(runners).values(row))
        self.lease_until = now + LEASE_SECONDS

    async def renew(self, sent: Mapping[tuple[str, str], int]) -> None:
        """Renew the lease, and count requests.

        Args:
            sent: Requests since the last time, by route and status.
        """
        until = self._database.now() + LEASE_SECONDS
        async with self._database.write() as db:
            await db.execute(update(runners).where(runners.c.id == self.id).values(lease_until=until))
            upsert = insert_sqlite(requests) if self._database.is_sqlite else insert_postgresql(requests)
            added = upsert.on_conflict_do_update(
                index_elements=["campaign", "route", "status"],
                set_={"count": requests.c.count + upsert.excluded["count"]},
            )
            for (route, status), count in sorted(sent.items()):
                row = {"campaign": self.campaign, "route": route, "status": status, "count": count}
                await db.execute(added, row)
        self.lease_until = until

    async def leave(self) -> None:
        """Give up the lease; what was being sent is unknown from now on."""
        async with self._database.write() as db:
            await db.execute(delete(runners).where(runners.c.id == self.id))
