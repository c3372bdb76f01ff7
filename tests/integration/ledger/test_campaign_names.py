"""However a campaign's name is spelled, it is one campaign: nobody is called twice for a space or a capital."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from flireo_flows.api.campaign_names import UnusableName, clean_name, clean_optional_name, name_key
from flireo_flows.calling.sweep import Sweep
from flireo_flows.ledger import Database, LeadBook, Views
from flireo_flows.ledger.audit import audit_lead
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError
from flireo_flows.ledger.naming import find_campaign
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.schema import campaigns, leads
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA, Campaign, person

FIRST = "Café Nord"
SPELLINGS = {
    "lower case": "café nord",
    "upper case": "CAFÉ NORD",
    "trailing space": "Café Nord ",
    "leading tab and newline": "\t\nCafé Nord",
    "two spaces": "Café  Nord",
    "no-break space": "Café\u00a0Nord",
    "ideographic space": "Café\u3000Nord",
    "decomposed": "Cafe\u0301 Nord",
    "zero-width space": "Ca\u200bfé Nord",
    "zero-width joiner": "Café\u200d Nord",
    "zero-width non-joiner": "Café Nord\u200c",
    "byte order mark": "\ufeffCafé Nord",
    "soft hyphen": "Ca\u00adfé Nord",
    "right-to-left mark": "Café Nord\u200f",
    "bidi override": "\u202eCafé Nord\u202c",
    "word joiner": "Café\u2060 Nord",
    "combining grapheme joiner": "Caf\u034fé Nord",
    "variation selector": "Café Nord\ufe0f",
    "hangul filler": "Café Nord\u3164",
    "tag character": "Café Nord\U000e0041",
    "full width": "Ｃａｆé Ｎｏｒｄ",
    "next line": "Café\u0085Nord",
}
UNUSABLE = {
    "empty": "",
    "a space": " ",
    "no-break space": "\u00a0",
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "marks and spaces": " \u200f \u00ad ",
    "hangul filler": "\u3164",
    "braille blank": "\u2800",
    "NUL": "ba\x00r",
    "bell": "bar\x07",
    "escape": "\x1b[31mbar",
    "delete": "ba\x7fr",
    "file separator": "ba\x1cr",
    "half a character": "bar\ud800",
    "too long": "x" * 81,
}

every_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())


@every_spelling
def test_every_spelling_has_the_same_key(spelling: str) -> None:
    assert name_key(spelling) == name_key(FIRST) == "café nord"
    assert name_key(clean_name(spelling)) == "café nord"


def test_a_name_is_shown_without_what_nobody_sees() -> None:
    assert clean_name("\ufeff Cafe\u0301 \u200b\u00a0 Nord\t") == "Café Nord"
    assert clean_name("STRASSE") == "STRASSE"
    assert name_key("Straße") == name_key("STRASSE")


@pytest.mark.parametrize(
    ("one", "other"), [("bar", "baz"), ("bar 1", "bar1"), ("bar", "bår"), ("bar-1", "bar 1"), ("b", "bb")]
)
def test_other_names_are_other_campaigns(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("name", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_name_that_nobody_can_read_is_refused_without_being_repeated(name: str) -> None:
    with pytest.raises(UnusableName) as refused:
        clean_name(name)
    assert not name.strip() or name not in str(refused.value)


def test_only_what_is_empty_stands_for_all_campaigns() -> None:
    assert clean_optional_name("") == ""
    with pytest.raises(UnusableName):
        clean_optional_name("\u200b")


@given(st.text(max_size=40))
def test_a_key_is_its_own_key_and_that_of_the_name_as_it_is_shown(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)
    try:
        shown = clean_name(text)
    except UnusableName:
        return
    assert clean_name(shown) == shown
    assert name_key(shown) == name_key(text)


@every_spelling
async def test_the_same_people_under_another_spelling_are_the_same_leads(
    local: Database, spelling: str
) -> None:
    await LeadBook(local, FIRST).take_in([person(ANNA)])
    await LeadBook(local, spelling).take_in([person(ANNA)])
    async with local.read() as db:
        assert (await db.execute(select(func.count()).select_from(leads))).scalar_one() == 1
        assert (await db.execute(select(campaigns.c.shown))).scalars().all() == [FIRST]
    assert await Views(local).campaigns() == [FIRST]
    assert await find_campaign(local, spelling) == FIRST


async def test_the_database_refuses_a_second_spelling(database: Database) -> None:
    await LeadBook(database, FIRST).take_in([person(ANNA)])
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
        assert (await CampaignControl(database, spelling).pause("lunch", "person")).state == "paused"
        assert (await CampaignControl(database, FIRST).resume("person")).state == "open"
        assert (await audit_lead(database, ANNA, spelling)).campaign == FIRST
    past = await read_past(ledger_url, "CAFÉ\u200b  nord", [ANNA], CallingPolicy())
    assert past.people[ANNA].state == "calling"
    assert past.campaign.live == 1
    unreachable = first.account
    swept = await Sweep(database, unreachable, "café  nord ").run()
    assert [it.campaign for it in swept.campaigns] == [FIRST]


@pytest.mark.parametrize("name", [it for it in UNUSABLE.values() if len(it) <= 80], ids=ascii)
async def test_no_way_into_the_ledger_takes_an_unusable_name(local: Database, name: str) -> None:
    with pytest.raises(UnusableName):
        await LeadBook(local, name).take_in([person(ANNA)])
    with pytest.raises(UnusableName):
        await LeadBook(local, name).forbid([ANNA])
    with pytest.raises(DeclinedError):
        await CampaignControl(local, name).pause("why", "person")
    assert await Views(local).campaigns() == []
