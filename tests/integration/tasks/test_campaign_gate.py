"""`FlireoCampaignJob` with a ledger: no number that the ledger denies reaches a campaign of Flireo's."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import update

from flireo_flows import CallLedger, FlireoCampaignJob, FlireoCredentials
from flireo_flows.api.campaign_lookup import Which
from flireo_flows.api.campaigns import CampaignLead, NewCampaignLead
from flireo_flows.api.client import Account, FlireoClient
from flireo_flows.api.operation import Operation
from flireo_flows.api.procedure import run_procedure
from flireo_flows.blocks import CampaignRefusedError, OnBlocked
from flireo_flows.blocks import campaign_decisions as work
from flireo_flows.blocks.campaign_gate import gate_of
from flireo_flows.leads import Consent, Wishes
from flireo_flows.ledger import Answer, Database, LedgerError, NoLedgerError
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.schema import attempts
from flireo_flows.ledger.suppressions import Suppressions, suppress_in
from flireo_flows.lifecycle.states import AttemptEvent
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import Campaign, person
from tests.support.postgres import Postgres
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, run_sandbox

T = TypeVar("T")
Act = Callable[[Database], Awaitable[object]]
ALL_DAY = {"schedule_start_time": "00:00", "schedule_end_time": "23:59:59", "timezone": "Europe/Amsterdam"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> CallLedger:
    """A ledger that no one used yet."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new_ledger()
    block = CallLedger(url=SecretStr(url))
    in_ledger(block, nothing)
    return block


@pytest.fixture
def local(tmp_path: Path) -> CallLedger:
    """A ledger, where its kind does not matter."""
    block = CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    in_ledger(block, nothing)
    return block


def in_ledger(ledger: CallLedger, work: Callable[[Database], Awaitable[T]]) -> T:
    async def do() -> T:
        async with await Database.open(ledger.database_url()) as database:
            return await work(database)

    return asyncio.run(do())


def job_at(sandbox: RunningSandbox, ledger: CallLedger | None, **changes: Any) -> FlireoCampaignJob:
    """A job named `spring` that may call at any hour."""
    credentials = FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url)
    named = {"name": "spring", "agent_id": "demo-agent", **ALL_DAY}
    return FlireoCampaignJob(credentials=credentials, ledger=ledger, **{**named, **changes})


def leads(*phones: str) -> list[NewCampaignLead]:
    return [NewCampaignLead(phone_number=phone, variables={"name": "Sam"}) for phone in phones]


def there(sandbox: RunningSandbox) -> list[str]:
    """The numbers in Flireo's campaigns."""
    made = sandbox.api.get("/campaigns").json()["campaigns"]
    found = [sandbox.api.get(f"/campaigns/{one['id']}/leads").json()["leads"] for one in made]
    return [lead["phone_number"] for each in found for lead in each]


# What bars Ben, each from a campaign of the ledger that has nothing to do with Flireo's.


async def nothing(_: Database) -> None:
    """No one is barred."""


async def suppressed(database: Database) -> None:
    await Suppressions(database).suppress([BEN], "asked by letter")


async def learnt(database: Database) -> None:
    async with database.write() as db:
        await suppress_in(db, database, [BEN], "outcome", "rejected", "autumn", database.now())


async def answered_no(database: Database) -> None:
    async with database.write() as db:
        await suppress_in(db, database, [BEN], "analysis", "wants_no_calls", "autumn", database.now())


async def forgotten(database: Database) -> None:
    await Campaign(database).take_in(person(BEN))
    await forget(database, BEN)


async def forgotten_stranger(database: Database) -> None:
    await forget(database, BEN)


async def on_a_list(database: Database) -> None:
    await Campaign(database, name="autumn").book.forbid([BEN])


async def opted_out(database: Database) -> None:
    await Campaign(database).take_in(person(BEN, wishes=Wishes(consent=Consent(given=False))))


