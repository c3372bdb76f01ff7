"""A process that sweeps for long: to be killed. python -m tests.support.calling.sweep_process LEDGER_URL BASE_URL."""

import asyncio
import sys

from flireo_flows.api.client import Account
from flireo_flows.calling.sweep import Sweep
from flireo_flows.ledger import Database


async def main(ledger_url: str, base_url: str) -> None:
    """Sweep until someone kills it."""
    async with await Database.open(ledger_url) as database:
        account = Account("sandbox-key", base_url)
        await Sweep(database, account, patience_seconds=3600, pause_seconds=0.1).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
