"""Leads handed to a campaign of Flireo's own: each is in there once, rung once, and has its result."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flireo_flows.calling.ledger import Database
from flireo_flows.calling.policy import WEEKDAYS, CallingHours, DayHours, Span
from flireo_flows.calling.turns import Until
from flireo_flows.sandbox import SandboxSettings
from tests.sandbox.running import RunningSandbox, run_sandbox

from .campaign import ANNA, BEN, Campaign, people, person
from .handing import HandedCampaign
from .handover_stage import (
    PEOPLE,
    draft,
    fault,
    handed,
    met,
    rings,
    sandbox,
    server,
    slow,
    slow_server,
    theirs,
)

__all__ = ["sandbox", "server", "slow", "slow_server"]  # fixtures

ROOT = Path(__file__).parents[2]
ALL = list(WEEKDAYS)


# All as it should be.


async def test_handed_over_leads_are_rung_once_and_have_the_same_results_as_dialled_ones(
    database: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(database, sandbox)
    ran = await campaign.run()
    assert ran.left.is_finished and not ran.stopped_by and not ran.timed_out and not ran.held_by
    assert rings(sandbox) == Counter(PEOPLE)
    called = {ring["destination"]: ring["call_id"] for ring in sandbox.rings()}
    results = await campaign.results()
    assert {phone: result.call_id for phone, result in results.items()} == called

    direct = Campaign(database, sandbox.base_url, "direct", readiness=ran.readiness)
    await direct.take_in(*(person(phone, name=f"Person {phone[-1]}") for phone in PEOPLE))
    await direct.run(seconds=30)
    told = ("name", "state", "reason", "outcome", "attempts", "columns")
    dialled = await direct.results()
    for phone in PEOPLE:
        assert [getattr(results[phone], name) for name in told] == [
            getattr(dialled[phone], name) for name in told
        ]
        filled = [bool(results[phone].summary), results[phone].analysis is None]
        assert filled == [bool(dialled[phone].summary), dialled[phone].analysis is None]


async def test_flireo_is_told_the_hours_the_words_and_only_the_variables_they_need(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = HandedCampaign(local, sandbox.base_url)
    await campaign.take_in(person(ANNA, name="Anna", columns={"diagnosis": "private"}))
    await campaign.run()
    there = theirs(sandbox)
    assert (there["name"], there["agent_id"]) == ("campaign", "demo-agent")
    assert (there["schedule_start_time"], there["schedule_end_time"]) == ("00:00:00", "23:59:59")
    assert there["system_message_template"] == "You ring {{ name }}."
    assert [lead["variables"] for lead in there["leads"]] == [{"name": "Anna"}]


@pytest.mark.parametrize(
    "hours",
    [
        CallingHours(start="09:00", end="20:00", breaks=[Span(start="09:00", end="12:00")], weekdays=ALL),
        CallingHours(start="00:00", end="20:00", breaks=[Span(start="00:00", end="12:00")], weekdays=ALL),
        CallingHours(start="08:00", end="22:00", other_days=[DayHours(start="12:00", weekdays=ALL)]),
    ],
    ids=["a break at the edge", "a night that is a break", "other hours on all days"],
)
async def test_flireo_is_told_the_span_that_breaks_and_other_days_leave(
    local: Database, sandbox: RunningSandbox, hours: CallingHours
) -> None:
    campaign = await handed(local, sandbox)
    campaign.policy = campaign.policy.model_copy(update={"calling_hours": hours})
    await campaign.run(Until.DIALLED)
    there = theirs(sandbox)
    assert (there["schedule_start_time"], there["schedule_end_time"]) == ("12:00:00", "20:00:00")


async def test_a_run_that_is_repeated_costs_no_request_and_rings_nobody(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox)
    await campaign.run()
    before = sandbox.requests()
    ran = await campaign.run()
    assert ran.left.is_finished and sandbox.requests() == before


async def test_a_run_that_only_dials_ends_once_flireo_rings_and_the_next_one_collects(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox)
    ran = await campaign.run(Until.DIALLED)
    assert ran.left.placed == 3 and theirs(sandbox)["status"] != "draft"
    assert (await campaign.run()).left.is_finished
    assert rings(sandbox) == Counter(PEOPLE)


async def test_who_joins_later_is_added_while_nobody_is_rung(local: Database, slow: RunningSandbox) -> None:
    campaign = await handed(local, slow, ANNA)
    await campaign.run(Until.DIALLED)
    await campaign.take_in(person(ANNA, name="Anna"), person(BEN, name="Ben"))
    await campaign.run(Until.DIALLED)
    assert [lead["phone_number"] for lead in theirs(slow)["leads"]] == [ANNA, BEN]
    assert theirs(slow)["status"] == "scheduled"
    # Paused while somebody was added, then going on.
    assert slow.requests()["PATCH /campaigns/{id}", 200] == 3


# Answers that are lost, and processes that die.


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "vanished"])
@pytest.mark.parametrize("operation", ["create_campaign", "add_campaign_lead", "update_campaign"])
async def test_an_answer_that_is_lost_makes_nothing_twice(
    local: Database, sandbox: RunningSandbox, operation: str, arrives: bool
) -> None:
    campaign = await handed(local, sandbox, ANNA, BEN)
    fault(sandbox, operation, carried_out=arrives)
    ran = await campaign.run()
    assert ran.left.is_finished and rings(sandbox) == Counter([ANNA, BEN])
    assert Counter(lead["phone_number"] for lead in theirs(sandbox)["leads"]) == Counter([ANNA, BEN])
    tries = Counter(row.phone for row in await campaign.attempts())
    lost = operation == "add_campaign_lead" and not arrives
    assert sorted(tries.values()) == ([1, 2] if lost else [1, 1])


async def test_nobody_is_rung_while_a_lead_may_still_arrive(local: Database, sandbox: RunningSandbox) -> None:
    campaign = (await handed(local, sandbox, ANNA, BEN)).but()
    campaign.policy = campaign.policy.model_copy(update={"reconcile_grace_seconds": 60})
    fault(sandbox, "add_campaign_lead", carried_out=False)
    ran = await campaign.run(seconds=1)
    assert ran.timed_out and ran.left.unknown == 1
    assert theirs(sandbox)["status"] == "draft" and not sandbox.rings()


@pytest.mark.slow
async def test_killed_in_each_request_it_is_carried_on_and_rings_everybody_once(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    ledger_url, leads = f"sqlite:///{tmp_path}/ledger.db", 6
    shows: dict[str, Callable[[], Any]] = {
        "add_campaign_lead": lambda: ("POST /campaigns/{id}/leads", 201) in sandbox.requests(),
        "update_campaign": lambda: theirs(sandbox)["status"] != "draft",
    }
    async with await Database.open(ledger_url) as database:
        campaign = HandedCampaign(database, sandbox.base_url)
        await campaign.take_in(*people(leads))
        for operation, is_done in shows.items():
            fault(sandbox, operation, "timeout", carried_out=True)
            arguments = ("-m", "tests.calling.handing", ledger_url, sandbox.base_url, str(leads))
            process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
            try:
                await met(is_done)  # the request arrived; its answer never comes
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            await campaign.bury_runners()
        ran = await campaign.run()
        assert ran.left.is_finished
        assert {result.state for result in (await campaign.results()).values()} == {"done"}
    everybody = Counter(lead.phone for lead in people(leads))
    assert rings(sandbox) == everybody
    assert Counter(lead["phone_number"] for lead in theirs(sandbox)["leads"]) == everybody


@pytest.mark.slow
async def test_a_run_that_slept_adds_nobody_whom_another_run_added_and_leaves_the_campaign_to_it(
    tmp_path: Path,
) -> None:
    ledger_url, leads = f"sqlite:///{tmp_path}/ledger.db", 12
    everybody = {lead.phone: ("answered",) for lead in people(leads)}
    settings = SandboxSettings(rate_limit=60, rate_window_seconds=36, outcomes=everybody)
    with run_sandbox(settings) as sandbox:
        async with await Database.open(ledger_url) as database:
            campaign = HandedCampaign(database, sandbox.base_url)
            await campaign.take_in(*people(leads))
            arguments = ("-m", "tests.calling.handing", ledger_url, sandbox.base_url, str(leads))
            sleeper = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
            try:
                async with asyncio.timeout(120):
                    while (await campaign.handed.figures()).waiting < 2:  # noqa: ASYNC110 - the ledger says it
                        await asyncio.sleep(0.05)
                sleeper.send_signal(signal.SIGSTOP)  # the lid is closed
                await campaign.bury_runners()  # for longer than its lease
                ran = await campaign.run(Until.DIALLED)
                assert not ran.stopped_by and not ran.timed_out
                sleeper.send_signal(signal.SIGCONT)
                async with asyncio.timeout(60):
                    await sleeper.wait()  # it has nothing to do any more
            finally:
                with suppress(ProcessLookupError):
                    sleeper.kill()
                await sleeper.wait()
        assert Counter(lead["phone_number"] for lead in theirs(sandbox)["leads"]) == Counter(everybody.keys())
        assert theirs(sandbox)["status"] == "scheduled"
        assert set(rings(sandbox).values()) <= {1}


@pytest.mark.parametrize("arrived", [True, False])
async def test_what_a_dead_runner_was_adding_is_looked_up_and_never_added_twice(
    database: Database, sandbox: RunningSandbox, arrived: bool
) -> None:
    campaign = await handed(database, sandbox, ANNA)
    await campaign.begin(await campaign.runner())
    await campaign.handed.making(database.now())
    where = f"/campaigns/{draft(sandbox)}/leads"
    if arrived:
        sandbox.api.post(where, json={"phone_number": ANNA}).raise_for_status()
    await campaign.bury_runners()
    assert (await campaign.run()).left.is_finished
    assert rings(sandbox) == Counter([ANNA]) and len(theirs(sandbox)["leads"]) == 1
    assert [row.state for row in await campaign.attempts()] == (
        ["ended"] if arrived else ["not_placed", "ended"]
    )


async def test_a_failed_reading_decides_nothing(local: Database, sandbox: RunningSandbox) -> None:
    campaign = await handed(local, sandbox, ANNA)
    fault(sandbox, "add_campaign_lead", carried_out=True)
    fault(sandbox, "list_campaign_leads", "server_error")
    assert (await campaign.run()).left.is_finished
    assert rings(sandbox) == Counter([ANNA]) and len(await campaign.attempts()) == 1
