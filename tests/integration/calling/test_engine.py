"""Whole campaigns over HTTP: whatever goes wrong on the way, everyone is called once, and nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from flireo_flows.api import errors
from flireo_flows.calling.engine import RunSettings, run_campaign
from flireo_flows.calling.preflight import NotReadyError
from flireo_flows.calling.run_loop import Until
from flireo_flows.leads import Lead
from flireo_flows.ledger import Database, Expectations, Inbox, Views
from flireo_flows.ledger.run_rules import Readiness, write_rules
from flireo_flows.policy import CallingPolicy
from flireo_flows.sandbox import SandboxOutcome, SandboxSettings
from flireo_flows.script import Caller, Composer
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import ANNA, BEN, CARLA, POLICY, Campaign, people, person
from tests.support.faulty.server import answer
from tests.support.sandbox.running import RunningSandbox, run_sandbox
from tests.support.sandbox.webhook_mailbox import Receiver, run_receiver

FINAL = {"done", "skipped", "review"}


def settings(**changes: Any) -> SandboxSettings:
    """A sandbox in which a minute takes 60 ms, and minutes cost nothing."""
    return SandboxSettings(**{"rate_limit": 0, "time_scale": 1000, "minutes_balance": 1e9, **changes})


def policy(**changes: Any) -> CallingPolicy:
    """The rules, but for these."""
    return CallingPolicy.model_validate({**POLICY.model_dump(), **changes})


def called(sandbox: RunningSandbox) -> Counter[str]:
    """How often each phone was called."""
    return Counter(ring["destination"] for ring in sandbox.placed_calls())


def once(count: int) -> Counter[str]:
    """Everybody, once."""
    return Counter(lead.phone for lead in people(count))


def calls(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """All calls, as the list shows them."""
    listed: list[dict[str, Any]] = sandbox.api.get("/calls", params={"limit": 1000}).json()["calls"]
    return listed


@asynccontextmanager
async def delivering(receiver: Receiver, database: Database) -> AsyncIterator[None]:
    """Put what the receiver is sent into the inbox, as it comes."""
    inbox, stored = Inbox(database), 0

    async def deliver() -> None:
        nonlocal stored
        while True:
            for received in receiver.received[stored:]:
                await inbox.store(received.body)
                stored += 1
            await asyncio.sleep(0.02)

    task = asyncio.create_task(deliver())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def check_results(campaign: Campaign, sandbox: RunningSandbox) -> None:
    """Everybody is final, and the ledger knows of every call what the server knows."""
    results = await campaign.results()
    assert {result.state for result in results.values()} <= FINAL
    for call in calls(sandbox):
        result = results[call["caller_phone"]]
        assert result.call_id == call["id"]
        assert (result.summary, result.analysis) == (call["summary"] or "", call["analysis_result"])
        assert result.duration_seconds == call["duration_seconds"]


@pytest.mark.parametrize("webhooks", ["no webhooks", "webhooks", "bad webhooks"])
async def test_in_chaos_everyone_is_called_once_and_every_result_is_in(
    database: Database, webhooks: str
) -> None:
    bad = {"webhook_drop_share": 0.3, "webhook_double_share": 0.3} if webhooks == "bad webhooks" else {}
    with run_receiver() as receiver:
        url = receiver.url if webhooks != "no webhooks" else None
        chaos = settings(lose_answer_share=0.06, bad_gateway_share=0.04, webhook_url=url, **bad)
        with run_sandbox(chaos) as sandbox:
            campaign = Campaign(database, sandbox.base_url)
            await campaign.take_in(*people(150))
            async with delivering(receiver, database):
                ran = await campaign.run()
            assert ran.stopped_by is None
            assert ran.left.is_finished
            assert called(sandbox) == once(150)
            posts = {
                status: n for (route, status), n in sandbox.requests().items() if route.startswith("POST")
            }
            assert posts[0] > 2
            assert posts[502] > 2
            await check_results(campaign, sandbox)
    status = await Views(database).status(campaign.name)
    assert (status.states, status.unknown) == ({"done": 150}, 0)
    assert len(receiver.received) > 100 or webhooks == "no webhooks"


async def test_within_a_rate_limit_nothing_is_ever_refused_for_it(local: Database) -> None:
    with run_sandbox(settings(rate_limit=60, rate_window_seconds=3)) as sandbox:
        campaign = Campaign(local, sandbox.base_url)
        await campaign.take_in(*people(100))
        await campaign.run()
        assert called(sandbox) == once(100)
        assert not [status for (_, status) in sandbox.requests() if status == 429]


async def test_a_campaign_that_is_finished_costs_no_request(local: Database) -> None:
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(local, sandbox.base_url)
        await campaign.take_in(*people(5))
        await campaign.run()
        before = sandbox.requests()
        await campaign.take_in(*people(5))
        ran = await campaign.run()
        assert ran.left.is_finished
        assert sandbox.requests() == before


async def test_two_runners_call_everyone_once(database: Database, ledger_url: str) -> None:
    with run_sandbox(settings(lose_answer_share=0.03)) as sandbox:
        async with await Database.open(ledger_url) as other:
            both = [Campaign(own, sandbox.base_url) for own in (database, other)]
            for campaign in both:
                await campaign.take_in(*people(200))
            await asyncio.gather(*(campaign.run() for campaign in both))
        assert called(sandbox) == once(200)
        await check_results(both[0], sandbox)


async def test_while_the_list_cannot_be_read_no_one_is_called_again(local: Database) -> None:
    with bad_line(answer(502), lists=answer(404)) as line:
        line.rings = False
        campaign = Campaign(local, line.url, readiness=Readiness())
        await campaign.take_in(*people(10))
        ran = await campaign.run()
    assert isinstance(ran.stopped_by, errors.NotFound)
    assert Counter(line.posts) == once(10)
    assert {attempt.state for attempt in await campaign.attempts()} == {"unknown"}
    assert ran.left.unknown == 10


async def test_what_was_lost_and_not_placed_is_called_again_once(local: Database) -> None:
    with bad_line(answer(502), None) as line:
        line.rings = False
        campaign = Campaign(local, line.url, readiness=Readiness())
        await campaign.take_in(person(ANNA))
        await campaign.run(Until.DIALLED)
        line.rings = True
        await campaign.take_in(person(ANNA), person(BEN))  # a later call shows that the list is not behind
        await campaign.run(seconds=8)  # their calls do not end
    assert line.posts == [ANNA, BEN, ANNA]
    assert [attempt.state for attempt in await campaign.attempts()] == ["not_placed", "placed", "placed"]


@pytest.mark.slow
async def test_what_was_lost_as_the_first_call_of_a_ledger_needs_a_review(local: Database) -> None:
    with bad_line(answer(502)) as line:
        line.rings = False
        campaign = Campaign(local, line.url, readiness=Readiness())
        await campaign.take_in(person(ANNA))
        ran = await campaign.run(seconds=60)
    assert (line.posts, ran.timed_out) == ([ANNA], False)
    assert (await campaign.lead()).state == "review"


async def test_a_lead_is_called_as_often_as_its_budget_allows(database: Database) -> None:
    script = {
        ANNA: (SandboxOutcome.NO_ANSWER, SandboxOutcome.ANSWERED),
        BEN: (SandboxOutcome.NO_ANSWER, SandboxOutcome.BUSY),
        CARLA: (SandboxOutcome.VOICEMAIL, SandboxOutcome.ANSWERED),
    }
    rules = policy(max_attempts=2, retry_delay_seconds=0, retry_outcomes=["no_answer"])
    with run_sandbox(settings(outcomes=script)) as sandbox:
        campaign = Campaign(database, sandbox.base_url, policy=rules)
        await campaign.take_in(*map(person, script))
        await campaign.run()
        assert called(sandbox) == {ANNA: 2, BEN: 2, CARLA: 1}
    results = await campaign.results()
    reported = {phone: (result.state, result.outcome, result.attempts) for phone, result in results.items()}
    assert reported == {
        ANNA: ("done", "answered", 2),
        BEN: ("done", "busy", 2),
        CARLA: ("done", "voicemail", 1),
    }


def most_at_once(listed: list[dict[str, Any]]) -> int:
    """How many calls were in progress at the same time."""
    moments = [(datetime.fromisoformat(call["created_at"]), 1) for call in listed]
    moments += [(datetime.fromisoformat(call["ended_at"]), -1) for call in listed]
    live, most = 0, 0
    for _, change in sorted(moments):
        live += change
        most = max(most, live)
    return most


async def test_no_more_calls_are_in_progress_than_the_policy_allows(
    database: Database, ledger_url: str
) -> None:
    async with await Database.open(ledger_url) as other:
        with run_sandbox(settings(time_scale=400)) as sandbox:
            rules = policy(max_concurrent_calls=4)
            both = [Campaign(own, sandbox.base_url, policy=rules) for own in (database, other)]
            for campaign in both:
                await campaign.take_in(*people(24))
            await asyncio.gather(*(campaign.run() for campaign in both))
            assert called(sandbox) == once(24)
            assert most_at_once(calls(sandbox)) <= 4


async def test_calls_a_minute_are_spread_over_the_minute(local: Database) -> None:
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=120))
        await campaign.take_in(*people(6))
        await campaign.run(Until.DIALLED)
        attempts = await campaign.attempts()
        assert called(sandbox) == once(6)
    distances = [later.began_at - earlier.began_at for earlier, later in pairwise(attempts)]
    assert min(distances) >= 0.5


async def test_a_run_reads_the_list_for_earlier_calls_at_once_and_for_its_own_later(local: Database) -> None:
    seldom = policy(poll_seconds=3600)
    with run_sandbox(settings(time_scale=1)) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=seldom, readiness=Readiness())

        async def run(*leads: Lead) -> int:
            """Call these, and return how often the list was read meanwhile."""
            before = sandbox.requests().get(("GET /calls", 200), 0)
            await campaign.take_in(*leads)
            await campaign.run(seconds=1)  # their calls last longer
            return sandbox.requests().get(("GET /calls", 200), 0) - before

        assert await run(*people(3)) == 1  # by which the clocks are compared
        assert await run(*people(6)) >= 2
        assert len(calls(sandbox)) == 6


async def test_a_deadline_ends_a_run_and_the_next_one_goes_on(local: Database) -> None:
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=60))
        await campaign.take_in(*people(40))
        ran = await campaign.run(seconds=2.5)
        assert ran.timed_out
        assert len(sandbox.placed_calls()) <= 4
        assert not ran.left.is_finished
        campaign.policy = POLICY
        await campaign.take_in(*people(40))
        assert not (await campaign.run()).timed_out
        assert called(sandbox) == once(40)
        await check_results(campaign, sandbox)


async def test_a_run_that_is_cancelled_writes_down_what_is_under_way(local: Database) -> None:
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=2000))
        await campaign.take_in(*people(200))
        running = asyncio.create_task(campaign.run())
        while len(sandbox.placed_calls()) < 20:  # noqa: ASYNC110 - a server says it
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert "sending" not in {attempt.state for attempt in await campaign.attempts()}
        await campaign.run()
        assert called(sandbox) == once(200)


async def test_a_balance_that_runs_out_stops_the_run_and_a_top_up_lets_it_go_on(local: Database) -> None:
    with run_sandbox(settings(minutes_balance=1)) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=600))
        await campaign.take_in(*people(60))
        ran = await campaign.run()
        assert isinstance(ran.stopped_by, errors.InsufficientCredits)
        assert len(sandbox.placed_calls()) < 60
        placed = len(sandbox.placed_calls())
        # Who was called already is heard of; with no one left to hear of, the run does not begin.
        assert isinstance((await campaign.run()).stopped_by, NotReadyError)
        assert [row.state for row in await campaign.attempts()].count("ended") == placed
        with pytest.raises(NotReadyError, match="the Flireo balance is empty"):
            await campaign.run()
        assert len(sandbox.placed_calls()) == placed
        sandbox.settings(minutes_balance=1e6)
        await campaign.run()
        assert called(sandbox) == once(60)
        await check_results(campaign, sandbox)


async def test_a_run_without_a_balance_waits_for_analyses_as_the_run_before_it(local: Database) -> None:
    known = Readiness(Expectations(analysis=True, fewest_messages=2), 600, frozenset({"demo-agent"}))
    with run_sandbox(settings(minutes_balance=0)) as sandbox:
        campaign = Campaign(local, sandbox.base_url)
        await campaign.placed(await campaign.runner())
        await campaign.take_in(person(ANNA), person(BEN))
        await write_rules(local.campaign(campaign.name), campaign.policy, known, campaign.account, True)
        ran = await campaign.run(Until.DIALLED)
    assert isinstance(ran.stopped_by, NotReadyError)
    assert ran.readiness == known


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"agent": "nobody"}, "agent 'nobody' does not exist"),
        ({"number": "none"}, "number 'none' does not exist"),
    ],
)
async def test_a_run_that_cannot_call_reports_it_before_the_first_call(
    local: Database, change: dict[str, str], says: str
) -> None:
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(local, sandbox.base_url)
        await campaign.take_in(*people(3))
        caller = Composer(Caller(change.get("agent", "demo-agent"), change.get("number", "demo-number")))
        engine = RunSettings(local.campaign(campaign.name), campaign.account, campaign.batch, caller, POLICY)
        with pytest.raises(NotReadyError, match=says):
            await run_campaign(engine, Until.FINISHED)
        assert sandbox.placed_calls() == []


async def test_outside_calling_hours_a_run_ends_and_calls_no_one(local: Database) -> None:
    weekday = datetime.fromtimestamp(local.now()).astimezone().strftime("%A").lower()
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    far = days[(days.index(weekday) + 3) % 7]
    rules = policy(calling_hours={"weekdays": [far]})
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=rules)
        await campaign.take_in(*people(3))
        ran = await campaign.run()
        assert sandbox.placed_calls() == []
    assert ran.left.next_at is not None
    assert {lead.reason for lead in (await campaign.leads()).values()} == {"outside_hours"}
