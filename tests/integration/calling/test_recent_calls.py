"""A new ledger reads the account's calls of the last seven days before it calls anyone, or calls no one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flireo_flows.api.fields import iso
from flireo_flows.api.identity import name_key
from flireo_flows.calling.engine import RunResult, RunSettings, run_campaign
from flireo_flows.calling.preflight import MOST_REQUESTS, RecentCallsUnreadError
from flireo_flows.calling.run_loop import Until
from flireo_flows.ledger import Database
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.past import read_past
from flireo_flows.ledger.run_rules import Readiness, account_read, fingerprint
from flireo_flows.policy import CallingPolicy, OtherCampaigns
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import ANNA, BEN, CALLER, CARLA, POLICY, Campaign, people, person
from tests.support.faulty.flireo import Placed, faulty_flireo
from tests.support.faulty.server import Act, answer, garbage, lost, page
from tests.support.postgres import Postgres
from tests.support.sandbox.running import RunningSandbox, run_sandbox

OFF = POLICY.model_copy(update={"other_campaigns": OtherCampaigns(min_gap_hours=0, max_calls=0)})
NewLedger = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> NewLedger:
    """URLs of ledgers that do not exist yet."""
    if request.param == "sqlite":
        names = iter(range(9))
        return lambda: f"sqlite:///{tmp_path / f'ledger-{next(names)}.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh_database


async def run(
    database: Database,
    base_url: str,
    *phones: str,
    name: str = "spring",
    policy: CallingPolicy = POLICY,
    seconds: float = 60,
    until: Until = Until.FINISHED,
    **fields: Any,
) -> RunResult:
    """Run a campaign as a command does, without looking at the account's agents."""
    campaign = Campaign(database, base_url, name=name)
    await campaign.take_in(*(person(phone) for phone in phones))
    engine = RunSettings(
        database.campaign(name),
        campaign.account,
        campaign.batch,
        CALLER,
        policy,
        readiness=Readiness(),
        **fields,
    )
    return await run_campaign(engine, until, database.now() + seconds)


def called(sandbox: RunningSandbox) -> list[str]:
    return sorted(ring["destination"] for ring in sandbox.placed_calls())


async def test_a_ledger_that_was_lost_leads_to_no_second_call(new_ledger: NewLedger) -> None:
    with run_sandbox() as sandbox:
        for spelling in ("spring", "Spring ", "spring", "autumn", "sp\u200bring"):
            async with await Database.open(new_ledger()) as database:
                ran = await run(database, sandbox.base_url, ANNA, BEN, CARLA, name=spelling)
                campaign = Campaign(database, name=spelling)
                leads = await campaign.leads()
                if spelling != "spring":
                    assert {lead.reason for lead in leads.values()} == {"other_campaigns"}
                    assert ran.left.next_at is not None
            assert called(sandbox) == [ANNA, BEN, CARLA], name_key(spelling)


async def test_calls_from_the_dashboard_count_and_inbound_ones_do_not(new_ledger: NewLedger) -> None:
    with run_sandbox() as sandbox:
        sandbox.finished(ANNA)
        sandbox.call_in(BEN)
        async with await Database.open(new_ledger()) as database:
            await run(database, sandbox.base_url, ANNA, BEN, CARLA)
        assert called(sandbox) == [ANNA, BEN, CARLA]


@pytest.mark.parametrize(
    ("direction", "is_called"),
    [
        ("outbound", False),
        ("OUTBOUND", False),
        ("outbound_phone_call", False),
        (None, False),
        ("dashboard", False),
        ("inbound", True),
    ],
)
async def test_only_an_explicit_inbound_call_is_none_of_ours(
    local: Database, direction: str | None, is_called: bool
) -> None:
    with bad_line() as line:
        line.place(ANNA, direction=direction, status="ended")
        await run(local, line.url, ANNA, until=Until.DIALLED)
    assert line.posts == ([ANNA] if is_called else [])


