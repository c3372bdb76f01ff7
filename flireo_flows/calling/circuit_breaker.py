"""What holds a whole campaign back while it runs: a person who pauses it, the breaker, a low balance."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api import errors
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.redaction import redact
from flireo_flows.calling.breaker import Ended, shown, trips
from flireo_flows.calling.preflight import NotReady, check_balance
from flireo_flows.calling.rhythm import BalanceRhythm
from flireo_flows.ledger.campaigns import Standing, change_in, skip_waiting_in, standing_in
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.schema import attempts
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.states import AttemptState, CampaignState
from flireo_flows.policy import CallingPolicy

LONGEST_CALL_SECONDS: Final = 7200.0  # a call that ended in the window began at most so long before it
RINGING_SECONDS: Final = 60.0  # a call that goes on for longer was answered
BREAKER_SECONDS: Final = 1.0  # how often the last calls are counted
BREAKER_PATIENCE: Final = 50.0  # where counting is slow, there is so many times as long between
BREAKER: Final = "breaker"  # who paused it


@dataclass(slots=True)
class Brakes:
    """The brakes of one campaign, as one runner feels them. All is counted in the ledger, so a restart or a
    second runner changes nothing.

    Attributes:
        standing: Of the campaign, at the last look.
        last_failures: What made the breaker pause it: masked number and reason, newest first.
        stopped_by: A balance that is too low; None while it is not. Running calls are collected all the same.
    """

    client: AsyncFlireoClient
    database: Database
    campaign: str
    policy: CallingPolicy
    standing: Standing = field(default_factory=Standing)
    last_failures: tuple[str, ...] = ()
    stopped_by: Exception | None = None
    _balance: BalanceRhythm = field(init=False)
    _count_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._balance = BalanceRhythm(self.database.now())

    @property
    def held_by(self) -> str:
        """Why nobody may be rung now, in words; empty while the campaign is open and can be paid for."""
        if self.standing.state is not CampaignState.OPEN:
            return self.standing.in_words
        return str(self.stopped_by or "")

    async def look(self) -> None:
        """How the campaign stands; and whether it must be paused."""
        async with self.database.read() as db:
            self.standing = await standing_in(db, self.campaign)
        now = self.database.now()
        if self.standing.state is CampaignState.OPEN and now >= self._count_at:
            await self._break(now)
            took = self.database.now() - now
            self._count_at = now + max(BREAKER_SECONDS, BREAKER_PATIENCE * took)
        elif self.standing.changed_by == BREAKER and self.held_by and not self.last_failures:
            # Another runner, or an earlier run, paused it.
            async with self.database.read() as db:
                self.last_failures = shown(await self._ended(db, self.standing.changed_at, 0.0))

    async def _break(self, now: float) -> None:
        breaker = self.policy.breaker
        if not breaker.enabled:
            return
        async with self.database.read() as db:
            if not trips(await self._ended(db, now, self.standing.changed_at), breaker):
                return
        async with self.database.write(self.campaign) as db:
            # Again where nobody else writes: a person may have resumed it since, or another runner paused it.
            self.standing = await standing_in(db, self.campaign)
            ended = await self._ended(db, now, self.standing.changed_at)
            reason = trips(ended, breaker)
            if reason and self.standing.state is CampaignState.OPEN:
                self.last_failures = shown(ended)
                self.standing = await change_in(
                    db, self.campaign, CampaignState.PAUSED, reason, BREAKER, self.database.now()
                )

    async def _ended(self, db: AsyncConnection, now: float, resumed_at: float) -> list[Ended]:
        """What ended in the window, of what began after the campaign was last resumed; oldest first.

        Calls that somebody answered count too, before they end or their reports are in: failures are heard of at
        once, and the first few would speak for all.
        """
        since = now - self.policy.breaker.window_seconds
        known = attempts.c.state.in_([str(AttemptState.ENDED), str(AttemptState.PLACED)])
        over = and_(known, attempts.c.over_at >= since)
        not_over = and_(attempts.c.state == AttemptState.PLACED, attempts.c.over_at.is_(None))
        going_on = and_(not_over, attempts.c.began_at.between(since, now - RINGING_SECONDS))
        earliest = max(resumed_at, since - LONGEST_CALL_SECONDS)
        # What Flireo refused for the lead's own sake; see `endings.in_words`. Other refusals stop the run.
        about_lead = or_(attempts.c.reason.startswith("400"), attempts.c.reason.startswith("422"))
        refused = and_(attempts.c.state == AttemptState.NOT_PLACED, attempts.c.began_at >= since, about_lead)
        columns = (attempts.c.phone, attempts.c.state, attempts.c.outcome, attempts.c.reason)
        wanted = (
            select(*columns, attempts.c.error, attempts.c.end_reason, attempts.c.over_at, attempts.c.began_at)
            .where(attempts.c.campaign == self.campaign, or_(over, going_on, refused))
            .where(attempts.c.began_at >= earliest)
        )
        rows = sorted((await db.execute(wanted)).all(), key=lambda row: float(row.over_at or row.began_at))
        return [
            Ended(
                row.phone,
                row.state == AttemptState.NOT_PLACED or row.outcome == Outcome.FAILED,
                redact(row.error or row.end_reason or row.reason),
            )
            for row in rows
        ]

    def balance_is_due(self, placed: int) -> bool:
        """Whether to read the balance again, `placed` calls after the run began."""
        watches = self.policy.min_balance_minutes > 0 and self.stopped_by is None
        return watches and self._balance.is_due(self.database.now(), placed)

    async def read_balance(self, placed: int) -> None:
        """Read it; a low one stops the run. A reading that fails decides nothing: 402 still stops it."""
        try:
            await check_balance(self.client, self.policy.min_balance_minutes)
        except NotReady as low:
            self.stopped_by = low
        except (errors.AuthenticationFailed, errors.PermissionDenied) as error:
            self.stopped_by = error
        except errors.FlireoError:
            pass
        self._balance.read(self.database.now(), placed)

    async def settle(self) -> None:
        """Of a cancelled campaign nobody waits, also not who was given back after it was cancelled."""
        if self.standing.state is CampaignState.CANCELLED:
            async with self.database.write(self.campaign) as db:
                await skip_waiting_in(db, self.campaign)
