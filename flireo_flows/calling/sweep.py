"""Collect what nobody is waiting for: the results of calls whose run ended, was killed, or went on to other things.

A sweep never dials, and sends Flireo nothing but readings. It takes each campaign that no runner is alive for, as
a runner of its own: so two sweeps do not read the same twice, and a run that starts meanwhile is as safe as two
runs are. All campaigns share each reading of the call list.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final

from flireo_flows.api import errors
from flireo_flows.api.client import Account, AsyncFlireoClient, OnSent
from flireo_flows.api.operation import Operation
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.collector import Sought, read_list
from flireo_flows.calling.reconcile import MOST_ASKED, REFUSED_KEY
from flireo_flows.calling.rhythm import LIMIT_SECONDS, LONGEST_PAUSE_SECONDS, Budget
from flireo_flows.calling.swept import Case, Swept
from flireo_flows.ledger import Database
from flireo_flows.ledger.campaigns import shown_in
from flireo_flows.ledger.leases import HEARTBEAT_SECONDS
from flireo_flows.ledger.milestones import post_finished
from flireo_flows.ledger.open_results import (
    campaigns_with_open_results,
    open_results_of,
    recently_called_campaigns,
)

SHARE: Final = 0.1  # of the key's requests, unless it is told otherwise
FIRST_PAUSE_SECONDS: Final = (
    10.0  # between two readings of a patient sweep; then half as long again each time
)
GROWTH: Final = 1.5
HEAR_SECONDS: Final = 1.0  # between two looks into the inbox
ANOTHER_RUNNER: Final = "a run, or another sweep, is collecting it"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sweep came to.

    Attributes:
        campaigns: Those of which something was to be heard, by name.
        requests: Sent to Flireo.
        refused: Flireo refused the key, so that only webhooks were heard; None where it did not.
    """

    campaigns: tuple[Swept, ...]
    requests: int
    refused: errors.FlireoError | None = None

    @property
    def open(self) -> int:
        """Attempts whose result is not in."""
        return sum(swept.after for swept in self.campaigns)


