"""Hear how calls ended: what the webhooks left in the inbox, and pages of the call list for the rest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api import errors
from flireo_flows.api.calls import Call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.numbering import comparable
from flireo_flows.calling.account import LONGEST_CALL_SECONDS, Readiness
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.ledger import Attempt, AttemptBook, Database, Inbox
from flireo_flows.calling.ledger.leads import chunks
from flireo_flows.calling.ledger.reports import apply_report, close_without_report, report_of_call
from flireo_flows.calling.ledger.schema import attempts, leads
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.rhythm import Budget
from flireo_flows.calling.states import AttemptState, LeadState
from flireo_flows.calling.windows import EARLY_SECONDS, LATE_SECONDS, Window, windows_of

RINGING_SECONDS: Final = 120.0  # added to the longest call before it counts as silent
AGAIN_SECONDS: Final = 60.0  # between two times at which a silent call is asked for; the second decides
MOST_ASKED: Final = 20  # silent calls, one request each, after one reading
MOST_IN_VAIN: Final = 2  # of them in a row that could not be read
APPEARED: Final = "a call to this number showed up although its last request had not been accepted"
MOST_FAILURES: Final = 10  # polls in a row that failed, each after its own retries
REFUSED_KEY: Final = (errors.AuthenticationFailed, errors.PermissionDenied)


@dataclass(frozen=True, slots=True)
class Sought:
    """Open attempts whose calls a reading of the list is to find.

    Attributes:
        unknown: Those of which nobody knows whether they rang.
        placed: When the others began, Unix seconds.
        refused_at: When the oldest request of the last minutes was sent that rang nobody, as far as we know: a
            call that shows up all the same must be seen. None: there was none.
    """

    unknown: tuple[Attempt, ...]
    placed: tuple[float, ...]
    refused_at: float | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is no reason to read."""
        return not self.unknown and not self.placed

    def windows(self, now: float) -> tuple[Window, ...]:
        """Where to look."""
        return windows_of_all([self], now)


def windows_of_all(sought: Sequence[Sought], now: float) -> tuple[Window, ...]:
    """Where to look for the calls of several campaigns: in windows that all share."""
    wanted = [each for each in sought if not each.is_nothing]
    since = [attempt.began_at for each in wanted for attempt in each.unknown]
    since += [each.refused_at for each in wanted if each.refused_at is not None]
    return windows_of((began for each in wanted for began in each.placed), since, now)


