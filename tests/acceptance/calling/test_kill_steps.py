"""At each step of the protocol the process is killed, and another one carries on: everyone is called once."""

import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

from flireo_flows.ledger import Database, LeadResult
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import Campaign, people
from tests.support.calling.run_and_die import POLICY, STEPS, people_of
from tests.support.sandbox.running import RunningSandbox, run_sandbox

ROOT: Final = Path(__file__).parents[3]
LEADS: Final = 3  # of each campaign; one campaign a step


async def let_them_die(ledger_url: str, sandbox: RunningSandbox) -> None:
    """Run a campaign for each step, in a process that kills itself there."""
    arguments = (ledger_url, sandbox.base_url, str(LEADS))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.calling.run_and_die", *arguments),
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also those it forked, if the test was cut short


async def carry_on(step: str, database: Database, sandbox: RunningSandbox) -> Campaign:
    """Run the campaign again, in this process."""
    campaign = Campaign(database, sandbox.base_url, name=step, policy=POLICY, readiness=Readiness())
    await campaign.take_in(*people_of(step, LEADS))
    ran = await campaign.run()
    assert ran.stopped_by is None
    return campaign


async def test_a_process_that_is_killed_at_any_step_has_no_one_called_twice_and_loses_no_one(
    ledger_url: str,
) -> None:
    settings = SandboxSettings(rate_limit=0, time_scale=1000, minutes_balance=1e9)
    with run_sandbox(settings) as sandbox:
        async with await Database.open(ledger_url) as database:
            await let_them_die(ledger_url, sandbox)
            called_before = len(sandbox.placed_calls())
            campaigns = await asyncio.gather(*(carry_on(step, database, sandbox) for step in STEPS))
            everybody = [lead.phone for lead in people(LEADS * len(STEPS))]
            assert 0 < called_before < len(everybody)
            assert Counter(call["destination"] for call in sandbox.placed_calls()) == Counter(everybody)
            called = {call["destination"]: call["call_id"] for call in sandbox.placed_calls()}
            results: dict[str, LeadResult] = {}
            for campaign in campaigns:
                results |= await campaign.results()
    assert {phone: result.call_id for phone, result in results.items()} == called
    assert {result.state for result in results.values()} == {"done"}
