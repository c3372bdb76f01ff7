"""The loop of one run: write answers, begin attempts, collect, poll, look what is left."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flireo_flows.calling.circuit_breaker import BlockingCampaigns, CircuitBreaker
from flireo_flows.calling.clock_guard import ClockGuard
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.dialer import CONNECTIONS, Dialer
from flireo_flows.ledger import AttemptBook, LeadBook, Outlook
from flireo_flows.ledger.intents import FRESH_SECONDS
from flireo_flows.policy import CallingPolicy, Deny, Rule, explain

LONGEST_PAUSE_SECONDS: Final = 60.0
# One poll for so many calls placed: with webhooks only unanswered calls, which have no report, wait for it.
CALLS_A_POLL: Final = 150
CALLS_A_POLL_WITH_WEBHOOKS: Final = 300
# But it does not wait for longer than this; at full speed so many calls are placed before.
DIALLING_SECONDS: Final = 120.0
DIALLING_WITH_WEBHOOKS_SECONDS: Final = 300.0


@dataclass(slots=True)
class PollSchedule:
    """When the call list is due to be read again.

    While there are leads to call, a poll waits until enough calls were placed to be worth it, until the calls at
    once are used up, or for minutes. Afterwards polls come at growing distances.

    Attributes:
        every: Shortest time between two polls, seconds.
    """

    every: float
    last_at: float = 0.0
    placed_before: int = 0
    in_a_row: int = 0

    def is_due(
        self, now: float, *, placed: int, by_webhook: bool, dialling: bool, starved: bool, unknown: bool
    ) -> bool:
        """Whether to poll now.

        Args:
            now: Unix seconds.
            placed: Calls placed so far.
            by_webhook: Whether webhooks arrive, so that most results come by themselves.
            dialling: Whether there are leads to call.
            starved: Whether dialling waits for a call to end.
            unknown: Whether reading could settle an attempt whose call may have been placed.
        """
        waited = now - self.last_at
        if waited < self.every:
            return False
        if unknown:
            return True
        if dialling:
            share = CALLS_A_POLL_WITH_WEBHOOKS if by_webhook else CALLS_A_POLL
            patience = self.every * (6.0 if by_webhook else 1.5)
            # A slow campaign needs its results too: which leads to call again, which opted out, what fails.
            longest = max(self.every, DIALLING_WITH_WEBHOOKS_SECONDS if by_webhook else DIALLING_SECONDS)
            return placed - self.placed_before >= share or waited >= (patience if starved else longest)
        quiet = self.in_a_row if placed == self.placed_before else 0  # a call placed since is soon over
        pause = self.every * 1.5**quiet * (2.0 if by_webhook else 1.0)
        return waited >= min(max(self.every, LONGEST_PAUSE_SECONDS), pause)

    def polled(self, now: float, *, placed: int, dialling: bool) -> None:
        """A poll was made."""
        self.last_at, self.placed_before = now, placed
        self.in_a_row = 0 if dialling else self.in_a_row + 1


@dataclass(slots=True)
class DialPace:
    """Calls a minute, evenly. 0 leaves it to the API's own limit."""

    calls_per_minute: float
    next_at: float = 0.0

    def ready(self, now: float, horizon: float, most: int) -> int:
        """How many calls may be begun now, counting those due within `horizon` seconds."""
        if not self.calls_per_minute:
            return most
        spacing = 60.0 / self.calls_per_minute
        due = int((now + horizon - max(self.next_at, now - horizon)) / spacing)
        return max(0, min(most, due if spacing < horizon else int(now >= self.next_at)))

    def wait(self, now: float) -> float:
        """Seconds until the next call may be begun."""
        return max(0.0, self.next_at - now) if self.calls_per_minute else 0.0

    def began(self, calls: int, now: float) -> None:
        """Calls were begun."""
        if self.calls_per_minute:
            self.next_at = max(self.next_at, now) + calls * 60.0 / self.calls_per_minute


HORIZON_SECONDS: Final = 0.25  # attempts are begun at most this much ahead of their request
LOOK_SECONDS: Final = 0.5  # how often the ledger is asked what is left
DRY_SECONDS: Final = 0.1  # after a turn that found no lead to call
GATHER_SECONDS: Final = 0.03  # answers that come within it share one transaction
SCAN: Final = 500  # leads looked at in one turn while many may not be called now
PATIENCE_SECONDS: Final = 300.0  # a run waits this long for the next permitted time, then it ends
CAPS: Final = (Rule.CALL_CAP, Rule.MINUTE_CAP, Rule.MONEY_CAP)
CAP_SECONDS: Final = 2.0  # how often a cap that was reached is looked at again


