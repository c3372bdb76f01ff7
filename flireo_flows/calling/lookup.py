"""Calls asked for by their ids: those that the list does not show, and those of which nothing is heard for long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api import errors
from flireo_flows.api.calls import Call
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.fit import Fit, fit_of
from flireo_flows.calling.preflight import LONGEST_CALL_SECONDS, Readiness
from flireo_flows.calling.reconcile import RINGING_SECONDS, Reconciler
from flireo_flows.calling.snapshot import SETTLING_SECONDS, Snapshot, learn_clock
from flireo_flows.ledger import AttemptBook, Database
from flireo_flows.ledger.attempts import release_call_in
from flireo_flows.ledger.known_calls import LATE_LIST_SECONDS, KnownCall, mark_fetched
from flireo_flows.ledger.leads import chunks
from flireo_flows.ledger.reports import apply_report, close_without_report, report_of_call
from flireo_flows.ledger.schema import attempts
from flireo_flows.lifecycle.states import AttemptState
from flireo_flows.policy import CallingPolicy

AGAIN_SECONDS: Final = 60.0  # between two times at which a silent call is asked for; the second decides
MOST_ASKED: Final = 20  # calls, one request each, after one reading
MOST_IN_VAIN: Final = 2  # of them in a row that could not be read
UNSHOWN_SECONDS: Final = (
    15.0  # how long after its request a call is asked for that a complete list does not show
)
UNLISTED_SECONDS: Final = 30.0  # the same, where they did not show other calls a moment ago
LATEST_AGAIN_SECONDS: Final = 60.0  # between two times at which such a call is asked for, at most
REFUSED_KEY: Final = (errors.AuthenticationFailed, errors.PermissionDenied)


class LookupFailed(Exception):
    """Calls could not be asked for.

    Attributes:
        error: What Flireo said.
        asked: How many were asked for before.
    """

    def __init__(self, error: errors.FlireoError, asked: int) -> None:
        self.error, self.asked = error, asked
        super().__init__(error, asked)


@dataclass(slots=True)
class Lookup:
    """Asks for the calls of one campaign."""

    database: Database
    book: AttemptBook
    policy: CallingPolicy
    calls: CallList
    readiness: Readiness
    reconciler: Reconciler

    async def ask(
        self,
        placed: Sequence[KnownCall],
        snapshot: Snapshot | None,
        most: int = MOST_ASKED,
        *,
        is_awaited: bool = False,
    ) -> int:
        """Ask for calls that should be long over, and for those that the last reading did not show.

        The first are closed if that tells nothing either, twice.

        Args:
            placed: Calls whose results are not in.
            snapshot: That reading; None where the list could not be read.
            most: Calls to ask for at most.
            is_awaited: Whether an attempt whose call is not known waits until all of them are known.

        Returns:
            How many were asked for.

        Raises:
            LookupFailed: Two in a row could not be read, or the key was refused.
        """
        now = self.database.now()
        silent = await self._silent(now, most)
        asked = await self._each(silent, snapshot, closes=True)
        apart = {row.id for row in silent} | (snapshot.shown if snapshot is not None else set())
        is_whole = snapshot is not None and not snapshot.is_cut
        due = [
            call
            for call in placed
            if call.attempt_id not in apart and self._is_due(call, is_whole, is_awaited, now)
        ]
        due.sort(key=lambda call: call.fetched_at or 0.0)
        rows = await self._rows(call.attempt_id for call in due[: max(0, most - asked)])
        return asked + await self._each(rows, snapshot, closes=False)

    def _is_due(self, call: KnownCall, is_whole: bool, is_awaited: bool, now: float) -> bool:
        """Whether to ask for a call that a reading did not show; the older it is, the less often.

        A list that was read to its end may only be late with it: then it is asked for once no window shows it.
        """
        age = now - call.began_at
        if is_whole:
            is_lost = age >= UNSHOWN_SECONDS and call.attempt_id in self.calls.unlisted
            late = LATE_LIST_SECONDS
            if (
                now < self.calls.widens_at
            ):  # wider windows were in vain: they will not show the next ones either
                late = UNSHOWN_SECONDS if is_awaited else UNLISTED_SECONDS
            if not is_lost and age < late:
                return False
        if call.fetched_at is None:
            return age >= SETTLING_SECONDS
        return now >= call.fetched_at + min(LATEST_AGAIN_SECONDS, max(self.policy.poll_seconds, age / 3))

    async def _silent(self, now: float, most: int) -> Sequence[Row[Any]]:
        """Attempts whose calls should be long over."""
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
            return (await db.execute(wanted.order_by(func.random()).limit(max(0, most)))).all()

    async def samples(self, missing: Sequence[KnownCall], snapshot: Snapshot) -> int:
        """Ask for a few calls that the list should show, and learn its clock from them.

        Args:
            missing: Calls that it did not show.
            snapshot: The reading.

        Returns:
            How many were asked for.

        Raises:
            LookupFailed: They could not be read.
        """
        rows = await self._rows({missing[0].attempt_id, missing[-1].attempt_id})
        return await self._each(rows, snapshot, closes=False)

    async def _each(self, rows: Sequence[Row[Any]], snapshot: Snapshot | None, *, closes: bool) -> int:
        in_vain, now = 0, self.database.now()
        for asked, row in enumerate(rows, start=1):
            try:
                await self._ask(row, snapshot, now, closes=closes)
            except errors.FlireoError as error:  # decides nothing
                in_vain += 1
                if in_vain >= MOST_IN_VAIN or isinstance(error, REFUSED_KEY):  # the next would fare no better
                    raise LookupFailed(error, asked) from None
            else:
                in_vain = 0
        return len(rows)

    async def _ask(self, row: Row[Any], snapshot: Snapshot | None, now: float, *, closes: bool) -> None:
        """Ask for one call.

        Raises:
            FlireoError: Flireo was not reached, or did not answer as it should.
        """
        try:
            call = await self._call_of(row)
        except errors.NotFound:
            if await self.reconciler.find_alias(row.id, row, snapshot):
                return  # the next reading tells of it
            reason = "Flireo does not know the call any more"
        else:
            reason = f"the call is still {call.status or 'open'} long after its longest time"
            if await self._is_settled(row, call, now, closes=closes):
                return
        if closes:
            await self._close(row, reason, now)
        else:
            await mark_fetched(self.database, row.id, now)

    async def _is_settled(self, row: Row[Any], call: Call, now: float, *, closes: bool) -> bool:
        """Write down what a call tells. False where it tells nothing."""
        learn_clock(self.calls, row, call)
        fit = fit_of(row, call, self.calls.clock.band, self.calls.least_skew)
        if fit is Fit.TOO_EARLY or (fit is not Fit.OTHER and not call.is_over):
            return False
        async with self.database.write(self.book.campaign) as db:
            (row,) = await read_again(db, [row.id])
            if row.state != AttemptState.PLACED:
                return True
            if fit is Fit.OTHER:
                self.calls.clock.forget(row.id)
                await release_call_in(db, row, now)
                return True
            expects, told = self.readiness.expects, report_of_call(call)
            if not await apply_report(db, self.database, row, told, self.policy, expects, now):
                again = {"asked_at": now} if closes else {}  # its summary may still come
                mine = update(attempts).where(attempts.c.id == row.id)
                await db.execute(mine.values(fetched_at=now, **again))
        return True

    async def _close(self, row: Row[Any], reason: str, now: float) -> None:
        async with self.database.write(self.book.campaign) as db:
            (row,) = await read_again(db, [row.id])
            if row.asked_at is None:  # the ledger keeps it, for the next to ask may be another process
                first = update(attempts).where(attempts.c.id == row.id, attempts.c.asked_at.is_(None))
                await db.execute(first.values(asked_at=now))
            else:
                await close_without_report(db, row, reason, self.policy, now)

    async def _call_of(self, row: Row[Any]) -> Call:
        if row.call_id is None:
            return await self.calls.call(row.report_id)
        try:
            return await self.calls.call(row.call_id)
        except errors.NotFound:
            if row.report_id is None:
                raise
            return await self.calls.call(row.report_id)

    async def _rows(self, attempt_ids: Iterable[int]) -> list[Row[Any]]:
        async with self.database.read() as db:
            return [row for row in await read_again(db, attempt_ids) if row.state == AttemptState.PLACED]


async def read_again(db: AsyncConnection, attempt_ids: Iterable[int]) -> list[Row[Any]]:
    """Attempts as the transaction that writes to them sees them: a webhook may have told of them meanwhile."""
    rows: list[Row[Any]] = []
    for chunk in chunks(list(attempt_ids)):
        wanted = select(attempts).where(attempts.c.id.in_(chunk)).order_by(attempts.c.id)
        rows += (await db.execute(wanted)).all()
    return rows
