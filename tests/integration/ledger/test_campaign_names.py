"""However a campaign's name is spelled, it is one campaign: no one is called twice for a space or a capital."""

import asyncio

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from flireo_flows.api.identity import CampaignNameError
from flireo_flows.calling.sweep import Sweep
from flireo_flows.ledger import Database, LeadBook, Views
from flireo_flows.ledger.audit import audit_lead
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError
from flireo_flows.ledger.notices import find_campaign
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.schema import campaigns, leads
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA, Campaign, person
from tests.support.ledger.campaign_names import FIRST, SPELLINGS, UNUSABLE, every_spelling


@every_spelling
async def test_the_same_people_under_another_spelling_are_the_same_leads(
    local: Database, spelling: str
) -> None:
    await LeadBook(local.campaign(FIRST)).take_in([person(ANNA)])
    await LeadBook(local.campaign(spelling)).take_in([person(ANNA)])
    async with local.read() as db:
        assert (await db.execute(select(func.count()).select_from(leads))).scalar_one() == 1
        assert (await db.execute(select(campaigns.c.shown))).scalars().all() == [FIRST]
    assert await Views(local).campaigns() == [FIRST]
    assert await find_campaign(local, spelling) == FIRST


async def test_the_database_refuses_a_second_spelling(database: Database) -> None:
    await LeadBook(database.campaign(FIRST)).take_in([person(ANNA)])
    for spelling in SPELLINGS.values():
        with pytest.raises(IntegrityError):
            async with database.write() as db:
                await db.execute(insert(campaigns).values(name=spelling, state="open"))


async def test_a_lead_that_was_called_is_not_called_again_under_another_spelling(database: Database) -> None:
    first = Campaign(database, name=FIRST)
    await first.placed(await first.runner())
    for number, spelling in enumerate(SPELLINGS.values()):
        again = Campaign(database, name=spelling)
        await again.take_in(person(ANNA))
        assert await again.begin(await again.runner()) == [], spelling
        assert len(await again.attempts()) == 1, number
        assert (await Views(database).status(spelling)).campaign == FIRST


async def test_two_spellings_at_once_begin_one_attempt(database: Database) -> None:
    names = [FIRST, *SPELLINGS.values()][:8]
    every = [Campaign(database, name=name) for name in names]
    for campaign in every:
        await campaign.take_in(person(ANNA))
    books = [await campaign.runner() for campaign in every]
    begun = await asyncio.gather(*(campaign.begin(book) for campaign, book in zip(every, books, strict=True)))
    assert sum(len(attempts) for attempts in begun) == 1


async def test_a_campaign_is_steered_planned_explained_and_swept_in_any_spelling(
    ledger_url: str, database: Database
) -> None:
    first = Campaign(database, name=FIRST)
    await first.placed(await first.runner())
    for spelling in SPELLINGS.values():
        assert (await CampaignControl(database.campaign(spelling)).pause("lunch", "person")).state == "paused"
        assert (await CampaignControl(database.campaign(FIRST)).resume("person")).state == "open"
        assert (await audit_lead(database, ANNA, spelling)).campaign == FIRST
    past = await read_past(ledger_url, "CAFÉ\u200b  nord", [ANNA], CallingPolicy())
    assert past.people[ANNA].state == "calling"
    assert past.campaign.live == 1
    unreachable = first.account
    swept = await Sweep(database, unreachable, "café  nord ").run()
    assert [it.campaign for it in swept.campaigns] == [FIRST]


@pytest.mark.parametrize("name", [it for it in UNUSABLE.values() if len(it) <= 80], ids=ascii)
async def test_no_way_into_the_ledger_takes_an_unusable_name(local: Database, name: str) -> None:
    with pytest.raises(CampaignNameError):
        await LeadBook(local.campaign(name)).take_in([person(ANNA)])
    with pytest.raises(CampaignNameError):
        await LeadBook(local.campaign(name)).forbid([ANNA])
    with pytest.raises(DeclinedError):
        await CampaignControl(local.campaign(name)).pause("why", "person")
    assert await Views(local).campaigns() == []
