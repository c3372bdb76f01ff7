"""Calls that no reading of the list shows are asked for by their ids, and what reading costs."""

from datetime import UTC, datetime, timedelta

import pytest

from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.fields import iso
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.reconcile import AGAIN_SECONDS, RINGING_SECONDS
from flireo_flows.leads import Wishes
from flireo_flows.ledger import Answer, Database, Inbox
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.unknown_attempts import REVIEWED_SECONDS
from flireo_flows.lifecycle.states import AttemptEvent, LeadState
from flireo_flows.policy import CallingPolicy
from tests.support.calling.bad_line import BadLine
from tests.support.calling.campaign import (
    ANNA,
    BEN,
    POLICY,
    Campaign,
    people,
    person,
)
from tests.support.calling.collector_stage import AT_ONCE, campaign, collector, line
from tests.support.calling.incoming import status_update
from tests.support.faulty.server import answer

__all__ = ["campaign", "collector", "line"]  # fixtures


@pytest.mark.parametrize(
    ("forgotten", "says"),
    [
        (False, "the call is still in-progress long after its longest time"),
        (True, "Flireo does not know the call"),
    ],
)
async def test_a_call_of_which_nothing_is_reported_is_asked_for_and_then_left_to_a_person(
    campaign: Campaign, collector: Collector, line: BadLine, forgotten: bool, says: str
) -> None:
    call = line.place(ANNA)
    await campaign.placed(await campaign.runner(), call["id"])
    if forgotten:
        line.calls.clear()
    await collector.poll()
    await collector.poll()
    assert (await campaign.lead()).state == LeadState.CALLING  # it may last
    await campaign.age(3600 + RINGING_SECONDS + AT_ONCE.report_grace_seconds + 1)
    await collector.poll()
    await collector.poll()
    assert (await campaign.lead()).state == LeadState.CALLING  # asked once; it may be asked again in a minute
    await campaign.age(AGAIN_SECONDS)
    line.shows = answer(500, {"error": "no"})
    await collector.poll()
    assert (await campaign.lead()).state == LeadState.CALLING  # a request that fails decides nothing
    line.shows = None
    async with AsyncFlireoClient(campaign.account) as client:
        await campaign.collector(client).poll()  # as another process would
    lead = await campaign.lead()
    assert (lead.state, lead.outcome) == ("review", "unknown")
    assert lead_reason(lead).startswith(says)


