"""Leads are taken in once, however often their file is run, and leave with it."""

import json
from typing import Any

import pytest

from flireo_flows.ledger import Answer, Database, Views
from flireo_flows.ledger.leads import batch_name
from flireo_flows.ledger.suppressions import CHUNK, clear_in, list_in
from flireo_flows.lifecycle.states import AttemptEvent, LeadState, Reason
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA, BEN, CARLA, POLICY, Campaign, people, person

# Text that JSON can spell and that databases refuse.
NUL, HALF_A_CHARACTER = "An\x00na", "An\ud83dna"


async def test_the_same_file_twice_changes_nothing(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(*people(20))
    before = await campaign.leads()
    name = campaign.batch
    await campaign.take_in(*people(20))
    assert campaign.batch == name
    assert await campaign.leads() == before


async def test_a_lead_keeps_its_state_when_its_file_is_taken_in_again(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA), person(BEN), person(CARLA))
    book = await campaign.runner()
    anna, ben = await campaign.begin(book, most=2)
    await campaign.record(
        book,
        Answer(anna, AttemptEvent.ACCEPTED, call_id="call-1"),
        Answer(ben, AttemptEvent.REFUSED, detail="400", lead=LeadState.REVIEW),
    )
    await campaign.take_in(person(ANNA, name="Anna Again"), person(BEN), person(CARLA))
    leads = await campaign.leads()
    assert [leads[phone].state for phone in (ANNA, BEN, CARLA)] == ["calling", "review", "waiting"]
    assert leads[ANNA].name == "Anna Again"
    assert [attempt.phone for attempt in await campaign.begin(book)] == [CARLA]


async def test_a_lead_taken_out_of_the_file_is_not_called_any_more(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA), person(BEN))
    await campaign.take_in(person(BEN))
    book = await campaign.runner()
    assert [attempt.phone for attempt in await campaign.begin(book)] == [BEN]
    outlook = await campaign.book.outlook(campaign.batch, database.now())
    assert outlook.total == 1


def test_the_order_of_a_file_does_not_make_it_another() -> None:
    assert batch_name(people(5)) == batch_name(people(5)[::-1])
    assert batch_name(people(5)) != batch_name(people(4))


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1])
async def test_files_of_any_length_are_taken_in(database: Database, count: int) -> None:
    campaign = Campaign(database)
    await campaign.take_in(*people(count))
    assert len(await campaign.leads()) == count
    assert (await campaign.book.outlook(campaign.batch, database.now())).is_finished == (count == 0)


async def test_a_lead_that_opted_out_between_two_runs_is_not_called(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA), person(BEN))
    await campaign.book.forbid({ANNA, CARLA})
    begun = await campaign.begin(await campaign.runner())
    assert [attempt.phone for attempt in begun] == [BEN]
    lead = await campaign.lead(ANNA)
    assert (lead.state, lead.reason) == ("skipped", "do_not_call")


async def test_who_was_on_the_list_by_mistake_is_called_once_off_it(database: Database) -> None:
    campaign = Campaign(database)
    book = await campaign.runner()
    await campaign.book.forbid({ANNA})
    await campaign.take_in(person(ANNA))
    assert await campaign.begin(book) == []
    assert await campaign.book.forbid([BEN]) == 1
    await campaign.take_in(person(ANNA))
    assert await campaign.begin(book) == []  # another list does not take her off
    async with database.write(campaign.name) as db:
        assert (await list_in(db, campaign.name)).in_words.startswith("do-not-call list of 2 numbers from 20")
        assert await clear_in(db, campaign.name) == 2
    await campaign.take_in(person(ANNA))
    assert [attempt.phone for attempt in await campaign.begin(book)] == [ANNA]


async def test_the_list_of_one_campaign_is_not_that_of_another(database: Database) -> None:
    for name in ("one", "another"):
        campaign = Campaign(database, name=name)
        await campaign.take_in(person(ANNA))
    await Campaign(database, name="one").book.forbid({ANNA})
    assert len(await campaign.begin(await campaign.runner())) == 1


async def test_a_policy_that_changed_is_asked_again(database: Database) -> None:
    campaign = Campaign(database, policy=CallingPolicy())
    book = await campaign.runner()
    await campaign.take_in(person(ANNA, zones=()))
    assert await campaign.begin(book) == []
    assert (await campaign.lead()).reason == "zone_unknown"
    campaign.policy = POLICY
    await campaign.take_in(person(ANNA, zones=()))
    assert len(await campaign.begin(book)) == 1


async def test_whose_zones_share_no_hour_goes_to_review_until_the_row_or_the_policy_is_mended(
    database: Database,
) -> None:
    apart = ("Europe/Amsterdam", "Pacific/Auckland")
    short = CallingPolicy.model_validate({"calling_hours": {"start": "10:00", "end": "11:00"}})
    campaign = Campaign(database, policy=short)
    book = await campaign.runner()
    for _ in range(2):  # the same file and policy again come to the same
        await campaign.take_in(person(ANNA, zones=apart))
        assert await campaign.begin(book) == []
        lead = await campaign.lead()
        assert (lead.state, lead.reason) == (LeadState.REVIEW, Reason.NO_SHARED_HOURS)
    await campaign.take_in(person(ANNA, zones=apart[:1]))
    assert (await campaign.lead()).state == LeadState.WAITING
    campaign.policy = POLICY
    await campaign.take_in(person(ANNA, zones=apart))
    assert len(await campaign.begin(book)) == 1


async def test_leads_that_may_not_be_called_yet_do_not_hide_those_that_may(database: Database) -> None:
    night = CallingPolicy.model_validate(
        {"calling_hours": {"start": "00:00", "end": "24:00", "weekdays": ["monday"]}}
    )
    campaign = Campaign(database, policy=night)
    hidden = [person(lead.phone, zones=("Mars/Olympus",)) for lead in people(30)]
    await campaign.take_in(*hidden, person("+31850835037", zones=("UTC",)))
    book = await campaign.runner()
    begun = await book.begin(campaign.batch, POLICY, 1, 500)
    assert (len(begun.attempts), begun.decided) == (1, 1)
    assert (await book.begin(campaign.batch, night, 5, 500)).decided == 30
    reasons = {lead.reason for lead in (await campaign.leads()).values()} - {""}
    assert reasons <= {"zone_unknown", "outside_hours"}


@pytest.mark.parametrize("name", [NUL, HALF_A_CHARACTER, "Zoë 🙂", "x" * 10_000])
async def test_every_name_and_column_is_kept_as_far_as_a_database_can(database: Database, name: str) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA, name=name, columns={"note": name, name: "x"}))
    result = (await campaign.results())[ANNA]
    assert result.name == name.replace("\x00", "").replace("\ud83d", "?")
    assert result.columns == {"note": name, name: "x"}


async def test_results_stand_in_the_order_of_the_file(database: Database) -> None:
    campaign = Campaign(database)
    leads = people(30)
    await campaign.take_in(*leads[::-1])
    assert [result.phone for result in await Views(database).results("campaign")] == [
        lead.phone for lead in leads
    ]


async def test_columns_come_back_as_they_were_given(database: Database) -> None:
    campaign = Campaign(database)
    columns: dict[str, Any] = {"Größe": "1,80", "quote": '"', "emoji": "🙂", "empty": ""}
    await campaign.take_in(person(ANNA, columns=columns))
    assert (await campaign.results())[ANNA].columns == columns
    assert json.loads((await campaign.lead()).columns) == columns