@dataclass(slots=True)
class Collector:
    """Collects for one runner. Whatever a poll meets, it decides nothing that it has not read.

    Attributes:
        budget: What polls may spend.
        calls: The list of calls; several collectors of one account may share it.
    """

    client: AsyncFlireoClient
    database: Database
    book: AttemptBook
    policy: CallingPolicy
    readiness: Readiness
    polls: int = 0
    heard_by_webhook: int = 0
    stopped_by: errors.FlireoError | None = None
    failures: int = 0
    budget: Budget = field(init=False)
    calls: CallList = field(init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.policy.collect_share)
        self.calls = CallList(self.client, self.database)

    async def hear(self) -> int:
        """Apply what the webhooks brought. Returns how many attempts ended by it."""
        inbox = Inbox(self.database)
        applied, ended = await inbox.apply(self.book.campaign, self.policy, self.readiness.expects)
        self.heard_by_webhook += applied
        return ended

    async def poll(self) -> None:
        """Read the call list over the windows that still hold open calls; then settle the unknown ones.

        A reading that fails, or that stops half-way, proves nothing and changes nothing.
        """
        self.polls += 1
        sent = self.calls.requests
        sought = await self.look()
        if sought.is_nothing:
            return
        read_at = self.database.now()
        strangers: dict[str, Call] = {}
        try:
            async for page in self.calls.pages(sought.windows(read_at)):
                owners = await owners_of(self.database, page)
                await self.apply(page, owners)
                strangers |= strangers_of(page, owners)
        except errors.FlireoError as error:
            self._failed(error)
        else:
            self.failures = 0
            await self.settle(sought, strangers, read_at)
        self.budget.spent(self.calls.requests - sent, self.client.pacing.limit, self.database.now())

    async def look(self) -> Sought:
        """What to look for in the list."""
        unknown = await self.book.unknown()
        mine = attempts.c.campaign == self.book.campaign
        placed = select(attempts.c.began_at).where(mine, attempts.c.state == AttemptState.PLACED)
        refused = select(func.min(attempts.c.began_at)).where(
            mine,
            attempts.c.state == AttemptState.NOT_PLACED,
            attempts.c.began_at > self.database.now() - LATE_SECONDS,
        )
        async with self.database.read() as db:
            began = (await db.execute(placed)).scalars().all()
            refused_at = (await db.execute(refused)).scalar_one()
        return Sought(tuple(unknown), tuple(began), refused_at)

    async def settle(
        self, sought: Sought, strangers: dict[str, Call], read_at: float, most_asked: int = MOST_ASKED
    ) -> int:
        """Decide what a complete reading proves, and ask for who is silent.

        Args:
            sought: What `look` gave before the reading.
            strangers: Outbound calls by id that no attempt owns; those that turn out to be ours are taken out.
            read_at: When the reading began, Unix seconds.
            most_asked: Silent calls to ask for at most.

        Returns:
            How many were asked for.
        """
        await self._reconcile(sought.unknown, strangers, read_at)
        await self._hold_back(list(strangers.values()))
        return await self._close_silent(list(strangers.values()), read_at, most_asked)

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
        if isinstance(error, REFUSED_KEY) or self.failures >= MOST_FAILURES:
            self.stopped_by = error

    async def apply(self, page: Sequence[Call], owners: Mapping[str, Row[Any]]) -> int:
        """Write what a page tells of our attempts.

        Args:
            page: Of the list.
            owners: The attempts of its calls, of whatever campaign, by call id.

        Returns:
            How many attempts ended by it.
        """
        now, ended = self.database.now(), 0
        mine = [
            (call, row)
            for call in page
            if (row := owners.get(call.id)) is not None and row.campaign == self.book.campaign
        ]
        if any(call.analysis_result is not None for call, _ in mine):
            # The agent names no plan that we can read, and yet its calls are analysed: the others will be too.
            self.readiness = replace(self.readiness, expects=self.readiness.expects.with_analysis())
        telling = {row.id: call for call, row in mine if _tells_more(row, call)}
        if telling:
            async with self.database.write(self.book.campaign) as db:
                for row in await _read_again(db, telling):
                    ended += await self._apply_report(db, row, telling[row.id], now)
        return ended

    async def _apply_report(self, db: AsyncConnection, row: Row[Any], call: Call, now: float) -> bool:
        expects = self.readiness.expects
        return await apply_report(db, self.database, row, report_of_call(call), self.policy, expects, now)

    async def _reconcile(
        self, unknown: Iterable[Attempt], strangers: dict[str, Call], read_at: float
    ) -> None:
        """Give each unknown attempt its call, or count a reading without it."""
        open_ = list(unknown)
        if not open_:
            return
        since = min(attempt.began_at for attempt in open_) - EARLY_SECONDS
        rivals = await self.book.rivals({attempt.phone for attempt in open_}, since)
        for attempt in open_:
            calls = [call for call in strangers.values() if self._may_own(attempt, call)]
            doubtful = [call for call in strangers.values() if self._is_doubtful(attempt, call)]
            if not calls and not doubtful:
                await self.book.absent(attempt, read_at, self.policy.reconcile_grace_seconds, self.policy)
            elif len(calls) == 1 and rivals.get(attempt.phone, 1) == 1:
                if await self.book.found(attempt, calls[0].id):
                    del strangers[calls[0].id]  # it is nobody else's
            elif read_at > attempt.began_at + max(self.policy.reconcile_grace_seconds, RINGING_SECONDS):
                could = len(calls) or len(doubtful)
                await self.book.ambiguous(attempt, f"{could} calls in the list could be this one")

    async def _hold_back(self, strangers: Sequence[Call]) -> None:
        """A call shows up at a number whose last request was refused or limited: a person looks before the next.

        Not where another attempt, of whatever campaign, may still turn out to own that call.
        """
        phones = {f"+{comparable(call.caller_phone)}" for call in strangers if call.caller_phone}
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
        return call.created_at is None or self._is_of(attempt, call.created_at, self.calls.least_skew)

    def _is_doubtful(self, attempt: Attempt, call: Call) -> bool:
        """It does not prove to be the attempt's call, and forbids to say that there is none.

        It tells no number, which the contract allows (section 9.2); or it is ours only where an answer of another
        clock, or of none, misled us about Flireo's.
        """
        if call.created_at is not None:
            latest = attempt.began_at + self.calls.most_skew + LATE_SECONDS
            is_early = not self._is_of(attempt, call.created_at, min(self.calls.least_skew, 0.0))
            if is_early or call.created_at.timestamp() > latest:
                return False
        return call.may_be_with(attempt.phone)

    @staticmethod
    def _is_of(attempt: Attempt | Row[Any], created_at: datetime, skew: float) -> bool:
        return created_at.timestamp() >= attempt.began_at + skew - EARLY_SECONDS

    async def _close_silent(self, strangers: Sequence[Call], now: float, most: int) -> int:
        """Ask by id for calls that should be long over, and close them if that tells nothing either, twice."""
        longest = self.readiness.longest_call
        lasts = case(
            (attempts.c.agent_id.in_(self.readiness.agents), longest),
            else_=max(longest, LONGEST_CALL_SECONDS),
        )
        wanted = select(attempts).where(
            attempts.c.campaign == self.book.campaign,
            attempts.c.state == AttemptState.PLACED,
            attempts.c.began_at + lasts < now - RINGING_SECONDS - self.policy.report_grace_seconds,
            or_(attempts.c.asked_at.is_(None), attempts.c.asked_at <= now - AGAIN_SECONDS),
        )
        async with self.database.read() as db:
            # In any order: one that can never be read must not keep the others from being asked for.
            silent = (await db.execute(wanted.order_by(func.random()).limit(most))).all()
        in_vain = 0
        for asked, row in enumerate(silent, start=1):
            try:
                await self._ask(row, strangers, now)
            except errors.FlireoError as error:  # decides nothing
                in_vain += 1
                if in_vain >= MOST_IN_VAIN or isinstance(error, REFUSED_KEY):  # the next would fare no better
                    self._failed(error)
                    return asked
            else:
                in_vain = 0
        return len(silent)

    async def _ask(self, row: Row[Any], strangers: Sequence[Call], now: float) -> None:
        """Ask for one silent call.

        Raises:
            FlireoError: Flireo was not reached, or did not answer as it should.
        """
        try:
            call = await self._call_of(row)
        except errors.NotFound:
            if await self._is_listed_otherwise(row, strangers):
                return  # the next reading tells of it
            reason = "Flireo does not know the call any more"
        else:
            reason = f"the call is still {call.status or 'open'} long after its longest time"
            if call.is_over:
                async with self.database.write(self.book.campaign) as db:
                    (row,) = await _read_again(db, [row.id])
                    if not await self._apply_report(db, row, call, now):  # its summary may still come
                        asked = update(attempts).where(attempts.c.id == row.id)
                        await db.execute(asked.values(asked_at=now))
                return
        async with self.database.write(self.book.campaign) as db:
            (row,) = await _read_again(db, [row.id])
            if row.asked_at is None:  # the ledger keeps it, for the next to ask may be another process
                first = update(attempts).where(attempts.c.id == row.id, attempts.c.asked_at.is_(None))
                await db.execute(first.values(asked_at=now))
            else:
                await close_without_report(db, row, reason, self.policy, now)

    async def _call_of(self, row: Row[Any]) -> Call:
        try:
            return await self.calls.call(row.call_id)
        except errors.NotFound:
            if row.report_id is None:
                raise
            return await self.calls.call(row.report_id)

    async def _is_listed_otherwise(self, row: Row[Any], strangers: Sequence[Call]) -> bool:
        """Whether the call is in the list under another id, as one that a webhook told of first may be."""
        calls = [call for call in strangers if self._may_own(row, call)]
        if len(calls) != 1 or await self.book.rivals({row.phone}, row.began_at - EARLY_SECONDS):
            return False
        return await self.book.listed_as(row.id, calls[0].id)