class Until(StrEnum):
    """When a run is over."""

    DIALLED = "dialled"  # no lead is left to call now
    FINISHED = "finished"  # and every call's result is in


@dataclass(slots=True)
class RunLoop:
    """Drives one run until it is over.

    Attributes:
        batch: The file whose leads are called.
        deadline: Unix seconds at which the run ends in any case; None for no such time.
        left: What was left at the last look.
        timed_out: Whether the deadline ended the run.
        cap: The policy's cap that holds the campaign back; None while none does.
    """

    batch: str
    policy: CallingPolicy
    until: Until
    deadline: float | None
    dialer: Dialer
    collector: Collector
    book: AttemptBook
    leads: LeadBook
    brakes: CircuitBreaker
    clocks: ClockGuard
    blockers: BlockingCampaigns
    left: Outlook = field(default_factory=Outlook.unseen)
    timed_out: bool = False
    cap: Deny | None = None
    _polls: PollSchedule = field(init=False)
    _dials: DialPace = field(init=False)
    _looked_at: float = field(default=0.0, init=False)
    _many_denied: bool = field(default=False, init=False)
    _dry: bool = field(default=False, init=False)
    _capped_until: float = field(default=0.0, init=False)
    _tasks: "dict[str, asyncio.Task[None]]" = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._polls = PollSchedule(self.policy.poll_seconds)
        self._dials = DialPace(self.policy.calls_per_minute)

    async def turn(self) -> bool:
        """One turn. Returns whether the run is over."""
        begun = await self._begin()
        now = self._now()
        if now - self._looked_at >= LOOK_SECONDS:
            await self._look(now)
            if self._is_over(now):
                return True
        if self.deadline is not None and now >= self.deadline:
            self.timed_out = True
            return True
        if not begun and (self._dry or not self._most()):
            await self._rest()
        return False

    async def _begin(self) -> int:
        """Write what came of requests, and commit the next ones before they go out."""
        answers, most = self.dialer.take(), self._most()
        self._dry = False
        if not most and not answers:
            return 0
        scan = SCAN if self._many_denied else 0
        try:
            if not most:
                self._many_denied = False
                await self.book.record(answers)
                return 0
            begun = await self.book.begin(self.batch, self.policy, most, scan, answers)
        except BaseException:
            # Cancelled, or the ledger failed: whether they were written is not known, and twice does no harm.
            self.dialer.give_back_answers(answers)
            raise
        self._many_denied = begun.decided > len(begun.attempts)
        self._dials.began(len(begun.attempts), self._now())
        self.dialer.give(begun.attempts)
        self._mind_cap(begun.held)
        if not begun.attempts:
            # No lead was due after all, or all calls at once are in use.
            self._dry, self._looked_at = True, 0.0
        return len(begun.attempts)

    def _mind_cap(self, held: Deny | None) -> None:
        """A cap holds every lead back, so it is asked again only after a while.

        All calls at once pass soon; and that the campaign is paused or cancelled, the brakes see at the next look.
        """
        self.cap = held if held is not None and held.reason in CAPS else None
        if self.cap is not None:
            self._capped_until = self._now() + CAP_SECONDS

    def _most(self) -> int:
        """How many attempts may be begun now, as far as requests go."""
        now, dialer = self._now(), self.dialer
        # A transaction costs the same for one attempt as for many, so the reserve is filled by the dozen.
        if not self._may_begin(now) or dialer.holds(now) or not self._has_room:
            return 0
        client = dialer.client
        ready = client.pacing.ready(client.now(), HORIZON_SECONDS) - self.dialer.unsent
        return self._dials.ready(now, HORIZON_SECONDS, max(0, min(self.dialer.room, ready)))

    def _may_begin(self, now: float) -> bool:
        """Whether attempts may be begun at all: what this runner begins must be its own until it is sent."""
        owns = now < self.dialer.owns_until - FRESH_SECONDS
        return self._has_work and owns and now >= self._capped_until

    @property
    def held_by(self) -> str:
        """What holds the whole campaign back, in words; empty while nothing does."""
        if self.brakes.held_by or self.cap is None:
            return self.brakes.held_by
        return explain(self.cap)

    @property
    def stopped_by(self) -> Exception | None:
        """Why the run cannot go on; None while it can."""
        return self.dialer.stopped_by or self.collector.stopped_by

    @property
    def _has_room(self) -> bool:
        """Whether half of the reserve is used up."""
        return self.dialer.room >= max(CONNECTIONS, self.dialer.reserve // 2)

    @property
    def _has_work(self) -> bool:
        may_call = not self.brakes.held_by and self.clocks.agree and self.stopped_by is None
        return bool(self.left.due) and may_call

    @property
    def _is_dialling(self) -> bool:
        return self._has_work and self.cap is None

    @property
    def _is_starved(self) -> bool:
        return self._is_dialling and self.left.live >= self.policy.max_concurrent_calls

    async def _look(self, now: float) -> None:
        self._looked_at = now
        await self.collector.apply_reports()
        await self.brakes.look()
        self.dialer.hold(self.brakes.held_by or self.clocks.held_by)
        self.left = await self.leads.outlook(self.batch, now)
        self.blockers.look(self.left.blocked, now)
        self.cap = self.cap if self.left.due else None  # it holds no lead back any more
        # Beside the loop: an answer that is slow to come must not hold up any call.
        if self._is_free("poll") and await self._poll_is_due(now):
            self._tasks["poll"] = asyncio.create_task(self._poll())
        if self._is_free("clocks") and self.left.due and self.clocks.is_due:
            self._tasks["clocks"] = asyncio.create_task(self._check_clocks())
        placed = self.dialer.placed
        if self._is_free("balance") and self.brakes.balance_is_due(placed):
            self._tasks["balance"] = asyncio.create_task(self.brakes.read_balance(placed))

    def _is_free(self, name: str) -> bool:
        """Whether no such task runs. One that failed raises what the ledger did."""
        task = self._tasks.get(name)
        if task is not None and task.done():
            del self._tasks[name]
            task.result()
        return name not in self._tasks

    async def _poll(self) -> None:
        await self.collector.poll()
        self._polls.polled(self._now(), placed=self.dialer.placed, dialling=self._is_dialling)
        self._looked_at = 0.0
        self.dialer.news.set()

    async def _check_clocks(self) -> None:
        await self.clocks.check()
        self.brakes.stopped_by = self.brakes.stopped_by or self.clocks.stopped_by
        self._looked_at = 0.0
        self.dialer.news.set()

    async def close(self) -> None:
        """Stop a poll that is under way; what it has not read it has not decided."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.blockers.close()

    async def _poll_is_due(self, now: float) -> bool:
        if self.dialer.stopped_by is not None or not (self.left.placed or self.left.unknown):
            return False
        if self.collector.budget.wait(now):
            return False
        placed = self.dialer.placed
        if not self._polls.last_at and self.left.placed <= placed and not self.left.unknown:
            # No call is older than this run: the list has nothing to say of those that were placed just now.
            self._polls.last_at = now
        return self._polls.is_due(
            now,
            placed=placed,
            by_webhook=self.collector.reported_by_webhook > 0,
            dialling=self._is_dialling,
            starved=self._is_starved,
            unknown=bool(self.left.unknown) and await self.collector.unknown_due(),
        )

    def _is_over(self, now: float) -> bool:
        """Whether nothing is left to do now, or nothing can be done any more."""
        left = self.left
        if self.dialer.is_busy:
            return False
        if self.stopped_by is not None:
            return True
        if left.sending or (not self._is_held(now) and self._is_soon(now)):
            return False
        return self.until is Until.DIALLED or not (left.placed or left.unknown or "poll" in self._tasks)

    def _is_soon(self, now: float) -> bool:
        """Whether a lead may be called now or within a run's patience."""
        if self.blockers.is_trying(self.left.blocked):
            return True
        # A run that does not wait for its own calls does not wait for those of another campaign either.
        next_at = self.left.next_free_at if self.until is Until.DIALLED else self.left.next_at
        return bool(self.left.due) or (next_at is not None and next_at <= now + PATIENCE_SECONDS)

    def _is_held(self, now: float) -> bool:
        """Whether the whole campaign is held back for longer than a run waits."""
        if self.brakes.held_by or self.cap is None:
            return bool(self.brakes.held_by)
        return self.cap.until is None or self.cap.until.timestamp() > now + PATIENCE_SECONDS

    async def _rest(self) -> None:
        """Until an answer came, or the next request or look is due."""
        wait = LOOK_SECONDS
        if self._may_begin(self._now()) and not self._is_starved and self._has_room:
            wait = min(wait, max(self._until_next(), DRY_SECONDS if self._dry else GATHER_SECONDS))
        await self.dialer.wait(wait)
        await asyncio.sleep(GATHER_SECONDS)

    def _until_next(self) -> float:
        """Seconds until the rate limit, the policy and the network allow the next request."""
        now, client = self._now(), self.dialer.client
        pause = client.pacing.wait(client.now())
        return max(pause, self._dials.wait(now), self.dialer.holds(now))

    def _now(self) -> float:
        return self.collector.campaign.now()
