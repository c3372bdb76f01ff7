"""Collect the results of calls whose run ended, was killed, or went on to other things.

A sweep never dials, and sends Flireo nothing but readings. It takes each campaign that no runner is alive for, as
a runner of its own: so two sweeps do not read the same twice, and a run that starts meanwhile is as safe as two
runs are. All campaigns share each reading of the call list.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from flireo_flows.api import errors
from flireo_flows.api.client import Account, AsyncFlireoClient, OnSent
from flireo_flows.api.operation import Operation
from flireo_flows.calling.call_list import LIMIT_SECONDS, CallList, RequestBudget
from flireo_flows.calling.collector import Collector, OpenCalls, read_list
from flireo_flows.calling.preflight import is_of_account
from flireo_flows.calling.reconcile import MOST_ASKED, REFUSED_KEY
from flireo_flows.ledger import AttemptBook, CampaignLedger, Database, Inbox, Runner
from flireo_flows.ledger.campaigns import CampaignControl, shown_in, skip_waiting_in
from flireo_flows.ledger.completeness import check_completeness
from flireo_flows.ledger.leases import HEARTBEAT_SECONDS
from flireo_flows.ledger.outbox import post_finished
from flireo_flows.ledger.report_matches import PORTION
from flireo_flows.ledger.run_rules import RunRules, fingerprint, read_rules
from flireo_flows.ledger.views import (
    OpenResults,
    campaigns_with_open_results,
    has_open,
    open_results_of,
    recently_called_campaigns,
)
from flireo_flows.lifecycle.states import CampaignState

ANOTHER_ACCOUNT: Final = (
    "it called under another API key, whose list of calls alone can show it: only webhooks were read. Collect it with "
    "that key, or run it once with this one"
)
UNREADABLE_RULES: Final = (
    "its results wait: the rules cannot be read by which a call teaches that a person is not to be called again. "
    "Collect it with the version of flireo-flows that ran it"
)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep came to for one campaign.

    Attributes:
        before: Open attempts at the beginning.
        after: Those that are still open.
        by_webhook: Attempts that ended by what webhooks had brought.
        by_list: Attempts that ended by what was read.
        for_review: Leads that a person has to look at, in all.
        problem: Why nothing was read of it, in words; empty where it was.
        rules: Which of its rules could not be read, so that those of the default policy counted; empty for none.
    """

    campaign: str
    before: int
    after: int
    by_webhook: int = 0
    by_list: int = 0
    for_review: int = 0
    problem: str = ""
    rules: str = ""


@dataclass(slots=True)
class CampaignSweep:
    """One campaign of a sweep.

    Attributes:
        is_ours: Whether its calls are known to be in this account.
        problem: Why nothing could be read of it lately.
        may_read: Whether its calls may be read at all.
    """

    campaign: CampaignLedger
    runner: Runner
    collector: Collector
    rules: RunRules
    before: OpenResults
    is_ours: bool
    problem: str = ""
    may_read: bool = True
    by_webhook: int = 0

    @classmethod
    async def take(cls, campaign: CampaignLedger, calls: CallList) -> Self | None:
        """Become the runner of a campaign; None while another one is alive.

        Args:
            campaign: In its ledger.
            calls: The list of calls, that all campaigns share.
        """
        runner = Runner(campaign)
        # A run that lives collects by itself; two that read the same list would only spend the key's requests twice.
        if not await runner.join_alone():
            return None
        before = await open_results_of(campaign)
        await AttemptBook(campaign, runner.id).orphaned()
        rules = await read_rules(campaign)
        collector = Collector(calls.client, campaign, rules.policy, rules.readiness)
        collector.calls = calls
        is_ours = rules.account == fingerprint(calls.client.account, campaign.database)
        case = cls(campaign, runner, collector, rules, before, is_ours)
        if not rules.teaches:
            await case.give_up(UNREADABLE_RULES)
        return case

    async def apply_reports(self) -> None:
        """Write down all that webhooks brought, whichever account's they are."""
        if not self.rules.teaches:
            return  # it waits in the inbox
        expects = self.collector.readiness.expects
        while True:
            inbox = Inbox(self.campaign.database)
            applied, ended = await inbox.apply(self.campaign.name, self.rules.policy, expects)
            self.by_webhook += ended
            if applied < PORTION:
                return

    async def prove(self) -> None:
        """Find out whether its calls are in this account. If nothing shows it, nothing is read.

        Raises:
            FlireoError: It cannot be known.
        """
        client = self.collector.client
        self.is_ours = await is_of_account(self.campaign, client, self.rules)
        if not self.is_ours:
            await self.give_up(ANOTHER_ACCOUNT)

    async def give_up(self, problem: str) -> None:
        """Leave its calls to others, who need not wait for this sweep's end; reports of webhooks are still applied.

        Args:
            problem: Why.
        """
        self.may_read, self.problem = False, problem
        await self.runner.leave()

    async def conclude(self) -> SweepResult:
        """Settle what is over, post what is finished, and return how it stands."""
        standing = await CampaignControl(self.campaign).standing()
        if standing.state is CampaignState.CANCELLED:
            async with self.campaign.write() as db:
                await skip_waiting_in(db, self.campaign.name)
        await check_completeness(self.campaign, self.rules.policy)
        await post_finished(self.campaign)
        after = await open_results_of(self.campaign)
        return SweepResult(
            self.campaign.name,
            self.before.open,
            after.open,
            self.by_webhook,
            max(0, after.ended - self.before.ended - self.by_webhook),
            after.review,
            self.problem,
            self.rules.problem,
        )


