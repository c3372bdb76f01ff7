"""A task that is cancelled in the middle of a write gives the ledger's lock back."""

import asyncio
import random

from sqlalchemy import insert

from flireo_flows.ledger import Database, Runner
from flireo_flows.ledger.schema import requests

ROUNDS = 100  # one in thirty used to keep the lock


async def many_statements(database: Database) -> None:
    async with database.write("spring") as db:
        for n in range(50):
            row = {"campaign": "spring", "route": f"GET /{n}", "status": "200", "count": 1}
            await db.execute(insert(requests).values(row))


async def test_a_cancelled_write_locks_no_one_out(database: Database) -> None:
    runner = Runner(database.campaign("autumn"))
    await runner.join()
    moment = random.Random(704196)
    for _ in range(ROUNDS):
        writers = [asyncio.create_task(many_statements(database)) for _ in range(2)]
        await asyncio.sleep(moment.random() * 0.03)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        async with database.write("spring") as db:
            await db.execute(requests.delete())
        await asyncio.wait_for(runner.renew({}), 60)
