"""A person whom others called lately, or often, is left alone: over all numbers of the person, in every ledger."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from flireo_flows.calling.plan import Plan, Wanted, make_plan
from flireo_flows.leads.lead import Lead, LeadBatch
from flireo_flows.ledger import Answer, AttemptBook, Database
from flireo_flows.ledger.audit import audit_lead
from flireo_flows.ledger.intents import Beginning
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.people import linked
from flireo_flows.ledger.schema import attempts, decisions, people
from flireo_flows.lifecycle.states import AttemptEvent
from flireo_flows.policy import (
    Allow,
    CallingPolicy,
    Deny,
    History,
    OtherCall,
    OtherCampaigns,
    Rule,
    decide,
    words,
)
from flireo_flows.script.call_choice import Caller
from tests.support.calling.campaign import ANNA, BEN, CALLER, CARLA, POLICY, Campaign, person
from tests.support.calling.campaign import people as many_people
from tests.support.calling.policies import ANY_HOUR, LONDON, NOON, reason, until

HOUR, DAY = 3600.0, 86_400.0
OFF = OtherCampaigns(min_gap_hours=0, max_calls=0)


def called(*hours_ago: float, **fields: Any) -> History:
    calls = [OtherCall(NOON - timedelta(hours=hours), "spring", **fields) for hours in hours_ago]
    return History(other_calls=tuple(sorted(calls, key=lambda call: call.at)))


def rules(**fields: Any) -> CallingPolicy:
    return CallingPolicy(calling_hours=None, other_campaigns=OtherCampaigns(**fields))


@pytest.mark.parametrize(
    ("hours_ago", "fields", "held_hours"),
    [
        ((), {}, None),
        ((0,), {}, 24),
        ((0.001,), {}, 23.999),
        ((1,), {}, 23),
        ((23.5,), {}, 0.5),
        ((24,), {}, None),
        ((25, 3), {}, 21),
        ((25,), {}, None),
        ((-1,), {}, 25),  # a clock was put back
        ((30, 60, 90), {}, None),
        ((30, 60, 90, 719), {}, 1),
        ((30, 60, 90, 720), {}, None),
        ((30, 60, 90, 120, 600), {}, 600),
        ((2, 30, 60, 90), {}, 630),
        ((2,), {"min_gap_hours": 1}, None),
        ((2,), {"min_gap_hours": 48}, 46),
        ((2,), {"min_gap_hours": 0}, None),
        ((30, 60), {"max_calls": 2}, 660),
        ((30, 60), {"max_calls": 2, "per_days": 2}, None),
        ((1, 2, 3, 4, 5), {"min_gap_hours": 0, "max_calls": 0}, None),
    ],
)
def test_a_person_is_left_alone_for_a_day_and_after_four_calls_in_thirty_days(
    hours_ago: tuple[float, ...], fields: dict[str, Any], held_hours: float | None
) -> None:
    verdict = decide(LONDON, NOON, rules(**fields), called(*hours_ago))
    if held_hours is None:
        assert isinstance(verdict, Allow)
        return
    assert reason(verdict) == Rule.OTHER_CAMPAIGNS
    assert until(verdict) == NOON + timedelta(hours=held_hours)
    assert isinstance(decide(LONDON, until(verdict), rules(**fields), called(*hours_ago)), Allow)


def test_own_attempts_follow_the_campaigns_own_rules() -> None:
    history = History(rung_at=(NOON - timedelta(hours=1),), number_rung_at=(NOON - timedelta(hours=1),))
    assert isinstance(decide(LONDON, NOON, ANY_HOUR, history), Allow)


def test_a_callback_that_the_person_asked_for_is_exempt_from_the_day_and_only_once() -> None:
    asked = called(2, asked_back=True)
    assert isinstance(decide(LONDON, NOON, ANY_HOUR, asked), Allow)
    served = History(other_calls=(*asked.other_calls, OtherCall(NOON - timedelta(hours=1), "summer")))
    assert reason(decide(LONDON, NOON, ANY_HOUR, served)) == Rule.OTHER_CAMPAIGNS
    often = called(2, 30, 60, 90, asked_back=True)
    assert (
        reason(decide(LONDON, NOON, ANY_HOUR, often)) == Rule.OTHER_CAMPAIGNS
    )  # the month counts all the same


def test_a_denial_says_who_called_when_without_a_number() -> None:
    verdict = decide(LONDON, NOON, ANY_HOUR, called(2))
    assert words(verdict).startswith("not rung: the person was called by the campaign 'spring' Wednesday")
    assert "24 hours must lie between; next Thursday 11:00" in words(verdict)
    account = History(other_calls=(OtherCall(NOON - timedelta(hours=2)),))
    assert "by another call of the account" in words(decide(LONDON, NOON, ANY_HOUR, account))
    numbered = History(other_calls=(OtherCall(NOON, f"for {ANNA}"),))
    assert ANNA not in words(decide(LONDON, NOON, ANY_HOUR, numbered))
    often = words(decide(LONDON, NOON, ANY_HOUR, called(30, 60, 90, 120)))
    assert "others called the person 4 times within 30 days, at most 4 are allowed" in often


def test_a_call_of_the_account_that_is_open_blocks_until_it_counts_as_over() -> None:
    until_ = NOON + timedelta(minutes=20)
    verdict = decide(LONDON, NOON, ANY_HOUR, History(ringing_until=until_))
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.until) == (Rule.ALREADY_RINGING, until_)
    assert isinstance(decide(LONDON, until_, ANY_HOUR, History(ringing_until=until_)), Allow)


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


def replace_others(policy: CallingPolicy, others: OtherCampaigns) -> CallingPolicy:
    return policy.model_copy(update={"other_campaigns": others})


async def test_another_campaign_waits_until_the_day_is_over_and_says_why(database: Database) -> None:
    await spring_called(database, ANNA, hours_ago=2)
    autumn = Campaign(database, name="autumn")
    await autumn.take_in(person(ANNA), person(BEN))
    book = await autumn.runner()
    assert [attempt.phone for attempt in await autumn.begin(book)] == [BEN]
    lead = await autumn.lead(ANNA)
    assert (lead.state, lead.tries) == ("waiting", 0)
    assert lead.not_before == pytest.approx(database.now() + 22 * HOUR, abs=60)
    told = await audit_lead(database, ANNA, "autumn")
    assert [it.rule for it in told.decisions] == ["other_campaigns"]
    said = words(told.decisions[0].rule, told.decisions[0].inputs, told.decisions[0].until)
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
    await spring.record(book, Answer(attempt, AttemptEvent.REFUSED, reason="429"))
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


def row(phone: str, **columns: str) -> Lead:
    return person(phone, columns=columns)


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ([row(ANNA, contact_id="7"), row(BEN, contact_id="7")], 1),
        ([row(ANNA, **{"Person ID": "7"}), row(BEN, **{"Person ID": " 7 "})], 1),
        ([row(ANNA, **{"Customer-Id": "ab"}), row(BEN, **{"Customer-Id": "AB"})], 1),
        ([row(ANNA, ExternalId="x"), row(BEN, ExternalId="x")], 1),
        ([row(ANNA, person_id="1", contact_id="9"), row(BEN, person_id="2", contact_id="9")], 0),
        ([row(ANNA, contact_id="7"), row(BEN, contact_id="8")], 0),
        ([row(ANNA, contact_id=""), row(BEN, contact_id="")], 0),
        ([row(ANNA, contact_id="0"), row(BEN, contact_id="0")], 0),
        ([row(ANNA, contact_id="N/A"), row(BEN, contact_id="n/a")], 0),
        ([row(ANNA, name="Anna"), row(BEN, name="Anna")], 0),
        ([row(ANNA, email="a@b.example"), row(BEN, email="a@b.example")], 0),
        ([row(ANNA, contact_id="7"), row(BEN, customer_id="7")], 0),
        ([row(lead.phone, external_id="import-1") for lead in many_people(9)], 0),
    ],
)
def test_only_an_id_of_the_person_makes_two_numbers_one_person(rows: list[Lead], groups: int) -> None:
    assert len(linked(rows)) == groups


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
        beginning = Beginning(database, "one", mine.runner, mine.runner, CALLER)
        begun = await beginning.begin_in(db, one.batch, POLICY, 10, 0)
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
    return make_plan(batch, Wanted("autumn", policy, Caller("demo-agent")), past, datetime.now(UTC))


async def test_a_plan_says_who_was_called_before_and_whom_that_delays(
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


async def test_a_persons_calls_are_told_over_all_their_numbers(ledger_url: str, database: Database) -> None:
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


def test_the_default_is_in_every_policy_and_can_be_turned_off() -> None:
    assert CallingPolicy().other_campaigns == OtherCampaigns(min_gap_hours=24, max_calls=4, per_days=30)
    assert isinstance(decide(LONDON, NOON, replace_others(ANY_HOUR, OFF), called(0, 1, 2, 3)), Allow)
    assert replace(History(), other_calls=()) == History()
