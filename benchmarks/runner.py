"""One runner of a campaign, as a process of its own: `python -m benchmarks.runner ORDER`, which prints what it did.

A benchmark starts several of them, or looks at what one of them costs.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.stage import COMPOSER, people
from flireo_flows.api.client import Account
from flireo_flows.calling.engine import RunSettings, run_campaign
from flireo_flows.calling.run_loop import Until
from flireo_flows.ledger import Database, LeadBook
from flireo_flows.policy import CallingPolicy

LONGEST_SECONDS: Final = 3600.0  # no run of a benchmark takes as long
MEBIBYTE: Final = 1024.0 * 1024.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a runner is to do.

    Attributes:
        ledger: URL of the ledger.
        url: Base URL of Flireo.
        campaign: Name of the campaign.
        batch: Name of the leads that the ledger holds already; empty takes in `leads` new ones.
        first: Number of the first new lead, so that runners have others.
        leads: How many.
        calls: Most calls to make; 0 for no such limit.
        seconds: When to end in any case; 0 when all is done.
        poll_seconds: Shortest time between two polls.
    """

    ledger: str
    url: str
    campaign: str = "bench"
    batch: str = ""
    first: int = 0
    leads: int = 0
    calls: int = 0
    seconds: float = 0.0
    poll_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a runner did.

    Attributes:
        seconds: From before the account checks to the end of the run.
        cpu_seconds: That it computed meanwhile.
        grown: Bytes of memory that it held more, when it held most, than before.
    """

    seconds: float
    cpu_seconds: float
    grown: float


def run_all(orders: Sequence[Order]) -> list[Report]:
    """Carry out orders at the same time."""
    runners = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.runner", json.dumps(asdict(order))], stdout=subprocess.PIPE
        )
        for order in orders
    ]
    try:
        reported = [runner.communicate(timeout=LONGEST_SECONDS)[0] for runner in runners]
    finally:
        for runner in runners:
            runner.kill()  # nothing happens to one that has ended
    assert all(runner.returncode == 0 for runner in runners), "a runner failed"
    return [Report(**json.loads(text)) for text in reported]


async def carry_out(order: Order) -> Report:
    """Take in leads and call them."""
    policy = CallingPolicy(
        calling_hours=None,
        max_concurrent_calls=100_000,  # the sandbox's calls outlast some benchmarks
        poll_seconds=order.poll_seconds,
        caps_per_run={"calls": order.calls},
        breaker={"enabled": False},  # the sandbox's failures end at once, its other calls much later
    )
    async with await Database.open(order.ledger) as database:
        book = LeadBook(database.campaign(order.campaign))
        batch = order.batch or await book.take_in(people(order.leads, order.first))
        engine = RunSettings(
            database.campaign(order.campaign), Account("fl_test_bench", order.url), batch, COMPOSER, policy
        )
        before, cpu, began = held(), time.process_time(), time.monotonic()
        most = [before]
        watching = asyncio.create_task(_watch(most))
        ran = await run_campaign(
            engine, Until.DIALLED, database.now() + order.seconds if order.seconds else None
        )
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert ran.stopped_by is None and (order.calls or not ran.held_by), ran.stopped_by or ran.held_by
    seconds = time.monotonic() - began
    return Report(seconds, time.process_time() - cpu, max(most[0], held()) - before)


async def _watch(most: list[float]) -> None:
    """Note how much is held, a few times a second."""
    while True:
        most.append(max(most.pop(), held()))
        await asyncio.sleep(0.2)


def held() -> float:
    """Bytes of this process in memory; the most it ever held, where the system shows no more."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return float(statm.read_text().split()[1]) * resource.getpagesize()
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(carry_out(Order(**json.loads(sys.argv[1])))))))
