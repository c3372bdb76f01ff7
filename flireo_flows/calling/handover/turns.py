"""The turns of one run: obey, hand over, start, hear, look what is left."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.campaign_rules import CampaignProblem, CampaignRefused
from flireo_flows.api.campaigns import Campaign, CampaignStatus
from flireo_flows.calling.brakes import Brakes
from flireo_flows.calling.dialer import STOPPING
from flireo_flows.calling.engine import PROGRESS_SECONDS, Progress
from flireo_flows.calling.handover.filling import Filler
from flireo_flows.calling.handover.following import Follower
from flireo_flows.calling.handover.safety import TakenOver, in_there_twice, refuse_over
from flireo_flows.calling.ledger import LeadBook, Outlook, Views
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.rhythm import Budget
from flireo_flows.calling.states import CampaignState
from flireo_flows.calling.turns import LOOK_SECONDS, PATIENCE_SECONDS, Until

MOST_FAILURES: Final = 10  # in a row, each after the client's own retries
REQUEST_SECONDS: Final = 2.0  # a reading of many pages is made so much more seldom, for each page
CLOSED_SECONDS: Final = 60.0  # between two readings while Flireo rings nobody


@dataclass(slots=True)
class Turns:
    """Drives one run until it is over.

    Attributes:
        batch: The file whose leads are handed over.
        until: When to end.
        held: What stopped the run before it came to these turns: nobody is handed over, and nothing is started. None
            for nothing.
        deadline: Unix seconds at which the run ends in any case; None for no such time.
        left: What was left at the last look.
        timed_out: Whether the deadline ended the run.
    """

    batch: str
    policy: CallingPolicy
    progress: Progress
    until: Until
    deadline: float | None
    filler: Filler
    follower: Follower
    brakes: Brakes
    leads: LeadBook
    left: Outlook = field(default_factory=Outlook.unseen)
    timed_out: bool = False
    held: Exception | None = None
    _problem: Exception | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _acted_at: float = field(default=0.0, init=False)
    _shown_at: float = field(default=0.0, init=False)
    _obeyed: CampaignState | None = field(default=None, init=False)
    _budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self._budget = Budget(self.policy.collect_share)

    @property
    def stopped_by(self) -> Exception | None:
        """Why the run cannot go on; None while it can."""
        return self._problem or self.filler.stopped_by

    async def turn(self) -> bool:
        """One turn. Returns whether the run is over."""
        await self.follower.hear()
        await self.brakes.look()
        self.left = await self.outlook()
        if self._is_due() or self._obeyed is not self.brakes.standing.state:
            await self._guarded(self._act())
            self._acted_at = self._now()
            self.left = await self.outlook()
        await self._show()
        now = self._now()
        if self.stopped_by is not None or await self._is_over(now):
            return True
        if self.deadline is not None and now >= self.deadline:
            self.timed_out = True
            return True
        await asyncio.sleep(self._pause())
        return False

    async def outlook(self) -> Outlook:
        """What is left to do; with the time at which Flireo begins to ring, where that is later."""
        left = await self.leads.outlook(self.batch, self._now())
        campaign = self.follower.campaign
        if left.placed and left.next_at is None and campaign is not None and not campaign.is_over:
            opens = self.filler.window.next_open(datetime.fromtimestamp(self._now(), UTC))
            if opens.timestamp() > self._now():
                return replace(left, next_at=opens.timestamp())
        return left

    async def _act(self) -> None:
        """Have Flireo's campaign be as ours is, and hear what it did."""
        state = self.brakes.standing.state
        figures = await self.filler.handed.figures()
        if self.left.is_finished and not (figures.unsettled or figures.waiting or figures.running):
            self._obeyed = state
            return  # costs no request
        await self._require_claim()
        try:
            campaign = await self.filler.campaign()
        except CampaignRefused:
            await self.filler.require_account()
            await self.follower.read_deleted()
            raise
        if campaign is not None:
            campaign = await self.filler.hold_back(campaign, state)
            await self.follower.read(campaign)
            limit = self.filler.client.pacing.limit
            self._budget.spent(self.follower.requests, limit, self._now())
            if self.follower.repeated:
                raise in_there_twice(self.follower.repeated)
        if state is CampaignState.OPEN and self.held is None:
            await self._hand_over(campaign)
        self._obeyed = state

    async def _hand_over(self, campaign: Campaign | None) -> None:
        """Who waits is put into Flireo's campaign, and who must not be rung any more is taken out of it."""
        handed = self.filler.handed
        self.left = await self.outlook()  # who proved not to have arrived waits again
        unwanted = campaign is not None and bool(await self.filler.unwanted())
        if campaign is None and (self.left.due or self.left.unknown):
            campaign = await self.filler.ensure()
        if self.left.due or unwanted:
            if campaign is not None and not campaign.is_over:
                campaign = await self.filler.fill(campaign)
            elif campaign is not None and self.left.due and not (await handed.figures()).running:
                refuse_over(campaign)
        self.left = await self.outlook()
        # Flireo may be done with those it has before the others are in there, and then it takes nobody any more.
        if self.left.due and not (campaign is not None and campaign.is_over):
            return
        if campaign is not None:
            self.follower.campaign = await self.filler.start(campaign)

    async def _require_claim(self) -> None:
        """A runner that slept beyond its lease may have been taken over."""
        if not await self.filler.handed.claim(self.filler.book.runner):
            raise TakenOver.by_another_run()

    async def _guarded(self, work: Awaitable[None]) -> None:
        """One failed request decides nothing; a refused key, or many failures in a row, end the run."""
        try:
            await work
        except TakenOver as taken:
            self._problem = taken
        except CampaignProblem as problem:
            self._problem = problem
            await self.filler.calm()
        except errors.FlireoError as error:
            self._failures += 1
            if isinstance(error, STOPPING) or self._failures >= MOST_FAILURES:
                self._problem = error
        else:
            self._failures = 0

    async def _show(self) -> None:
        if self._now() - self._shown_at >= PROGRESS_SECONDS:
            self._shown_at = self._now()
            self.progress(await Views(self.filler.database).status(self.filler.name))

    def _is_due(self) -> bool:
        """Whether to look again: seldom while Flireo rings nobody, or where it takes many pages or a large share."""
        every = max(self.policy.poll_seconds, REQUEST_SECONDS * (self.follower.requests - 3))
        waits = self.left.next_at is not None and not self.left.due
        now = self._now()
        is_time = now - self._acted_at >= (max(every, CLOSED_SECONDS) if waits else every)
        return is_time and not self._budget.wait(now)

    async def _is_over(self, now: float) -> bool:
        """Whether nothing is left to do now, or nothing can be done."""
        if self.left.is_finished:
            return True
        state, figures = self.brakes.standing.state, await self.filler.handed.figures()
        going_on = figures.running + figures.unsettled
        if state is not CampaignState.OPEN or self.held is not None:
            waits_for = going_on + (figures.waiting if state is CampaignState.CANCELLED else 0)
            return self._obeyed is state and (self.until is Until.DIALLED or not waits_for)
        if self._failures:
            return False  # who paused it while it was started is obeyed first
        if self.left.due or self.left.sending or figures.unsettled or not self._is_ringing:
            return False
        soon = self.left.next_at is not None and self.left.next_at <= now + PATIENCE_SECONDS
        if self.until is Until.DIALLED:
            return not soon or bool(figures.waiting)
        return not soon and not going_on and (self.left.next_at is not None or not figures.waiting)

    @property
    def _is_ringing(self) -> bool:
        campaign = self.follower.campaign
        return campaign is not None and (campaign.is_over or campaign.status == CampaignStatus.SCHEDULED)

    def _pause(self) -> float:
        """Seconds until the next turn."""
        if self._failures:
            return min(30.0, 0.5 * 2.0**self._failures)
        return min(LOOK_SECONDS, max(0.05, self.policy.poll_seconds))

    def _now(self) -> float:
        return self.filler.database.now()
