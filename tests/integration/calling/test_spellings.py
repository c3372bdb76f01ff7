"""Two spellings of one number are one person: suppressed, forgotten, called and matched as one."""

import asyncio

import pytest
from sqlalchemy import update

from flireo_flows.api.identity import person_key
from flireo_flows.ledger import Database
from flireo_flows.ledger.audit import find_caller
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.schema import attempts
from flireo_flows.ledger.suppressions import Suppressions, suppressed_in
from tests.support.calling.campaign import POLICY, Campaign, person
from tests.support.calling.incoming import Incoming, report
from tests.support.calling.spellings import PAIRS


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_who_is_suppressed_in_one_spelling_is_not_called_in_the_other(
    database: Database, one: str, other: str
) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(one))
    assert await Suppressions(database).suppress([other], "asked by letter") == 1
    assert await Suppressions(database).suppress([one], "asked again") == 0
    assert (await campaign.leads())[person_key(one)].state == "skipped"
    assert await campaign.begin(await campaign.runner()) == []
    async with database.read() as db:
        assert await suppressed_in(db, database, [one, other]) == {one: "person", other: "person"}
    await Suppressions(database).lift(one)
    await campaign.take_in(person(one))
    assert len(await campaign.begin(await campaign.runner())) == 1


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_one_person_is_called_once_over_campaigns_and_in_the_spelling_of_the_file(
    database: Database, ledger_url: str, one: str, other: str
) -> None:
    first, second = Campaign(database, name="first"), Campaign(database, name="second")
    await first.take_in(person(one))
    await second.take_in(person(other))
    (attempt,) = await first.begin(await first.runner())
    assert attempt.facts.phone == one  # which is what is dialled
    assert await second.begin(await second.runner()) == []
    assert set(await first.results()) == {one}
    past = await read_past(ledger_url, "second", [other], POLICY)
    assert past.people[other].history.has_open_call


# Whole numbers of one form in two spellings: 24 people each.
FORMS = {
    "AR": ("+54911234567{:02d}", "+5411234567{:02d}"),
    "MX": ("+5255123456{:02d}", "+52155123456{:02d}"),
    "BR": ("+55119876543{:02d}", "+5511876543{:02d}"),
    "IT": ("+3906123456{:02d}", "+396123456{:02d}"),
    "BJ": ("+22901971234{:02d}", "+229971234{:02d}"),
}


@pytest.mark.parametrize("form", FORMS)
async def test_campaigns_that_race_in_two_spellings_never_call_a_person_at_once(
    database: Database, ledger_url: str, form: str
) -> None:
    """Two open calls to one person, or two within the day: neither, whoever decides at the same moment."""
    first, second = ([person(written.format(n)) for n in range(24)] for written in FORMS[form])
    async with await Database.open(ledger_url) as another:
        one, other = Campaign(database, name="one"), Campaign(another, name="other")
        await one.take_in(*first)
        await other.take_in(*reversed(second))
        books = await one.runner(), await other.runner()
        open_: list[str] = []
        for _ in range(4):
            mine, theirs = await asyncio.gather(one.begin(books[0], 7), other.begin(books[1], 7))
            open_ += [person_key(attempt.phone) for attempt in (*mine, *theirs)]
        assert len(open_) == len(set(open_)) == 24
        # What ended, ended for both: no one of them is called within the day by the other one.
        for campaign, book in ((one, books[0]), (other, books[1])):
            rows = [row for row in await campaign.attempts() if row.campaign == campaign.name]
            async with campaign.database.write(campaign.name) as db:
                mine_ = update(attempts).where(attempts.c.id.in_([row.id for row in rows]))
                now = database.now()
                await db.execute(mine_.values(state="placed", call_id="c-" + attempts.c.phone))
                await db.execute(mine_.values(state="ended", over_at=now, ended_at=now, outcome="answered"))
            assert await campaign.begin(book) == []
        assert await one.begin(books[0]) == await other.begin(books[1]) == []


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_lost_call_keeps_the_person_from_every_spelling_and_number(
    database: Database, one: str, other: str
) -> None:
    """It is unknown whether a call was placed; and the person has another number, known from a file."""
    home = "+442079460001"
    both = (person(one, columns={"contact_id": "7"}), person(home, columns={"contact_id": "7"}))
    await Campaign(database, name="file").take_in(*both)
    first = Campaign(database, name="first")
    await first.take_in(person(other))
    await first.lost(await first.runner(), person_key(other))
    for name, phone in (("second", one), ("third", home), ("fourth", other)):
        campaign = Campaign(database, name=name)
        await campaign.take_in(person(phone))
        assert await campaign.begin(await campaign.runner()) == []


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_newer_file_in_another_spelling_holds_the_same_lead(
    database: Database, one: str, other: str
) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(other, name="old"))
    await campaign.take_in(person(one, name="new"))
    (row,) = (await campaign.leads()).values()
    assert (row.destination, row.name) == (one, "new")


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_list_forbids_every_spelling(database: Database, one: str, other: str) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(one))
    await campaign.book.forbid([other, one])
    assert await campaign.begin(await campaign.runner()) == []
    assert (await campaign.leads())[person_key(one)].reason == "do_not_call"


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_who_is_forgotten_in_one_spelling_is_forgotten_in_the_other(
    database: Database, one: str, other: str
) -> None:
    incoming = Incoming(database)
    book = await incoming.campaign.runner()
    await incoming.campaign.placed(book, "call-1", one)
    await incoming.receive(report("call-1", other))
    erased = await forget(database, other)
    assert (erased.leads, erased.attempts, erased.reports) == (1, 1, 1)
    await incoming.campaign.take_in(person(one))
    assert await incoming.campaign.begin(book) == []
    assert await find_caller(database, one) is None


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_report_in_another_spelling_finds_its_attempt_by_number(
    database: Database, one: str, other: str
) -> None:
    incoming = Incoming(database)
    book = await incoming.campaign.runner()
    await incoming.campaign.lost(book, one)
    spelled = f"{other[:3]} {other[3:]}"
    await incoming.store(report("call-9", spelled))
    assert (await incoming.settle())[0] == 1
    assert (await incoming.campaign.attempt()).call_id == "call-9"
    found = await find_caller(database, spelled)
    assert found is not None
    assert found.campaign == incoming.campaign.name
