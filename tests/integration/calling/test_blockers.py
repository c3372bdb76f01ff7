"""A call of another campaign holds a number back: its end is read where no run collects it; no run waits for ever."""

import asyncio

import pytest
from sqlalchemy import select

from flireo_flows.calling.run_loop import Until
from flireo_flows.ledger import Database
from flireo_flows.ledger.schema import attempts
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import ANNA, BEN, Campaign, person
from tests.support.sandbox.running import RunningSandbox, run_sandbox

LONG = 120.0  # seconds; no test fails because a machine is slow
ANSWERED = {ANNA: ["answered"], BEN: ["answered"]}
# At real speed: a call goes on until someone ends it.
TALKING = SandboxSettings(rate_limit=0, outcomes=ANSWERED, talk_seconds_min=3600, talk_seconds_max=3600)
QUICK = SandboxSettings(rate_limit=0, time_scale=1000, outcomes=ANSWERED)


async def called_by_another(database: Database, sandbox: RunningSandbox) -> Campaign:
    """A campaign that called Anna and ended, as `--no-wait` does."""
    first = Campaign(database, sandbox.base_url, name="first")
    await first.take_in(person(ANNA))
    await first.run(Until.DIALLED)
    assert (await first.attempt()).state == "placed"
    return first


async def second_of(database: Database, sandbox: RunningSandbox) -> Campaign:
    second = Campaign(database, sandbox.base_url, name="second")
    await second.take_in(person(ANNA), person(BEN))
    return second


def calls(sandbox: RunningSandbox) -> list[str]:
    return [call["destination"] for call in sandbox.placed_calls()]


@pytest.mark.parametrize("until", Until)
async def test_the_end_of_a_call_that_no_one_collects_is_read(database: Database, until: Until) -> None:
    with run_sandbox(QUICK) as sandbox:
        first = await called_by_another(database, sandbox)
        sandbox.settle((await first.attempt()).call_id)
        ran = await asyncio.wait_for((await second_of(database, sandbox)).run(until), LONG)
        row = await first.attempt()
    # By the rules of its own campaign: it is that campaign's result.
    assert (row.state, row.outcome) == ("ended", "answered")
    assert ran.waits_for == () and ran.left.blocked == 0


async def test_a_run_that_does_not_wait_ends_while_the_other_call_goes_on(database: Database) -> None:
    with run_sandbox(TALKING) as sandbox:
        first = await called_by_another(database, sandbox)
        second = await second_of(database, sandbox)
        ran = await asyncio.wait_for(second.run(Until.DIALLED), LONG)
        assert (ran.waits_for, ran.left.blocked) == (("first",), 1)
        assert calls(sandbox) == [ANNA, BEN]
        again = await asyncio.wait_for(second.run(Until.DIALLED), LONG)
        assert again.waits_for == ("first",)
        assert calls(sandbox) == [ANNA, BEN]
        assert (await first.attempt()).state == "placed"


async def test_a_campaign_that_a_run_collects_is_left_to_it(database: Database) -> None:
    with run_sandbox(QUICK) as sandbox:
        first = await called_by_another(database, sandbox)
        sandbox.settle((await first.attempt()).call_id)
        await first.runner()  # alive
        ran = await asyncio.wait_for((await second_of(database, sandbox)).run(Until.DIALLED), LONG)
        assert ran.waits_for == ("first",)
        assert (await first.attempt()).state == "placed"
        assert calls(sandbox) == [ANNA, BEN]


async def test_a_run_that_waits_ends_when_the_other_call_stays_open_for_long(database: Database) -> None:
    with run_sandbox(TALKING) as sandbox:
        first = await called_by_another(database, sandbox)
        await first.age(700)
        second = Campaign(database, sandbox.base_url, name="second")
        await second.take_in(person(ANNA))
        ran = await asyncio.wait_for(second.run(Until.FINISHED), LONG)
        assert (ran.waits_for, ran.timed_out, ran.left.final) == (("first",), False, 0)
        assert calls(sandbox) == [ANNA]


async def test_a_call_whose_answer_was_lost_holds_back_as_well(database: Database) -> None:
    with run_sandbox(TALKING) as sandbox:
        first = Campaign(database, sandbox.base_url, name="first")
        await first.lost(await first.runner())
        second = await second_of(database, sandbox)
        ran = await asyncio.wait_for(second.run(Until.DIALLED), LONG)
        assert ran.waits_for == ("first",)
        assert calls(sandbox) == [BEN]


async def test_several_campaigns_are_read_together(database: Database) -> None:
    everyone = [f"+447700900{n:03d}" for n in range(10, 20)]
    settings = SandboxSettings(
        rate_limit=0, time_scale=1000, outcomes={phone: ["answered"] for phone in everyone}
    )
    with run_sandbox(settings) as sandbox:
        others = [Campaign(database, sandbox.base_url, name=f"Other {n}") for n in range(len(everyone))]
        for other, phone in zip(others, everyone, strict=True):
            await other.take_in(person(phone))
            await other.run(Until.DIALLED)
        for call in sandbox.placed_calls():
            sandbox.settle(call["call_id"])
        before = sandbox.requests()
        second = Campaign(database, sandbox.base_url, name="second")
        await second.take_in(*(person(phone) for phone in everyone))
        ran = await asyncio.wait_for(second.run(Until.DIALLED), LONG)
        lists = sandbox.requests()["GET /calls", 200] - before.get(("GET /calls", 200), 0)
    assert ran.waits_for == ()
    async with database.read() as db:
        rows = (await db.execute(select(attempts.c.state).where(attempts.c.campaign != "second"))).all()
    assert [row.state for row in rows] == ["ended"] * len(everyone)
    assert lists < len(everyone)
