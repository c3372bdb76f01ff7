"""A person who opted out, or was forgotten, is never called by any campaign; of the latter nothing is kept."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, update

from flireo_flows.ledger import Answer, AttemptBook, Database, Expectations, Inbox
from flireo_flows.ledger.campaigns import DeclinedError
from flireo_flows.ledger.erasure import (
    Forgotten,
    ReportOf,
    forget,
    is_pseudonym,
    of_forgotten_in,
)
from flireo_flows.ledger.schema import attempts, decisions, do_not_call, inbox, leads, metadata
from flireo_flows.ledger.suppressions import (
    CHUNK,
    Suppressions,
    digest,
    forgotten_in,
    suppress_in,
    suppressed_in,
    suppression_in,
)
from flireo_flows.lifecycle.states import AttemptEvent, Reason
from tests.support.calling.campaign import ANNA, BEN, CARLA, FREE, Campaign, people, person
from tests.support.calling.incoming import report

SECRET = "Anna-of-the-tests"  # stands wherever something of a person may stand


async def test_a_suppressed_person_is_skipped_in_every_campaign_at_once(database: Database) -> None:
    campaigns = [Campaign(database, name=name) for name in ("one", "another")]
    for campaign in campaigns:
        await campaign.take_in(person(ANNA), person(BEN))
    assert await Suppressions(database).suppress([ANNA], "asked by letter") == 1
    for campaign in campaigns:
        rows = await campaign.leads()
        assert (rows[ANNA].state, rows[ANNA].reason) == ("skipped", "do_not_call")
        assert rows[BEN].state == "waiting"
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA, BEN]) == {ANNA: "person"}


async def test_who_is_suppressed_is_called_in_no_campaign_that_begins_later(database: Database) -> None:
    await Suppressions(database).suppress([ANNA], "asked by letter")
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA), person(BEN))
    begun = await campaign.begin(await campaign.runner())
    assert [attempt.phone for attempt in begun] == [BEN]
    assert (await campaign.lead()).reason == "do_not_call"
    await Suppressions(database).lift(ANNA)
    await campaign.take_in(person(ANNA), person(BEN))
    begun = await campaign.begin(await campaign.runner())
    assert [attempt.phone for attempt in begun] == [ANNA]


async def test_saying_it_twice_keeps_the_first_time(database: Database) -> None:
    suppressions = Suppressions(database)
    async with database.write() as db:
        await suppress_in(db, database, [ANNA], "outcome", "said no", "spring", 1_000.0)
        await suppress_in(db, database, [ANNA], "analysis", "said no again", "autumn", 2_000.0)
    assert await suppressions.suppress([ANNA, ANNA, BEN], "asked") == 1
    anna, ben = await suppressions.listed()
    assert (anna.source, anna.reason, anna.campaign, anna.at) == ("outcome", "said no", "spring", 1_000.0)
    assert (ben.source, ben.campaign) == ("person", "")
    assert ANNA not in repr(anna)


async def test_a_list_of_any_length_is_suppressed(database: Database) -> None:
    phones = [f"+4420794{number:05d}" for number in range(CHUNK + 1)]
    assert await Suppressions(database).suppress(phones, "list") == len(phones)
    async with database.read() as db:
        assert len(await suppressed_in(db, database, phones)) == len(phones)


async def test_a_call_under_way_is_not_touched_by_a_suppression(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.placed(await campaign.runner())
    await Suppressions(database).suppress([ANNA], "asked")
    assert (await campaign.lead()).state == "calling"
    assert (await campaign.attempt()).state == "placed"


@pytest.mark.postgres
async def test_a_lead_that_another_runner_holds_does_not_make_a_suppression_wait(postgres_url: str) -> None:
    """On PostgreSQL alone: SQLite has one writer."""
    async with await Database.open(postgres_url) as database:
        await Campaign(database).take_in(person(ANNA))
        async with database.engine.begin() as db:
            await db.execute(select(leads).with_for_update())
            assert await Suppressions(database).suppress([ANNA], "asked") == 1
        async with database.read() as db:
            assert await suppressed_in(db, database, [ANNA]) == {ANNA: "person"}


async def test_two_campaigns_that_learn_of_the_same_people_in_another_order_do_not_wait_for_ever(
    database: Database,
) -> None:
    async def learn(campaign: str, *phones: str) -> None:
        async with database.write(campaign) as db:
            for phone in phones:
                await suppress_in(db, database, [phone], "outcome", "said no", campaign, database.now())
                await asyncio.sleep(0.05)  # the other one begins meanwhile

    await asyncio.gather(learn("one", ANNA, BEN), learn("another", BEN, ANNA))
    assert len(await Suppressions(database).listed()) == 2


async def test_a_lifted_suppression_is_gone_and_one_that_is_not_there_is_named_masked(
    local: Database,
) -> None:
    suppressions = Suppressions(local)
    await suppressions.suppress([ANNA], "a slip of the pen")
    assert (await suppressions.lift(ANNA)).reason == "a slip of the pen"
    assert await suppressions.listed() == []
    with pytest.raises(DeclinedError, match="is not suppressed") as refused:
        await suppressions.lift(ANNA)
    assert ANNA not in str(refused.value)


async def test_who_was_forgotten_is_only_lifted_when_that_is_reported(local: Database) -> None:
    suppressions = Suppressions(local)
    await forget(local, ANNA)
    with pytest.raises(DeclinedError, match="--even-forgotten") as refused:
        await suppressions.lift(ANNA)
    assert ANNA not in str(refused.value)
    await suppressions.lift(ANNA, even_forgotten=True)
    assert await suppressions.listed() == []


def test_a_digest_needs_the_key_of_the_ledger() -> None:
    assert digest(b"one", ANNA) == digest(b"one", ANNA) != digest(b"another", ANNA)
    assert len(digest(b"one", ANNA)) == 64


async def test_the_key_of_a_ledger_stays_and_is_its_own(
    ledger_url: str, database: Database, local: Database
) -> None:
    async with await Database.open(ledger_url) as again:
        assert again.key == database.key
    if not database.is_sqlite:
        assert local.key != database.key
    assert len(database.key) >= 32


async def _known(campaign: Campaign, phone: str = ANNA) -> AttemptBook:
    """A person that everything is known about: called, reported, analysed, decided."""
    database = campaign.database
    book = await campaign.runner()
    await campaign.take_in(
        person(phone, name=SECRET, columns={"note": SECRET}, zones=("Europe/London",), line=2), person(BEN)
    )
    begun = {attempt.phone: attempt for attempt in await campaign.begin(book)}
    call_id = f"{campaign.name}-_{phone}"
    await campaign.record(
        book,
        Answer(begun[phone], AttemptEvent.ACCEPTED, call_id=call_id),
        Answer(begun[BEN], AttemptEvent.ACCEPTED, call_id=f"{campaign.name}-2"),
    )
    reported = {
        "state": "ended",
        "outcome": "answered",
        "summary": SECRET,
        "analysis": json.dumps({"said": SECRET}),
        "messages": json.dumps([SECRET]),
        "recording_url": f"https://recordings.example/{SECRET}",
        "error": SECRET,
        "end_reason": SECRET,
        "detail": SECRET,
        "complete": True,
    }
    known = Inbox(database)
    await known.store(_body(call_id, phone))
    await known.store(_body(call_id, ""))
    await known.store(f'{{"type": "nonsense", "to": "{phone}", "name": "{SECRET}"}}'.encode())
    await known.store(_body("of-somebody-else", CARLA, "Carla"))
    async with database.write(campaign.name) as db:
        mine = attempts.c.id == begun[phone].id
        await db.execute(update(attempts).where(mine).values(reported))
        others = attempts.c.id == begun[BEN].id
        await db.execute(update(attempts).where(others).values(state="ended", complete=True))
        finished = {"state": "done", "outcome": "answered", "attempts": 1, "detail": SECRET}
        of_lead = leads.c.id == begun[phone].lead_id
        await db.execute(
            update(leads).where(of_lead).values({**finished, "wishes": json.dumps({"client": SECRET})})
        )
        await db.execute(insert(do_not_call).values(campaign=campaign.name, phone=phone))
        decided = {
            "campaign": campaign.name,
            "phone": phone,
            "lead_id": begun[phone].lead_id,
            "allowed": True,
            "rule": "",
            "inputs": json.dumps({"zones": [SECRET]}),
            "first_at": 1.0,
            "last_at": 1.0,
        }
        await db.execute(insert(decisions).values(decided))
    return book


def _body(call_id: str, phone: str, said: str = SECRET) -> bytes:
    return report(call_id, phone, summary=said)


async def _everything(database: Database) -> str:
    """All that stands in the ledger."""
    async with database.read() as db:
        # As tuples: a row's own repr leaves the middle of long values out.
        rows = [
            tuple(row) for table in metadata.sorted_tables for row in (await db.execute(select(table))).all()
        ]
    return repr(rows)


async def test_nothing_stays_of_who_is_forgotten_but_a_digest(database: Database) -> None:
    one, another = (Campaign(database, name=name, policy=FREE) for name in ("one", "another"))
    for campaign in (one, another):
        await _known(campaign)
    before = await _everything(database)
    assert SECRET in before and ANNA in before
    erased = await forget(database, ANNA)
    assert (erased.leads, erased.attempts, erased.decisions) == (2, 2, 4)
    assert erased.reports == 5  # two of each campaign's call, and one that no one could read
    after = await _everything(database)
    assert SECRET not in after
    assert ANNA.lstrip("+") not in after
    assert BEN in after
    assert "Carla" in after
    for campaign in (one, another):
        lead = next(row for phone, row in (await campaign.leads()).items() if is_pseudonym(phone))
        assert (lead.state, lead.outcome, lead.attempts, lead.zones) == ("done", "answered", 1, "")
        row = next(row for row in await campaign.attempts() if row.phone == lead.phone)
        assert (row.state, row.outcome, row.analysis) == ("ended", "answered", None)
    async with database.read() as db:
        assert await forgotten_in(db, database, [ANNA, BEN, lead.phone]) == {ANNA, lead.phone}
    assert await forget(database, ANNA) == Forgotten(0, 0, 0, 0)


async def test_what_is_erased_does_not_stay_in_the_file(tmp_path: Path) -> None:
    # In SQLite a deleted row stays on its page, and every page as it was in the log.
    async with await Database.open(f"sqlite:///{tmp_path}/ledger.db") as database:
        await _known(Campaign(database))
        assert SECRET.encode() in _bytes(tmp_path)
        await forget(database, ANNA)
        assert SECRET.encode() not in _bytes(tmp_path)
        assert ANNA.lstrip("+").encode() not in _bytes(tmp_path)
        assert BEN.encode() in _bytes(tmp_path)


def _bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("ledger.db*"))


@pytest.mark.parametrize("state", ["sending", "unknown", "placed"])
async def test_no_one_is_forgotten_in_the_middle_of_a_call_but_is_suppressed_at_once(
    database: Database, state: str
) -> None:
    campaign, other = Campaign(database), Campaign(database, name="other")
    await other.take_in(person(ANNA, name=SECRET))
    book = await campaign.runner()
    await campaign.take_in(person(ANNA, name=SECRET))
    (attempt,) = await campaign.begin(book)
    if state == "placed":
        await campaign.record(book, Answer(attempt, AttemptEvent.ACCEPTED, call_id="call-1"))
    if state == "unknown":
        await campaign.record(book, Answer(attempt, AttemptEvent.LOST, detail="no answer"))
    with pytest.raises(DeclinedError, match=r"a call to .* is under way") as refused:
        await forget(database, ANNA)
    assert ANNA not in str(refused.value)
    assert (await campaign.attempt()).state == state
    assert (await campaign.lead()).name == SECRET
    assert (await other.lead()).state == "skipped"
    async with database.read() as db:
        assert await suppressed_in(db, database, [ANNA]) == {ANNA: "person"}


async def test_an_attempt_left_to_a_person_does_not_keep_anyone_from_being_forgotten(
    local: Database,
) -> None:
    campaign = Campaign(local)
    book = await campaign.runner()
    attempt = await campaign.lost(book)
    await campaign.unknown.review(attempt, Reason.SEVERAL_CALLS, "2")
    assert (await forget(local, ANNA)).attempts == 1
    row = await campaign.attempt()
    assert (row.state, is_pseudonym(row.phone)) == ("unknown", True)


async def test_who_is_forgotten_waits_in_no_file_any_more(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(ANNA), person(BEN))
    batch = campaign.batch
    await forget(database, ANNA)
    (anna,) = [row for phone, row in (await campaign.leads()).items() if is_pseudonym(phone)]
    assert (anna.state, anna.reason) == ("skipped", "do_not_call")
    assert (await campaign.book.outlook(batch, database.now())).total == 1
    begun = await campaign.begin(await campaign.runner())
    assert [attempt.phone for attempt in begun] == [BEN]


async def test_who_is_forgotten_twice_has_two_pseudonyms(local: Database) -> None:
    campaign = Campaign(local)
    await campaign.take_in(person(ANNA))
    await forget(local, ANNA)
    await Suppressions(local).lift(ANNA, even_forgotten=True)
    await campaign.take_in(person(ANNA))
    await forget(local, ANNA)
    assert [is_pseudonym(phone) for phone in await campaign.leads()] == [True, True]


async def test_a_number_no_one_knows_is_forgotten_and_never_called(local: Database) -> None:
    assert await forget(local, ANNA) == Forgotten(0, 0, 0, 0)
    async with local.read() as db:
        found = await suppression_in(db, local, ANNA)
        assert found is not None
        assert (found.source, found.phone, found.reason) == ("forgotten", "", "")


SPELLINGS = [
    ANNA,
    ANNA[1:],
    f"00{ANNA[1:]}",
    f"{ANNA[:3]} {ANNA[3:7]}-{ANNA[7:]}",
    f"({ANNA[:3]}) {ANNA[3:]}",
]


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_report_of_no_attempt_is_erased_however_it_spells_the_number(
    database: Database, spelled: str
) -> None:
    # A person rang us: no attempt owns the call.
    await Inbox(database).store(_body("call-in", spelled))
    await Inbox(database).store(_body("call-of-another", BEN, "Ben said so"))
    assert (await forget(database, ANNA)).reports == 1
    assert SECRET not in await _everything(database)
    assert "Ben said so" in await _everything(database)
    await Inbox(database).store(_body("call-in-later", spelled))  # nor is what comes later kept
    assert SECRET not in await _everything(database)


async def test_a_late_report_is_known_as_of_a_forgotten_person(database: Database) -> None:
    campaign = Campaign(database)
    await _known(campaign)
    reference = next(row.reference for row in await campaign.attempts() if row.phone == ANNA)
    await forget(database, ANNA)
    async with database.read() as db:

        async def known(phone: str, call_id: str, reference: str = "") -> bool:
            named = ReportOf(phone, call_id, reference)
            return bool(await db.run_sync(of_forgotten_in, database.key, [named]))

        assert await known(ANNA, "a-new-call")
        assert await known("", f"campaign-_{ANNA}")
        assert await known("", "another-id", reference)
        assert not await known("", "")
        assert not await known(BEN, "campaign-2")


async def test_neither_a_late_report_nor_the_next_file_brings_anything_back(database: Database) -> None:
    campaign = Campaign(database)
    book = await _known(campaign)
    await forget(database, ANNA)
    late = Inbox(database)
    await late.store(_body("another-id", ANNA))
    await late.store(_body(f"campaign-_{ANNA}", ""))
    await late.apply(campaign.name, campaign.policy, Expectations())
    await campaign.take_in(person(ANNA, name=SECRET, columns={"note": SECRET}), person(BEN))
    await campaign.book.forbid({ANNA, CARLA})
    assert await campaign.begin(book) == []
    everything = await _everything(database)
    assert SECRET not in everything
    assert ANNA.lstrip("+") not in everything


def _rows(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)


async def test_forgetting_one_leaves_everybody_else_as_they_were(local: Database) -> None:
    campaign = Campaign(local)
    await campaign.take_in(*people(20), person(ANNA))
    before = {phone: _rows(row) for phone, row in (await campaign.leads()).items() if phone != ANNA}
    await forget(local, ANNA)
    after = {phone: _rows(row) for phone, row in (await campaign.leads()).items() if not is_pseudonym(phone)}
    assert after == before


async def test_the_inbox_keeps_its_count_of_what_came(database: Database) -> None:
    await _known(Campaign(database))
    await forget(database, ANNA)
    async with database.read() as db:
        states = (await db.execute(select(inbox.c.state, inbox.c.reason).order_by(inbox.c.id))).all()
    assert [tuple(row) for row in states] == [
        ("applied", "erased"),
        ("applied", "erased"),
        ("unreadable", "erased"),
        ("waiting", ""),
    ]
