"""Between the reading of a page and its writing someone else writes: a webhook, another runner, a sweep."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from flireo_flows.api.calls import Call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.fields import iso
from flireo_flows.calling.collector import Collector, windows_of_all
from flireo_flows.calling.reconcile import RINGING_SECONDS
from flireo_flows.calling.snapshot import Snapshot
from flireo_flows.ledger import Database, Expectations, Inbox
from flireo_flows.ledger.known_calls import owners_of
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import CallingPolicy
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import ANNA, POLICY, Campaign, person
from tests.support.calling.incoming import TALK, report, status_update

SAYS_NO = {"key": "no_calls", "equals": "true"}
RULES = CallingPolicy.model_validate(
    {
        **POLICY.model_dump(),
        "reconcile_grace_seconds": 0,
        "max_attempts": 3,
        "retry_outcomes": ["answered"],
        "retry_delay_seconds": 0,
        "do_not_call_keys": [SAYS_NO],
    }
)


@pytest.fixture
def line() -> Iterator[BadLine]:
    with bad_line() as running:
        yield running


@pytest.fixture
def campaign(database: Database, line: BadLine) -> Campaign:
    return Campaign(database, line.url, policy=RULES)


@pytest.fixture
async def collector(campaign: Campaign) -> AsyncIterator[Collector]:
    async with AsyncFlireoClient(campaign.account) as client:
        yield campaign.collector(client)


def talked(line: BadLine, **more: Any) -> None:
    """Every call is over, and someone talked in it."""
    now = iso(datetime.now(UTC))
    line.end_all(
        status="ended", error=None, started_at=now, duration_seconds=61, summary="No.", messages=TALK, **more
    )


async def page_of(collector: Collector) -> list[Call]:
    """What the list shows now."""
    windows = windows_of_all([await collector.look()], collector.campaign.now())
    return [call async for page in collector.calls.pages(windows) for call in page]


async def receive(campaign: Campaign, body: bytes, reference: str = "") -> None:
    """Another process takes a webhook and writes it down."""
    inbox = Inbox(campaign.database)
    await inbox.store(body, reference)
    await inbox.apply(campaign.name, campaign.policy, Expectations(True, 2))


async def test_a_opt_out_that_only_the_list_shows_counts_beside_a_report_of_the_same_moment(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    call = line.place(ANNA)
    await campaign.placed(await campaign.runner(), call["id"])
    talked(line, analysis_result={"no_calls": True})
    page = await page_of(collector)
    owners = await owners_of(campaign.database, [call.id for call in page])
    await receive(campaign, report(call["id"], summary="No.", analysis=None))
    await collector.apply(
        page, owners, Snapshot(0.0).add(page, owners, collector.calls.clock, collector.calls.least_skew)
    )
    assert (await campaign.lead()).state == "done"
    other = Campaign(campaign.database, line.url, name="other", policy=RULES)
    await other.take_in(person(ANNA))
    for wants in (campaign, other):
        assert await wants.begin(await wants.runner()) == []


async def test_the_same_while_a_poll_waits_for_the_ledger(
    campaign: Campaign, collector: Collector, line: BadLine, ledger_url: str
) -> None:
    call = line.place(ANNA)
    await campaign.placed(await campaign.runner(), call["id"])
    talked(line, analysis_result={"no_calls": True})
    async with await Database.open(ledger_url) as another:
        here = Campaign(another, line.url, policy=RULES)
        async with campaign.database.write(campaign.name) as db:
            polling = asyncio.create_task(collector.poll())
            hearing = asyncio.create_task(receive(here, report(call["id"], summary="No.", analysis=None)))
            while not line.reads:  # noqa: ASYNC110 - what is waited for is in a server
                await asyncio.sleep(0.01)
            await db.exec_driver_sql("SELECT 1")
        await asyncio.gather(polling, hearing)
    assert await campaign.begin(await campaign.runner()) == []


async def test_a_page_of_before_does_not_write_over_what_a_report_brought(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    rules = [{"outcome": Outcome.REJECTED, "analysis": [{"key": "interest", "equals": "none"}]}]
    campaign.policy = CallingPolicy.model_validate({**POLICY.model_dump(), "outcomes": rules})
    collector.policy = campaign.policy
    call = line.place(ANNA)
    await campaign.placed(await campaign.runner(), call["id"])
    talked(line)
    page = await page_of(collector)
    owners = await owners_of(campaign.database, [call.id for call in page])
    await receive(campaign, report(call["id"], summary="Long.", analysis={"interest": "none"}))
    await collector.apply(
        page, owners, Snapshot(0.0).add(page, owners, collector.calls.clock, collector.calls.least_skew)
    )
    row = await campaign.attempt()
    assert (row.outcome, row.summary, row.channel) == ("rejected", "Long.", "webhook")


async def test_an_attempt_that_was_found_meanwhile_is_not_ambiguous(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    """While the list is read, a webhook at the attempt's own address tells which call is ours; it goes on."""
    await campaign.lost(await campaign.runner())
    call = line.place(ANNA)
    line.place(ANNA)  # by hand, in the dashboard
    await campaign.age(RINGING_SECONDS + 1)
    sought, snapshot = await collector.look(), Snapshot(campaign.database.now())
    snapshot.add(await page_of(collector), {}, collector.calls.clock, collector.calls.least_skew)
    row = await campaign.attempt()
    await receive(campaign, status_update("in-progress", call_id=call["id"]), row.reference)
    await collector.settle(sought, snapshot)
    row, lead = await campaign.attempt(), await campaign.lead()
    assert (row.state, row.over_at, lead.state) == ("placed", None, "calling")
    other = Campaign(campaign.database, line.url, name="other", policy=RULES)
    await other.take_in(person(ANNA))
    assert await other.begin(await other.runner()) == []
