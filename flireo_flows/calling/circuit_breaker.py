"""What holds calls back while a campaign runs: who paused it, the circuit breaker, a low balance, other campaigns."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.redaction import mask_phone
from flireo_flows.calling.preflight import NotReadyError, check_balance
from flireo_flows.calling.sweep import FIRST_PAUSE_SECONDS, GROWTH, LONGEST_PAUSE_SECONDS, Sweep
from flireo_flows.ledger.campaigns import (
    CallEnding,
    Standing,
    call_endings_in,
    change_in,
    skip_waiting_in,
    standing_in,
)
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.leads import ask_again, blocking_campaigns
from flireo_flows.lifecycle.states import CampaignState
from flireo_flows.policy import Breaker, CallingPolicy

# The balance is read again after so many calls, or after so long, if any call was placed meanwhile.
CALLS_A_BALANCE: Final = 500
BALANCE_SECONDS: Final = 300.0


@dataclass(slots=True)
class BalanceSchedule:
    """When the account's balance is due to be read again. The account checks read it before the first call."""

    last_at: float
    placed_before: int = 0

    def is_due(self, now: float, placed: int) -> bool:
        """Whether to read it now.

        Args:
            now: Unix seconds.
            placed: Calls placed so far.
        """
        calls = placed - self.placed_before
        return calls >= CALLS_A_BALANCE or (calls > 0 and now - self.last_at >= BALANCE_SECONDS)

    def read(self, now: float, placed: int) -> None:
        """It was read, or could not be."""
        self.last_at, self.placed_before = now, placed


BREAKER_SECONDS: Final = 1.0  # how often the last calls are counted
BREAKER_PATIENCE: Final = 50.0  # where counting is slow, there is so many times as long between
BREAKER: Final = "breaker"  # who paused it
MOST_SHOWN: Final = 20  # last failures that are shown


@dataclass(slots=True)
class CircuitBreaker:
    """The brakes of one campaign, as one runner feels them. All is counted in the ledger, so a restart or a
    second runner changes nothing.

    Attributes:
        standing: Of the campaign, at the last look.
        last_failures: What made the breaker pause it: masked number and reason, newest first.
        stopped_by: A balance that is too low; None while it is not. Running calls are collected all the same.
    """

    client: AsyncFlireoClient
    campaign: CampaignLedger
    policy: CallingPolicy
    standing: Standing = field(default_factory=Standing)
    last_failures: tuple[str, ...] = ()
    stopped_by: Exception | None = None
    _balance: BalanceSchedule = field(init=False)
    _count_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._balance = BalanceSchedule(self.campaign.now())

    @property
    def held_by(self) -> str:
        """Why no one may be called now, in words; empty while the campaign is open and can be paid for."""
        if self.standing.state is not CampaignState.OPEN:
            return self.standing.in_words
        return str(self.stopped_by or "")

    async def look(self) -> None:
        """How the campaign stands; and whether it must be paused."""
        async with self.campaign.read() as db:
            self.standing = await standing_in(db, self.campaign.name)
        now = self.campaign.now()
        if self.standing.state is CampaignState.OPEN and now >= self._count_at:
            await self._break(now)
            took = self.campaign.now() - now
            self._count_at = now + max(BREAKER_SECONDS, BREAKER_PATIENCE * took)
        elif self.standing.changed_by == BREAKER and self.held_by and not self.last_failures:
            # Another runner, or an earlier run, paused it.
            async with self.campaign.read() as db:
                window, paused_at = self.policy.breaker.window_seconds, self.standing.changed_at
                self.last_failures = failures_shown(
                    await call_endings_in(db, self.campaign.name, window, paused_at, 0.0)
                )

    async def _break(self, now: float) -> None:
        breaker, window = self.policy.breaker, self.policy.breaker.window_seconds
        if not breaker.enabled:
            return
        async with self.campaign.read() as db:
            if not trips(
                await call_endings_in(db, self.campaign.name, window, now, self.standing.changed_at), breaker
            ):
                return
        async with self.campaign.write() as db:
            # Again where no one else writes: a person may have resumed it since, or another runner paused it.
            self.standing = await standing_in(db, self.campaign.name)
            ended = await call_endings_in(db, self.campaign.name, window, now, self.standing.changed_at)
            reason = trips(ended, breaker)
            if reason and self.standing.state is CampaignState.OPEN:
                self.last_failures = failures_shown(ended)
                self.standing = await change_in(
                    db, self.campaign.name, CampaignState.PAUSED, reason, BREAKER, self.campaign.now()
                )

    def balance_is_due(self, placed: int) -> bool:
        """Whether to read the balance again, `placed` calls after the run began."""
        watches = self.policy.min_balance_minutes > 0 and self.stopped_by is None
        return watches and self._balance.is_due(self.campaign.now(), placed)

    async def read_balance(self, placed: int) -> None:
        """Read it; a low one stops the run. A reading that fails decides nothing: 402 still stops it."""
        try:
            await check_balance(self.client, self.policy.min_balance_minutes)
        except NotReadyError as low:
            self.stopped_by = low
        except (errors.AuthenticationFailed, errors.PermissionDenied) as error:
            self.stopped_by = error
        except errors.FlireoError:
            pass
        self._balance.read(self.campaign.now(), placed)

    async def settle(self) -> None:
        """In a cancelled campaign no lead waits, nor one that was given back after it was cancelled."""
        if self.standing.state is CampaignState.CANCELLED:
            async with self.campaign.write() as db:
                await skip_waiting_in(db, self.campaign.name)