@pytest.mark.parametrize(
    "written",
    [ANNA, ANNA.removeprefix("+"), "0044 7700 900001", "(07700) 900-001", "07700900001", "+44 7700 900001"],
)
async def test_a_number_is_known_however_the_list_writes_it(local: Database, written: str) -> None:
    with bad_line() as line:
        line.place(ANNA, caller_phone=written, status="ended")
        await run(local, line.url, ANNA, BEN, until=Until.DIALLED)
    assert line.posts == [BEN]


UNREADABLE: dict[str, Act] = {
    "no list": answer(200, {}),
    "an empty text": answer(200, ""),
    "an object": answer(200, {"calls": {}}),
    "a text": answer(200, {"calls": ""}),
    "an error in a success": answer(200, {"error": "down"}),
    "a list of texts": answer(200, {"calls": ["call-1"]}),
    "null": answer(200, None),
    "empty with a total": answer(200, {"calls": [], "pagination": {"total": 12}}),
    "empty with a total beside it": answer(200, {"calls": [], "total": 1}),
    "a page of a gateway": page(200),
    "400": answer(400),
    "404": answer(404),
    "bytes that are no HTTP": garbage(),
    "no answer": lost(),
}


@pytest.mark.parametrize("act", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_where_the_list_cannot_be_read_no_one_is_called_yet(local: Database, act: Act) -> None:
    with bad_line(lists=act) as line:
        with pytest.raises(RecentCallsUnreadError, match="so no one is called yet"):
            await run(local, line.url, ANNA, BEN)
        assert line.posts == []
        line.lists = None
        await run(local, line.url, ANNA, until=Until.DIALLED)
        assert line.posts == [ANNA]


@pytest.mark.parametrize(
    ("faults", "is_whole"),
    [
        ({"ignores": ("offset", "end_date")}, False),
        ({"ignores": ("offset", "end_date"), "has_total": False}, False),
        ({"ignores": ("offset", "start_date", "end_date")}, False),
        ({"ignores": ("offset",)}, True),
        ({"ignores": ("offset",), "has_total": False}, True),
        ({"ignores": ("start_date", "end_date")}, True),
        ({"has_total": False}, True),
        ({}, True),
    ],
    ids=str,
)
async def test_a_list_that_holds_calls_back_is_not_read(
    local: Database, faults: dict[str, Any], is_whole: bool
) -> None:
    """Anna was called hours ago, by an unknown caller, and is behind what the list gives."""
    with faulty_flireo(page=5, loses=0, drops=0, **faults) as flireo:
        now = datetime.now(UTC).timestamp()
        flireo.others = [Placed(f"other-{n}", f"+4477009005{n:02d}", now - 600 * n) for n in range(12)]
        flireo.others.append(Placed("hers", ANNA, now - 8 * 3600))
        if is_whole:
            await run(local, flireo.url, ANNA, until=Until.DIALLED)
        else:
            with pytest.raises(RecentCallsUnreadError, match="fewer calls than there are"):
                await run(local, flireo.url, ANNA)
        assert not flireo.posts


async def test_with_the_option_it_goes_on_reports_it_and_reads_again_next_time(local: Database) -> None:
    with bad_line(lists=answer(400)) as line:
        ran = await run(local, line.url, ANNA, until=Until.DIALLED, ignore_recent_calls=True)
        assert "cannot be read" in " ".join(ran.cautions)
        assert line.posts == [ANNA]
        account = Campaign(local, line.url).account
        assert await account_read(local, fingerprint(account, local)) is None
        line.lists = None
        line.place(BEN, status="ended")
        await run(local, line.url, ANNA, BEN, until=Until.DIALLED)
        assert line.posts == [ANNA]


async def test_the_list_is_read_once_for_an_account(local: Database) -> None:
    with bad_line() as line:
        line.place(ANNA, status="ended")
        await run(local, line.url, ANNA)
        account = fingerprint(Campaign(local, line.url).account, local)
        first = await account_read(local, account)
        assert first is not None
        line.place(BEN, status="ended")
        await run(local, line.url, ANNA, BEN, name="autumn", until=Until.DIALLED)
        assert await account_read(local, account) == first
        assert line.posts == [BEN]
    with bad_line(calls=line.calls) as other:  # another address: another account
        await run(local, other.url, BEN)
        assert other.posts == []


@pytest.mark.parametrize("policy", [POLICY, OFF], ids=["cap", "no cap"])
async def test_a_call_that_is_open_there_blocks_its_number_for_an_hour(
    local: Database, policy: CallingPolicy
) -> None:
    def ago(minutes: float) -> str:
        return iso(datetime.now(UTC) - timedelta(minutes=minutes))

    with bad_line() as line:
        line.place(ANNA, created_at=ago(59), status="in-progress")
        line.place(BEN, created_at=ago(61), status="in-progress")
        line.place(CARLA, created_at=ago(5), status="ended")
        await run(local, line.url, ANNA, BEN, CARLA, policy=policy, until=Until.DIALLED)
    assert sorted(line.posts) == ([] if policy is POLICY else [BEN, CARLA])


async def test_a_call_without_a_moment_may_have_begun_just_now(local: Database) -> None:
    with bad_line() as line:
        line.place(ANNA, status="ended")["created_at"] = iso(datetime.now(UTC))
        await run(local, line.url, ANNA, until=Until.DIALLED)
    assert line.posts == []


async def test_calls_that_report_no_number_are_reported(local: Database) -> None:
    with bad_line() as line:
        for shown in (None, "", "Anna", "+44 7700 9****1", "anonymous@example.org", "12"):
            line.place(ANNA, caller_phone=shown, status="ended", id=f"call-{shown}")
        ran = await run(local, line.url, ANNA, until=Until.DIALLED)
    assert ran.cautions[:1] == (
        "6 of the account's calls of the last 7 days show no number: which people they called is not known.",
    )


async def test_what_a_hundred_requests_do_not_reach_is_reported(local: Database) -> None:
    with bad_line(page=1) as line:
        for place, lead in enumerate(people(120)):
            at = iso(datetime.now(UTC) - timedelta(minutes=120 - place))
            line.place(lead.phone, created_at=at, status="ended")
        ran = await run(local, line.url, *(lead.phone for lead in people(120)), seconds=3)
    caution, before = ran.cautions
    assert "of these 120 people were called before: " in before
    assert "more calls in the last 7 days than 100 requests read" in caution
    assert f"{datetime.now(UTC) - timedelta(minutes=MOST_REQUESTS):%Y-%m-%d}" in caution
    assert 20 <= len(line.posts) <= 22
    assert set(line.posts) < {lead.phone for lead in people(22)}  # who was called longest ago


async def test_a_plan_shows_what_the_account_shows(ledger_url: str, database: Database) -> None:
    with bad_line() as line:
        line.place(ANNA, status="ended")
        await run(database, line.url, ANNA, until=Until.DIALLED)
    past = await read_past(ledger_url, "autumn", [ANNA, BEN], POLICY)
    assert past.earlier.in_words.startswith(
        "1 of these 2 people was called before: 1 by other calls of the account (last on 20"
    )
    assert len(past.people[ANNA].history.other_calls) == 1


async def test_who_is_forgotten_is_erased_from_the_accounts_calls_as_well(database: Database) -> None:
    with bad_line() as line:
        line.place(ANNA, status="ended")
        await run(database, line.url, ANNA, until=Until.DIALLED)
    await forget(database, ANNA)
    async with database.read() as db:
        rows = (await db.exec_driver_sql("SELECT * FROM flireo_account_calls")).all()
    assert rows == []


async def test_a_call_of_an_attempt_is_not_counted_as_another_ones(local: Database) -> None:
    campaign = Campaign(local, name="spring")
    await campaign.placed(await campaign.runner(), call_id="call-of-spring")
    with bad_line() as line:
        line.place(ANNA, id="call-of-spring", status="in-progress")
        await run(local, line.url, ANNA, BEN, until=Until.DIALLED)
    past = await read_past(f"sqlite:///{local.engine.url.database}", "spring", [ANNA], POLICY)
    assert past.people[ANNA].history.other_calls == ()
