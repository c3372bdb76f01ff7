"""A sweep: results of calls that no one is waiting for, without a run, and without calling anyone."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from flireo_flows.api import errors
from flireo_flows.api.fields import iso
from flireo_flows.calling.preflight import NotReadyError
from flireo_flows.calling.reconcile import AGAIN_SECONDS, MOST_ASKED
from flireo_flows.calling.run_loop import Until
from flireo_flows.calling.sweep import ANOTHER_RUNNER, UNREADABLE_RULES, Sweep, SweepResult, SweepSummary
from flireo_flows.ledger import Database, Inbox, Runner
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError
from flireo_flows.ledger.leases import LEASE_SECONDS
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.run_rules import Readiness, read_rules
from flireo_flows.ledger.schema import campaigns, requests, runners
from flireo_flows.policy import AnalysisRule
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.bad_line import BadLine
from tests.support.calling.campaign import ANNA, BEN, CARLA, POLICY, Campaign, people, person
from tests.support.calling.incoming import report
from tests.support.calling.sweep_stage import (
    SILENT_SECONDS,
    bury_runners,
    campaign,
    left_behind,
    line,
    one,
    remembered,
    reported,
    sweep,
)
from tests.support.faulty.server import answer
from tests.support.sandbox.running import run_sandbox

__all__ = ["campaign", "line"]  # fixtures

ROOT = Path(__file__).parents[3]


# What it hears.


async def test_calls_that_no_one_waits_for_get_their_results_from_one_reading(
    campaign: Campaign, line: BadLine
) -> None:
    await left_behind(campaign, line, ANNA, BEN, CARLA)
    line.end_all()
    summary = await sweep(campaign)
    assert summary.campaigns == (SweepResult("campaign", before=3, after=0, by_list=3),)
    assert (summary.requests, summary.refused, summary.open) == (2, None, 0)  # one learns Flireo's clock
    assert {result.outcome for result in (await campaign.results()).values()} == {"no_answer"}
    assert line.posts == []


async def test_what_webhooks_brought_is_written_down_without_a_request(
    campaign: Campaign, line: BadLine
) -> None:
    (call,) = await left_behind(campaign, line, ANNA)
    await Inbox(campaign.database).store(report(call["id"]))
    summary = await sweep(campaign)
    assert summary.campaigns == (SweepResult("campaign", before=1, after=0, by_webhook=1),)
    assert summary.requests == 0
    assert (await campaign.results())[ANNA].outcome == "answered"


async def test_a_late_report_of_a_call_that_is_closed_is_written_down_too(
    campaign: Campaign, line: BadLine
) -> None:
    (call,) = await left_behind(campaign, line, ANNA)
    line.end_all()
    await sweep(campaign)
    assert (await sweep(campaign)).campaigns == ()  # nothing is to be incoming of it
    await Inbox(campaign.database).store(report(call["id"]))
    assert (await one(campaign)).after == 0
    assert (await campaign.results())[ANNA].summary == "Anna wants an offer."


async def test_a_ledger_in_which_nothing_is_open_costs_nothing(campaign: Campaign, line: BadLine) -> None:
    await campaign.take_in(person(ANNA))
    assert await sweep(campaign) == SweepSummary((), 0)
    assert (await one(campaign, campaign="campaign")).before == 0
    assert line.reads == 0


async def test_a_campaign_that_is_not_there_is_a_slip_of_the_pen(campaign: Campaign) -> None:
    with pytest.raises(DeclinedError, match=r"no campaign 'sprong'"):
        await sweep(campaign, campaign="sprong")


async def test_campaigns_of_one_account_share_each_reading(campaign: Campaign, line: BadLine) -> None:
    others = [Campaign(campaign.database, line.url, name=f"campaign {n}") for n in range(4)]
    for n, other in enumerate(others):
        await remembered(other)
        await left_behind(other, line, f"+44770090010{n}")
    line.end_all()
    summary = await sweep(campaign)
    assert [(swept.campaign, swept.after) for swept in summary.campaigns] == [
        (f"campaign {n}", 0) for n in range(4)
    ]
    assert summary.requests == 2


async def test_only_the_campaign_that_is_asked_for_is_swept(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA)
    other = Campaign(campaign.database, line.url, name="other")
    await remembered(other)
    await left_behind(other, line, BEN)
    line.end_all()
    assert [swept.campaign for swept in (await sweep(campaign, campaign="other")).campaigns] == ["other"]
    assert (await campaign.attempt()).state == "placed"


async def test_what_was_sent_is_counted_in_the_ledger(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA)
    summary = await sweep(campaign)
    async with campaign.database.read() as db:
        counted = [
            tuple(row)
            for row in await db.execute(select(requests.c.route, requests.c.status, requests.c.count))
        ]
    assert counted == [("GET /calls", "200", summary.requests)]


async def test_a_patient_sweep_goes_on_until_every_result_is_in(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA, BEN)
    asked = asyncio.create_task(one(campaign, patience_seconds=60, pause_seconds=0.1))
    while line.reads < 4:  # noqa: ASYNC110 - what is waited for is in a server
        await asyncio.sleep(0.01)
    line.end_all()
    assert (await asked).after == 0


async def test_patience_has_an_end(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA)
    swept = await one(campaign, patience_seconds=0.5, pause_seconds=0.1)
    assert (swept.before, swept.after, swept.problem) == (1, 1, "")


# No one is called twice.


async def test_an_attempt_of_which_no_one_knew_is_given_its_call(campaign: Campaign, line: BadLine) -> None:
    await campaign.lost(await campaign.runner())
    await bury_runners(campaign.database)
    call = line.place(ANNA)
    line.end_all()
    await sweep(campaign)
    assert ((await campaign.attempt()).call_id, (await campaign.attempt()).state) == (call["id"], "placed")
    assert (await one(campaign)).after == 0
    assert (await campaign.results())[ANNA].outcome == "no_answer"


async def test_an_attempt_counts_as_not_placed_only_after_two_sweeps_a_grace_apart(
    campaign: Campaign, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    await left_behind(campaign, line, BEN)
    await remembered(campaign, reconcile_grace_seconds=180)
    for _ in range(3):
        await sweep(campaign)
        assert (await campaign.attempts())[0].state == "unknown"
    await campaign.age(181)
    line.calls[0]["created_at"] = iso(datetime.now(UTC) - timedelta(seconds=181))
    await sweep(campaign)
    assert ((await campaign.attempts())[0].state, (await campaign.lead()).state) == ("not_placed", "waiting")
    assert line.posts == []


async def test_what_a_killed_run_was_sending_is_looked_for(campaign: Campaign, line: BadLine) -> None:
    await campaign.take_in(person(ANNA))
    await campaign.begin(await campaign.runner())
    await bury_runners(campaign.database)
    call = line.place(ANNA)
    await sweep(campaign)
    assert (await campaign.attempt()).call_id == call["id"]


async def test_a_reading_that_fails_decides_nothing_and_the_next_sweep_makes_up_for_it(
    campaign: Campaign, line: BadLine
) -> None:
    book = await campaign.runner()
    await campaign.lost(book)
    await left_behind(campaign, line, BEN)
    line.end_all()
    before = await campaign.attempts()
    line.lists = answer(400, {"error": "no"})
    for _ in range(2):
        summary = await sweep(campaign)
        assert "its calls could not be read" in summary.campaigns[0].problem
        assert (summary.refused, summary.open) == (None, 2)
        await campaign.age(POLICY.reconcile_grace_seconds + 1)
    assert [row.state for row in await campaign.attempts()] == [row.state for row in before]
    line.lists = None
    assert (await one(campaign)).after == 1  # Anna's, for the first reading without her call proves nothing


async def test_a_refused_key_is_reported_and_webhooks_are_read_all_the_same(
    campaign: Campaign, line: BadLine
) -> None:
    call, _ = await left_behind(campaign, line, ANNA, BEN)
    await Inbox(campaign.database).store(report(call["id"]))
    line.lists = answer(401, {"error": "no"})
    summary = await sweep(campaign, patience_seconds=60, pause_seconds=0.1)
    assert isinstance(summary.refused, errors.AuthenticationFailed)
    assert (summary.campaigns[0].by_webhook, summary.open) == (1, 1)


# Silent calls.


async def test_a_silent_call_is_closed_over_two_sweeps(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA)
    await campaign.age(SILENT_SECONDS)
    for _ in range(3):  # at once, one after the other: asked for once
        await sweep(campaign)
        assert (await campaign.lead()).state == "calling"
    await campaign.age(AGAIN_SECONDS)
    swept = await one(campaign)
    assert (swept.after, swept.for_review) == (0, 1)
    lead = await campaign.lead()
    assert (lead.state, lead.outcome) == ("review", "unknown")
    assert lead_reason(lead) == "the call is still in-progress long after its longest time"


async def test_many_silent_calls_are_asked_for_a_few_at_a_time(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, *(lead.phone for lead in people(MOST_ASKED + 5)))
    await campaign.age(SILENT_SECONDS)
    line.lists = answer(200, {"calls": [], "pagination": {"total": 0}})
    line.end_all()
    assert (await one(campaign)).after == 5
    assert (await one(campaign)).after == 0


# Whose turn it is.


async def test_a_live_run_keeps_the_sweep_away(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA)
    line.end_all()
    run = Runner(campaign.ledger)
    await run.join()
    assert await one(campaign) == SweepResult("campaign", 1, 1, problem=ANOTHER_RUNNER)
    assert line.reads == 0
    await run.leave()
    assert (await one(campaign)).after == 0


async def test_two_sweeps_at_once_read_once(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA, BEN)
    line.end_all()
    both = await asyncio.gather(*(sweep(campaign) for _ in range(2)))
    problems = sorted(swept.problem for summary in both for swept in summary.campaigns)
    assert problems in (["", ANOTHER_RUNNER], [""])  # the second may find nothing left
    assert sum(summary.requests for summary in both) == 2
    assert {row.state for row in await campaign.attempts()} == {"ended"}


async def test_a_run_that_starts_meanwhile_takes_over(campaign: Campaign, line: BadLine) -> None:
    await left_behind(campaign, line, ANNA)
    sweeping = asyncio.create_task(one(campaign, patience_seconds=60, pause_seconds=0.05))
    while line.reads < 3:  # noqa: ASYNC110 - what is waited for is in a server
        await asyncio.sleep(0.01)
    run = Runner(campaign.ledger)
    await run.join()
    assert (await sweeping).problem == ANOTHER_RUNNER
    await run.leave()


async def test_a_paused_campaign_is_collected_and_a_cancelled_one_is_settled(
    campaign: Campaign, line: BadLine
) -> None:
    await remembered(campaign, max_attempts=3, retry_outcomes=["no_answer"])
    await left_behind(campaign, line, ANNA, BEN)
    await CampaignControl(campaign.ledger).pause("for lunch")
    line.calls[1].update(status="failed", error="no answer", ended_at="2026-01-10T12:00:00Z")
    await sweep(campaign)
    assert (await campaign.lead(ANNA)).state == "waiting"
    await CampaignControl(campaign.ledger).cancel("for good")
    line.end_all()
    await sweep(campaign)
    assert {lead.state for lead in (await campaign.leads()).values()} == {"skipped"}


# What it writes under.


async def test_the_rules_of_the_last_run_decide_who_is_called_again_and_who_never(
    campaign: Campaign, line: BadLine
) -> None:
    rule = AnalysisRule(key="interest", equals="none").model_dump()
    await remembered(campaign, max_attempts=2, retry_outcomes=["no_answer"], do_not_call_keys=[rule])
    calls = await left_behind(campaign, line, ANNA, BEN)
    await campaign.take_in(person(ANNA), person(BEN))
    line.end_all()
    talked = {"status": "ended", "error": None, "started_at": "2026-01-10T11:59:00Z", "summary": "No."}
    calls[1].update(**talked, analysis_result={"interest": "none"})
    await sweep(campaign)
    anna, ben = (await campaign.lead(ANNA)), (await campaign.lead(BEN))
    assert (anna.state, lead_reason(anna)) == ("waiting", "to be called again after no_answer")
    assert ben.state == "done"
    other = Campaign(campaign.database, line.url, name="other", readiness=Readiness())
    await other.take_in(person(BEN))
    await other.run()
    assert (await other.lead(BEN)).state == "skipped"
    assert line.posts == []


async def test_rules_are_not_written_by_a_sweep_and_those_of_another_version_are_left_out(
    campaign: Campaign, line: BadLine
) -> None:
    await left_behind(campaign, line, ANNA)
    line.end_all()
    newer = '{"max_attempts": 3, "retry_outcomes": ["no_answer"], "rings_at_full_moon": true}'
    async with campaign.database.write() as db:
        await db.execute(update(campaigns).values(policy=newer))
    swept = await one(campaign)
    assert swept.after == 0
    assert "another version cannot be read (rings_at_full_moon)" in swept.rules
    assert (await campaign.lead()).state == "waiting"  # the others count
    async with campaign.database.read() as db:
        assert (await db.execute(select(campaigns.c.policy))).scalar_one() == newer


async def test_where_opt_outs_cannot_be_read_the_results_wait(campaign: Campaign, line: BadLine) -> None:
    (call,) = await left_behind(campaign, line, ANNA)
    line.end_all()
    await Inbox(campaign.database).store(report(call["id"]))
    rule = {"key": "interest", "equals": "none", "but_not_at_full_moon": True}
    async with campaign.database.write() as db:
        await db.execute(update(campaigns).values(policy=json.dumps({"do_not_call_keys": [rule]})))
    swept = await one(campaign)
    assert (swept.after, swept.problem) == (1, UNREADABLE_RULES)
    await remembered(campaign)
    assert (await one(campaign)).after == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"account": 7, "longest_call": "x"}', "null"])
async def test_whatever_stands_there_is_read(campaign: Campaign, text: str) -> None:
    async with campaign.database.write() as db:
        await db.execute(update(campaigns).values(readiness=text))
    assert (await read_rules(campaign.ledger)).readiness == Readiness()


async def test_a_run_remembers_what_it_called_under(database: Database) -> None:
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000)) as sandbox:
        campaign = Campaign(database, sandbox.base_url)
        await campaign.take_in(person(ANNA))
        ran = await campaign.run(Until.DIALLED)
        found = await read_rules(database.campaign(campaign.name))
        assert (found.policy, found.readiness, found.problem) == (campaign.policy, ran.readiness, "")
        assert found.account and "sandbox-key" not in found.account
        assert (await one(campaign, patience_seconds=60, pause_seconds=0.1)).after == 0
        assert len(sandbox.placed_calls()) == 1


# What it costs.


async def test_a_sweep_spends_its_share_of_the_requests_and_no_more(
    campaign: Campaign, line: BadLine
) -> None:
    """Half of 60 a minute is one in two seconds."""
    await left_behind(campaign, line, ANNA)
    line.limit = 60
    began = campaign.database.now()
    sweeping = Sweep(campaign.database, campaign.account, patience_seconds=4, pause_seconds=0.01, share=0.5)
    summary = await sweeping.run()
    assert campaign.database.now() - began < 60
    assert 2 <= summary.requests <= 5  # two learned the clock and the limit


# What it tells.


async def test_a_campaign_is_reported_as_finished_once_for_each_time_it_is(
    campaign: Campaign, line: BadLine
) -> None:
    finished, started = ("flireo.campaign.finished", "campaign"), ("flireo.campaign.started", "campaign")
    await left_behind(campaign, line, ANNA, BEN)
    assert await reported(campaign.database) == [started]
    line.calls[0].update(status="failed", error="no answer", ended_at="2026-01-10T12:00:00Z")
    await sweep(campaign)
    assert await reported(campaign.database) == [started]  # Anna's call goes on
    line.end_all()
    for _ in range(2):
        await sweep(campaign, campaign="campaign")
    assert await reported(campaign.database) == [started, finished]
    await left_behind(campaign, line, CARLA)
    line.end_all()
    await remembered(campaign)
    await sweep(campaign)
    assert await reported(campaign.database) == [started, finished, finished]


@pytest.mark.parametrize("meets", ["at the start", "while dialling"])
async def test_low_credits_are_reported_once_a_run(database: Database, meets: str) -> None:
    low, finished = "flireo.credits.low", "flireo.campaign.finished"
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000, minutes_balance=0)) as sandbox:
        campaign = Campaign(database, sandbox.base_url)
        await campaign.take_in(person(ANNA), person(BEN))
        for run in range(2):
            if meets == "at the start":
                with pytest.raises(NotReadyError, match="balance is empty"):
                    await campaign.run()
            else:
                ran = await replace(campaign, readiness=Readiness()).run()
                assert isinstance(ran.stopped_by, errors.InsufficientCredits)
            assert [event for event, _ in await reported(database)].count(low) == run + 1
        sandbox.settings(minutes_balance=100)
        await campaign.run()
    assert [event for event, _ in await reported(database)][-1] == finished


# Killed.


async def test_a_sweep_that_is_killed_is_made_up_for_by_the_next(ledger_url: str, line: BadLine) -> None:
    async with await Database.open(ledger_url) as database:
        campaign = Campaign(database, line.url)
        await remembered(campaign)
        await left_behind(campaign, line, ANNA, BEN)
        sweeping = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.calling.sweep_process", ledger_url, line.url, cwd=ROOT
        )
        while line.reads < 3:  # noqa: ASYNC110 - what is waited for is in a server
            await asyncio.sleep(0.05)
        os.kill(sweeping.pid, signal.SIGKILL)
        await sweeping.wait()
        line.end_all()
        assert (await one(campaign)).problem == ANOTHER_RUNNER  # its lease has not ended
        async with database.write() as db:
            await db.execute(update(runners).values(lease_until=runners.c.lease_until - LEASE_SECONDS))
        assert (await one(campaign)).after == 0
    assert line.posts == []
