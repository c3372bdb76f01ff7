"""Attempts: begun once whoever begins them, unknown when their runner dies, and never taken back."""

import asyncio
from itertools import chain

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from flireo_flows.ledger import Answer, AttemptBook, Database, Runner, Views
from flireo_flows.ledger.schema import leads, runners
from flireo_flows.lifecycle.absence import Verdict, View
from flireo_flows.lifecycle.states import MOST_UNPLACED, AttemptEvent, AttemptState, LeadState, Reason
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import (
    ANNA,
    BEN,
    CARLA,
    LONG_LEASE_SECONDS,
    POLICY,
    Campaign,
    people,
    person,
)


async def test_an_attempt_is_committed_before_anything_is_sent(database: Database, ledger_url: str) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    (attempt,) = await campaign.begin(await campaign.runner())
    async with await Database.open(ledger_url) as elsewhere:
        row = await Campaign(elsewhere).attempt()
    assert (row.id, row.state, row.phone) == (attempt.id, "sending", ANNA)
    assert (await campaign.lead()).state == "calling"
    assert await campaign.begin(await campaign.runner()) == []


async def test_two_runners_begin_every_lead_once(database: Database, ledger_url: str) -> None:
    async def begin_all(campaign: Campaign) -> list[str]:
        book, phones = await campaign.runner(), []
        while begun := await campaign.begin(book, most=7):
            phones += [attempt.phone for attempt in begun]
        return phones

    async with await Database.open(ledger_url) as other:
        both = [Campaign(database), Campaign(other)]
        for campaign in both:
            await campaign.take_in(*people(190))
        phones = await asyncio.gather(*map(begin_all, both))
    assert sorted(chain.from_iterable(phones)) == [lead.phone for lead in people(190)]


async def test_two_runners_together_keep_to_the_calls_at_once(database: Database, ledger_url: str) -> None:
    policy = CallingPolicy(calling_hours=None, max_concurrent_calls=5)
    async with await Database.open(ledger_url) as other:
        for number in range(20):
            both = [Campaign(own, name=f"campaign {number}", policy=policy) for own in (database, other)]
            for campaign in both:
                await campaign.take_in(*people(20, 20 * number))
            books = [await campaign.runner() for campaign in both]
            begun = await asyncio.gather(
                *(campaign.begin(book) for campaign, book in zip(both, books, strict=True))
            )
            assert sum(map(len, begun)) == 5


async def test_calls_at_once_are_those_that_are_not_over(database: Database) -> None:
    campaign = Campaign(database, policy=CallingPolicy(calling_hours=None, max_concurrent_calls=3))
    await campaign.take_in(*people(10))
    book = await campaign.runner()
    first, second, third = await campaign.begin(book)
    assert await campaign.begin(book) == []
    await campaign.record(book, Answer(first, AttemptEvent.REFUSED, detail="400", lead=LeadState.REVIEW))
    assert len(await campaign.begin(book)) == 1
    await campaign.record(
        book, Answer(second, AttemptEvent.LOST), Answer(third, AttemptEvent.ACCEPTED, call_id="call-3")
    )
    assert await campaign.begin(book) == []


async def end_lease(database: Database, seconds_ago: float = 0.0) -> None:
    """As if no one had renewed the leases."""
    async with database.write() as db:
        await db.execute(update(runners).values(lease_until=database.now() - seconds_ago))


