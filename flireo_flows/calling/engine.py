"""Run a campaign: begin attempts, ring, hear how the calls ended, until nothing is left to do."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.errors import InsufficientCredits
from flireo_flows.api.operation import Operation
from flireo_flows.calling.circuit_breaker import CircuitBreaker
from flireo_flows.calling.clock_guard import ClockGuard
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.dialer import Dialer, SenderPool
from flireo_flows.calling.preflight import (
    LowBalanceError,
    NotReadyError,
    RecentCallsUnreadError,
    check_account,
    in_words,
    read_recent_calls,
    require_account,
    two_accounts,
)
from flireo_flows.calling.run_loop import RunLoop, Until
from flireo_flows.calling.sweep import BlockingCampaigns
from flireo_flows.ledger import (
    AttemptBook,
    CampaignStatus,
    Database,
    LeadBook,
    Outlook,
    Runner,
    Views,
)
from flireo_flows.ledger.blockers import blocking_campaigns
from flireo_flows.ledger.campaigns import shown_in
from flireo_flows.ledger.completeness import check_completeness
from flireo_flows.ledger.earlier_calls import earlier_calls_of
from flireo_flows.ledger.leases import HEARTBEAT_SECONDS, LEASE_SECONDS
from flireo_flows.ledger.milestones import post_credits_low, post_finished
from flireo_flows.ledger.outcome_backfill import apply_current_rules
from flireo_flows.ledger.run_rules import Readiness, fingerprint, read_rules, write_rules
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Composer

PROGRESS_SECONDS: Final = 2.0
COMPLETENESS_SECONDS: Final = 60.0

Progress = Callable[[CampaignStatus], None]


def no_progress(status: CampaignStatus) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        stopped_by: Why it could not go on; None when it did all there was to do for now.
        timed_out: Whether the deadline ended it.
        left: What is left to do.
        readiness: What the checks told; for a run that follows.
        held_by: What held the whole campaign back at the end, in words: that it is paused or cancelled, by
            whom and why, or a cap that was reached. Empty when nothing did.
        cautions: What is not known of the account's recent calls, each in a sentence.
        last_failures: What made the breaker pause the campaign: masked number and reason, newest first.
        waits_for: Other campaigns whose open calls hold leads back at the end, by name.
    """

    stopped_by: Exception | None
    timed_out: bool
    left: Outlook
    readiness: Readiness
    held_by: str = ""
    last_failures: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


