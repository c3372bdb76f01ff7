"""Run a campaign in a process of its own, so that it can be killed: `python run_campaign.py LEDGER SERVER LEADS`."""

import asyncio
import sys

from flireo_flows.ledger import Database, LedgerError
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import Campaign, people

# Longer than a runner is stopped in the tests: what wakes up late must not be taken for not placed before.
GRACE_SECONDS = 6.0
CUT_OFF = 5  # status: the ledger failed, as PostgreSQL does for who sleeps in a transaction


async def main(ledger_url: str, base_url: str, leads: int) -> None:
    """Until every lead is final."""
    policy = CallingPolicy(
        calling_hours=None, max_concurrent_calls=1000, reconcile_grace_seconds=GRACE_SECONDS, poll_seconds=0.5
    )
    async with await Database.open(ledger_url) as database:
        campaign = Campaign(database, base_url, policy=policy)
        await campaign.take_in(*people(leads))
        ran = await campaign.run()
        if ran.stopped_by is not None:
            raise ran.stopped_by


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    except LedgerError as error:
        print(error, file=sys.stderr)
        sys.exit(CUT_OFF)
