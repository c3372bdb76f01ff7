"""Campaigns that a run left behind, and a sweep of them as another process would make it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from flireo_flows.calling.reconcile import RINGING_SECONDS
from flireo_flows.calling.sweep import Sweep, SweepResult, SweepSummary
from flireo_flows.ledger import Database
from flireo_flows.ledger.run_rules import Readiness, write_rules
from flireo_flows.ledger.schema import outbox, runners
from flireo_flows.policy import CallingPolicy
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import POLICY, Campaign

SILENT_SECONDS = 3600 + RINGING_SECONDS + POLICY.report_grace_seconds + 1


@pytest.fixture
def line() -> Iterator[BadLine]:
    with bad_line() as running:
        yield running


@pytest.fixture
async def campaign(database: Database, line: BadLine) -> AsyncIterator[Campaign]:
    """A campaign that a run of this account left behind."""
    left = Campaign(database, line.url)
    await remembered(left)
    yield left


async def remembered(campaign: Campaign, readiness: Readiness | None = None, **changes: Any) -> None:
    """A run wrote down what it calls under."""
    policy = CallingPolicy.model_validate({**campaign.policy.model_dump(), **changes})
    await write_rules(campaign.ledger, policy, readiness or Readiness(), campaign.account, is_starting=True)


async def bury_runners(database: Database) -> None:
    """Every runner that was alive is dead from now on."""
    async with database.write() as db:
        await db.execute(update(runners).values(lease_until=0.0))


async def left_behind(campaign: Campaign, line: BadLine, *phones: str) -> list[dict[str, Any]]:
    """Calls that were placed by a run that is over."""
    book = await campaign.runner()
    calls = []
    for phone in phones:
        calls.append(line.place(phone))
        await campaign.placed(book, calls[-1]["id"], phone)
    await bury_runners(campaign.database)
    return calls


async def sweep(left: Campaign, **options: Any) -> SweepSummary:
    """Sweep as another process would."""
    options.setdefault("account", left.account)
    return await Sweep(left.database, **options).run()


async def one(left: Campaign, **options: Any) -> SweepResult:
    """What a sweep came to for the one campaign there is."""
    (swept,) = (await sweep(left, **options)).campaigns
    return swept


async def reported(database: Database) -> list[tuple[str, str]]:
    """The notices of the ledger, but for those of single calls."""
    async with database.read() as db:
        rows = (await db.execute(select(outbox.c.event, outbox.c.campaign).order_by(outbox.c.id))).all()
    return [(row.event, row.campaign) for row in rows if ".call." not in row.event]