@dataclass(slots=True)
class Engine:
    """One runner of one campaign.

    Attributes:
        database: The ledger.
        account: Where to ring, and as whom.
        campaign: Name under which attempts are counted.
        batch: The file whose leads are rung (`LeadBook.take_in`).
        caller: Chooses agent, number and words for each lead.
        policy: The rules.
        progress: Told of the campaign's figures every two seconds, from this thread; must be quick.
        readiness: What earlier checks told; None checks first.
        run_id: Engines of one id are one run, whose calls are counted together for the policy's caps per run;
            empty makes each a run of its own.
        limit: Calls that the run (`run_id`) places at most, so that it calls at most so many people; None for no limit.
        stopped_by: What stopped an earlier engine of this run: nobody is rung, and only results are collected.
        ignore_recent_calls: Call also where the account's calls of the last days cannot be read, at the risk that
            people who were called a moment ago are called again.
        lease_seconds: For how long this runner is trusted to be alive since its last sign of life; then others
            take over. More than `picking.LEAST_LEASE_SECONDS`, or nothing is ever begun.
    """

    database: Database
    account: Account
    campaign: str
    batch: str
    caller: Composer
    policy: CallingPolicy
    progress: Progress = no_progress
    readiness: Readiness | None = None
    run_id: str = ""
    limit: int | None = None
    stopped_by: Exception | None = None
    lease_seconds: float = LEASE_SECONDS
    ignore_recent_calls: bool = False
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)
    _cautions: tuple[str, ...] = field(default=(), init=False)

    async def run(self, until: Until, deadline: float | None = None) -> RunResult:
        """Ring and collect.

        Args:
            until: When to end.
            deadline: Unix seconds of the ledger's clock at which to end in any case; None for no such time.

        Raises:
            NotReadyError: The account cannot ring as asked; nobody was rung.
            FlireoError: Flireo refused the key or was not reached; before the first call.
            LedgerError: The ledger failed. What it holds is right; run again.
        """
        runner = Runner(self.database, self.campaign, self.lease_seconds)
        await runner.join()
        book = AttemptBook(self.database, self.campaign, runner.id, self.caller, self.run_id)
        async with AsyncFlireoClient(self.account, heard=self._count) as client:
            try:
                await book.orphaned()
                readiness = await self._ready(client, runner)
                ran = await self._run(until, deadline, client, book, runner, readiness)
                await self._tell(ran.stopped_by, runner)
                return ran
            except LowBalanceError as low:
                await self._tell(low, runner)
                raise
            finally:
                await asyncio.shield(self._leave(runner))

    async def _ready(self, client: AsyncFlireoClient, runner: Runner) -> Readiness:
        """Check, and write down what is rung under. Costs no request when there is nothing to do."""
        await apply_current_rules(self.database, self.campaign, self.policy)
        left = await LeadBook(self.database, self.campaign).outlook(self.batch, self.database.now())
        if left.is_finished or self.stopped_by is not None:
            return self.readiness or (await read_rules(self.database, self.campaign)).readiness
        seen_account = await require_account(self.database, client, self.campaign, runner)
        try:
            readiness = self.readiness or await self._look_up(client)
            if left.has_waiting:
                await self._read_recent_calls(client)
        except NotReadyError as problem:
            if not (left.placed or left.unknown):
                raise
            self.stopped_by = problem  # who was rung already is heard of all the same
            return (await read_rules(self.database, self.campaign)).readiness
        starts = left.has_waiting
        if not await write_rules(
            self.database, self.campaign, self.policy, readiness, self.account, starts, seen_account
        ):
            raise two_accounts(self.campaign)
        return readiness

    async def _read_recent_calls(self, client: AsyncFlireoClient) -> None:
        """What the account's list says, before this ledger's first call there."""
        try:
            read = await read_recent_calls(self.database, client, fingerprint(self.account, self.database))
        except RecentCallsUnreadError as problem:
            if not self.ignore_recent_calls:
                raise
            self._cautions = (str(problem),)
        else:
            if read is not None:
                earlier = await earlier_calls_of(self.database, self.campaign, self.batch)
                self._cautions = (*in_words(read), *filter(None, [earlier.in_words]))

    async def _tell(self, stopped_by: Exception | None, runner: Runner) -> None:
        """Post what is so: credits are low, results are missing, the campaign is finished. Each once."""
        if isinstance(stopped_by, LowBalanceError | InsufficientCredits):
            await post_credits_low(self.database, self.campaign, self.run_id or runner.id, str(stopped_by))
        await check_completeness(self.database, self.campaign, self.policy)
        await post_finished(self.database, self.campaign)

    async def _look_up(self, client: AsyncFlireoClient) -> Readiness:
        return await check_account(client, self.caller, self.policy.min_balance_minutes)

    async def _run(
        self,
        until: Until,
        deadline: float | None,
        client: AsyncFlireoClient,
        book: AttemptBook,
        runner: Runner,
        readiness: Readiness,
    ) -> RunResult:
        leads = LeadBook(self.database, self.campaign)
        hands = SenderPool(Dialer(client, self.database, self.caller, owns_until=runner.lease_until))
        collector = Collector(client, self.database, self.campaign, self.policy, readiness)
        brakes = CircuitBreaker(client, self.database, self.campaign, self.policy, stopped_by=self.stopped_by)
        clocks = ClockGuard(client, self.database)
        rules = self._limited_policy()
        blockers = BlockingCampaigns(self.database, self.account, self.campaign, self.batch)
        turns = RunLoop(
            self.batch, rules, until, deadline, hands, collector, book, leads, brakes, clocks, blockers
        )
        background = [
            asyncio.create_task(self._beat(runner, book, hands.dialer)),
            asyncio.create_task(self._show()),
        ]
        try:
            while not await turns.turn():
                for task in (*background, *hands.tasks):
                    if task.done():
                        task.result()  # raises what the ledger did, or a hand
        finally:
            await asyncio.shield(self._wind_down(turns, hands, book, background))
            await asyncio.shield(brakes.settle())
        left = await leads.outlook(self.batch, self.database.now())
        self.progress(await Views(self.database).status(self.campaign))
        stopped_by, failures = turns.stopped_by or brakes.stopped_by, brakes.last_failures
        return RunResult(
            stopped_by,
            turns.timed_out,
            left,
            readiness,
            turns.held_by,
            failures,
            await self._waits_for(),
            self._cautions,
        )

    async def _waits_for(self) -> tuple[str, ...]:
        """The other campaigns whose open calls hold leads back, as people named them."""
        names = await blocking_campaigns(self.database, self.campaign, self.batch)
        async with self.database.read() as db:
            return tuple(sorted((await shown_in(db, names)).values()))

    def _limited_policy(self) -> CallingPolicy:
        """The policy with this run's limit as its cap per run. It is not remembered: the next run has its own."""
        if self.limit is None:
            return self.policy
        caps = self.policy.caps_per_run
        calls = min(self.limit, caps.calls) if caps.calls else self.limit
        return self.policy.model_copy(update={"caps_per_run": caps.model_copy(update={"calls": calls})})

    async def _beat(self, runner: Runner, book: AttemptBook, dialer: Dialer) -> None:
        """Renew the lease, and take over from runners that did not renew theirs.

        A lease that ends before it is renewed ends the dialling until then: see `Dialer.owns_until`.
        """
        while True:
            await asyncio.sleep(min(HEARTBEAT_SECONDS, self.lease_seconds / 4))
            await self._renew(runner)
            dialer.owns_until = runner.lease_until
            await book.orphaned()

    async def _show(self) -> None:
        """Tell the figures every two seconds, and every minute whether too many results are missing."""
        views, looked_at = Views(self.database), self.database.now()
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            self.progress(await views.status(self.campaign))
            if self.database.now() - looked_at >= COMPLETENESS_SECONDS:
                looked_at = self.database.now()
                await check_completeness(self.database, self.campaign, self.policy)

    async def _wind_down(
        self, turns: RunLoop, hands: SenderPool, book: AttemptBook, background: list[asyncio.Task[None]]
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
