"""Run a campaign: begin attempts, ring, hear how the calls ended, until nothing is left to do."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.operation import Operation
from flireo_flows.calling.account import Caller, Readiness, check_account
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.dialer import Dialer
from flireo_flows.calling.hands import Hands
from flireo_flows.calling.ledger import (
    AttemptBook,
    CampaignStatus,
    Database,
    LeadBook,
    Outlook,
    Runner,
    Views,
)
from flireo_flows.calling.ledger.runners import HEARTBEAT_SECONDS
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.turns import Turns, Until

PROGRESS_SECONDS: Final = 2.0

Progress = Callable[[CampaignStatus], None]


def silent(status: CampaignStatus) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended.

    Attributes:
        stopped_by: Why it could not go on; None when it did all there was to do for now.
        timed_out: Whether the deadline ended it.
        left: What is left to do.
        readiness: What the checks told; for a run that follows.
    """

    stopped_by: Exception | None
    timed_out: bool
    left: Outlook
    readiness: Readiness


@dataclass(slots=True)
class Engine:
    """One runner of one campaign.

    Attributes:
        database: The ledger.
        account: Where to ring, and as whom.
        campaign: Name under which attempts are counted.
        batch: The file whose leads are rung (`LeadBook.take_in`).
        caller: Agent and number.
        policy: The rules.
        progress: Told of the campaign's figures every two seconds, from this thread; must be quick.
        readiness: What earlier checks told; None checks first.
    """

    database: Database
    account: Account
    campaign: str
    batch: str
    caller: Caller
    policy: CallingPolicy
    progress: Progress = silent
    readiness: Readiness | None = None
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    async def run(self, until: Until, deadline: float | None = None) -> Ran:
        """Ring and collect.

        Args:
            until: When to end.
            deadline: Unix seconds of the ledger's clock at which to end in any case; None for no such time.

        Raises:
            NotReady: The account cannot ring as asked; nobody was rung.
            FlireoError: Flireo refused the key or was not reached; before the first call.
            LedgerError: The ledger failed. What it holds is right; run again.
        """
        runner = Runner(self.database, self.campaign)
        await runner.join()
        book = AttemptBook(self.database, self.campaign, runner.id)
        async with AsyncFlireoClient(self.account, heard=self._count) as client:
            try:
                await book.orphaned()
                readiness = self.readiness or await self._check(client)
                return await self._run(until, deadline, client, book, runner, readiness)
            finally:
                await asyncio.shield(self._leave(runner))

    async def _check(self, client: AsyncFlireoClient) -> Readiness:
        """Costs no request when there is nothing to do."""
        left = await LeadBook(self.database, self.campaign).outlook(self.batch, self.database.now())
        return Readiness() if left.is_finished else await check_account(client, self.caller)

    async def _run(
        self,
        until: Until,
        deadline: float | None,
        client: AsyncFlireoClient,
        book: AttemptBook,
        runner: Runner,
        readiness: Readiness,
    ) -> Ran:
        leads = LeadBook(self.database, self.campaign)
        hands = Hands(Dialer(client, self.database, self.caller))
        collector = Collector(client, self.database, book, self.policy, readiness)
        turns = Turns(self.batch, self.policy, until, deadline, hands, collector, book, leads)
        background = [
            asyncio.create_task(self._beat(runner, book)),
            asyncio.create_task(self._show()),
        ]
        try:
            while not await turns.turn():
                for task in (*background, *hands.tasks):
                    if task.done():
                        task.result()  # raises what the ledger did, or a hand
        finally:
            await asyncio.shield(self._wind_down(turns, hands, book, background))
        stopped_by = hands.dialer.stopped_by or collector.stopped_by
        left = await leads.outlook(self.batch, self.database.now())
        self.progress(await Views(self.database).status(self.campaign))
        return Ran(stopped_by, turns.timed_out, left, readiness)

    async def _beat(self, runner: Runner, book: AttemptBook) -> None:
        """Renew the lease, and take over from runners that did not renew theirs."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self._renew(runner)
            await book.orphaned()

    async def _show(self) -> None:
        views = Views(self.database)
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            self.progress(await views.status(self.campaign))

    async def _wind_down(
        self, turns: Turns, hands: Hands, book: AttemptBook, background: list[asyncio.Task[None]]
    ) -> None:
        """Write down what came of the requests under way; send no new one."""
        await turns.close()
        answers = await hands.stop()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await book.begin(self.batch, self.policy, 0, 0, answers)

    async def _leave(self, runner: Runner) -> None:
        await self._renew(runner)
        await runner.leave()

    async def _renew(self, runner: Runner) -> None:
        sent, self._sent = self._sent, Counter()
        await runner.renew(sent)

    def _count(self, operation: Operation[Any], status: int | None) -> None:
        self._sent[operation.route, str(status or "no answer")] += 1
