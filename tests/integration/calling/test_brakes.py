"""What holds a whole campaign back: a person, the breaker, a cap, a low balance. Running calls are collected."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling import circuit_breaker
from flireo_flows.calling.circuit_breaker import (
    BALANCE_SECONDS,
    CALLS_A_BALANCE,
    BalanceSchedule,
    CircuitBreaker,
)
from flireo_flows.calling.engine import RunResult, RunSettings, run_campaign
from flireo_flows.calling.preflight import NotReadyError, check_account
from flireo_flows.calling.run_loop import Until
from flireo_flows.ledger import Answer, Database
from flireo_flows.ledger.campaigns import RINGING_SECONDS, CampaignControl
from flireo_flows.ledger.messages import attempt_reason
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import attempts
from flireo_flows.lifecycle.states import AttemptEvent, AttemptState
from flireo_flows.policy import CallingPolicy
from flireo_flows.sandbox import SandboxOutcome, SandboxSettings
from flireo_flows.script import Caller, Composer
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import ANNA, BEN, CALLER, CARLA, POLICY, Campaign, people, person
from tests.support.sandbox.running import RunningSandbox, run_sandbox

READY = Readiness()


def settings(**changes: Any) -> SandboxSettings:
    """A sandbox in which a minute takes 60 ms, and minutes cost nothing."""
    return SandboxSettings(**{"rate_limit": 0, "time_scale": 1000, "minutes_balance": 1e9, **changes})


def policy(**changes: Any) -> CallingPolicy:
    """The rules, but for these."""
    return CallingPolicy.model_validate({**POLICY.model_dump(), **changes})


def failing(count: int) -> SandboxSettings:
    """Of everyone the first so many cannot be reached by the network."""
    return settings(outcomes={lead.phone: (SandboxOutcome.FAILED,) for lead in people(count)})


async def states(campaign: Campaign) -> Counter[str]:
    """Of its leads."""
    return Counter(lead.state for lead in (await campaign.leads()).values())


async def until_called(sandbox: RunningSandbox, count: int) -> None:
    """Wait for the call of this number."""
    while len(sandbox.placed_calls()) < count:  # noqa: ASYNC110 - a server says it
        await asyncio.sleep(0.02)


async def test_too_many_failures_pause_the_campaign_until_a_person_resumes_it(database: Database) -> None:
    breaker = {"fewest_calls": 6, "window_seconds": 3600}
    rules = policy(max_concurrent_calls=2, calls_per_minute=300, breaker=breaker)
    with run_sandbox(failing(60)) as sandbox:
        campaign = Campaign(database, sandbox.base_url, policy=rules, readiness=READY)
        await campaign.take_in(*people(60))
        ran = await campaign.run()
        called = len(sandbox.placed_calls())
        assert 6 <= called < 54
        assert ran.held_by.startswith("paused by breaker at ")
        assert (reported := re.search(r": (\d+) of the last \1 calls failed \(100%", ran.held_by))
        assert 6 <= len(ran.last_failures) == int(reported[1])
        assert all(failure.startswith("+44********") for failure in ran.last_failures)
        assert await states(campaign) == {"done": called, "waiting": 60 - called}  # what ran was collected
        # A restart changes nothing, and still shows why.
        again = await campaign.run()
        assert (len(sandbox.placed_calls()), again.held_by) == (called, ran.held_by)
        assert again.last_failures[-6:] == ran.last_failures[-6:]
        # Only calls since the resume count, so as many must fail again.
        await CampaignControl(database.campaign(campaign.name)).resume()
        once_more = await campaign.run()
        assert once_more.held_by.startswith("paused by breaker")
        assert len(sandbox.placed_calls()) - called >= 6
        assert 6 <= len(once_more.last_failures) <= len(sandbox.placed_calls()) - called
        # Nothing holds whoever does not want it.
        campaign.policy = policy(breaker={"enabled": False})
        await CampaignControl(database.campaign(campaign.name)).resume()
        assert (await campaign.run()).held_by == ""
        assert Counter(ring["destination"] for ring in sandbox.placed_calls()) == Counter(
            lead.phone for lead in people(60)
        )


async def test_calls_that_someone_answered_count_before_they_end(local: Database) -> None:
    campaign = Campaign(local)
    book = await campaign.runner()
    await campaign.take_in(*people(16))
    begun = await campaign.begin(book)
    await campaign.record(book, *(Answer(it, AttemptEvent.ACCEPTED, call_id=f"call {it.id}") for it in begun))
    failed, others = begun[:6], begun[6:]
    ended = {"state": AttemptState.ENDED, "outcome": "failed", "over_at": local.now()}
    async with local.write() as db:
        await db.execute(update(attempts).where(attempts.c.id.in_([it.id for it in failed])).values(ended))
    await campaign.age(RINGING_SECONDS + 1)
    async with AsyncFlireoClient(campaign.account) as client:
        brakes = CircuitBreaker(client, local.campaign(campaign.name), policy())
        await brakes.look()
        assert brakes.held_by == ""
        async with local.write() as db:  # had they just begun, no one could tell
            fresh = update(attempts).where(attempts.c.id.in_([it.id for it in others]))
            await db.execute(fresh.values(began_at=local.now()))
        brakes = CircuitBreaker(client, local.campaign(campaign.name), policy())
        await brakes.look()
        assert ": 6 of the last 6 calls failed" in brakes.held_by


async def test_failures_before_the_window_or_without_the_breaker_pause_nothing(local: Database) -> None:
    with run_sandbox(failing(9)) as sandbox:
        campaign = Campaign(
            local, sandbox.base_url, readiness=READY, policy=policy(breaker={"enabled": False})
        )
        await campaign.take_in(*people(9))
        assert (await campaign.run()).held_by == ""
        await campaign.age(200)
        campaign.policy = POLICY
        await campaign.take_in(*people(15))
        assert (await campaign.run()).held_by == ""
    assert await states(campaign) == {"done": 15}


async def test_the_breaker_of_one_runner_holds_the_other_one_too(database: Database, ledger_url: str) -> None:
    rules = policy(max_concurrent_calls=2, breaker={"fewest_calls": 6, "window_seconds": 3600})
    with run_sandbox(failing(40)) as sandbox:
        async with await Database.open(ledger_url) as other:
            both = [
                Campaign(own, sandbox.base_url, policy=rules, readiness=READY) for own in (database, other)
            ]
            for campaign in both:
                await campaign.take_in(*people(40))
            first, second = await asyncio.gather(*(campaign.run() for campaign in both))
        assert first.held_by == second.held_by
        assert first.held_by.startswith("paused by breaker")
        assert len(sandbox.placed_calls()) < 40
    assert set(await states(both[0])) == {"done", "waiting"}


async def test_refused_requests_are_failures_too(local: Database) -> None:
    with bad_line(*[None, _refused()] * 20) as line:
        rules = policy(max_concurrent_calls=1, breaker={"fewest_calls": 4, "failure_share": 0.4})
        campaign = Campaign(local, line.url, policy=rules, readiness=READY)
        await campaign.take_in(*people(20))
        ending = asyncio.create_task(_end_all(line))
        ran = await campaign.run(seconds=200)
        ending.cancel()
    assert ran.held_by.startswith("paused by breaker")
    assert any("422 no: No." in failure for failure in ran.last_failures)
    assert len(line.posts) < 20


def _refused() -> Any:
    from tests.support.faulty.server import answer

    return answer(422, {"error": {"code": "no", "message": "No."}})


async def _end_all(line: Any) -> None:
    while True:
        line.end_all()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("until", Until)
async def test_a_run_that_is_paused_calls_no_one_new_and_collects_what_goes_on(
    local: Database, until: Until
) -> None:
    with run_sandbox(settings(time_scale=100)) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=1200), readiness=READY)
        await campaign.take_in(*people(60))
        running = asyncio.create_task(campaign.run(until))
        await until_called(sandbox, 5)
        standing = await CampaignControl(local.campaign(campaign.name)).pause("the greeting is wrong")
        ran = await running
        called = len(sandbox.placed_calls())
        assert called < 60
        assert ran.held_by == standing.in_words
        assert "sending" not in {attempt.state for attempt in await campaign.attempts()}
        ended = await states(campaign)
        assert ended["waiting"] == 60 - called
        assert until is Until.DIALLED or ended["done"] == called
        # Nothing happens until a person says so.
        assert (await campaign.run()).held_by == ran.held_by
        assert len(sandbox.placed_calls()) == called
        await CampaignControl(local.campaign(campaign.name)).resume()
        campaign.policy = POLICY
        assert (await campaign.run()).held_by == ""
        assert max(Counter(ring["destination"] for ring in sandbox.placed_calls()).values()) == 1
        assert len(sandbox.placed_calls()) == 60


async def test_a_run_that_is_resumed_while_it_collects_goes_on(local: Database) -> None:
    with run_sandbox(settings(time_scale=150)) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=1200), readiness=READY)
        await campaign.take_in(*people(12))
        steering = CampaignControl(local.campaign(campaign.name))
        running = asyncio.create_task(campaign.run())
        await until_called(sandbox, 3)
        await steering.pause("a moment")
        await asyncio.sleep(0.6)
        await steering.resume()
        assert (await running).held_by == ""
        assert Counter(ring["destination"] for ring in sandbox.placed_calls()) == Counter(
            lead.phone for lead in people(12)
        )


async def test_a_run_that_is_cancelled_by_a_person_skips_who_waits_and_collects_what_goes_on(
    local: Database,
) -> None:
    with run_sandbox(settings(time_scale=100)) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(calls_per_minute=1200), readiness=READY)
        await campaign.take_in(*people(60))
        running = asyncio.create_task(campaign.run())
        await until_called(sandbox, 5)
        await CampaignControl(local.campaign(campaign.name)).cancel("nobody wants it")
        ran = await running
        called = len(sandbox.placed_calls())
        assert ran.held_by.startswith("cancelled by person")
        assert ran.left.is_finished
        assert await states(campaign) == {"done": called, "skipped": 60 - called}


async def test_what_was_begun_and_not_sent_is_given_back_when_the_campaign_is_held(
    local: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flireo_flows.calling.dialer.CONNECTIONS", 1)
    campaign = Campaign(local)
    await campaign.take_in(person(ANNA), person(BEN), person(CARLA))
    book = await campaign.runner()
    async with AsyncFlireoClient(campaign.account) as client:
        dialer = campaign.dialer(client)
        dialer.start()
        dialer.give(await campaign.begin(book))
        dialer.hold("paused by person")
        await campaign.record(book, *dialer.take(), *await dialer.stop())
    assert {attempt_reason(attempt) for attempt in await campaign.attempts()} == {
        "not sent: paused by person"
    }
    assert await states(campaign) == {"waiting": 3}


async def test_a_cap_ends_the_run_and_shows_which_one(local: Database) -> None:
    with run_sandbox(settings()) as sandbox:
        campaign = Campaign(
            local, sandbox.base_url, readiness=READY, policy=policy(caps_per_run={"calls": 3})
        )
        await campaign.take_in(*people(9))

        async def run(run_id: str, until: Until = Until.FINISHED) -> RunResult:
            engine = RunSettings(
                local.campaign(campaign.name),
                campaign.account,
                campaign.batch,
                CALLER,
                campaign.policy,
                readiness=READY,
                run_id=run_id,
            )
            return await run_campaign(engine, until)

        ran = await run("one", Until.DIALLED)
        assert "cap per run" in ran.held_by
        assert len(sandbox.placed_calls()) == 3
        await run("one")  # the same run, in a second step
        assert await states(campaign) == {"done": 3, "waiting": 6}
        await run("two")
        assert len(sandbox.placed_calls()) == 6
        # In a zone whose day does not end while the test runs.
        zone = "UTC" if 1 <= datetime.now(UTC).hour < 22 else "Asia/Tokyo"
        campaign.policy = policy(caps_per_day={"calls": 6}, day_zone=zone)
        assert "6 calls per day" in (await run("three")).held_by
        assert len(sandbox.placed_calls()) == 6


async def test_a_balance_below_the_policys_least_calls_no_one(local: Database) -> None:
    with run_sandbox(settings(minutes_balance=7.5)) as sandbox:
        campaign = Campaign(local, sandbox.base_url, policy=policy(min_balance_minutes=10))
        await campaign.take_in(*people(3))
        with pytest.raises(
            NotReadyError, match=r"balance is low: 7.5 minutes, and the policy stops below 10 "
        ):
            await campaign.run()
        assert sandbox.placed_calls() == []
        sandbox.settings(minutes_balance=10)
        assert (await campaign.run(Until.DIALLED)).stopped_by is None


async def test_a_balance_that_falls_below_it_stops_the_run(
    local: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "CALLS_A_BALANCE", 5)
    with run_sandbox(settings()) as sandbox:
        rules = policy(min_balance_minutes=10, calls_per_minute=120)
        campaign = Campaign(local, sandbox.base_url, policy=rules)
        await campaign.take_in(*people(60))
        running = asyncio.create_task(campaign.run())
        await until_called(sandbox, 3)
        sandbox.settings(minutes_balance=9)
        ran = await running
        assert isinstance(ran.stopped_by, NotReadyError)
        assert len(sandbox.placed_calls()) < 60
    assert "sending" not in {attempt.state for attempt in await campaign.attempts()}


def test_the_balance_is_read_again_after_many_calls_or_a_while_and_not_for_nothing() -> None:
    balance = BalanceSchedule(last_at=1000.0)
    assert not balance.is_due(1000.0 + 10 * BALANCE_SECONDS, placed=0)
    assert not balance.is_due(1001.0, placed=CALLS_A_BALANCE - 1)
    assert balance.is_due(1001.0, placed=CALLS_A_BALANCE)
    assert balance.is_due(1000.0 + BALANCE_SECONDS, placed=1)
    balance.read(1300.0, placed=1)
    assert not balance.is_due(1300.0 + 10 * BALANCE_SECONDS, placed=1)


class Many(Composer):
    """More agents and numbers than one."""

    @property
    def agent_ids(self) -> frozenset[str]:
        return frozenset({"demo-agent", self.caller.agent_id})

    @property
    def number_ids(self) -> frozenset[str]:
        return frozenset({"demo-number", self.caller.number_id})


@pytest.fixture(scope="module")
def account() -> Iterator[RunningSandbox]:
    with run_sandbox(settings()) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("caller", "says"),
    [
        (Many(Caller("demo-agent", "demo-number")), ""),
        (Many(Caller("nobody", "demo-number")), "agent 'nobody' does not exist"),
        (Many(Caller("demo-agent", "nothing")), "number 'nothing' does not exist"),
    ],
)
async def test_every_agent_and_number_is_looked_up_before_the_first_call(
    local: Database, account: RunningSandbox, caller: Composer, says: str
) -> None:
    async with AsyncFlireoClient(Campaign(local, account.base_url).account) as client:
        if not says:
            assert (await check_account(client, caller)).longest_call > 0
            return
        with pytest.raises(NotReadyError, match=says):
            await check_account(client, caller)
