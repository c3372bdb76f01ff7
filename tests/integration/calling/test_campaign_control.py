"""A campaign is paused, resumed and cancelled as a whole; running calls are never touched."""

import asyncio

import pytest

from flireo_flows.ledger import Database
from flireo_flows.ledger.campaigns import (
    CHANGES,
    MOST_CHANGES,
    CampaignControl,
    DeclinedError,
    Standing,
    change_in,
    skip_waiting_in,
)
from flireo_flows.lifecycle.states import CampaignState
from tests.support.calling.campaign import ANNA, BEN, CARLA, Campaign, person


async def test_a_campaign_no_one_steered_is_open(local: Database) -> None:
    await Campaign(local).take_in(person(ANNA))
    assert await CampaignControl(local.campaign("campaign")).standing() == Standing()
    assert Standing().in_words == "open"


async def test_a_paused_campaign_shows_why_and_goes_on_when_a_person_resumes_it(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    steering = CampaignControl(database.campaign(campaign.name))
    before = database.now()
    await steering.pause("  wrong\nnumbers ", "person")
    paused = await steering.standing()
    assert (paused.state, paused.reason, paused.changed_by) == ("paused", "wrong numbers", "person")
    assert before <= paused.changed_at <= database.now()
    assert paused.in_words.startswith("paused by person at 2")
    assert paused.in_words.endswith(" UTC: wrong numbers")
    resumed = await steering.resume("person")
    assert (resumed.state, resumed.reason) == (CampaignState.OPEN, "")
    assert (await campaign.lead()).state == "waiting"


async def test_the_first_cause_of_a_pause_stays_and_another_one_is_added(database: Database) -> None:
    await Campaign(database).take_in(person(ANNA))
    steering = CampaignControl(database.campaign("campaign"))
    first = await steering.pause("too many calls failed", "breaker")
    assert await steering.pause("too many calls failed", "breaker") == first
    assert await steering.pause("", "person") == first
    both = await steering.pause("lunch", "person")
    assert (both.reason, both.changed_by) == ("too many calls failed; lunch", "breaker")
    assert both.changed_at == first.changed_at
    assert len(await steering.history()) == 2


async def test_every_change_is_remembered_with_its_time_and_the_newest_are_shown(
    local: Database,
) -> None:
    await Campaign(local).take_in(person(ANNA))
    steering = CampaignControl(local.campaign("campaign"))
    await steering.pause("lunch", "person")
    await steering.resume("person")
    assert [(it.changed_by, it.state, it.reason) for it in await steering.history()] == [
        ("person", CampaignState.PAUSED, "lunch"),
        ("person", CampaignState.OPEN, ""),
    ]
    async with local.write("campaign") as db:
        for turn in range(MOST_CHANGES):
            await change_in(db, "campaign", CampaignState.PAUSED, f"turn {turn}", "person", 0.0)
            await change_in(db, "campaign", CampaignState.OPEN, "", "person", 0.0)
    history = await steering.history()
    assert len(history) == MOST_CHANGES
    assert history[-2].reason == f"turn {MOST_CHANGES - 1}"


async def test_cancelling_skips_who_waits_and_leaves_running_calls_alone(database: Database) -> None:
    campaign = Campaign(database)
    other = Campaign(database, name="other")
    await other.take_in(person(ANNA))
    await campaign.take_in(person(ANNA), person(BEN))
    (anna,) = await campaign.begin(await campaign.runner(), most=1)
    await CampaignControl(database.campaign("campaign")).cancel("the offer ended", "person")
    leads = await campaign.leads()
    assert leads[anna.phone].state == "calling"
    assert (leads[BEN].state, leads[BEN].reason) == ("skipped", "campaign_cancelled")
    assert (await campaign.attempt()).state == "sending"
    assert (await other.lead()).state == "waiting"
    # Whose call ended after it, and who would be called again, is skipped as well.
    await campaign.take_in(person(CARLA))
    async with database.write("campaign") as db:
        await skip_waiting_in(db, "campaign")
    assert (await campaign.lead(CARLA)).state == "skipped"


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.CANCELLED])
async def test_no_one_of_a_campaign_that_is_held_is_called_however_often_it_is_run(
    database: Database, state: CampaignState
) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA))
    async with database.write("campaign") as db:
        await change_in(db, "campaign", state, "", "person", database.now())
    for _ in range(2):
        await campaign.take_in(person(ANNA), person(BEN))
        assert await campaign.begin(await campaign.runner()) == []
    if state is CampaignState.PAUSED:
        await CampaignControl(database.campaign("campaign")).resume("person")
        assert len(await campaign.begin(await campaign.runner())) == 2


async def test_cancelling_is_final(database: Database) -> None:
    await Campaign(database).take_in(person(ANNA))
    steering = CampaignControl(database.campaign("campaign"))
    await steering.pause("lunch", "person")
    cancelled = await steering.cancel("the offer ended", "person")
    assert await steering.cancel("again", "prefect") == cancelled
    for change in (steering.resume("person"), steering.pause("lunch", "person")):
        with pytest.raises(
            DeclinedError, match=r"cancelled by person at .*the offer ended\. Cancelling is final\.$"
        ):
            await change
    assert await steering.standing() == cancelled


async def test_resuming_an_open_campaign_changes_nothing(local: Database) -> None:
    await Campaign(local).take_in(person(ANNA))
    assert await CampaignControl(local.campaign("campaign")).resume("person") == Standing()


async def test_a_campaign_that_does_not_exist_is_named_with_those_that_do(local: Database) -> None:
    steering = CampaignControl(local.campaign("sping"))
    with pytest.raises(DeclinedError, match=r"there is no campaign 'sping' in ledger .* none yet"):
        await steering.pause("lunch", "person")
    for name in ("spring", "autumn"):
        await Campaign(local, name=name).take_in(person(ANNA))
    with pytest.raises(DeclinedError, match="Its campaigns: autumn, spring"):
        await steering.cancel("", "person")
    for number in range(25):
        await Campaign(local, name=f"a{number:02d}").take_in(person(ANNA))
    with pytest.raises(DeclinedError, match=r"a19 and others\."):
        await steering.resume("person")


async def test_a_number_in_a_reason_is_masked(local: Database) -> None:
    await Campaign(local).take_in(person(ANNA))
    standing = await CampaignControl(local.campaign("campaign")).pause(f"{ANNA} complained", "person")
    assert ANNA not in repr(standing)
    assert standing.reason.endswith("complained")


async def test_two_who_pause_at_once_both_count(database: Database) -> None:
    await Campaign(database).take_in(person(ANNA))
    steering = CampaignControl(database.campaign("campaign"))
    await asyncio.gather(steering.pause("one", "breaker"), steering.pause("another", "person"))
    assert set((await steering.standing()).reason.split("; ")) == {"one", "another"}


def test_the_table_of_changes_names_every_state() -> None:
    assert set(CHANGES) == set(CampaignState)
    assert all(state not in CHANGES[state] for state in CampaignState)
