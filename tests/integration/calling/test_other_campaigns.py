"""A person that other campaigns called recently or often is not called: over all their numbers, in every ledger."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from flireo_flows.calling.dry_run import make_plan
from flireo_flows.calling.plan import Plan, PlanRequest
from flireo_flows.leads import Lead, LeadBatch
from flireo_flows.ledger import Answer, AttemptBook, Database
from flireo_flows.ledger.audit import audit_lead
from flireo_flows.ledger.intents import begin_in
from flireo_flows.ledger.lead_queue import Place
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.schema import attempts, decisions, people
from flireo_flows.lifecycle.states import AttemptEvent
from flireo_flows.policy import (
    CallingPolicy,
    explain,
)
from flireo_flows.script import Caller, Composer
from tests.support.calling.campaign import ANNA, BEN, CALLER, CARLA, POLICY, Campaign, person
from tests.support.calling.campaign import people as many_people
from tests.support.calling.other_campaigns import OFF, replace_others, row

HOUR, DAY = 3600.0, 86_400.0


async def end(campaign: Campaign, book: AttemptBook, hours_ago: float, **values: Any) -> None:
    """Its open call ended so long ago."""
    (attempt,) = [row for row in await campaign.attempts() if row.over_at is None]
    at = campaign.database.now() - hours_ago * HOUR
    over = {"state": "ended", "over_at": at + 60, "ended_at": at + 60, "outcome": "no_answer", **values}
    async with campaign.database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt.id).values(began_at=at, **over))


async def spring_called(
    database: Database, phone: str = ANNA, hours_ago: float = 2, **values: Any
) -> Campaign:
    spring = Campaign(database, name="Spring", policy=replace_others(POLICY, OFF))
    book = await spring.runner()
    await spring.take_in(person(phone))
    (attempt,) = await spring.begin(book)
    await spring.record(
        book, Answer(attempt, AttemptEvent.ACCEPTED, call_id=f"call-{phone[-4:]}-{hours_ago}")
    )
    await end(spring, book, hours_ago, **values)
    return spring


async def test_another_campaign_waits_until_the_day_is_over_and_shows_why(database: Database) -> None:
    await spring_called(database, ANNA, hours_ago=2)
    autumn = Campaign(database, name="autumn")
    await autumn.take_in(person(ANNA), person(BEN))
    book = await autumn.runner()
    assert [attempt.phone for attempt in await autumn.begin(book)] == [BEN]
    lead = await autumn.lead(ANNA)
    assert (lead.state, lead.tries) == ("waiting", 0)
    assert lead.not_before == pytest.approx(database.now() + 22 * HOUR, abs=60)
    reported = await audit_lead(database, ANNA, "autumn")
    assert [it.rule for it in reported.decisions] == ["other_campaigns"]
    said = explain(reported.decisions[0].rule, reported.decisions[0].inputs, reported.decisions[0].until)
    assert "the campaign 'Spring'" in said
    await autumn.age(0)
    async with database.write() as db:
        await db.execute(update(attempts).values(began_at=attempts.c.began_at - DAY))
    await autumn.take_in(person(ANNA), person(BEN))
    assert [attempt.phone for attempt in await autumn.begin(book)] == [ANNA]


async def test_what_was_not_placed_was_no_call(database: Database) -> None:
    spring = Campaign(database, name="spring")
    await spring.take_in(person(ANNA))
    book = await spring.runner()
    (attempt,) = await spring.begin(book)
    await spring.record(book, Answer(attempt, AttemptEvent.REFUSED, detail="429"))
    autumn = Campaign(database, name="autumn")
    await autumn.take_in(person(ANNA))
    assert len(await autumn.begin(await autumn.runner())) == 1


@pytest.mark.parametrize(
    ("analysis", "is_called"),
    [
        ('{"callback_requested": true}', True),
        ('{"callback": "yes"}', True),
        ('{"wants_callback": 1}', True),
        ('{"callback_requested": false}', False),
        ('{"callback_requested": null}', False),
        ('{"other": true}', False),
        ('["callback"]', False),
        (None, False),
    ],
)
async def test_who_asked_to_be_called_back_may_be_called_within_the_day(
    local: Database, analysis: str | None, is_called: bool
) -> None:
    await spring_called(local, ANNA, 1, analysis=analysis)
    autumn = Campaign(local, name="autumn")
    await autumn.take_in(person(ANNA))
    assert len(await autumn.begin(await autumn.runner())) == is_called


async def test_a_person_is_left_alone_over_all_their_numbers(database: Database) -> None:
    both = (row(ANNA, contact_id="7"), row(BEN, contact_id="7"))
    await Campaign(database, name="file").take_in(*both)
    await spring_called(database, ANNA)
    autumn = Campaign(database, name="autumn")
    await autumn.take_in(person(BEN), person(CARLA))
    assert [attempt.phone for attempt in await autumn.begin(await autumn.runner())] == [CARLA]
    more = (row(BEN, customer_id="x"), row(CARLA, customer_id="x"))  # and so Carla's is Anna's too
    await Campaign(database, name="file").take_in(*more)
    async with database.read() as db:
        assert len(set((await db.execute(select(people.c.person))).scalars())) == 1
    winter = Campaign(database, name="winter")
    await winter.take_in(person(CARLA))
    assert await winter.begin(await winter.runner()) == []


async def test_two_campaigns_at_once_never_both_call_a_person(database: Database) -> None:
    """Not even at two numbers, which no index of the attempts would notice."""
    first, second = many_people(40), many_people(40, first=500)
    rows = [
        row(lead.phone, contact_id=f"c{place}") for half in (first, second) for place, lead in enumerate(half)
    ]
    await Campaign(database, name="file").take_in(*rows)
    one, other = Campaign(database, name="one"), Campaign(database, name="other")
    await one.take_in(*first)
    await other.take_in(*reversed(second))
    books = await one.runner(), await other.runner()
    begun: list[int] = []
    for _ in range(8):
        mine, theirs = await asyncio.gather(one.begin(books[0], 5), other.begin(books[1], 5))
        begun += [int(attempt.phone[-3:]) % 500 for attempt in (*mine, *theirs)]
    assert len(begun) == len(set(begun)) == 40


async def test_who_decides_about_a_person_makes_the_others_wait(database: Database) -> None:
    """Nor where one campaign is slow: its transaction is open while the other one asks."""
    both = (row(ANNA, contact_id="7"), row(BEN, contact_id="7"))
    await Campaign(database, name="file").take_in(*both)
    one, other = Campaign(database, name="one"), Campaign(database, name="other")
    await one.take_in(person(ANNA))
    await other.take_in(person(BEN))
    mine, theirs = await one.runner(), await other.runner()
    async with database.write("one") as db:
        place = Place("one", one.batch, mine.runner, mine.runner)
        begun = await begin_in(db, database, place, CALLER, POLICY, 10, 0)
        waiting = asyncio.create_task(other.begin(theirs))
        await asyncio.wait({waiting}, timeout=0.5)  # without a lock it would have called Ben by now
        assert not waiting.done()
    assert [attempt.phone for attempt in begun.attempts] == [ANNA]
    assert await waiting == []
    assert (await other.lead(BEN)).state == "waiting"


async def test_a_call_that_ended_while_another_campaign_decided_counts(database: Database) -> None:
    one, other = Campaign(database, name="one"), Campaign(database, name="other")
    await one.take_in(*many_people(30))
    await other.take_in(*many_people(30))
    book, others = await one.runner(), await other.runner()

    async def call_and_hang_up() -> int:
        begun = await one.begin(book)
        now = database.now()
        async with database.write() as db:
            mine = update(attempts).where(attempts.c.campaign == "one")
            await db.execute(mine.values(state="placed", call_id="c-" + attempts.c.phone))
            await db.execute(mine.values(state="ended", over_at=now, ended_at=now))
        return len(begun)

    mine, theirs = await asyncio.gather(call_and_hang_up(), other.begin(others))
    again = await other.begin(others)
    assert mine + len(theirs) + len(again) == 30


async def planned(url: str, policy: CallingPolicy, *leads: Lead) -> Plan:
    past = await read_past(url, "autumn", [lead.phone for lead in leads], policy)
    batch = LeadBatch(leads=tuple(leads), rejects=(), columns=())
    return make_plan(
        batch, PlanRequest("autumn", policy, Composer(Caller("demo-agent"))), past, datetime.now(UTC)
    )


async def test_a_plan_shows_who_was_called_before_and_whom_that_delays(
    ledger_url: str, database: Database
) -> None:
    await spring_called(database, ANNA, hours_ago=2)
    await spring_called(database, BEN, hours_ago=30)
    plan = await planned(ledger_url, POLICY, person(ANNA), person(BEN), person(CARLA))
    before, _, delayed = plan.earlier
    assert before.startswith("2 of these 3 people were called before: 2 by 'Spring' (last on 20")
    assert delayed.startswith("1 of them is held back, as others called them lately")
    (at,) = [call.at for call in plan.calls if call.phone == ANNA]
    assert at is not None
    assert at.timestamp() == pytest.approx(database.now() + 22 * HOUR, abs=120)
    free = await planned(ledger_url, replace_others(POLICY, OFF), person(ANNA), person(BEN))
    assert len(free.earlier) == 2
    nobody = await planned(ledger_url, POLICY, person(CARLA))
    assert nobody.earlier == (plan.earlier[1],)
    assert "has not read the account's calls" in plan.earlier[1]


async def test_a_persons_calls_are_reported_over_all_their_numbers(
    ledger_url: str, database: Database
) -> None:
    await Campaign(database, name="file").take_in(row(ANNA, person_id="p"), row(BEN, person_id="p"))
    await spring_called(database, ANNA)
    plan = await planned(ledger_url, POLICY, person(BEN), person(CARLA))
    assert plan.earlier[0].startswith("1 of these 2 people was called before: 1 by 'Spring'")


async def test_denials_are_one_row_however_often_they_are_asked(local: Database) -> None:
    await spring_called(local, ANNA)
    autumn = Campaign(local, name="autumn")
    for _ in range(3):
        await autumn.take_in(person(ANNA))
        await autumn.begin(await autumn.runner())
    async with local.read() as db:
        denied = select(decisions.c.times).where(decisions.c.rule == "other_campaigns")
        assert (await db.execute(denied)).scalars().all() == [3]
