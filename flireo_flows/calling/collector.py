"""Hear how calls ended: what the webhooks left in the inbox, and pages of the call list for the rest."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api import errors
from flireo_flows.api.calls import LARGEST_PAGE, Call, get_call, list_calls
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.account import Readiness
from flireo_flows.calling.ledger import Attempt, AttemptBook, Database, Inbox
from flireo_flows.calling.ledger.leads import chunks
from flireo_flows.calling.ledger.reports import apply_report, close_without_report, report_of_call
from flireo_flows.calling.ledger.schema import attempts, leads
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.states import AttemptState, LeadState

EARLY_SECONDS: Final = 120.0  # a call's created_at may lie this much before our intent, for clocks differ
RINGING_SECONDS: Final = 120.0  # added to the longest call before it counts as silent
APPEARED: Final = "a call to this number showed up although its last request had not been accepted"
MOST_FAILURES: Final = 10  # polls in a row that failed, each after its own retries


@dataclass(slots=True)
class Collector:
    """Collects for one runner. Whatever a poll meets, it decides nothing that it has not read."""

    client: AsyncFlireoClient
    database: Database
    book: AttemptBook
    policy: CallingPolicy
    readiness: Readiness
    polls: int = 0
    heard_by_webhook: int = 0
    stopped_by: errors.FlireoError | None = None
    failures: int = 0
    _asked: dict[int, int] = field(default_factory=dict, init=False)
    _has_asked_the_time: bool = field(default=False, init=False)

    async def hear(self) -> int:
        """Apply what the webhooks brought. Returns how many attempts ended by it."""
        inbox = Inbox(self.database)
        applied, ended = await inbox.apply(self.book.campaign, self.policy, self.readiness.expects)
        self.heard_by_webhook += applied
        return ended

    async def poll(self) -> None:
        """Read the call list over the window that still holds open calls; then settle the unknown ones.

        A reading that fails, or that stops half-way, proves nothing and changes nothing.
        """
        self.polls += 1
        unknown = await self.book.unknown()
        since = await self._oldest_open()
        if since is None:
            return
        read_at = self.database.now()
        strangers: list[Call] = []
        try:
            async for page in self._pages(since):
                strangers += await self._apply(page)
        except errors.FlireoError as error:
            self._failed(error)
            return
        self.failures = 0
        await self._reconcile(unknown, strangers, read_at)
        await self._hold_back(strangers)
        await self._close_silent(read_at)

    async def unknown_due(self) -> bool:
        """Whether a reading of the list now could settle an unknown attempt."""
        due = self.database.now() - self.policy.reconcile_grace_seconds
        waiting = select(attempts.c.id).where(
            attempts.c.campaign == self.book.campaign,
            attempts.c.state == AttemptState.UNKNOWN,
            attempts.c.over_at.is_(None),
            (attempts.c.absent_since.is_(None)) | (attempts.c.absent_since <= due),
        )
        async with self.database.read() as db:
            return (await db.execute(waiting.limit(1))).first() is not None

    def _failed(self, error: errors.FlireoError) -> None:
        """One failed poll decides nothing; a refused key, or many failures in a row, end the run."""
        self.failures += 1
        if (
            isinstance(error, errors.AuthenticationFailed | errors.PermissionDenied)
            or self.failures >= MOST_FAILURES
        ):
            self.stopped_by = error

    async def _oldest_open(self) -> float | None:
        wanted = select(func.min(attempts.c.began_at)).where(
            attempts.c.campaign == self.book.campaign,
            attempts.c.state.in_([AttemptState.PLACED, AttemptState.UNKNOWN]),
        )
        async with self.database.read() as db:
            oldest = (await db.execute(wanted)).scalar_one()
        return float(oldest) if oldest is not None else None

    async def _pages(self, since: float) -> AsyncIterator[tuple[Call, ...]]:
        """Pages of the list from `since` on, until it ends or the server stops giving new ones."""
        await self._set_clock()
        start = datetime.fromtimestamp(since + self._skew, UTC) - timedelta(seconds=EARLY_SECONDS)
        seen: set[str] = set()
        offset = 0
        while True:
            page = await self.client.send(list_calls(limit=LARGEST_PAGE, offset=offset, start_date=start))
            fresh = tuple(call for call in page.calls if call.id not in seen)
            yield fresh
            seen.update(call.id for call in fresh)
            offset += len(page.calls)
            # A server may clamp the page, leave out the total, or ignore the offset (contract section 4). So a
            # short page is no end: what is not on it would count as not placed, and be rung again.
            if not fresh or (page.total is not None and offset >= page.total):
                return

    async def _set_clock(self) -> None:
        """Learn Flireo's clock before the first window is asked for.

        Where it is behind ours, a window from our time on would hide a call that rang, which would then count
        as not placed. A run that begins with the account checks knows it already.
        """
        if self.client.pacing.skew is None and not self._has_asked_the_time:
            await self.client.send(list_calls(limit=1))
            self._has_asked_the_time = True  # a server that does not tell is not asked each time

    @property
    def _skew(self) -> float:
        """Flireo's clock minus the ledger's, seconds."""
        return (self.client.pacing.skew or 0.0) + self.client.now() - self.database.now()

    async def _apply(self, page: Sequence[Call]) -> list[Call]:
        """Write what a page tells of our attempts. Returns the outbound calls that no attempt owns."""
        now = self.database.now()
        rows = await self._rows([call.id for call in page])
        if any(call.id in rows and call.analysis_result is not None for call in page):
            # The agent names no plan that we can read, and yet its calls are analysed: the others will be too.
            self.readiness = replace(self.readiness, expects=self.readiness.expects.with_analysis())
        async with self.database.write(self.book.campaign) as db:
            for call in page:
                row = rows.get(call.id)
                if row is not None and row.campaign == self.book.campaign and _tells_more(row, call):
                    await self._apply_report(db, row, call, now)
        return [call for call in page if call.is_outbound and call.id not in rows]

    async def _apply_report(self, db: AsyncConnection, row: Row[Any], call: Call, now: float) -> None:
        expects = self.readiness.expects
        await apply_report(db, self.database, row, report_of_call(call), self.policy, expects, now)

    async def _rows(self, call_ids: Sequence[str]) -> dict[str, Row[Any]]:
        rows: dict[str, Row[Any]] = {}
        async with self.database.read() as db:
            for start in range(0, len(call_ids), 500):
                wanted = select(attempts).where(attempts.c.call_id.in_(call_ids[start : start + 500]))
                rows |= {row.call_id: row for row in (await db.execute(wanted)).all()}
        return rows

    async def _reconcile(self, unknown: Iterable[Attempt], strangers: Sequence[Call], read_at: float) -> None:
        """Give each unknown attempt its call, or count a reading without it."""
        open_ = list(unknown)
        if not open_:
            return
        since = min(attempt.began_at for attempt in open_) - EARLY_SECONDS
        rivals = await self.book.rivals({attempt.phone for attempt in open_}, since)
        for attempt in open_:
            calls = [call for call in strangers if self._may_own(attempt, call)]
            if not calls:
                await self.book.absent(attempt, read_at, self.policy.reconcile_grace_seconds, self.policy)
            elif len(calls) == 1 and rivals.get(attempt.phone, 1) == 1:
                await self.book.found(attempt, calls[0].id)
            elif read_at > attempt.began_at + max(self.policy.reconcile_grace_seconds, RINGING_SECONDS):
                await self.book.ambiguous(attempt, f"{len(calls)} calls in the list could be this one")

    async def _hold_back(self, strangers: Sequence[Call]) -> None:
        """A call shows up at a number whose last request was refused or limited: a person looks before the next.

        Not where another attempt, of whatever campaign, may still turn out to own that call.
        """
        phones = {f"+{_digits(call.caller_phone)}" for call in strangers if call.caller_phone}
        wanted = select(attempts).join(
            leads, and_(leads.c.id == attempts.c.lead_id, leads.c.tries == attempts.c.number)
        )
        waits = and_(leads.c.campaign == self.book.campaign, leads.c.state == LeadState.WAITING)
        refused = wanted.where(waits, attempts.c.state == AttemptState.NOT_PLACED)
        rows: list[Row[Any]] = []
        async with self.database.read() as db:
            for chunk in chunks(sorted(phones)):
                rows += (await db.execute(refused.where(leads.c.phone.in_(chunk)))).all()
        for row in rows:
            if any(self._may_own(row, call) for call in strangers) and not await self.book.rivals(
                {row.phone}, row.began_at - EARLY_SECONDS
            ):
                async with self.database.write(self.book.campaign) as db:
                    mine = update(leads).where(leads.c.id == row.lead_id, leads.c.state == LeadState.WAITING)
                    await db.execute(mine.values(state=LeadState.REVIEW, reason=APPEARED))

    def _may_own(self, attempt: Attempt | Row[Any], call: Call) -> bool:
        """Same number, and created about when we rang, on Flireo's clock."""
        if not call.is_with(attempt.phone):
            return False
        if call.created_at is None:
            return True
        return call.created_at.timestamp() >= attempt.began_at + self._skew - EARLY_SECONDS

    async def _close_silent(self, now: float) -> None:
        """Ask by id for calls that should be long over, and close them if that tells nothing either."""
        patience = self.readiness.longest_call + RINGING_SECONDS + self.policy.report_grace_seconds
        wanted = select(attempts).where(
            attempts.c.campaign == self.book.campaign,
            attempts.c.state == AttemptState.PLACED,
            attempts.c.began_at < now - patience,
        )
        async with self.database.read() as db:
            silent = (await db.execute(wanted.limit(20))).all()
        for row in silent:
            await self._ask(row, now)

    async def _ask(self, row: Row[Any], now: float) -> None:
        try:
            call = await self.client.send(get_call(row.call_id))
        except errors.NotFound:
            reason = "Flireo does not know the call any more"
        except errors.FlireoError as error:
            self._failed(error)
            return
        else:
            if call.is_over:
                async with self.database.write(self.book.campaign) as db:
                    await self._apply_report(db, row, call, now)
                return
            reason = f"the call is still {call.status or 'open'} long after its longest time"
        self._asked[row.id] = self._asked.get(row.id, 0) + 1
        if self._asked[row.id] > 1:
            async with self.database.write(self.book.campaign) as db:
                await close_without_report(db, row, reason, self.policy, now)


def _digits(phone: str) -> str:
    return "".join(character for character in phone if character.isdigit()).removeprefix("00")


def _tells_more(row: Row[Any], call: Call) -> bool:
    """Most calls of a page are running or known already; those cost no write."""
    if row.state == AttemptState.ENDED:
        return row.analysis is None and call.analysis_result is not None
    return call.is_over
