"""Which leads a runner may begin to call: decided, chosen and written in one transaction, whoever else is at work."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from flireo_flows.api.calls import OutboundCall
from flireo_flows.leads import Wishes
from flireo_flows.ledger import Answer, AttemptBook, Database, Runner
from flireo_flows.ledger.campaigns import CampaignControl
from flireo_flows.ledger.intents import FRESH_SECONDS
from flireo_flows.ledger.lead_queue import LEAST_LEASE_SECONDS, LONGEST_CALL_SECONDS, STALE_SECONDS
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.schema import attempts, decisions, leads, runners
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import AttemptEvent, LeadState, Reason
from flireo_flows.policy import CallingPolicy, Rule
from flireo_flows.script import CallChoice, Caller, ComposeError, Composer, LeadFacts
from tests.support.calling.campaign import (
    ANNA,
    BEN,
    CARLA,
    POLICY,
    Campaign,
    people,
    person,
)
from tests.support.ledger.deciding_campaigns import campaign_of, ended, look


async def decided(database: Database) -> list[Row[Any]]:
    async with database.read() as db:
        return list((await db.execute(select(decisions).order_by(decisions.c.id))).all())


async def test_two_campaigns_never_call_one_number_at_the_same_time(database: Database) -> None:
    first, second = campaign_of(database, "first"), campaign_of(database, "second")
    placed = await first.placed(await first.runner())
    await second.take_in(person(ANNA), person(BEN))
    book = await second.runner()
    assert [attempt.phone for attempt in await second.begin(book)] == [BEN]
    lead = await second.lead()
    assert (lead.state, lead.reason) == ("waiting", "already_ringing")
    assert database.now() < lead.not_before < database.now() + 60
    async with database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == placed.id).values(over_at=database.now()))
        await db.execute(update(leads).values(not_before=0.0))
    assert [attempt.phone for attempt in await second.begin(book)] == [ANNA]


async def test_the_database_refuses_a_second_call_to_a_number_of_any_campaign(database: Database) -> None:
    await campaign_of(database, "first").lost(await campaign_of(database, "first").runner())
    second = campaign_of(database, "second")
    await second.take_in(person(ANNA))
    row = {"lead_id": (await second.lead()).id, "campaign": "second", "phone": ANNA, "number": 1}
    with pytest.raises(IntegrityError):
        async with database.write() as db:
            await db.execute(
                insert(attempts).values(row | {"state": "sending", "runner": "r", "began_at": 0.0})
            )


async def test_campaigns_that_race_for_the_same_numbers_call_each_once(
    database: Database, ledger_url: str
) -> None:
    """Each sees them in another order, and none waits for another for ever."""

    async def begin_all(campaign: Campaign, book: AttemptBook) -> list[str]:
        phones: list[str] = []
        for _ in range(6):
            phones += [attempt.phone for attempt in await campaign.begin(book, most=15)]
        return phones

    everybody = people(60)
    async with await Database.open(ledger_url) as other:
        racing = [
            campaign_of(own, name) for own, name in ((database, "one"), (other, "two"), (database, "three"))
        ]
        for campaign, order in zip(racing, (everybody, everybody[::-1], everybody), strict=True):
            await campaign.take_in(*order)
        books = [await campaign.runner() for campaign in racing]
        called = await asyncio.gather(*map(begin_all, racing, books))
    assert sorted(phone for phones in called for phone in phones) == [lead.phone for lead in everybody]
    reasons = {row.rule for row in await decided(database)}
    assert reasons <= {"", "already_ringing"}


async def test_one_that_a_person_looks_at_keeps_its_number_for_as_long_as_a_call_lasts(
    database: Database,
) -> None:
    first, second = campaign_of(database, "first"), campaign_of(database, "second")
    book = await first.runner()
    await first.unknown.review(await first.lost(book), Reason.SEVERAL_CALLS, "2")
    await second.take_in(person(ANNA))
    other = await second.runner()
    assert await second.begin(other) == []
    await first.age(LONGEST_CALL_SECONDS)
    await second.take_in(person(ANNA))
    assert len(await second.begin(other)) == 1


async def test_a_campaign_that_no_one_runs_any_more_does_not_keep_a_number_for_ever(
    database: Database,
) -> None:
    first, second = campaign_of(database, "first"), campaign_of(database, "second")
    await first.placed(await first.runner())
    await second.take_in(person(ANNA))
    book = await second.runner()
    await first.age(STALE_SECONDS - 60)
    assert await second.begin(book) == []
    # Rather than ask every few seconds for a day, the run may end.
    assert (await second.lead()).not_before > database.now() + 600
    await first.age(60)
    await second.take_in(person(ANNA))
    assert len(await second.begin(book)) == 1
    assert (await first.attempt()).state == "placed"  # what it came to may still be reported


async def lease(database: Database, book: AttemptBook, seconds: float) -> None:
    """As if the runner had that much left of its lease."""
    until = database.now() + seconds
    async with database.write() as db:
        await db.execute(update(runners).where(runners.c.id == book.runner).values(lease_until=until))


@pytest.mark.parametrize("left", [-1.0, LEAST_LEASE_SECONDS - 0.5])
async def test_a_runner_whose_lease_ran_out_begins_nothing_until_it_renewed_it(
    database: Database, ledger_url: str, left: float
) -> None:
    slow_campaign = campaign_of(database)
    await slow_campaign.take_in(*people(4))
    runner = Runner(database.campaign(slow_campaign.name), 3600)
    await runner.join()
    slow = AttemptBook(database.campaign(slow_campaign.name), runner.id)
    assert len((await look(slow_campaign, slow, most=1)).attempts) == 1
    await lease(database, slow, left)
    nothing = await look(slow_campaign, slow)
    assert (nothing.attempts, nothing.has_lapsed) == ([], True)
    async with await Database.open(ledger_url) as elsewhere:
        other = campaign_of(elsewhere)
        other.batch = slow_campaign.batch
        book = await other.runner()
        assert await book.orphaned() == (1 if left < 0 else 0)
        assert len(await other.begin(book, most=2)) == 2
    await runner.renew({})
    begun = await look(slow_campaign, slow)
    assert (len(begun.attempts), begun.has_lapsed) == (1, False)


async def test_a_runner_that_was_cleared_away_joins_again_when_it_renews(database: Database) -> None:
    campaign = campaign_of(database)
    await campaign.take_in(person(ANNA))
    runner = Runner(database.campaign(campaign.name))
    await runner.join()
    await runner.leave()
    book = AttemptBook(database.campaign(campaign.name), runner.id)
    assert (await look(campaign, book)).has_lapsed
    await runner.renew({})
    assert len(await campaign.begin(book)) == 1


async def test_a_slow_runner_cannot_take_back_what_another_has_settled(database: Database) -> None:
    campaign = campaign_of(database)
    await campaign.take_in(person(ANNA))
    slow, other = await campaign.runner(), await campaign.runner()
    (attempt,) = await campaign.begin(slow)
    await lease(database, slow, -1)
    await other.orphaned()
    assert await campaign.unknown.adopt(attempt, "call-1")
    settled = await campaign.attempt()
    for late in (
        Answer(attempt, AttemptEvent.REFUSED, detail="too late"),
        Answer(attempt, AttemptEvent.LOST, detail="too late"),
        Answer(attempt, AttemptEvent.ACCEPTED, call_id="call-1"),
    ):
        await campaign.record(slow, late)
    assert await campaign.attempt() == settled
    assert (await campaign.lead()).state == LeadState.CALLING


async def test_a_paused_or_cancelled_campaign_begins_nothing(database: Database) -> None:
    campaign = campaign_of(database)
    await campaign.take_in(person(ANNA))
    book = await campaign.runner()
    steering = CampaignControl(database.campaign(campaign.name))
    await steering.pause("wrong numbers")
    held = (await look(campaign, book)).held
    assert held is not None
    assert held.reason is Rule.CAMPAIGN_PAUSED
    assert (await campaign.lead()).state == LeadState.WAITING
    await steering.resume()
    (attempt,) = await campaign.begin(book)
    await steering.cancel("over")
    await campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail="429"))
    held = (await look(campaign, book)).held
    assert held is not None
    assert held.reason is Rule.CAMPAIGN_CANCELLED


async def test_a_campaign_whose_calls_are_all_in_use_reports_it(database: Database) -> None:
    campaign = campaign_of(database, max_concurrent_calls=2)
    await campaign.take_in(*people(5))
    book = await campaign.runner()
    assert len((await look(campaign, book)).attempts) == 2
    full = await look(campaign, book)
    assert full.held is not None
    assert (full.held.reason, full.decided) == (Rule.CONCURRENCY, 0)


async def test_every_decision_is_written_down_with_what_it_looked_at(database: Database) -> None:
    campaign = campaign_of(database)
    await campaign.take_in(person(ANNA), person(BEN))
    await Suppressions(database).suppress([BEN], "asked us to")
    await campaign.take_in(person(ANNA), person(BEN))  # a suppressed lead is decided again
    await campaign.begin(await campaign.runner())
    denied, allowed = sorted(await decided(database), key=lambda row: row.allowed)
    assert (denied.phone, denied.rule, denied.until, denied.number) == (BEN, "do_not_call", None, None)
    assert json.loads(denied.inputs)["source"] == "person"
    assert (allowed.phone, allowed.rule, allowed.number, allowed.times) == (ANNA, "", 1, 1)
    assert allowed.policy == denied.policy == campaign.policy.version
    assert allowed.lead_id == (await campaign.lead()).id
    assert ANNA not in allowed.inputs


async def test_the_same_denial_again_only_counts(database: Database) -> None:
    campaign = campaign_of(database, number_caps=[{"calls": 1, "days": 1}])
    await campaign.placed(book := await campaign.runner())
    await campaign.take_in(person(BEN, zones=()))
    other = replace(campaign, policy=CallingPolicy())
    for _ in range(3):
        other.batch = await campaign.take_in(person(BEN, zones=()))
        assert await other.begin(book) == []
    (denial,) = [row for row in await decided(database) if not row.allowed]
    assert (denial.rule, denial.times) == ("zone_unknown", 3)
    assert denial.first_at < denial.last_at
    other.policy = CallingPolicy(max_attempts=2)
    other.batch = await campaign.take_in(person(BEN, zones=()))
    assert await other.begin(book) == []
    assert [row.times for row in await decided(database) if not row.allowed] == [3, 1]


async def test_a_cap_per_number_counts_the_calls_of_all_campaigns(database: Database) -> None:
    first = campaign_of(database, "first")
    attempt = await first.placed(await first.runner())
    second = campaign_of(database, "second", number_caps=[{"calls": 1, "days": 7}])
    async with database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt.id).values(over_at=database.now()))
    await second.take_in(person(ANNA), person(BEN))
    assert [it.phone for it in await second.begin(await second.runner())] == [BEN]
    lead = await second.lead()
    assert lead.reason == "number_cap"
    assert lead.not_before == pytest.approx(attempt.began_at + 7 * 86_400, abs=1)


async def test_what_a_row_asks_for_is_looked_at(database: Database) -> None:
    campaign = campaign_of(database)
    late = Wishes(dial_before=datetime(2020, 1, 1, tzinfo=UTC), language="nl")
    await campaign.take_in(person(ANNA, wishes=late, zone_source="column"))
    assert await campaign.begin(await campaign.runner()) == []
    lead = await campaign.lead()
    assert (lead.state, lead.reason, lead.zone_source) == ("skipped", "too_late", "column")
    assert Wishes.from_json(lead.wishes) == late


class Pool(Composer):
    """Rings each lead from a number of its own, and keeps it; no one can ring Carla."""

    def choose(self, facts: LeadFacts) -> CallChoice:
        if facts.phone == CARLA:
            raise ComposeError("`first_name` is missing")
        fresh = f"number-{facts.phone[-2:]}-{facts.wishes.language}"
        return CallChoice("agent", facts.number_id or fresh, facts.variant or "B")

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        return OutboundCall(destination=facts.phone, agent_id=choice.agent_id, number_id=choice.number_id)


async def test_what_was_chosen_is_written_down_and_kept(database: Database) -> None:
    campaign = replace(campaign_of(database), composer=Pool(Caller("agent")))
    book = await campaign.runner()
    dutch = Wishes(language="nl")
    await campaign.take_in(person(ANNA, name="Anna", columns={"a": "b"}, wishes=dutch), person(BEN))
    first, other = sorted(await campaign.begin(book), key=lambda it: it.lead_id)
    chosen = CallChoice("agent", f"number-{ANNA[-2:]}-nl", "B")
    assert (first.choice, other.choice.number_id) == (chosen, f"number-{BEN[-2:]}-")
    assert first.facts == LeadFacts(ANNA, "Anna", {"a": "b"}, dutch, "", "")
    row, _ = await campaign.attempts()
    assert (row.agent_id, row.number_id, row.variant) == ("agent", chosen.number_id, "B")
    assert row.reference == first.reference != other.reference
    await ended(campaign, book, first)
    await campaign.take_in(person(ANNA, wishes=Wishes(language="de")), person(BEN))
    (second,) = await campaign.begin(book)
    assert (second.number, second.choice) == (2, chosen)
    assert (second.facts.number_id, second.facts.variant) == (chosen.number_id, "B")
    assert second.reference != first.reference


async def test_a_lead_that_no_one_can_call_needs_review(database: Database) -> None:
    campaign = replace(campaign_of(database), composer=Pool(Caller("agent")))
    await campaign.take_in(person(ANNA), person(CARLA))
    assert [it.phone for it in await campaign.begin(await campaign.runner())] == [ANNA]
    lead = await campaign.lead(CARLA)
    assert (lead.state, lead_reason(lead)) == ("review", "not sent: `first_name` is missing")


async def test_all_runners_together_keep_to_the_calls_a_minute(database: Database) -> None:
    policy = CallingPolicy(calling_hours=None, calls_per_minute=12, max_concurrent_calls=100)
    campaign = Campaign(database, policy=policy)
    await campaign.take_in(*people(40))
    books = [await campaign.runner() for _ in range(3)]
    begun = [len(await campaign.begin(book, most=7)) for book in books]
    assert begun == [7, 5, 0]
    await campaign.age(61)
    assert len(await campaign.begin(books[0], most=30)) == 12


@pytest.mark.parametrize(("seconds", "begun"), [(FRESH_SECONDS - 1, 0), (FRESH_SECONDS + 60, 1)])
async def test_no_one_is_begun_who_may_not_be_called_any_more_when_the_request_goes_out(
    local: Database, seconds: float, begun: int
) -> None:
    last = datetime.fromtimestamp(local.now() + seconds, UTC)
    policy = CallingPolicy.model_validate({**POLICY.model_dump(), "dial_before": last.isoformat()})
    campaign = Campaign(local, policy=policy)
    await campaign.take_in(person(ANNA))
    assert len(await campaign.begin(await campaign.runner())) == begun