async def test_what_a_runner_was_sending_is_unknown_only_after_its_lease(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    await campaign.begin(await campaign.runner())
    assert await (await campaign.runner()).orphaned() == 0
    assert (await campaign.attempt()).state == AttemptState.SENDING
    await end_lease(database)
    assert await (await campaign.runner()).orphaned() == 1
    assert (await campaign.attempt()).state == AttemptState.UNKNOWN
    assert (await campaign.lead()).state == LeadState.CALLING


async def test_a_runner_that_renews_its_lease_keeps_what_it_is_sending(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    runner = Runner(database.campaign(campaign.name), LONG_LEASE_SECONDS)
    await runner.join()
    book = AttemptBook(database.campaign(campaign.name), runner.id)
    await campaign.begin(book)
    await end_lease(database)
    before = database.now()
    await runner.renew({("POST /calls/outbound", "200"): 2})
    await runner.renew({("POST /calls/outbound", "200"): 1, ("GET /calls", "no answer"): 1})
    assert runner.lease_until >= before + LONG_LEASE_SECONDS
    assert await book.orphaned() == 0
    status = await Views(database).status(campaign.name)
    assert status.requests == {"GET /calls": 1, "POST /calls/outbound": 3}


async def test_what_a_runner_that_left_was_sending_is_unknown_at_once(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    runner = Runner(database.campaign(campaign.name), LONG_LEASE_SECONDS)
    await runner.join()
    book = AttemptBook(database.campaign(campaign.name), runner.id)
    await campaign.begin(book)
    await runner.leave()
    assert await book.orphaned() == 1


@pytest.mark.parametrize(
    ("event", "state", "lead"),
    [
        (AttemptEvent.ACCEPTED, AttemptState.PLACED, LeadState.CALLING),
        (AttemptEvent.REFUSED, AttemptState.NOT_PLACED, LeadState.WAITING),
        (AttemptEvent.LOST, AttemptState.UNKNOWN, LeadState.CALLING),
    ],
)
async def test_the_answer_of_a_runner_that_was_only_slow_still_counts(
    database: Database, event: AttemptEvent, state: AttemptState, lead: LeadState
) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    slow = await campaign.runner()
    (attempt,) = await campaign.begin(slow)
    await end_lease(database)
    await (await campaign.runner()).orphaned()
    await campaign.record(
        slow, Answer(attempt, event, call_id="call-1" if event is AttemptEvent.ACCEPTED else "")
    )
    assert ((await campaign.attempt()).state, (await campaign.lead()).state) == (state, lead)


async def test_an_answer_that_comes_after_the_call_was_found_changes_nothing(database: Database) -> None:
    campaign = Campaign(database)
    book = await campaign.runner()
    attempt = await campaign.lost(book)
    assert await campaign.unknown.adopt(attempt, "call-1")
    found = await campaign.attempt()
    for late in (
        Answer(attempt, AttemptEvent.ACCEPTED, call_id="call-1"),
        Answer(attempt, AttemptEvent.REFUSED, detail="too late"),
        Answer(attempt, AttemptEvent.LOST),
    ):
        await campaign.record(book, late)
    assert await campaign.attempt() == found
    assert (await campaign.lead()).state == LeadState.CALLING


async def test_an_answer_that_comes_after_the_attempt_was_given_up_calls_no_one_else(
    database: Database,
) -> None:
    """The slow runner's attempt was proved not placed, and another runner has the next one."""
    campaign = Campaign(database)
    slow, other = await campaign.runner(), await campaign.runner()
    attempt = await campaign.lost(slow)
    await campaign.prove_absent(other, attempt)
    (second,) = await campaign.begin(other)
    await campaign.record(slow, Answer(attempt, AttemptEvent.REFUSED, detail="too late"))
    assert [row.state for row in await campaign.attempts()] == ["not_placed", "sending"]
    assert (await campaign.lead()).state == LeadState.CALLING
    assert second.number == 2


async def test_absence_counts_only_when_read_twice_a_grace_period_apart(database: Database) -> None:
    campaign = Campaign(database)
    book = await campaign.runner()
    await campaign.lost(book)
    now = database.now()
    for after, proved in ((0, False), (59.9, False), (60, True)):
        (attempt,) = await campaign.unknown.all()
        view = View(now + after, is_whole=True, contradicts=False, canary_id=attempt.id + 1, rows=1)
        assert (await campaign.unknown.weigh(attempt, view, 60, POLICY) is Verdict.ABSENT) is proved
    assert (await campaign.attempt()).state == AttemptState.NOT_PLACED
    assert (await campaign.lead()).state == LeadState.WAITING


async def test_a_call_that_proved_not_placed_goes_to_review_where_the_policy_reports_it(
    database: Database,
) -> None:
    campaign = Campaign(database, policy=CallingPolicy(calling_hours=None, unknown="review"))
    book = await campaign.runner()
    await campaign.prove_absent(book, await campaign.lost(book))
    lead = await campaign.lead()
    assert (lead.state, lead.reason) == ("review", Reason.PROVED_NOT_PLACED)


async def test_a_request_that_vanishes_again_and_again_is_for_a_person_to_look_at(database: Database) -> None:
    campaign = Campaign(database)
    book = await campaign.runner()
    for _ in range(MOST_UNPLACED):
        await campaign.prove_absent(book, await campaign.lost(book))
    assert (await campaign.lead()).state == LeadState.REVIEW
    assert await campaign.begin(book) == []


@pytest.mark.parametrize("reason", ["a\x00b", "half a \ud83d character", "x" * 5000])
async def test_whatever_a_server_answers_can_be_written_down(database: Database, reason: str) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    book = await campaign.runner()
    (attempt,) = await campaign.begin(book)
    await campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail=reason, lead=LeadState.REVIEW))
    assert (await campaign.lead()).state == LeadState.REVIEW


async def test_an_error_of_the_database_shows_no_number(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    row = await campaign.lead()
    with pytest.raises(IntegrityError) as refused:
        async with database.write() as db:
            await db.execute(insert(leads).values(campaign=row.campaign, phone=ANNA, batch="b", state="x"))
    assert ANNA not in str(refused.value)


async def test_an_answer_after_the_proof_that_no_one_was_called_is_for_a_person_to_look_at(
    database: Database,
) -> None:
    campaign = Campaign(database)
    book = await campaign.runner()
    attempt = await campaign.lost(book)
    await campaign.prove_absent(book, attempt)
    assert (await campaign.attempt()).state == "not_placed"
    await campaign.record(book, Answer(attempt, AttemptEvent.ACCEPTED, call_id="late"))
    lead = await campaign.lead()
    assert (lead.state, lead.reason) == ("review", Reason.ANSWERED_LATE)


async def test_a_call_id_that_another_attempt_has_harms_only_its_own(database: Database) -> None:
    campaign = Campaign(database)
    book = await campaign.runner()
    await campaign.take_in(person(ANNA), person(BEN), person(CARLA))
    first, second, third = await campaign.begin(book)
    await campaign.record(book, Answer(first, AttemptEvent.ACCEPTED, call_id="one"))
    answers = [
        Answer(second, AttemptEvent.ACCEPTED, call_id="one"),
        Answer(third, AttemptEvent.ACCEPTED, call_id="three"),
    ]
    await campaign.record(book, *answers)
    assert [row.state for row in await campaign.attempts()] == ["placed", "unknown", "placed"]