SHARE: Final = 0.1  # of the key's requests, unless another share is given
FIRST_PAUSE_SECONDS: Final = 10.0  # between two readings; then half as long again each time
LONGEST_PAUSE_SECONDS: Final = 60.0
GROWTH: Final = 1.5
INBOX_SECONDS: Final = 1.0  # between two looks into the inbox
ANOTHER_RUNNER: Final = "a run, or another sweep, is collecting it"


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """What a sweep came to.

    Attributes:
        campaigns: Those with open results, by name.
        requests: Sent to Flireo.
        refused: Flireo refused the key, so that only webhooks were read; None where it did not.
    """

    campaigns: tuple[SweepResult, ...]
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
    _budget: RequestBudget = field(init=False)
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)
    _requests: int = field(default=0, init=False)
    _refused: errors.FlireoError | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._budget = RequestBudget(self.share)

    async def run(self) -> SweepSummary:
        """Apply reports, read and settle.

        Raises:
            DeclinedError: There is no such campaign.
            LedgerError: The ledger failed. What it holds is right; sweep again.
        """
        names = await campaigns_with_open_results(self.database, self.campaign)
        names = [name for name in names if not self.only or name in self.only]
        async with self.connect(self.account, self._count) as client:
            calls = CallList(client, self.database, budget=self._budget)
            cases: list[CampaignSweep] = []
            beat = asyncio.create_task(self._beat(cases))
            try:
                results = [swept for name in names if (swept := await self._take(name, calls, cases))]
                await self._rounds(cases, calls, beat)
                results += [await case.conclude() for case in cases]
            finally:
                beat.cancel()
                await asyncio.gather(beat, return_exceptions=True)
                await asyncio.shield(self._leave(cases))
        if not self.campaign and not self.only:
            await self._post_finished({result.campaign for result in results})
        async with self.database.read() as db:
            shown = await shown_in(db, {result.campaign for result in results})
        results = [replace(result, campaign=shown[result.campaign]) for result in results]
        results.sort(key=lambda result: result.campaign)
        return SweepSummary(tuple(results), self._requests, self._refused)

    async def _take(self, name: str, calls: CallList, cases: list[CampaignSweep]) -> SweepResult | None:
        """Make a campaign one of ours; else say how it stands and why it is not."""
        case = await CampaignSweep.take(self.database.campaign(name), calls)
        if case is not None:
            cases.append(case)
            return None
        left = await open_results_of(self.database.campaign(name))
        return SweepResult(name, left.open, left.open, for_review=left.review, problem=ANOTHER_RUNNER)

    async def _post_finished(self, names: Set[str]) -> None:
        """Of campaigns whose last run was killed when everything was done, before it could say so."""
        for name in await recently_called_campaigns(self.database):
            if name not in names:
                await post_finished(self.database.campaign(name))

    async def _rounds(self, cases: list[CampaignSweep], calls: CallList, beat: "asyncio.Task[None]") -> None:
        until, pause = self.database.now() + self.patience_seconds, self.pause_seconds
        while True:
            for case in cases:
                await case.apply_reports()
            await self._read([case for case in cases if case.may_read], calls)
            if not await self._wait(cases, min(pause, LONGEST_PAUSE_SECONDS), until):
                return
            if beat.done():
                beat.result()  # raises what the ledger did
            pause *= GROWTH

    async def _wait(self, cases: Sequence[CampaignSweep], pause: float, until: float) -> bool:
        """Wait for the next reading, hearing meanwhile. False where none is worth it, or patience is at its end."""
        read_at = self.database.now() + max(pause, self._budget.wait(self.database.now()))
        while (now := self.database.now()) < min(read_at, until):
            if not await self._is_worth_it(cases):
                return False
            await asyncio.sleep(min(INBOX_SECONDS, read_at - now, until - now))
            for case in cases:
                await case.apply_reports()
        return now < until and await self._is_worth_it(cases)

    async def _is_worth_it(self, cases: Sequence[CampaignSweep]) -> bool:
        """Whether another reading may show something."""
        if self._refused is not None:
            return False
        return any([case.may_read and await has_open(case.campaign) for case in cases])

    async def _read(self, cases: Sequence[CampaignSweep], calls: CallList) -> None:
        """Read once for all. A reading that fails decides nothing."""
        ours: list[tuple[CampaignSweep, OpenCalls]] = []
        for case in [case for case in cases if await has_open(case.campaign)]:
            if self._refused is not None or not await self._guarded([case], self._make_sure(case)):
                continue
            if not (sought := await case.collector.look()).is_nothing:
                ours.append((case, sought))
        if ours and self._refused is None:
            await self._guarded([case for case, _ in ours], self._read_list(ours, calls))

    async def _make_sure(self, case: CampaignSweep) -> None:
        """A run that started meanwhile reads by itself; and another account's calls are not here."""
        if not await case.runner.is_alone():
            await case.give_up(ANOTHER_RUNNER)
        elif not case.is_ours:
            await self._paid(case, case.prove)

    async def _paid(self, case: CampaignSweep, work: Callable[[], Awaitable[None]]) -> None:
        """Do some reading once what was spent before is paid for; but a minute's worth may be spent at once."""
        await asyncio.sleep(self._budget.wait(self.database.now() + LIMIT_SECONDS))
        sent = self._requests
        try:
            await work()
        finally:
            limit = case.collector.client.pacing.limit
            self._budget.spent(self._requests - sent, limit, self.database.now())

    async def _read_list(self, ours: Sequence[tuple[CampaignSweep, OpenCalls]], calls: CallList) -> None:
        snapshot = await read_list(self.database, calls, [(case.collector, sought) for case, sought in ours])
        # One reading serves all campaigns, but each settles its own attempts, by its own rules.
        left = MOST_ASKED - snapshot.asked  # for all together: the next reading asks for the next ones
        for case, sought in ours:
            left -= await case.collector.settle(sought, snapshot, left)
            if isinstance(case.collector.stopped_by, REFUSED_KEY):
                self._refused = case.collector.stopped_by

    async def _guarded(self, cases: Sequence[CampaignSweep], work: Awaitable[None]) -> bool:
        """Do some reading for campaigns. False where it failed: a refused key ends all further reading."""
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

    async def _beat(self, cases: Sequence[CampaignSweep]) -> None:
        """Renew the leases. For which of the campaigns requests are counted means nothing here."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for case in list(cases):
                if case.may_read:
                    await case.runner.renew(self._sent)

    async def _leave(self, cases: Sequence[CampaignSweep]) -> None:
        for case in cases:
            await case.runner.renew(self._sent)
            await case.runner.leave()

    def _count(self, operation: Operation[Any], status: int | None) -> None:
        self._requests += 1
        self._sent[operation.route, str(status or "no answer")] += 1
