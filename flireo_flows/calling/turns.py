"""The turns of one run: write answers, begin attempts, hear, poll, look what is left."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flireo_flows.calling.collector import Collector
from flireo_flows.calling.hands import CONNECTIONS, Hands
from flireo_flows.calling.ledger import AttemptBook, LeadBook, Outlook
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.rhythm import DialRhythm, PollRhythm

HORIZON_SECONDS: Final = 0.25  # attempts are begun at most this much ahead of their request
LOOK_SECONDS: Final = 0.5  # how often the ledger is asked what is left
DRY_SECONDS: Final = 0.1  # after a turn that found nobody to ring
GATHER_SECONDS: Final = 0.03  # answers that come within it share one transaction
SCAN: Final = 500  # leads looked at in one turn while many may not be rung now
PATIENCE_SECONDS: Final = 300.0  # a run waits this long for the next permitted time, then it ends


class Until(StrEnum):
    """When a run is over."""

    DIALLED = "dialled"  # nobody is left to ring now
    FINISHED = "finished"  # and every call's result is in


@dataclass(slots=True)
class Turns:
    """Drives one run until it is over.

    Attributes:
        batch: The file whose leads are rung.
        deadline: Unix seconds at which the run ends in any case; None for no such time.
        left: What was left at the last look.
        timed_out: Whether the deadline ended the run.
    """

    batch: str
    policy: CallingPolicy
    until: Until
    deadline: float | None
    hands: Hands
    collector: Collector
    book: AttemptBook
    leads: LeadBook
    left: Outlook = field(default_factory=Outlook.unseen)
    timed_out: bool = False
    _polls: PollRhythm = field(init=False)
    _dials: DialRhythm = field(init=False)
    _looked_at: float = field(default=0.0, init=False)
    _many_denied: bool = field(default=False, init=False)
    _dry: bool = field(default=False, init=False)
    _polling: "asyncio.Task[None] | None" = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._polls = PollRhythm(self.policy.poll_seconds)
        self._dials = DialRhythm(self.policy.calls_per_minute)

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
        if not begun:
            await self._rest()
        return False

    async def _begin(self) -> int:
        """Write what came of requests, and commit the next ones before they go out."""
        answers, most = self.hands.take(), self._most()
        self._dry = False
        if not most and not answers:
            return 0
        scan = SCAN if self._many_denied else 0
        begun, decided = await self.book.begin(self.batch, self.policy, most, scan, answers)
        self._many_denied = decided > len(begun)
        self._dials.began(len(begun), self._now())
        self.hands.give(begun)
        if most and not begun:
            # Nobody was due after all, or all calls at once are in use.
            self._dry, self._looked_at = True, 0.0
        return len(begun)

    def _most(self) -> int:
        """How many attempts may be begun now, as far as requests go."""
        now, dialer = self._now(), self.hands.dialer
        # A transaction costs the same for one attempt as for many, so the reserve is filled by the dozen.
        if not self._is_dialling or dialer.holds(now) or not self._has_room:
            return 0
        client = dialer.client
        ready = client.pacing.ready(client.now(), HORIZON_SECONDS) - self.hands.unsent
        return self._dials.ready(now, HORIZON_SECONDS, max(0, min(self.hands.room, ready)))

    @property
    def _has_room(self) -> bool:
        """Whether half of the reserve is used up."""
        return self.hands.room >= max(CONNECTIONS, self.hands.reserve // 2)

    @property
    def _is_dialling(self) -> bool:
        return bool(self.left.due) and self.hands.dialer.stopped_by is None

    @property
    def _is_starved(self) -> bool:
        return self._is_dialling and self.left.live >= self.policy.max_concurrent_calls

    async def _look(self, now: float) -> None:
        self._looked_at = now
        await self.collector.hear()
        self.left = await self.leads.outlook(self.batch, now)
        if self._polling is not None and self._polling.done():
            self._polling.result()  # raises what the ledger did
            self._polling = None
        if self._polling is None and await self._poll_is_due(now):
            # Beside the turns: a list that is slow to come must not keep anybody from being rung.
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        await self.collector.poll()
        self._polls.polled(self._now(), placed=self.hands.dialer.placed, dialling=self._is_dialling)
        self._looked_at = 0.0
        self.hands.news.set()

    async def close(self) -> None:
        """Stop a poll that is under way; what it has not read it has not decided."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _poll_is_due(self, now: float) -> bool:
        if self.hands.dialer.stopped_by is not None or not (self.left.placed or self.left.unknown):
            return False
        return self._polls.is_due(
            now,
            placed=self.hands.dialer.placed,
            by_webhook=self.collector.heard_by_webhook > 0,
            dialling=self._is_dialling,
            starved=self._is_starved,
            unknown=bool(self.left.unknown) and await self.collector.unknown_due(),
        )

    def _is_over(self, now: float) -> bool:
        """Whether nothing is left to do now, or nothing can be done any more."""
        left = self.left
        if self.hands.is_busy:
            return False
        if self.hands.dialer.stopped_by is not None or self.collector.stopped_by is not None:
            return True
        soon = left.next_at is not None and left.next_at <= now + PATIENCE_SECONDS
        if left.due or soon or left.sending:
            return False
        return self.until is Until.DIALLED or not (left.placed or left.unknown or self._polling)

    async def _rest(self) -> None:
        """Until an answer came, or the next request or look is due."""
        wait = LOOK_SECONDS
        if self._is_dialling and not self._is_starved and self._has_room:
            wait = min(wait, max(self._until_next(), DRY_SECONDS if self._dry else GATHER_SECONDS))
        await self.hands.wait(wait)
        await asyncio.sleep(GATHER_SECONDS)

    def _until_next(self) -> float:
        """Seconds until the rate limit, the policy and the network allow the next request."""
        now, client = self._now(), self.hands.dialer.client
        pause = client.pacing.wait(client.now())
        return max(pause, self._dials.wait(now), self.hands.dialer.holds(now))

    def _now(self) -> float:
        return self.collector.database.now()
