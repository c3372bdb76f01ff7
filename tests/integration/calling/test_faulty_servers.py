"""People are called through servers that are not quite what the contract says: no one twice, and results come in."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flireo_flows.ledger import Database, Inbox
from flireo_flows.ledger.report_matches import SETTLING_SECONDS
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import inbox
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import POLICY, Campaign, people
from tests.support.calling.sweep_stage import sweep
from tests.support.faulty.flireo import FaultyFlireo, faulty_flireo
from tests.support.faulty.server import answer
from tests.support.postgres import Postgres

pytestmark = pytest.mark.slow
COUNT = 45
SECONDS = 900.0  # against a run that never ends; on a busy machine one took over 200
HASTY = CallingPolicy.model_validate(
    {**POLICY.model_dump(), "reconcile_grace_seconds": 0.5, "poll_seconds": 0.1, "max_concurrent_calls": 20}
)


async def call_everyone(database: Database, flireo: FaultyFlireo) -> Campaign:
    """Call them, and check what must hold whatever the server does."""
    campaign = Campaign(database, flireo.url, policy=HASTY, readiness=Readiness())
    await campaign.take_in(*people(COUNT))
    ran = await campaign.run(seconds=SECONDS)
    assert not ran.timed_out
    assert set(flireo.calls_to().values()) <= {1}, "someone was called twice"
    for row in await campaign.attempts():
        said = json.loads(row.messages)[0]["content"] if row.messages else row.summary
        assert said in ("", flireo.words(row.phone)), "another person's words"
    return campaign


NewLedger = Callable[[], str]
Check = Callable[[Database, dict[str, Any]], Awaitable[None]]


@pytest.fixture
def new_local(unused: Path, tmp_path: Path) -> NewLedger:
    """Makes ledgers in files."""

    def make() -> str:
        number = len(list(tmp_path.glob("*.db")))
        return f"sqlite:///{shutil.copy(unused, tmp_path / f'{number}.db')}"

    return make


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_ledger(request: pytest.FixtureRequest) -> NewLedger:
    """Makes ledgers of one kind."""
    if request.param == "sqlite":
        made: NewLedger = request.getfixturevalue("new_local")
        return made
    server: Postgres = request.getfixturevalue("postgres")
    server.new_ledger()  # the first one makes what the others are copied from, which no event loop allows
    return server.new_ledger


async def side_by_side(make: NewLedger, each: Sequence[dict[str, Any]], check: Check) -> None:
    """Check all of them at once: each waits far more than it works."""

    async def one(case: dict[str, Any]) -> str:
        async with await Database.open(make()) as database:
            try:
                await check(database, case)
            except AssertionError as failed:
                return f"{case}: {failed}"
        return ""

    failed = await asyncio.gather(*map(one, each))
    assert not any(failed), "\n".join(filter(None, failed))


async def results(campaign: Campaign) -> tuple[int, int]:
    """How many leads have their own result, and how many need review."""
    leads = (await campaign.leads()).values()
    done = [row for row in leads if row.state == "done" and row.outcome == "answered"]
    return len(done), sum(row.state == "review" for row in leads)


SOUND: list[dict[str, Any]] = [
    {},
    {"page": 3},
    {"ignores": ("offset",), "page": 12},
    {"ignores": ("offset", "start_date"), "page": 12},
    {"ignores": ("start_date",)},
    {"ignores": ("end_date",)},
    {"ignores": ("start_date", "end_date", "limit")},
    {"direction": "OUTBOUND"},
    {"direction": "outbound_phone_call"},
    {"direction": "outboundPhoneCall"},
    {"direction": None},
    {"direction": "api"},
    {"rows_behind": 150.0},
    {"rows_behind": 4000.0},
    {"rows_behind": -150.0},
    {"rows_behind": -7200.0},
    {"filter_behind": 200.0},
    {"filter_behind": -5000.0},
    {"tells_time": False, "clock_behind": 150.0},
    {"tells_time": False, "clock_behind": 3600.0},
    {"tells_time": False, "clock_behind": -3600.0},
    {"wrong_id": 6, "whose_id": "stranger"},
    {"wrong_id": 6, "whose_id": "older"},
    {"wrong_id": 6, "whose_id": "last"},
]


async def all_have_results(database: Database, faults: dict[str, Any]) -> None:
    """Everyone is called once and has a result."""
    with faulty_flireo(**faults) as flireo:
        campaign = await call_everyone(database, flireo)
    done, review = await results(campaign)
    assert (done, review) == (COUNT, 0)


@pytest.mark.parametrize("part", range(4))
async def test_where_the_list_can_show_it_everyone_is_called_once_and_has_a_result(
    new_local: NewLedger, part: int
) -> None:
    await side_by_side(new_local, SOUND[part::4], all_have_results)


async def test_where_no_total_shows_that_the_list_reaches_back_the_first_lost_calls_need_review(
    new_local: NewLedger,
) -> None:
    without: list[dict[str, Any]] = [
        {"has_total": False},
        {"ignores": ("offset",), "page": 12, "has_total": False},
    ]
    await side_by_side(new_local, without, all_but_the_first_have_results)


async def all_but_the_first_have_results(database: Database, faults: dict[str, Any]) -> None:
    """Lost calls before any known one cannot be proved absent; everyone else has a result."""
    with faulty_flireo(**faults) as flireo:
        campaign = await call_everyone(database, flireo)
    done, review = await results(campaign)
    assert done + review == COUNT
    assert done >= COUNT - 5


DOUBTFUL: list[dict[str, Any]] = [
    {"ignores": ("offset", "end_date"), "page": 5},
    {"ignores": ("offset", "start_date", "end_date"), "page": 5, "has_total": False},
    {"ignores": ("offset", "end_date"), "page": 50, "wrong_id": 6},
    {"newest": 6, "has_total": False},
    {"replicas": (0.0, 1.0)},
    {"replicas": (0.0, 8.0)},
    {"replicas": (20.0,)},
    {"vanishing": 0.2},
    {"list_answer": answer(200, {"calls": [], "pagination": {"total": 0}})},
    {"list_answer": answer(200, {"calls": [], "pagination": {"total": 12}})},
    {"list_answer": answer(200, {})},
    {"list_answer": answer(200, "")},
    {"list_answer": answer(200, {"calls": {}})},
    {"list_answer": answer(200, {"calls": ""})},
    # Any call of a list that shows no numbers may be the lost one.
    *({"shows_number": False, **more} for more in ({}, {"drops": 0}, {"page": 7}, {"direction": None})),
]


async def test_where_the_list_cannot_show_it_no_one_is_called_twice_and_calls_are_asked_for_by_id(
    new_local: NewLedger,
) -> None:
    await side_by_side(new_local, DOUBTFUL, all_answered_have_results)


async def all_answered_have_results(database: Database, faults: dict[str, Any]) -> None:
    """No one is called twice, and those whose call id came in an answer have a result."""
    with faulty_flireo(**faults) as flireo:
        campaign = await call_everyone(database, flireo)
    done, _ = await results(campaign)
    answered = [row for row in await campaign.attempts() if row.id_source == "answer"]
    assert COUNT * 0.6 <= len(answered) < COUNT
    assert done >= len(answered)
    if not flireo.faults.shows_number:
        called = {row.phone for row in answered}
        states = {phone: row.state for phone, row in (await campaign.leads()).items()}
        assert states == {phone: "done" if phone in called else "review" for phone in states}


async def test_on_both_databases(new_ledger: NewLedger) -> None:
    some: list[dict[str, Any]] = [{}, {"rows_behind": 4000.0}, {"wrong_id": 6}, {"direction": "OUTBOUND"}]
    await side_by_side(new_ledger, some, all_have_results)


async def deliver(database: Database, flireo: FaultyFlireo, late: float) -> None:
    """Have webhooks come in, some of them late."""
    while True:
        reports = flireo.due_reports()
        await asyncio.sleep(late)
        for body in reports:
            await Inbox(database).store(body)


async def campaign_inbox(database: Database) -> list[str]:
    """Digests of the reports that came."""
    async with database.read() as db:
        return list((await db.execute(select(inbox.c.digest))).scalars())


async def test_webhooks_with_other_ids_lose_no_analysis(new_ledger: NewLedger) -> None:
    each = [{"down": down, "late": late} for down in (False, True) for late in (0.1, 3.0)]
    await side_by_side(new_ledger, each, all_have_analyses)


async def all_have_analyses(database: Database, case: dict[str, Any]) -> None:
    """The list has no analysis; every other second the run is stopped, and another one goes on."""
    answers, late = (answer(200, {"calls": {}}) if case["down"] else None), case["late"]
    with faulty_flireo(webhook_ids=True, list_answer=answers, drops=0) as flireo:
        campaign = Campaign(database, flireo.url, policy=HASTY, readiness=Readiness())
        await campaign.take_in(*people(COUNT))
        delivery = asyncio.create_task(deliver(database, flireo, late))
        for seconds in (1.0, 2.0, 3.0, SECONDS):
            ran = await campaign.run(seconds=seconds)
        assert not ran.timed_out
        while len(await campaign_inbox(database)) < len(flireo.placed):  # noqa: ASYNC110 - another task stores them
            await asyncio.sleep(0.1)
        delivery.cancel()
        await asyncio.sleep(SETTLING_SECONDS)
        await sweep(campaign)
    assert set(flireo.calls_to().values()) == {1}
    analyses = {row.phone: row.analysis for row in await campaign.attempts()}
    assert analyses == {phone: json.dumps({"of": phone[-4:]}) for phone in flireo.calls_to()}
