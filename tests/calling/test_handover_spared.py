"""Somebody who waits in a campaign of Flireo's own is suppressed or forgotten, while no run follows it or one does."""

import asyncio

import pytest

from flireo_flows.calling.handover import NotTold, Spared, spare
from flireo_flows.calling.ledger import Database, Runner
from flireo_flows.calling.ledger.campaigns import Declined, Steering
from flireo_flows.calling.ledger.forgetting import forget
from flireo_flows.calling.ledger.suppressions import Suppressions
from flireo_flows.calling.turns import Until
from tests.sandbox.running import RunningSandbox

from .campaign import people
from .handing import HandedCampaign
from .handover_stage import fault, handed, met, slow, slow_server, theirs

__all__ = ["slow", "slow_server"]  # fixtures

FIRST, *_, LAST = (lead.phone for lead in people(8))


async def waiting(database: Database, slow: RunningSandbox) -> HandedCampaign:
    """Eight people were handed over: five are on the phone, three wait."""
    campaign = await handed(database, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    await met(lambda: len(slow.rings()) == 5)
    return campaign


def in_there(slow: RunningSandbox) -> set[str]:
    return {lead["phone_number"] for lead in theirs(slow)["leads"]}


async def test_who_is_suppressed_between_runs_is_taken_out_and_flireo_rings_the_others_on(
    database: Database, slow: RunningSandbox
) -> None:
    campaign = await waiting(database, slow)
    await Suppressions(database).suppress([FIRST, LAST], "asked by letter")
    # The first one is on the phone: calls that run go on.
    assert await spare(database, campaign.account, [FIRST, LAST]) == Spared(taken_out=1)
    assert LAST not in in_there(slow) and FIRST in in_there(slow)
    assert theirs(slow)["status"] == "scheduled" and not await campaign.handed.is_held()
    lead = await campaign.lead(LAST)
    assert (lead.state, lead.reason, lead.attempts) == ("skipped", "do_not_call", 0)
    assert (await campaign.lead(FIRST)).state == "calling"
    before = slow.requests()
    assert await spare(database, campaign.account, [LAST]) == Spared()  # and so nothing is sent
    assert slow.requests() == before


async def test_who_is_suppressed_beside_a_run_is_taken_out_and_the_run_has_flireo_ring_on(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    running = asyncio.create_task(campaign.run(seconds=60))
    try:
        await met(lambda: len(slow.rings()) == 5)
        await Suppressions(local).suppress([LAST], "asked by letter")
        await spare(local, campaign.account, [LAST])
        assert LAST not in in_there(slow)
        await met(lambda: theirs(slow)["status"] == "scheduled")
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (await campaign.lead(LAST)).reason == "do_not_call"


async def test_a_campaign_that_is_paused_here_is_not_started_by_a_suppression(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await waiting(local, slow)
    await Steering(local, "campaign").pause("Flireo was not told")
    await Suppressions(local).suppress([LAST], "")
    await spare(local, campaign.account, [LAST])
    assert theirs(slow)["status"] == "paused" and LAST not in in_there(slow)


async def test_a_campaign_that_another_run_has_is_left_to_it_and_named(
    local: Database, slow: RunningSandbox
) -> None:
    campaign, other = await waiting(local, slow), Runner(local, "campaign")
    await other.join()
    assert await campaign.handed.claim(other.id)  # and does nothing with it
    await Suppressions(local).suppress([LAST], "")
    assert await spare(local, campaign.account, [LAST]) == Spared(1, ("campaign",))
    assert theirs(slow)["status"] == "paused" and LAST not in in_there(slow)
    await other.leave()
    await campaign.run(Until.DIALLED)
    assert theirs(slow)["status"] == "scheduled"


@pytest.mark.parametrize("why", ["no key", "not reached", "not there"])
async def test_where_flireo_cannot_be_told_that_is_said_with_what_to_do(
    local: Database, slow: RunningSandbox, why: str
) -> None:
    campaign = await waiting(local, slow)
    await Suppressions(local).suppress([LAST], "")
    account = None if why == "no key" else campaign.account
    if why == "not reached":
        fault(slow, "update_campaign", "server_error")
    elif why == "not there":
        await campaign.handed.remember("of-another-account")
    with pytest.raises(NotTold, match=r"Flireo's campaign 'campaign', which .* may still ring them") as told:
        await spare(local, account, [LAST])
    assert LAST not in str(told.value) and "run the campaign" in str(told.value)
    assert LAST in in_there(slow)


async def test_nobody_is_forgotten_whom_flireo_may_still_ring(local: Database, slow: RunningSandbox) -> None:
    campaign = await waiting(local, slow)
    with pytest.raises(Declined, match="may still ring them: nothing is erased") as refused:
        await forget(local, LAST)
    assert LAST not in str(refused.value)
    await spare(local, campaign.account, [LAST])
    assert (await forget(local, LAST)).leads == 1
    await spare(local, campaign.account, [FIRST])  # who is on the phone
    with pytest.raises(Declined, match=r"a call to .* is under way"):
        await forget(local, FIRST)
