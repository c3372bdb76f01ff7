"""Run a campaign: begin attempts, dial, collect how the calls ended, until nothing is left to do."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.errors import InsufficientCredits
from flireo_flows.api.operation import Operation
from flireo_flows.calling.circuit_breaker import BlockingCampaigns, CircuitBreaker
from flireo_flows.calling.clock_guard import ClockGuard
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.dialer import Dialer
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
from flireo_flows.ledger import (
    AttemptBook,
    CampaignLedger,
    CampaignProgress,
    LeadBook,
    Outlook,
    Runner,
    Views,
)
from flireo_flows.ledger.call_history import earlier_calls_of
from flireo_flows.ledger.campaigns import shown_in
from flireo_flows.ledger.completeness import check_completeness
from flireo_flows.ledger.leads import blocking_campaigns
from flireo_flows.ledger.leases import HEARTBEAT_SECONDS, LEASE_SECONDS
from flireo_flows.ledger.outbox import post_credits_low, post_finished
from flireo_flows.ledger.outcome_backfill import apply_current_rules
from flireo_flows.ledger.run_rules import Readiness, fingerprint, read_rules, write_rules
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Composer

PROGRESS_SECONDS: Final = 2.0
COMPLETENESS_SECONDS: Final = 60.0

Progress = Callable[[CampaignProgress], None]


def no_progress(status: CampaignProgress) -> None:
    """No figures are wanted."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        stopped_by: Why it could not go on; None when it did all there was to do for now.
        timed_out: Whether the deadline ended it.
        left: What is left to do.
        readiness: What the checks found; for a run that follows.
        held_by: What held the whole campaign back at the end, in words: who paused or cancelled it
            and why, or a cap that was reached. Empty when nothing did.
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


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What one runner of one campaign is asked to do.

    Attributes:
        campaign: Attempts are counted under it.
        account: Where to call, and with which key.
        batch: The file whose leads are called (`LeadBook.take_in`).
        composer: Chooses agent, number and words for each lead.
        policy: The rules.
        progress: Given the campaign's figures every two seconds, from this thread; must be quick.
        readiness: What earlier checks found; None checks first.
        run_id: Runs of one id are one run, whose calls are counted together for the policy's caps per run;
            empty makes each a run of its own.
        limit: Calls that the run (`run_id`) places at most, so that it calls at most so many people; None for no limit.
        stopped_by: What stopped an earlier part of this run: no one is called, and only results are collected.
        ignore_recent_calls: Call also where the account's calls of the last days cannot be read, at the risk that
            people who were called a moment ago are called again.
        lease_seconds: For how long this runner is trusted to be alive since its last sign of life; then others
            take over. More than `lead_queue.LEAST_LEASE_SECONDS`, or nothing is ever begun.
    """

    campaign: CampaignLedger
    account: Account
    batch: str
    composer: Composer
    policy: CallingPolicy
    progress: Progress = no_progress
    readiness: Readiness | None = None
    run_id: str = ""
    limit: int | None = None
    stopped_by: Exception | None = None
    lease_seconds: float = LEASE_SECONDS
    ignore_recent_calls: bool = False

    @property
    def limited_policy(self) -> CallingPolicy:
        """The policy with the limit as its cap per run. It is not written down: the next run has its own."""
        if self.limit is None:
            return self.policy
        caps = self.policy.caps_per_run
        calls = min(self.limit, caps.calls) if caps.calls else self.limit
        return self.policy.model_copy(update={"caps_per_run": caps.model_copy(update={"calls": calls})})


@dataclass(frozen=True, slots=True)
class _Start:
    """What a run begins with.

    Attributes:
        stopped_by: Why no one may be called, though results of earlier calls are collected.
        cautions: What is not known of the account's recent calls.
    """

    readiness: Readiness
    stopped_by: Exception | None = None
    cautions: tuple[str, ...] = ()


async def run_campaign(run: RunSettings, until: Until, deadline: float | None = None) -> RunResult:
    """Call and collect.

    Args:
        run: What to do.
        until: When to end.
        deadline: Unix seconds of the ledger's clock at which to end in any case; None for no such time.

    Raises:
        NotReadyError: The account cannot call as asked; no one was called.
        FlireoError: Flireo refused the key or was not reached; before the first call.
        LedgerError: The ledger failed. What it holds is right; run again.
    """
    runner = Runner(run.campaign, run.lease_seconds)
    await runner.join()
    book = AttemptBook(run.campaign, runner.id, run.composer, run.run_id)
    sent: Counter[tuple[str, str]] = Counter()

    def count(operation: Operation[Any], status: int | None) -> None:
        sent[operation.route, str(status or "no answer")] += 1

    async with AsyncFlireoClient(run.account, on_sent=count) as client:
        try:
            await book.orphaned()
            start = await _prepare(run, client, runner)
            result = await _call_and_collect(run, until, deadline, client, book, runner, start, sent)
            await _post_end(run, result.stopped_by, runner)
            return result
        except LowBalanceError as low:
            await _post_end(run, low, runner)
            raise
        finally:
            await asyncio.shield(_leave(runner, sent))


async def _prepare(run: RunSettings, client: AsyncFlireoClient, runner: Runner) -> _Start:
    """Check, and write down what is called under. Costs no request when there is nothing to do."""
    campaign, stopped_by = run.campaign, run.stopped_by
    await apply_current_rules(campaign, run.policy)
    left = await LeadBook(campaign).outlook(run.batch, campaign.now())
    if left.is_finished or stopped_by is not None:
        return _Start(run.readiness or (await read_rules(campaign)).readiness, stopped_by)
    seen_account = await require_account(campaign, client, runner)
    try:
        readiness = run.readiness or await check_account(client, run.composer, run.policy.min_balance_minutes)
        cautions = await _recent_calls(run, client) if left.has_waiting else ()
    except NotReadyError as problem:
        if not (left.placed or left.unknown):
            raise
        # The results of earlier calls are collected all the same.
        return _Start((await read_rules(campaign)).readiness, problem)
    starts = left.has_waiting
    if not await write_rules(campaign, run.policy, readiness, run.account, starts, seen_account):
        raise two_accounts(campaign.given)
    return _Start(readiness, None, cautions)


async def _recent_calls(run: RunSettings, client: AsyncFlireoClient) -> tuple[str, ...]:
    """Read the account's list before this ledger's first call there. What it does not show, each in a sentence."""
    database = run.campaign.database
    try:
        read = await read_recent_calls(database, client, fingerprint(run.account, database))
    except RecentCallsUnreadError as problem:
        if not run.ignore_recent_calls:
            raise
        return (str(problem),)
    if read is None:
        return ()
    earlier = await earlier_calls_of(run.campaign, run.batch)
    return (*in_words(read), *filter(None, [earlier.in_words]))


async def _post_end(run: RunSettings, stopped_by: Exception | None, runner: Runner) -> None:
    """Post what is so: credits are low, results are missing, the campaign is finished. Each once."""
    if isinstance(stopped_by, LowBalanceError | InsufficientCredits):
        await post_credits_low(run.campaign, run.run_id or runner.id, str(stopped_by))
    await check_completeness(run.campaign, run.policy)
    await post_finished(run.campaign)


async def _call_and_collect(
    run: RunSettings,
    until: Until,
    deadline: float | None,
    client: AsyncFlireoClient,
    book: AttemptBook,
    runner: Runner,
    start: _Start,
    sent: Counter[tuple[str, str]],
) -> RunResult:
    campaign, leads = run.campaign, LeadBook(run.campaign)
    dialer = Dialer(client, campaign.database, run.composer, owns_until=runner.lease_until)
    dialer.start()
    collector = Collector(client, campaign, run.policy, start.readiness)
    breaker = CircuitBreaker(client, campaign, run.policy, stopped_by=start.stopped_by)
    clocks = ClockGuard(client, campaign.database)
    blockers = BlockingCampaigns(campaign, run.account, run.batch)
    rules = run.limited_policy
    loop = RunLoop(
        run.batch, rules, until, deadline, dialer, collector, book, leads, breaker, clocks, blockers
    )
    background = [
        asyncio.create_task(_beat(run, runner, book, dialer, sent)),
        asyncio.create_task(_show(run)),
    ]
    try:
        while not await loop.turn():
            for task in (*background, *dialer.tasks):
                if task.done():
                    task.result()  # raises what the ledger did, or a sender
    finally:
        await asyncio.shield(_wind_down(loop, dialer, book, background))
        await asyncio.shield(breaker.settle())
    left = await leads.outlook(run.batch, campaign.now())
    run.progress(await Views(campaign.database).status(campaign.given))
    return RunResult(
        loop.stopped_by or breaker.stopped_by,
        loop.timed_out,
        left,
        start.readiness,
        loop.held_by,
        breaker.last_failures,
        await _waits_for(run),
        start.cautions,
    )


async def _waits_for(run: RunSettings) -> tuple[str, ...]:
    """The other campaigns whose open calls hold leads back, as people named them."""
    names = await blocking_campaigns(run.campaign, run.batch)
    async with run.campaign.read() as db:
        return tuple(sorted((await shown_in(db, names)).values()))


async def _beat(
    run: RunSettings, runner: Runner, book: AttemptBook, dialer: Dialer, sent: Counter[tuple[str, str]]
) -> None:
    """Renew the lease, and take over from runners that did not renew theirs.

    A lease that ends before it is renewed ends the dialling until then: see `Dialer.owns_until`.
    """
    while True:
        await asyncio.sleep(min(HEARTBEAT_SECONDS, run.lease_seconds / 4))
        await runner.renew(sent)
        dialer.owns_until = runner.lease_until
        await book.orphaned()


async def _show(run: RunSettings) -> None:
    """Report the figures every two seconds, and every minute whether too many results are missing."""
    campaign = run.campaign
    views, looked_at = Views(campaign.database), campaign.now()
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        run.progress(await views.status(campaign.given))
        if campaign.now() - looked_at >= COMPLETENESS_SECONDS:
            looked_at = campaign.now()
            await check_completeness(campaign, run.policy)


async def _wind_down(
    loop: RunLoop, dialer: Dialer, book: AttemptBook, background: list[asyncio.Task[None]]
) -> None:
    """Write down what came of the requests under way; send no new one."""
    await loop.close()
    answers = await dialer.stop()
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await book.record(answers)


async def _leave(runner: Runner, sent: Counter[tuple[str, str]]) -> None:
    await runner.renew(sent)
    await runner.leave()