async def test_a_call_that_fell_out_of_the_list_is_asked_for_by_its_id(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    call = line.place(ANNA)
    await campaign.placed(await campaign.runner(), call["id"])
    line.end_all()
    await campaign.age(3600 + RINGING_SECONDS + AT_ONCE.report_grace_seconds + 1)
    line.lists = answer(200, {"calls": [], "pagination": {"total": 0}})
    await collector.poll()
    assert (await campaign.results())[ANNA].outcome == "no_answer"


async def test_an_old_open_call_beside_new_ones_does_not_have_everything_since_read(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.placed(await campaign.runner(), line.place(BEN)["id"], BEN)
    await campaign.age(2 * 3600)
    now = datetime.now(UTC)
    line.calls[0]["created_at"] = iso(now - timedelta(hours=2))
    for minutes in range(100, 20, -1):
        line.place(f"+4477009003{minutes:02d}"[:13], created_at=iso(now - timedelta(minutes=minutes)))
    await campaign.placed(await campaign.runner(), line.place(ANNA)["id"])
    line.end_all()
    await collector.poll()
    assert {row.state for row in await campaign.attempts()} == {"ended"}
    assert line.given < 20  # of 82 calls


async def test_an_attempt_that_a_person_looks_at_is_not_looked_for_for_ever(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    for _ in range(2):
        line.place(ANNA)
    await campaign.age(RINGING_SECONDS + 1)
    await collector.poll()
    assert (await campaign.lead()).state == "review"
    await campaign.age(REVIEWED_SECONDS + 1)
    line.calls.clear()
    before = line.reads
    await collector.poll()
    assert line.reads == before
    assert (await campaign.attempt()).state == "unknown"  # and it counts as not placed on no account


async def test_silent_calls_are_asked_for_one_reading_after_another_and_one_failure_counts_once(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    for lead in people(25):
        await campaign.placed(await campaign.runner(), f"call-{lead.phone[1:]}", lead.phone)
    await campaign.age(3600 + RINGING_SECONDS + AT_ONCE.report_grace_seconds + 1)
    line.shows = answer(500, {"error": "no"})
    await collector.poll()
    assert (collector.failures, collector.stopped_by) == (1, None)
    line.shows = None
    for _ in range(2):
        await collector.poll()
    asked = [row.asked_at is not None for row in await campaign.attempts()]
    assert asked == [True] * 25


async def test_a_call_that_can_never_be_read_does_not_keep_the_others_open(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    calls = [line.place(lead.phone) for lead in people(4)]
    for call in calls:
        await campaign.placed(await campaign.runner(), call["id"], call["caller_phone"])
    line.poison.add(calls[0]["id"])
    await campaign.age(3600 + RINGING_SECONDS + AT_ONCE.report_grace_seconds + 1)
    for _ in range(3):
        await collector.poll()
        await campaign.age(AGAIN_SECONDS)
    states = [row.state for row in await campaign.attempts()]
    assert states == ["placed", "ended", "ended", "ended"]
    assert (collector.failures, collector.stopped_by) == (0, None)


async def test_nothing_is_read_when_nothing_is_open(collector: Collector, line: BadLine) -> None:
    await collector.poll()
    assert line.reads == 0


async def test_a_call_waits_for_its_analysis_once_another_call_was_seen_to_have_one(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    for phone in (ANNA, BEN):
        await campaign.lost(await campaign.runner(), phone)
    over = {"status": "ended", "ended_at": "2026-01-10T12:00:00Z", "started_at": "2026-01-10T11:59:00Z"}
    line.place(ANNA, **over, summary="Yes.", analysis_result={"interest": "high"})
    late = line.place(BEN, **over, summary="No.", analysis_result=None)
    await collector.poll()
    await collector.poll()
    states = {phone: result.state for phone, result in (await campaign.results()).items()}
    assert states == {ANNA: "done", BEN: "calling"}
    late["analysis_result"] = {"interest": "low"}
    await collector.poll()
    assert (await campaign.results())[BEN].analysis == {"interest": "low"}


@pytest.mark.parametrize("by_whom", ["nobody", "another campaign"])
async def test_a_call_that_shows_up_after_a_refusal_is_looked_at_before_the_next_try(
    campaign: Campaign, collector: Collector, line: BadLine, by_whom: str
) -> None:
    await campaign.placed(await campaign.runner(), line.place(BEN)["id"], BEN)
    await campaign.take_in(person(ANNA), person(BEN))
    (attempt,) = await campaign.begin(await campaign.runner())
    await campaign.record(
        await campaign.runner(), Answer(attempt, AttemptEvent.REFUSED, detail="429: Too many requests")
    )
    line.place(ANNA)
    if by_whom == "another campaign":
        other = Campaign(campaign.database, line.url, name=by_whom)
        await other.lost(await other.runner())
    await collector.poll()
    assert (await campaign.lead()).state == ("review" if by_whom == "nobody" else "waiting")
    assert (await campaign.lead(BEN)).state == "calling"


async def test_a_run_reads_no_more_than_its_share_of_the_requests(local: Database, line: BadLine) -> None:
    """A twentieth of 60 a minute is one in twenty seconds: the first reading is paid for after the run."""
    policy = CallingPolicy.model_validate({**POLICY.model_dump(), "collect_share": 0.05})
    campaign = Campaign(local, line.url, policy=policy, readiness=Readiness())
    line.limit = 60
    await campaign.take_in(person(ANNA))
    ran = await campaign.run(seconds=3)
    assert ran.timed_out
    assert line.reads == 3  # two of them asked for the clock: the run before it called, and the first reading


async def test_asking_for_silent_calls_is_paid_for_too(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    line.limit = 60
    for lead in people(10):
        await campaign.placed(await campaign.runner(), line.place(lead.phone)["id"], lead.phone)
    await campaign.age(3600 + RINGING_SECONDS + AT_ONCE.report_grace_seconds + 1)
    await collector.poll()
    now = campaign.database.now()
    # The attempts are an hour older than their calls in the list: two calls tell how far its clock is ahead.
    readings, samples, silent = 3, 2, 10
    assert line.reads == readings
    assert collector.calls.requests == readings + samples + silent
    assert collector.budget.wait(now) == pytest.approx(15 * 60 / (0.1 * 60), abs=10)


async def test_a_call_that_a_webhook_reported_first_is_found_in_the_list_under_its_other_id(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    """Webhooks show one id and the list another (contract section 19); the report of the call's end is lost."""
    await campaign.lost(await campaign.runner())
    row = await campaign.attempt()
    listed = line.place(ANNA)
    reported = status_update("in-progress", call_id="5f0c7a52-0000-4000-8000-000000000000")
    await Inbox(campaign.database).store(reported, row.reference)
    await collector.apply_reports()
    line.end_all()
    aged = 3600 + RINGING_SECONDS + AT_ONCE.report_grace_seconds + 1
    await campaign.age(aged)
    listed["created_at"] = iso(datetime.now(UTC) - timedelta(seconds=aged))
    for _ in range(2):
        await collector.poll()
    row = await campaign.attempt()
    assert (row.state, row.outcome, row.report_id) == ("ended", "no_answer", listed["id"])


@pytest.mark.parametrize(("agent", "state"), [("demo-agent", "ended"), ("the-consultant", "placed")])
async def test_a_call_by_an_agent_that_was_not_looked_up_may_last_an_hour(
    campaign: Campaign, collector: Collector, line: BadLine, agent: str, state: str
) -> None:
    collector.readiness = Readiness(longest_call=120, agents=frozenset({"demo-agent"}))
    await campaign.take_in(person(ANNA, wishes=Wishes(agent_id=agent)))
    (attempt,) = await campaign.begin(await campaign.runner())
    call = line.place(ANNA, created_at=iso(datetime.now(UTC) - timedelta(seconds=900)))
    await campaign.record(await campaign.runner(), Answer(attempt, AttemptEvent.ACCEPTED, call_id=call["id"]))
    await campaign.age(900)
    for _ in range(2):
        await collector.poll()
        await campaign.age(AGAIN_SECONDS)
    assert (await campaign.attempt()).state == state