async def _read_again(db: AsyncConnection, attempt_ids: Iterable[int]) -> list[Row[Any]]:
    """Attempts as the transaction that writes to them sees them: a webhook may have told of them meanwhile."""
    rows: list[Row[Any]] = []
    for chunk in chunks(list(attempt_ids)):
        wanted = select(attempts).where(attempts.c.id.in_(chunk)).order_by(attempts.c.id)
        rows += (await db.execute(wanted)).all()
    return rows


async def owners_of(database: Database, page: Sequence[Call]) -> dict[str, Row[Any]]:
    """The attempts, of whatever campaign, that own the calls of a page, by call id."""
    owners: dict[str, Row[Any]] = {}
    async with database.read() as db:
        for chunk in chunks([call.id for call in page]):
            for known_as in (attempts.c.report_id, attempts.c.call_id):
                rows = (await db.execute(select(attempts).where(known_as.in_(chunk)))).all()
                owners |= {getattr(row, known_as.name): row for row in rows}
    return owners


def strangers_of(page: Sequence[Call], owners: Mapping[str, Row[Any]]) -> dict[str, Call]:
    """The outbound calls of a page that no attempt owns."""
    return {call.id: call for call in page if call.is_outbound and call.id not in owners}


def _tells_more(row: Row[Any], call: Call) -> bool:
    """Most calls of a page are running or known already; those cost no write."""
    if row.state == AttemptState.ENDED:
        return row.analysis is None and call.analysis_result is not None
    return call.is_over