async def opted_out_in_one_of_two(database: Database) -> None:
    await opted_out(database)
    newer = Campaign(database, name="newer")
    await newer.take_in(person(BEN, wishes=Wishes(consent=Consent(given=True))))


async def being_sent(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(BEN))
    assert len(await campaign.begin(await campaign.runner())) == 1


async def on_the_phone(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.placed(await campaign.runner(), phone=BEN)


async def over_without_its_result(database: Database) -> None:
    """What was said is not known yet: perhaps no more calls."""
    await on_the_phone(database)
    async with database.write() as db:
        await db.execute(update(attempts).values(over_at=database.now()))


async def waiting_for_lookup(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.lost(await campaign.runner(), BEN)


async def lost_long_ago(database: Database) -> None:
    await waiting_for_lookup(database)
    await Campaign(database).age(30 * 86_400)


BARRED: tuple[tuple[Act, str], ...] = (
    (suppressed, "suppressed"),
    (learnt, "suppressed, as a call taught"),
    (answered_no, "suppressed, as a call taught"),
    (forgotten, "its person was forgotten"),
    (forgotten_stranger, "its person was forgotten"),
    (on_a_list, "it stands on a campaign's do-not-call list"),
    (opted_out, "its row in a file said no"),
    (opted_out_in_one_of_two, "its row in a file said no"),
    (being_sent, "a call to it is under way, or its result is not in yet"),
    (on_the_phone, "a call to it is under way, or its result is not in yet"),
    (over_without_its_result, "a call to it is under way, or its result is not in yet"),
    (waiting_for_lookup, "a call to it is under way, or its result is not in yet"),
    (lost_long_ago, "a call to it is under way, or its result is not in yet"),
)
EACH = pytest.mark.parametrize(("act", "why"), BARRED, ids=[act.__name__ for act, _ in BARRED])


@EACH
def test_a_campaign_is_not_made_with_someone_whom_no_one_may_call(
    sandbox: RunningSandbox, ledger: CallLedger, act: Act, why: str
) -> None:
    in_ledger(ledger, act)
    job = job_at(sandbox, ledger)
    with pytest.raises(CampaignRefusedError) as refused:
        job.add_leads(leads(ANNA, BEN, CARLA))
    assert str(refused.value).startswith(f"1 of 3 numbers must not be called: +44********02 ({why})")
    assert sandbox.requests() == {}  # not even a campaign was made


@EACH
def test_who_must_not_be_called_is_left_out_and_it_is_said(
    sandbox: RunningSandbox, local: CallLedger, act: Act, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    in_ledger(local, act)
    job = job_at(sandbox, local, on_blocked="skip")
    with caplog.at_level(logging.INFO):
        added = job.add_leads(leads(ANNA, BEN, CARLA))
        more = job.add_leads(leads(BEN), "allow")  # that allows a second lead, and no call that must not be
    assert [lead.phone_number for lead in added] == there(sandbox) == [ANNA, CARLA]
    assert more == []
    assert f"left out: 1 of 3 numbers must not be called: +44********02 ({why})" in caplog.text
    assert BEN not in caplog.text and BEN[3:] not in caplog.text


@EACH
def test_no_one_is_added_to_a_campaign_that_is_there(
    sandbox: RunningSandbox, local: CallLedger, act: Act, why: str
) -> None:
    job = job_at(sandbox, local)
    job.add_leads(leads(ANNA))
    in_ledger(local, act)
    with pytest.raises(CampaignRefusedError, match="must not be called"):
        asyncio.run(job.aadd_leads(leads(CARLA, BEN)))
    assert there(sandbox) == [ANNA]


@EACH
def test_a_campaign_is_not_started_with_someone_who_said_no_since(
    sandbox: RunningSandbox, local: CallLedger, act: Act, why: str
) -> None:
    job = job_at(sandbox, local)
    job.add_leads(leads(ANNA, BEN))
    in_ledger(local, act)
    for start in (job.trigger, job.start, lambda: job.trigger("allow"), lambda: asyncio.run(job.atrigger())):
        with pytest.raises(CampaignRefusedError, match=r"remove them from the campaign; nothing was started"):
            start()
    assert sandbox.api.get("/campaigns").json()["campaigns"][0]["status"] == "draft"
    assert sandbox.placed_calls() == []


def test_a_paused_campaign_is_not_resumed_with_someone_who_said_no_since(local: CallLedger) -> None:
    # Calls last as long as real ones.
    slow = SandboxSettings(rate_limit=0, outcomes={phone: ("answered",) for phone in (ANNA, BEN, CARLA)})
    with run_sandbox(slow) as sandbox:
        job = job_at(sandbox, local)
        job.add_leads(leads(ANNA, CARLA, BEN))
        job.trigger()
        job.pause()
        waiting = [lead for lead in _leads(sandbox) if not lead.is_over]
        assert waiting
        number = waiting[-1].phone_number
        in_ledger(local, lambda database: Suppressions(database).suppress([number], ""))
        with pytest.raises(CampaignRefusedError, match="must not be called"):
            job.resume()
        in_ledger(local, lambda database: Suppressions(database).lift(number))
        assert job.resume().status == "scheduled"


def _leads(sandbox: RunningSandbox) -> list[CampaignLead]:
    (campaign,) = sandbox.api.get("/campaigns").json()["campaigns"]
    rows = sandbox.api.get(f"/campaigns/{campaign['id']}/leads").json()["leads"]
    return [CampaignLead.model_validate(row) for row in rows]


# Who is not barred.


async def ended(database: Database) -> None:
    await on_the_phone(database)
    async with database.write() as db:
        await db.execute(update(attempts).values(state="ended", over_at=database.now(), outcome="answered"))


async def not_placed(database: Database) -> None:
    campaign = Campaign(database)
    await campaign.take_in(person(BEN))
    book = await campaign.runner()
    (attempt,) = await campaign.begin(book)
    await campaign.record(book, Answer(attempt, AttemptEvent.REFUSED, detail="429"))


async def waiting_for_a_call(database: Database) -> None:
    await Campaign(database).take_in(person(BEN))


async def agreed(database: Database) -> None:
    await Campaign(database).take_in(person(BEN, wishes=Wishes(consent=Consent(given=True))))


async def lifted(database: Database) -> None:
    await suppressed(database)
    await Suppressions(database).lift(BEN)


async def somebody_else_said_no(database: Database) -> None:
    await Suppressions(database).suppress(["+447700900020", "+442079460002"], "")


@pytest.mark.parametrize(
    "act", [nothing, ended, not_placed, waiting_for_a_call, agreed, lifted, somebody_else_said_no]
)
def test_everyone_else_is_added(sandbox: RunningSandbox, ledger: CallLedger, act: Act) -> None:
    in_ledger(ledger, act)
    job = job_at(sandbox, ledger)
    job.add_leads(leads(ANNA, BEN))
    job.add_leads(leads(CARLA))
    assert there(sandbox) == [ANNA, BEN, CARLA]
    assert job.trigger().campaign_id


def test_without_a_ledger_none_is_asked(sandbox: RunningSandbox, local: CallLedger) -> None:
    in_ledger(local, suppressed)
    job_at(sandbox, None).add_leads(leads(BEN))
    assert there(sandbox) == [BEN]


@pytest.mark.parametrize("where", ["none/ledger.db", "none.db", ""])
def test_a_ledger_that_is_not_there_lets_no_one_through(
    sandbox: RunningSandbox, tmp_path: Path, where: str
) -> None:
    job = job_at(sandbox, CallLedger(url=SecretStr(f"sqlite:///{tmp_path / where}")))
    with pytest.raises(NoLedgerError):
        job.add_leads(leads(ANNA))
    assert sandbox.requests() == {} and not list(tmp_path.iterdir())


def test_a_ledger_that_cannot_be_read_lets_no_one_through(sandbox: RunningSandbox, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is no database, but long enough to look like one " * 40)
    with pytest.raises(LedgerError, match="file is not a database"):
        job_at(sandbox, CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))).add_leads(
            leads(ANNA)
        )
    assert sandbox.requests() == {}


@pytest.mark.parametrize("on_blocked", OnBlocked)
def test_who_says_no_while_others_are_added_is_not_added_any_more(
    sandbox: RunningSandbox, local: CallLedger, on_blocked: OnBlocked
) -> None:
    job_at(sandbox, local).add_leads(leads(ANNA))
    (made,) = sandbox.api.get("/campaigns").json()["campaigns"]
    notes: list[str] = []

    def hear(operation: Operation[Any], status: int | None) -> None:
        if operation.route == "POST /campaigns/{id}/leads":
            in_ledger(local, suppressed)

    adding = work.add_leads(
        Which(made["id"], None), leads(CARLA, BEN), work.Duplicates.REFUSE, gate_of(local, on_blocked)
    )
    with FlireoClient(Account("k", sandbox.base_url), on_sent=hear) as client:
        if on_blocked is OnBlocked.SKIP:
            assert [lead.phone_number for lead in run_procedure(adding, client, notes.append)] == [CARLA]
            assert notes == ["left out: 1 of 1 numbers must not be called: +44********02 (suppressed)"]
        else:
            with pytest.raises(CampaignRefusedError, match="must not be called"):
                run_procedure(adding, client, notes.append)
            assert notes == ["1 of 2 leads were added before it failed"]
    assert there(sandbox) == [ANNA, CARLA]


@pytest.mark.parametrize("wrong", ["allow", "Skip it", "", None])
def test_another_word_than_refuse_or_skip_is_no_setting(wrong: object, local: CallLedger) -> None:
    fields = {"name": "n", "agent_id": "a", **ALL_DAY, "ledger": local, "on_blocked": wrong}
    with pytest.raises(ValidationError):
        FlireoCampaignJob(credentials=FlireoCredentials(api_key=SecretStr("k")), **fields)


def test_a_message_names_a_few_of_many_and_masks_them(sandbox: RunningSandbox, local: CallLedger) -> None:
    many = [f"+4477009001{n:02d}" for n in range(40)]
    in_ledger(local, lambda database: Suppressions(database).suppress(many, "asked"))
    with pytest.raises(CampaignRefusedError) as refused:
        job_at(sandbox, local).add_leads(leads(ANNA, *many))
    reported = str(refused.value)
    assert reported.startswith("40 of 41 numbers must not be called: +44********00 (suppressed), ")
    assert reported.count("suppressed") == 5 and not any(phone in reported for phone in many)


SPELLINGS = [
    ("+5491123456789", "+541123456789"),
    ("+5215512345678", "+525512345678"),
    ("+551187654321", "+5511987654321"),
    ("+22997123456", "+2290197123456"),
    ("+39612345678", "+390612345678"),
]
BOTH_WAYS = [*SPELLINGS, *(pair[::-1] for pair in SPELLINGS)]


@pytest.mark.parametrize(("known", "given"), BOTH_WAYS)
def test_two_spellings_of_a_number_are_one_person(
    sandbox: RunningSandbox, ledger: CallLedger, known: str, given: str
) -> None:
    in_ledger(ledger, lambda database: Suppressions(database).suppress([known], "asked"))
    with pytest.raises(CampaignRefusedError, match="must not be called"):
        job_at(sandbox, ledger).add_leads(leads(given))
    assert sandbox.requests() == {}


@pytest.mark.parametrize(("known", "given"), BOTH_WAYS)
def test_two_spellings_of_a_number_are_not_called_twice(
    sandbox: RunningSandbox, known: str, given: str
) -> None:
    job = job_at(sandbox, None)
    with pytest.raises(CampaignRefusedError, match="is given twice"):
        job.add_leads(leads(known, given))
    job.add_leads(leads(known))
    with pytest.raises(CampaignRefusedError, match="in the campaign already"):
        job.add_leads(leads(given))
    assert job.add_leads(leads(given), "skip") == []
    assert there(sandbox) == [known]