def trips(ended: Sequence[CallEnding], breaker: Breaker) -> str:
    """Why the campaign must be paused; empty while it need not.

    Args:
        ended: What ended in the window, since the campaign was last resumed.
        breaker: How many failures are too many.
    """
    failures = sum(call.failed for call in ended)
    if not breaker.enabled or len(ended) < breaker.fewest_calls or not failures:
        return ""
    share = failures / len(ended)
    if share <= breaker.failure_share and share < 1:  # a share of 1 pauses it once all of them fail
        return ""
    return (
        f"{failures} of the last {len(ended)} calls failed ({share:.0%}, and the policy pauses above "
        f"{breaker.failure_share:.0%} within {breaker.window_seconds:g} seconds); "
        "look at the last failures, then resume the campaign"
    )


def failures_shown(ended: Sequence[CallEnding]) -> tuple[str, ...]:
    """The last failures for people to look at, newest first: masked number and reason."""
    failures = [call for call in ended if call.failed]
    newest = reversed(failures[-MOST_SHOWN:])
    return tuple(f"{mask_phone(call.phone)}: {call.reason or 'no reason was given'}" for call in newest)


@dataclass(slots=True)
class BlockingCampaigns:
    """What holds leads of one file back, for one run.

    Attributes:
        campaign: The run's own.
        account: Where the calls are read.
        batch: The file.
        reads: How often it was read how the other calls ended.
    """

    campaign: CampaignLedger
    account: Account
    batch: str
    reads: int = 0
    _reading: "asyncio.Task[None] | None" = field(default=None, init=False)
    _pause: float = field(default=FIRST_PAUSE_SECONDS, init=False)
    _next_at: float = field(default=0.0, init=False)

    def look(self, blocked: int, now: float) -> None:
        """Begin to read, if leads are held back and it is time.

        Args:
            blocked: Leads that are held back.
            now: The ledger's clock, Unix seconds.
        """
        if self._reading is not None and self._reading.done():
            task, self._reading = self._reading, None
            task.result()  # raises what the ledger did
            self._next_at, self._pause = now + self._pause, min(self._pause * GROWTH, LONGEST_PAUSE_SECONDS)
        if blocked and self._reading is None and now >= self._next_at:
            self._reading = asyncio.create_task(self._read())

    def is_trying(self, blocked: int) -> bool:
        """Whether it may still turn out, at once, that a call has ended that holds leads back."""
        return self._reading is not None or (bool(blocked) and not self.reads)

    async def close(self) -> None:
        """Stop reading; what was not read is not decided."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        if names := await blocking_campaigns(self.campaign, self.batch):
            await Sweep(self.campaign.database, self.account, only=names).run()
        await ask_again(self.campaign, self.batch)
        self.reads += 1
