"""A process that dials is killed, or stopped and woken up too late, and everyone is still called once."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from flireo_flows.ledger import Database
from flireo_flows.ledger.leases import LEASE_SECONDS
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import Campaign, people
from tests.support.calling.campaign_process import CUT_OFF, GRACE_SECONDS
from tests.support.sandbox.running import RunningSandbox, run_sandbox

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


@asynccontextmanager
async def running(ledger_url: str, sandbox: RunningSandbox, leads: int) -> AsyncIterator[Process]:
    """A process that runs the campaign; gone afterwards in any case."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "tests.support.calling.campaign_process",
            ledger_url,
            sandbox.base_url,
            str(leads),
        ),
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_called(sandbox: RunningSandbox, count: int, process: Process) -> None:
    """Wait for the call of this number."""
    while len(sandbox.placed_calls()) < count:
        assert process.returncode is None, "it ended before it was killed"
        await asyncio.sleep(0.002)


async def check(ledger_url: str, sandbox: RunningSandbox, leads: int) -> None:
    """Everyone was called once, and every lead is done with its result."""
    assert Counter(call["destination"] for call in sandbox.placed_calls()) == Counter(
        lead.phone for lead in people(leads)
    )
    async with await Database.open(ledger_url) as database:
        results = await Campaign(database).results()
    assert Counter(result.state for result in results.values()) == {"done": leads}
    called = {call["destination"]: call["call_id"] for call in sandbox.placed_calls()}
    assert {phone: result.call_id for phone, result in results.items()} == called


async def test_killed_again_and_again_while_dialling_it_calls_everyone_once(ledger_url: str) -> None:
    leads = 160
    settings = SandboxSettings(rate_limit=0, time_scale=1000, minutes_balance=1e9, lose_answer_share=0.03)
    with run_sandbox(settings) as sandbox:
        for count in (1, 25, 60):
            async with running(ledger_url, sandbox, leads) as process:
                await until_called(sandbox, count, process)
                process.kill()
                await process.wait()
        async with running(ledger_url, sandbox, leads) as process:
            assert await process.wait() == 0
        await check(ledger_url, sandbox, leads)


async def test_a_runner_that_sleeps_beyond_its_lease_calls_no_one_that_another_took_over(
    ledger_url: str,
) -> None:
    leads = 160
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000, minutes_balance=1e9)) as sandbox:
        async with running(ledger_url, sandbox, leads) as slow:
            await until_called(sandbox, 40, slow)
            slow.send_signal(signal.SIGSTOP)
            async with running(ledger_url, sandbox, leads) as other:
                await asyncio.sleep(LEASE_SECONDS + 0.5 * GRACE_SECONDS)
                slow.send_signal(signal.SIGCONT)
                assert await other.wait() == 0
                fell_asleep_writing = await slow.wait() == CUT_OFF and ledger_url.startswith("postgres")
                assert slow.returncode == 0 or fell_asleep_writing
        await check(ledger_url, sandbox, leads)