@dataclass(slots=True)
class Sweep:
    """One sweep over a ledger.

    Attributes:
        database: The ledger.
        account: Where its calls were made. Those of another account are left alone.
        campaign: Only this one; empty for all.
        only: Where all are swept: only these of them, by their keys in the ledger; empty for all.
        patience_seconds: How long to go on while calls are open; 0 reads once.
        share: Of the key's request limit, what all readings may use together.
        pause_seconds: Between the first two readings.
        connect: Makes the client; another one for tests and special networks.
    """

    database: Database
    account: Account
    campaign: str = ""
    patience_seconds: float = 0.0
    only: Collection[str] = ()
    share: float = SHARE
    pause_seconds: float = FIRST_PAUSE_SECONDS
    connect: Callable[[Account, OnSent], AsyncFlireoClient] = AsyncFlireoClient
    _budget: Budget = field(init=False)
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)
    _requests: int = field(default=0, init=False)
    _refused: errors.FlireoError | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._budget = Budget(self.share)

    async def run(self) -> Summary:
        """Hear, read and settle.

        Raises:
            DeclinedError: There is no such campaign.
            LedgerError: The ledger failed. What it holds is right; sweep again.
        """
        names = await campaigns_with_open_results(self.database, self.campaign)
        names = [name for name in names if not self.only or name in self.only]
        async with self.connect(self.account, self._count) as client:
            calls = CallList(client, self.database, budget=self._budget)
            cases: list[Case] = []
            beat = asyncio.create_task(self._beat(cases))
            try:
                told = [swept for name in names if (swept := await self._take(name, calls, cases))]
                await self._rounds(cases, calls, beat)
                told += [await case.conclude() for case in cases]
            finally:
                beat.cancel()
                await asyncio.gather(beat, return_exceptions=True)
                await asyncio.shield(self._leave(cases))
        if not self.campaign and not self.only:
            await self._tell_others({swept.campaign for swept in told})
        async with self.database.read() as db:
            shown = await shown_in(db, {swept.campaign for swept in told})
        told = [replace(swept, campaign=shown[swept.campaign]) for swept in told]
        told.sort(key=lambda swept: swept.campaign)
        return Summary(tuple(told), self._requests, self._refused)

    async def _take(self, name: str, calls: CallList, cases: list[Case]) -> Swept | None:
        """Make a campaign one of ours; else say how it stands and why it is not."""
        case = await Case.take(self.database, name, calls)
        if case is not None:
            cases.append(case)
            return None
        left = await open_results_of(self.database, name)
        return Swept(name, left.open, left.open, for_review=left.review, problem=ANOTHER_RUNNER)

    async def _tell_others(self, names: Set[str]) -> None:
        """Of campaigns whose last run was killed when everything was done, before it could say so."""
        for name in await recently_called_campaigns(self.database):
            if name not in names:
                await post_finished(self.database, name)

    async def _rounds(self, cases: list[Case], calls: CallList, beat: "asyncio.Task[None]") -> None:
        until, pause = self.database.now() + self.patience_seconds, self.pause_seconds
        while True:
            await self._hear(cases)
            await self._read([case for case in cases if case.may_read], calls)
            if not await self._wait(cases, min(pause, LONGEST_PAUSE_SECONDS), until):
                return
            if beat.done():
                beat.result()  # raises what the ledger did
            pause *= GROWTH

    async def _wait(self, cases: Sequence[Case], pause: float, until: float) -> bool:
        """Wait for the next reading, hearing meanwhile. False where none is worth it, or patience is at its end."""
        read_at = self.database.now() + max(pause, self._budget.wait(self.database.now()))
        while (now := self.database.now()) < min(read_at, until):
            if not await self._is_worth_it(cases):
                return False
            await asyncio.sleep(min(HEAR_SECONDS, read_at - now, until - now))
            await self._hear(cases)
        return now < until and await self._is_worth_it(cases)

    async def _is_worth_it(self, cases: Sequence[Case]) -> bool:
        """Whether another reading may tell something."""
        if self._refused is not None:
            return False
        return any([case.may_read and await case.is_open() for case in cases])

    async def _hear(self, cases: Sequence[Case]) -> None:
        for case in cases:
            await case.hear()

    async def _read(self, cases: Sequence[Case], calls: CallList) -> None:
        """Read once for all. A reading that fails decides nothing."""
        ours: list[tuple[Case, Sought]] = []
        for case in [case for case in cases if await case.is_open()]:
            if self._refused is not None or not await self._guarded([case], self._make_sure(case)):
                continue
            if not (sought := await case.collector.look()).is_nothing:
                ours.append((case, sought))
        if ours and self._refused is None:
            await self._guarded([case for case, _ in ours], self._read_list(ours, calls))

    async def _make_sure(self, case: Case) -> None:
        """A run that started meanwhile reads by itself; and another account's calls are not here."""
        if not await case.runner.is_alone():
            await case.give_up(ANOTHER_RUNNER)
        elif not case.is_ours:
            await self._paid(case, case.prove)

    async def _paid(self, case: Case, work: Callable[[], Awaitable[None]]) -> None:
        """Do some reading once what was spent before is paid for; but a minute's worth may be spent at once."""
        await asyncio.sleep(self._budget.wait(self.database.now() + LIMIT_SECONDS))
        sent = self._requests
        try:
            await work()
        finally:
            limit = case.collector.client.pacing.limit
            self._budget.spent(self._requests - sent, limit, self.database.now())

    async def _read_list(self, ours: Sequence[tuple[Case, Sought]], calls: CallList) -> None:
        snapshot = await read_list(self.database, calls, [(case.collector, sought) for case, sought in ours])
        left = MOST_ASKED - snapshot.asked  # for all together: the next reading asks for the next ones
        for case, sought in ours:
            left -= await case.collector.settle(sought, snapshot, left)
            if isinstance(case.collector.stopped_by, REFUSED_KEY):
                self._refused = case.collector.stopped_by

    async def _guarded(self, cases: Sequence[Case], work: Awaitable[None]) -> bool:
        """Do some reading for campaigns. Whether nothing failed; what did is told, and of a refused key to all."""
        for case in cases:
            case.problem = ""
        try:
            await work
        except errors.FlireoError as error:
            if isinstance(error, REFUSED_KEY):
                self._refused = error
            for case in cases:
                case.problem = f"its calls could not be read: {error}"
            return False
        return all(case.may_read for case in cases)

    async def _beat(self, cases: Sequence[Case]) -> None:
        """Renew the leases."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for case in list(cases):
                if case.may_read:
                    await case.runner.renew(self._counted())

    async def _leave(self, cases: Sequence[Case]) -> None:
        for case in cases:
            await case.leave(self._counted())

    def _counted(self) -> Counter[tuple[str, str]]:
        """Requests that the ledger does not count yet. Which campaign they are counted for means nothing here."""
        sent, self._sent = self._sent, Counter()
        return sent

    def _count(self, operation: Operation[Any], status: int | None) -> None:
        self._requests += 1
        self._sent[operation.route, str(status or "no answer")] += 1
