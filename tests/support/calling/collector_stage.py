"""A collector of one campaign before a list of calls that tests write."""

from collections.abc import AsyncIterator, Iterator

import pytest

from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.collector import Collector
from flireo_flows.ledger import Database
from flireo_flows.policy import CallingPolicy
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import (
    ANNA,
    BEN,
    POLICY,
    Campaign,
)

AT_ONCE = CallingPolicy.model_validate({**POLICY.model_dump(), "reconcile_grace_seconds": 0})


@pytest.fixture
def line() -> Iterator[BadLine]:
    with bad_line() as running:
        yield running


@pytest.fixture
def campaign(local: Database, line: BadLine) -> Campaign:
    return Campaign(local, line.url, policy=AT_ONCE)


@pytest.fixture
async def collector(campaign: Campaign) -> AsyncIterator[Collector]:
    async with AsyncFlireoClient(campaign.account) as client:
        yield campaign.collector(client)


async def canary(campaign: Campaign, collector: Collector, line: BadLine, phone: str = BEN) -> None:
    """A call that was placed later than whatever was lost before, and that the list shows."""
    await campaign.placed(await campaign.runner(), line.place(phone)["id"], phone)


async def state_of(campaign: Campaign, phone: str = ANNA) -> str:
    """Of the last attempt at a number."""
    return str([row.state for row in await campaign.attempts() if row.phone == phone][-1])
