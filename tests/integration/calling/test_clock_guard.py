"""A clock that is wrong calls people at night: calling waits, and a run whose clocks stay apart ends."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.steady_clock import steady_now
from flireo_flows.calling import clock_guard
from flireo_flows.calling.clock_guard import ClockCorrectedError, ClockError, ClockGuard
from flireo_flows.ledger import AttemptBook, Database, Runner
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import attempts, runners
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import Campaign, people
from tests.support.faketime import WrongClock, needs_faketime, wrong_clock
from tests.support.faulty.server import Act, Request, answer, closed_port, run_faulty
from tests.support.postgres import Postgres
from tests.support.sandbox.running import RunningSandbox, run_sandbox, until

__all__ = ["wrong_clock"]  # a fixture

EMPTY: dict[str, Any] = {"calls": [], "pagination": {"total": 0, "limit": 1, "offset": 0}}
LONG = 120.0
HOUR = 3600.0


def dated(ahead: Callable[[], float]) -> Callable[[Request], Act]:
    """A server whose clock is so many seconds ahead of ours."""
    return lambda request: answer(200, EMPTY, {"Date": formatdate(time.time() + ahead(), usegmt=True)})


def client_of(url: str) -> AsyncFlireoClient:
    return AsyncFlireoClient(Account("key", f"{url}/api/v1"))


@pytest.mark.parametrize("ahead", [0, 3, -3, 30, -30, 55, -55])
async def test_clocks_that_differ_by_less_than_a_minute_agree(database: Database, ahead: float) -> None:
    with run_faulty(dated(lambda: ahead)) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, database)
            assert not guard.agree  # they were not read yet
            assert guard.is_due and not guard.held_by
            await guard.check()
            assert guard.agree and not guard.is_due and not guard.held_by


@pytest.mark.parametrize(
    "ahead", [65, -65, 150, -150, HOUR, -HOUR, 5 * HOUR, -5 * HOUR, 86_400, -400 * 86_400]
)
async def test_clocks_that_stay_apart_hold_calling_back_and_end_the_run(
    database: Database, ahead: float
) -> None:
    with run_faulty(dated(lambda: ahead)) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, database, check_seconds=(0.0, 0.0))
            held = []
            for _ in range(3):
                assert guard.is_due
                await guard.check()
                held.append(guard.held_by)
            assert not guard.agree and not guard.is_due
    assert isinstance(guard.stopped_by, ClockError) and not isinstance(guard.stopped_by, ClockCorrectedError)
    ours = "this machine's clock" if database.is_sqlite else "the database's clock"
    for text in (held[0], str(guard.stopped_by)):
        assert f"{ours} says 20" in text and "Flireo's clock says 20" in text, text
    assert "Set the clock that is wrong" in str(guard.stopped_by)


async def test_it_is_read_again_after_growing_pauses(local: Database) -> None:
    with run_faulty(dated(lambda: HOUR)) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, local)
            await guard.check()
            assert not guard.is_due  # not at once
            assert guard.stopped_by is None
    assert sum(clock_guard.CHECK_SECONDS) < 30  # a run with a wrong clock does not hold a worker for long


async def test_a_server_that_sends_no_date_is_no_reason_to_wait(database: Database) -> None:
    with run_faulty(answer(200, EMPTY)) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, database)
            await guard.check()
            assert guard.agree
    assert len(server.requests) == 1


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT", "0"])
async def test_a_date_that_cannot_be_read_is_none(database: Database, date: str) -> None:
    with run_faulty(answer(200, EMPTY, {"Date": date})) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, database)
            await guard.check()
            assert guard.agree


async def test_one_gateway_with_a_wrong_clock_only_delays(local: Database) -> None:
    wrong = iter([2 * HOUR])
    with run_faulty(dated(lambda: next(wrong, 0.0))) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, local, check_seconds=(0.0, 0.0))
            await guard.check()
            assert not guard.agree and guard.held_by
            await guard.check()
            assert guard.agree and not guard.held_by


async def test_an_error_reports_the_time_as_well(local: Database) -> None:
    failing = answer(503, {"error": "down"}, {"Date": formatdate(time.time() - HOUR, usegmt=True)})
    with run_faulty(failing) as server:
        async with client_of(server.url) as client:
            guard = ClockGuard(client, local, check_seconds=())
            await guard.check()
    assert isinstance(guard.stopped_by, ClockError)


async def test_while_the_clock_of_flireo_is_not_known_no_one_is_called(local: Database) -> None:
    with closed_port() as url:
        async with client_of(url) as client:
            guard = ClockGuard(client, local, check_seconds=(0.0,))
            await guard.check()
            assert not guard.agree and guard.stopped_by is None
            await guard.check()
    assert guard.stopped_by is not None and not isinstance(guard.stopped_by, ClockError)


async def test_an_engine_that_checked_nothing_itself_reads_the_clocks_before_its_first_call(
    database: Database,
) -> None:
    """The second engine of a run is given what the first one found out, and its client knows no Date."""
    with run_faulty(dated(lambda: -5 * HOUR)) as server:
        campaign = Campaign(database, f"{server.url}/api/v1", readiness=Readiness())
        await campaign.take_in(*people(3))
        ran = await campaign.run(seconds=LONG)
    assert isinstance(ran.stopped_by, ClockError)
    assert server.count("POST") == 0
    assert {lead.state for lead in (await campaign.leads()).values()} == {"waiting"}


def test_the_steady_clock_is_the_machines_own_where_nothing_is_set() -> None:
    assert abs(steady_now() - time.time()) < 5


@dataclass
class Run:
    """A campaign in a process of its own, under a clock of its own that may be wrong."""

    database: str
    clock: WrongClock
    process: "subprocess.Popen[str]"
    sandbox: RunningSandbox

    def ended(self) -> str:
        """What it said, once it ended."""
        return self.process.communicate(timeout=LONG)[1]

    def called(self) -> list[str]:
        """The numbers that it called."""
        return [ring["destination"] for ring in self.sandbox.placed_calls()]


@pytest.fixture
def both(tmp_path: Path, postgres: Postgres) -> dict[str, str]:
    """A ledger of each kind: runs that wait do so side by side."""
    return {"sqlite": f"sqlite:///{tmp_path / 'ledger.db'}", "postgresql": postgres.fresh_database()}


@contextmanager
def started(
    ledgers: dict[str, str], folder: Path, ahead: float, leads: int, **settings: Any
) -> Iterator[list[Run]]:
    """A campaign on each ledger, at the same time, each with a sandbox of its own.

    Args:
        ledgers: URLs by their kind.
        folder: For the clocks.
        ahead: Seconds by which their clocks are ahead of the truth at first.
        leads: How many people to call.
        settings: Of the sandboxes.
    """
    reported = SandboxSettings(**{"rate_limit": 0, "time_scale": 1000, **settings})
    with ExitStack() as stack:
        runs = []
        for database, url in ledgers.items():
            sandbox = stack.enter_context(run_sandbox(reported))
            clock = WrongClock(folder / f"{database}.rc")
            clock.set_to(ahead)
            words = [
                sys.executable,
                "-m",
                "tests.support.calling.campaign_process",
                url,
                sandbox.base_url,
                str(leads),
            ]
            process = subprocess.Popen(
                words,
                cwd=Path(__file__).parents[3],
                env={**os.environ, **clock.env},
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.kill)
            runs.append(Run(database, clock, process, sandbox))
        yield runs


@needs_faketime
@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("ahead", [150, -5 * HOUR])
def test_a_machine_whose_clock_is_wrong_calls_no_one(
    both: dict[str, str], tmp_path: Path, ahead: float
) -> None:
    with started(both, tmp_path, ahead, leads=5) as runs:
        for run in runs:
            said = run.ended()
            assert run.process.returncode == 1
            assert "ClockError: this machine's clock says 20" in said, said
            other = "Flireo's clock says" if run.database == "sqlite" else "the database's clock says"
            assert other in said
            assert run.called() == []


@needs_faketime
@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("step", [60, -HOUR])
def test_a_clock_that_is_set_while_calls_are_looked_up_calls_no_one_twice_and_stops_nothing(
    both: dict[str, str], tmp_path: Path, step: float
) -> None:
    def is_set(run: Run) -> bool:
        if is_half_done := len(run.called()) >= 20:
            run.clock.set_to(step)
        return is_half_done

    with started(both, tmp_path, 0, leads=40, time_scale=300, lose_answer_share=0.2, seed=5) as runs:
        until(lambda: all([is_set(run) for run in runs]), LONG)
        for run in runs:
            said = run.ended()
            assert run.process.returncode == 0, (run.database, said)
            assert sorted(run.called()) == sorted(lead.phone for lead in people(40)), run.database


@needs_faketime
@pytest.mark.slow
@pytest.mark.postgres
def test_a_clock_that_is_corrected_while_calling_waits_is_no_reason_to_give_up(
    both: dict[str, str], tmp_path: Path
) -> None:
    def is_set(run: Run) -> bool:
        if has_asked := bool(run.sandbox.requests()):
            run.clock.set_to(0)
        return has_asked

    with started(both, tmp_path, -5 * HOUR, leads=5) as runs:
        until(lambda: all([is_set(run) for run in runs]), LONG)
        for run in runs:
            said = run.ended()
            status = run.process.returncode
            assert status == 0 or "ClockCorrectedError" in said, (run.database, said)
            assert len(run.called()) == (0 if status else 5), run.database


@pytest.mark.parametrize("ahead", [120.0, HOUR, 400 * 86_400])
async def test_a_lease_that_ends_later_than_any_given_now_is_of_a_clock_that_was_set_back(
    database: Database, ahead: float
) -> None:
    campaign = Campaign(database)
    await campaign.take_in(*people(1))
    dead = Runner(database.campaign(campaign.name))
    await dead.join()
    (begun,) = await campaign.begin(AttemptBook(database.campaign(campaign.name), dead.id, campaign.composer))
    async with database.write() as db:
        await db.execute(update(runners).values(lease_until=runners.c.lease_until + ahead))
    assert await Runner(database.campaign(campaign.name)).join_alone()
    assert await (await campaign.runner()).orphaned() == 1
    assert (await campaign.attempt()).state == "unknown"
    assert begun.state == "sending"


@needs_faketime
@pytest.mark.parametrize(
    ("step", "stays"), [(0, True), (60, False), (-60, False), (HOUR, False), (-HOUR, False)]
)
async def test_readings_of_an_earlier_process_count_only_if_the_clock_was_not_set_since(
    new_file: Path, wrong_clock: WrongClock, step: float, stays: bool
) -> None:
    ledger = f"sqlite:///{new_file}"
    open_once = "import asyncio,sys; from flireo_flows.ledger import Database\n"
    open_once += (
        "async def main():\n    async with await Database.open(sys.argv[1]): pass\nasyncio.run(main())"
    )

    def opened() -> None:
        words = [sys.executable, "-c", open_once, ledger]
        subprocess.run(words, env={**os.environ, **wrong_clock.env}, check=True, timeout=LONG)

    opened()
    async with await Database.open(ledger) as database:
        campaign = Campaign(database)
        await campaign.lost(await campaign.runner())
        async with database.write() as db:
            await db.execute(update(attempts).values(readings=1, proofs=1, absent_since=database.now()))
    wrong_clock.set_to(step)
    opened()
    with closing(sqlite3.connect(new_file)) as file:  # not by the ledger: to open it is what is tested
        assert file.execute("SELECT proofs FROM flireo_attempts").fetchone() == (int(stays),)
