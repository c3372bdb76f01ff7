"""A sweep of leads that Flireo rings by itself."""

from collections.abc import Iterator

import pytest

from flireo_flows.api.client import Account
from flireo_flows.calling.ledger import Database, Runner
from flireo_flows.calling.ledger.unheard import unheard_of
from flireo_flows.calling.sweep import ANOTHER_RUNNER
from flireo_flows.calling.swept import ANOTHER_ACCOUNT
from flireo_flows.calling.turns import Until
from flireo_flows.sandbox import SandboxSettings
from tests.sandbox.running import RunningSandbox, run_sandbox

from .bad_line import bad_line
from .campaign import ANNA, BEN, CARLA, people
from .handover_stage import change_theirs, handed, rings, theirs
from .sweep_stage import SILENT_SECONDS, one, sweep, told


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Calls last for seconds."""
    everybody = {phone: ("answered",) for phone in (ANNA, BEN, CARLA)}
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=30, outcomes=everybody)) as running:
        yield running


def changes(sandbox: RunningSandbox) -> dict[tuple[str, int], int]:
    """Requests that are no readings."""
    return {what: n for what, n in sandbox.requests().items() if not what[0].startswith("GET")}


async def test_leads_that_were_handed_over_are_followed_and_nothing_is_sent_but_readings(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(database, sandbox)
    await campaign.run(Until.DIALLED)
    before, open_ = changes(sandbox), (await unheard_of(database, campaign.name)).open
    assert open_
    swept = await one(campaign, patience_seconds=100, pause_seconds=0.2)
    assert (swept.before, swept.after, swept.by_list, swept.problem) == (open_, 0, open_, "")
    assert {result.outcome for result in (await campaign.results()).values()} == {"answered"}
    assert changes(sandbox) == before
    assert sum(rings(sandbox).values()) == 3
    assert [event for event, _ in await told(database)] == [
        "flireo.campaign.started",
        "flireo.campaign.finished",
    ]


async def test_leads_of_a_campaign_that_was_deleted_at_flireo_are_let_go_over_sweeps(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(database, sandbox)
    await campaign.run(Until.DIALLED)
    change_theirs(sandbox, status="paused")
    sandbox.api.delete(f"/campaigns/{theirs(sandbox)['id']}").raise_for_status()
    first = await one(campaign)
    assert (
        "was deleted at Flireo" in first.problem and first.after == first.before
    )  # one look decides nothing
    await campaign.age(campaign.policy.reconcile_grace_seconds)
    assert (await one(campaign)).after == 0
    assert {row.state for row in (await campaign.leads()).values()} <= {"done", "review"}


async def test_leads_that_were_handed_over_under_another_key_are_left_alone(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(database, sandbox)
    await campaign.run(Until.DIALLED)
    with bad_line() as other:
        swept = await one(campaign, account=Account("k", other.url))
    assert (swept.problem, swept.after) == (ANOTHER_ACCOUNT, swept.before)


async def test_a_silent_call_of_a_lead_that_was_handed_over_is_closed_over_sweeps(database: Database) -> None:
    """And calls that the list shows to have begun lately are not asked for, however long their leads waited."""
    everybody = [lead.phone for lead in people(8)]
    answered = {phone: ("answered",) for phone in everybody}
    with run_sandbox(SandboxSettings(rate_limit=0, outcomes=answered)) as slow:  # five calls at once
        campaign = await handed(database, slow, *everybody)
        await campaign.run(Until.DIALLED)
        await sweep(campaign)
        waits = next(row for row in await campaign.attempts() if row.call_id is None)
        await campaign.handed.rang([(waits.id, "call-of-nobody")])
        for is_closed in (False, False, True):
            await campaign.age(SILENT_SECONDS if is_closed or waits.asked_at is None else 0)
            await sweep(campaign)
            (waits,) = [row for row in await campaign.attempts() if row.id == waits.id]
            assert (waits.state == "ended", waits.asked_at is not None) == (is_closed, True)
        lead = await campaign.lead(waits.phone)
        assert (lead.state, lead.reason) == ("review", "Flireo does not know the call any more")
        assert slow.requests()["GET /calls/{id}", 404] == 2
        assert ("GET /calls/{id}", 200) not in slow.requests()


async def test_a_run_that_follows_keeps_its_claim(database: Database, sandbox: RunningSandbox) -> None:
    campaign = await handed(database, sandbox)
    await campaign.run(Until.DIALLED)
    run = Runner(database, campaign.name)
    await run.join()
    assert await campaign.handed.claim(run.id)
    assert (await one(campaign)).problem == ANOTHER_RUNNER
    assert await campaign.handed.claim(run.id)
    await run.leave()
