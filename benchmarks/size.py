"""What 100,000 leads cost: memory of the runner, and the time to pick the next ones to call.

Picking is one `AttemptBook.begin`: look at the next leads, decide, commit attempts. It is timed in turn in a ledger
of 1,000 leads and in one of 100,000, on SQLite and on PostgreSQL.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, middle
from benchmarks.runner import MEBIBYTE, Order, run_all
from benchmarks.stage import COMPOSER, stage, take_in
from flireo_flows.ledger import AttemptBook, Database, Runner
from flireo_flows.policy import CallingPolicy
from tests.support.postgres import run_postgres

FEW: Final = 1_000
MANY: Final = 100_000
CALLS: Final = 1_000
AT_ONCE: Final = 16  # leads picked in one transaction
ROUNDS: Final = 40
WARM_UP: Final = 3
RUN: Final = 1000.0  # lease of a runner, seconds


def size() -> list[Figure]:
    """Memory in MB, and the time to pick among many over that among few."""
    with tempfile.TemporaryDirectory() as folder, run_postgres() as postgres:
        few, many = (f"sqlite:///{Path(folder) / name}.db" for name in ("few", "many"))
        ours = [("SQLite", few, many)]
        ours.append(("PostgreSQL", postgres.fresh_database(), postgres.fresh_database()))
        return [figure for kind, few, many in ours for figure in _of_one_kind(kind, few, many)]


def _of_one_kind(kind: str, few: str, many: str) -> list[Figure]:
    batches = [take_in(ledger, count) for ledger, count in ((few, FEW), (many, MANY))]
    ratio = asyncio.run(_picking(kind, [(few, batches[0]), (many, batches[1])]))
    with stage(rate_limit=0, time_scale=30) as servers:
        order = Order(many, servers.account.url, batch=batches[1], calls=CALLS, poll_seconds=2)
        (report,) = run_all([order])
        called = len(servers.placed_calls())
    assert called == CALLS, f"{called} calls"
    grown = report.grown / MEBIBYTE
    return [
        Figure(f"picking among {MANY:,} leads over {FEW:,}, {kind}", ratio, 1.5, True, f"median of {ROUNDS}"),
        Figure(f"MB grown in {CALLS:,} calls of {MANY:,} leads, {kind}", grown, 100, True),
    ]


@dataclass(frozen=True, slots=True)
class Picker:
    """Picks from one ledger."""

    book: AttemptBook
    batch: str
    seconds: list[float]

    async def pick(self) -> None:
        """Once, timed."""
        policy = CallingPolicy(calling_hours=None, max_concurrent_calls=1000)
        began = time.perf_counter()
        begun = await self.book.begin(self.batch, policy, AT_ONCE, 0)
        self.seconds.append(time.perf_counter() - began)
        assert len(begun.attempts) == AT_ONCE


async def _picking(kind: str, ledgers: list[tuple[str, str]]) -> float:
    async with AsyncExitStack() as stack:
        few, many = [await stack.enter_async_context(_picker(*ledger)) for ledger in ledgers]
        for _ in range(ROUNDS + WARM_UP):
            await few.pick()
            await many.pick()
    medians = [middle(picker.seconds[WARM_UP:]) for picker in (few, many)]
    print(
        f"  {kind}: {medians[0] * 1e3:.1f} ms and {medians[1] * 1e3:.1f} ms for {AT_ONCE} leads", flush=True
    )
    return medians[1] / medians[0]


@asynccontextmanager
async def _picker(ledger: str, batch: str) -> AsyncIterator[Picker]:
    async with await Database.open(ledger) as database:
        runner = Runner(database.campaign("bench"), RUN)
        await runner.join()
        yield Picker(AttemptBook(database.campaign("bench"), runner.id, COMPOSER), batch, [])
        await runner.leave()
