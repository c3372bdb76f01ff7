"""What it costs to collect the results of calls that no run waits for: requests of a sweep over the calls it closed."""

import asyncio
from typing import Final

from benchmarks.figures import Figure
from benchmarks.stage import CALLER, COMPOSER, Stage, people, stage
from flireo_flows.api.calls import OutboundCall, create_outbound_call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.sweep import FIRST_PAUSE_SECONDS, Sweep, SweepSummary
from flireo_flows.ledger import Answer, AttemptBook, Database, LeadBook, Runner
from flireo_flows.ledger.run_rules import Readiness, write_rules
from flireo_flows.lifecycle.states import AttemptEvent
from flireo_flows.policy import CallingPolicy

CALLS: Final = 1000
AT_ONCE: Final = 20
SCALE: Final = 10.0  # simulated seconds in a second; the sweep's pauses are as much shorter
POLICY: Final = CallingPolicy(calling_hours=None, max_concurrent_calls=CALLS)


def collect() -> list[Figure]:
    """Requests per closed call, where webhooks tell nothing."""
    with stage(rate_limit=0, time_scale=SCALE) as servers:
        asyncio.run(_leave_behind(servers))
        summary = asyncio.run(_sweep(servers))
    assert not summary.open, f"{summary.open} calls are open after {summary.campaigns}"
    ratio = summary.requests / CALLS
    note = f"{summary.requests} requests"
    return [Figure(f"requests per closed call, {CALLS:,} open, no webhooks", ratio, 0.02, True, note)]


async def _leave_behind(servers: Stage) -> None:
    """A run placed its calls, and ended before them."""
    async with (
        await Database.open(servers.ledger) as database,
        AsyncFlireoClient(servers.account) as client,
    ):
        batch = await LeadBook(database.campaign("bench")).take_in(people(CALLS))
        await write_rules(database.campaign("bench"), POLICY, Readiness(), servers.account, is_starting=True)
        runner = Runner(database.campaign("bench"), 600.0)
        await runner.join()
        book = AttemptBook(database.campaign("bench"), runner.id, COMPOSER)
        begun = (await book.begin(batch, POLICY, CALLS, 0)).attempts
        assert len(begun) == CALLS, f"{len(begun)} attempts"
        for first in range(0, CALLS, AT_ONCE):
            some = begun[first : first + AT_ONCE]
            orders = (OutboundCall(destination=it.phone, agent_id=CALLER.agent_id) for it in some)
            placed = await asyncio.gather(*(client.send(create_outbound_call(order)) for order in orders))
            reported = [
                Answer(it, AttemptEvent.ACCEPTED, call_id=call.call_id)
                for it, call in zip(some, placed, strict=True)
            ]
            await book.record(reported)
        await runner.leave()


async def _sweep(servers: Stage) -> SweepSummary:
    async with await Database.open(servers.ledger) as database:
        pause = FIRST_PAUSE_SECONDS / SCALE
        sweep = Sweep(database, servers.account, patience_seconds=900, pause_seconds=pause)
        return await sweep.run()
