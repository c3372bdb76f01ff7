"""What is reported of a campaign as a whole: once each, and only when it is so."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from flireo_flows.api import errors
from flireo_flows.calling.engine import RunSettings, run_campaign
from flireo_flows.calling.run_loop import Until
from flireo_flows.calling.sweep import Sweep
from flireo_flows.ledger import Database, Expectations
from flireo_flows.ledger.outbox import post_finished
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import outbox
from flireo_flows.lifecycle.states import Reason
from flireo_flows.policy import CallingPolicy
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import ANNA, BEN, CALLER, POLICY, Campaign, person
from tests.support.calling.incoming import Incoming, listed
from tests.support.sandbox.running import RunningSandbox, run_sandbox

LOW, STARTED, FINISHED = "flireo.credits.low", "flireo.campaign.started", "flireo.campaign.finished"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000)) as running:
        yield running


@pytest.fixture
def sandbox(server: RunningSandbox) -> RunningSandbox:
    server.reset()
    return server


async def reported(database: Database) -> list[str]:
    """The notices of the ledger, but for those of single calls."""
    async with database.read() as db:
        events = (await db.execute(select(outbox.c.event).order_by(outbox.c.id))).scalars()
        return [event for event in events if ".call." not in event]


async def test_a_run_reports_that_its_campaign_started_and_finished_and_running_it_again_reports_nothing(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = Campaign(database, sandbox.base_url)
    await campaign.take_in(person(ANNA))
    for _ in range(2):
        await campaign.run()
        assert await reported(database) == [STARTED, FINISHED]
    await campaign.take_in(person(ANNA), person(BEN))
    await campaign.run()
    assert await reported(database) == [STARTED, FINISHED, FINISHED]


async def test_who_is_taken_out_of_the_file_while_their_phone_rings_keeps_no_campaign_from_being_finished(
    database: Database,
) -> None:
    retried = {**POLICY.model_dump(), "max_attempts": 3, "retry_delay_seconds": 0}
    incoming = Incoming(database, CallingPolicy.model_validate(retried))
    campaign = incoming.campaign
    book = await campaign.runner()
    await campaign.placed(book, "call-anna", ANNA)
    await campaign.placed(book, "call-ben", BEN)  # from a file in which Anna is not
    await incoming.read(listed("call-ben", BEN), Expectations())
    over: dict[str, Any] = {"status": "failed", "error": "no answer", "end_reason": None, "started_at": None}
    await incoming.read(listed("call-anna", **over, summary=None, messages=None, duration_seconds=None))
    anna = await campaign.lead()
    assert (anna.state, anna.outcome, anna.reason) == ("waiting", "no_answer", Reason.NOT_IN_NEWEST_FILE)
    assert await post_finished(database.campaign(campaign.name))
    await campaign.take_in(person(ANNA), person(BEN))
    assert [attempt.phone for attempt in await campaign.begin(book)] == [ANNA]


async def test_a_campaign_that_may_call_no_one_does_not_start_and_is_finished(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = Campaign(local, sandbox.base_url)
    await campaign.take_in(person(ANNA))
    await campaign.book.forbid([ANNA])
    await campaign.run()
    assert await reported(local) == [FINISHED]
    assert sandbox.placed_calls() == []


async def test_who_was_taken_out_of_the_file_does_not_keep_a_campaign_open(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = Campaign(database, sandbox.base_url)
    await campaign.take_in(person(ANNA), person(BEN))
    await campaign.take_in(person(ANNA))
    await campaign.run()
    assert (await campaign.lead(BEN)).state == "waiting"
    assert await reported(database) == [STARTED, FINISHED]


async def test_a_campaign_without_people_is_not_finished(local: Database) -> None:
    assert not await post_finished(local.campaign("campaign"))
    await Campaign(local).take_in(person(ANNA))
    assert not await post_finished(local.campaign("campaign"))
    assert await reported(local) == []


async def test_what_a_killed_run_did_not_report_the_next_sweep_reports(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = Campaign(database, sandbox.base_url)
    await campaign.take_in(person(ANNA))
    await campaign.run()
    async with database.write() as db:  # as if it had been killed right before
        await db.execute(delete(outbox).where(outbox.c.event == FINISHED))
    for _ in range(2):
        summary = await Sweep(database, campaign.account).run()
        assert (summary.campaigns, summary.requests) == ((), 0)
        assert await reported(database) == [STARTED, FINISHED]


async def test_two_stages_of_one_run_report_of_low_credits_once(
    database: Database, sandbox: RunningSandbox
) -> None:
    sandbox.settings(minutes_balance=0)
    campaign = Campaign(database, sandbox.base_url)
    await campaign.take_in(person(ANNA))

    async def stage(until: Until, **more: Any) -> Exception | None:
        engine = RunSettings(
            database.campaign("campaign"),
            campaign.account,
            campaign.batch,
            CALLER,
            campaign.policy,
            run_id="run",
            **more,
        )
        return (await run_campaign(engine, until)).stopped_by

    stopped = await stage(Until.DIALLED, readiness=Readiness())
    assert isinstance(stopped, errors.InsufficientCredits)
    await stage(Until.FINISHED, readiness=Readiness(), stopped_by=stopped)
    assert (await reported(database)).count(LOW) == 1
