"""Look up lost calls: find the call of an unknown attempt, or prove that there is none. Step 4 of 5.

The protocol by which no one is called twice is in docs/never-twice.md.

`Reconciler` compares readings of the list with attempts whose call is not known. `Lookup` asks for calls by their ids:
those that the list does not show, and those that should have been over for long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import Call
from flireo_flows.api.identity import comparable
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.snapshot import (
    EARLY_SECONDS,
    LATE_SECONDS,
    SETTLING_SECONDS,
    CallMatch,
    Snapshot,
    is_doubtful,
    learn_clock,
    match_of,
    may_own,
)
from flireo_flows.ledger import Attempt, Database
from flireo_flows.ledger.call_reports import CallReports
from flireo_flows.ledger.known_calls import (
    LATE_LIST_SECONDS,
    KnownCall,
    mark_fetched,
    mark_listed,
    silent_calls,
    still_placed,
)
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.unknown_attempts import UnknownAttempts
from flireo_flows.lifecycle.absence import Verdict
from flireo_flows.lifecycle.states import Reason
from flireo_flows.policy import CallingPolicy

RINGING_SECONDS: Final = 120.0  # how long after its request a call may still show which of several it is
AGAIN_SECONDS: Final = 60.0  # between two times at which a silent call is asked for; the second decides
MOST_ASKED: Final = 20  # calls, one request each, after one reading
MOST_IN_VAIN: Final = 2  # of them in a row that could not be read
# How long after its request a call is asked for that a whole list does not show.
UNSHOWN_SECONDS: Final = 15.0
UNLISTED_SECONDS: Final = 30.0  # the same, where it did not show other calls a moment ago
LATEST_AGAIN_SECONDS: Final = 60.0  # between two times at which such a call is asked for, at most
REFUSED_KEY: Final = (errors.AuthenticationFailed, errors.PermissionDenied)


@dataclass(slots=True)
class Reconciler:
    """Settles the unknown attempts of one campaign."""

    database: Database
    attempts: UnknownAttempts
    policy: CallingPolicy
    calls: CallList

    async def reconcile(
        self, unknown: Sequence[Attempt], known: Sequence[KnownCall], snapshot: Snapshot
    ) -> None:
        """Give each unknown attempt its call, or weigh a reading without it.

        Args:
            unknown: Attempts.
            known: The account's known calls around them, oldest first.
            snapshot: Read after both were looked up. A call that finds its attempt is taken out of its strangers.
        """
        if not unknown:
            return
        since = min(attempt.began_at for attempt in unknown) - EARLY_SECONDS
        rivals = await self.attempts.rivals({attempt.phone for attempt in unknown}, since)
        unseen = {call.phone for call in known if call.attempt_id not in snapshot.shown}
        for attempt in unknown:
            mine = [call for call in snapshot.strangers.values() if self._may_own(attempt, call)]
            doubtful = [call for call in snapshot.strangers.values() if self._is_doubtful(attempt, call)]
            if not mine and not doubtful:
                await self._weigh(attempt, known, snapshot)
            # One call, one attempt that may own it, and no known call to the number that the list may show by another
            # id: only then is it certain whose call it is. A wrong guess would free the other lead to be called again.
            elif len(mine) == 1 and rivals.get(attempt.phone, 1) == 1 and attempt.phone not in unseen:
                if await self.attempts.adopt(attempt, mine[0].id):
                    del snapshot.strangers[mine[0].id]  # it cannot be another attempt's
            elif self._has_waited(attempt, snapshot.read_at):
                could = len(mine) or len(doubtful)
                await self.attempts.review(attempt, Reason.SEVERAL_CALLS, str(could))
        if not snapshot.is_cut:
            new = [call.attempt_id for call in known if call.listed_at is None]
            await mark_listed(self.database, sorted(snapshot.standing.intersection(new)), snapshot.read_at)

    async def _weigh(self, attempt: Attempt, known: Sequence[KnownCall], snapshot: Snapshot) -> None:
        given_up_at = attempt.lost_at if attempt.lost_at is not None else attempt.began_at + LATE_SECONDS
        view = snapshot.view(attempt.began_at, given_up_at, known)
        grace = self.policy.reconcile_grace_seconds
        if await self.attempts.weigh(attempt, view, grace, self.policy) is Verdict.REVIEW:
            await self.attempts.review(attempt, Reason.LIST_CANNOT_TELL)

    def _has_waited(self, attempt: Attempt, read_at: float) -> bool:
        return read_at > attempt.began_at + max(self.policy.reconcile_grace_seconds, RINGING_SECONDS)

    async def find_aliases(self, missing: Iterable[KnownCall], snapshot: Snapshot) -> None:
        """Calls whose ids webhooks gave, and which the list shows under others."""
        for known in missing:
            if known.campaign == self.attempts.campaign and known.is_webhook_id:
                await self.find_alias(known, snapshot)

    async def find_alias(self, known: KnownCall, snapshot: Snapshot | None) -> bool:
        """Whether a call that is not known by its id is in the list under another one, which is written down.

        Args:
            known: The call.
            snapshot: The last reading; None where there was none.
        """
        strangers = snapshot.strangers if snapshot is not None else {}
        calls = [call for call in strangers.values() if self._may_own(known, call)]
        if snapshot is None or len(calls) != 1:
            return False
        if await self.attempts.rivals({known.phone}, known.began_at - EARLY_SECONDS):
            return False
        if not await self.attempts.add_alias(known.attempt_id, calls[0].id):
            return False
        del strangers[calls[0].id]
        snapshot.shown.add(known.attempt_id)
        return True

    async def hold_back(self, strangers: Sequence[Call]) -> None:
        """A call shows up at a number whose last request was refused or limited: the lead needs review.

        Not where another attempt, of whatever campaign, may still turn out to own that call.
        """
        # By their digits: numbers are written in many ways, and only those of refused leads are compared.
        phones = {f"+{comparable(call.caller_phone)}" for call in strangers if call.caller_phone}
        for attempt in await self.attempts.refused(phones):
            if any(self._may_own(attempt, call) for call in strangers) and not await self.attempts.rivals(
                {attempt.phone}, attempt.began_at - EARLY_SECONDS
            ):
                await self.attempts.review_refused(attempt)

    def _may_own(self, attempt: Attempt | KnownCall, call: Call) -> bool:
        """Same number, not inbound, and created about when we called, on the list's clock."""
        return may_own(attempt, call, self.calls.clock.band, self.calls.least_skew)

    def _is_doubtful(self, attempt: Attempt, call: Call) -> bool:
        skews = (self.calls.least_skew, self.calls.most_skew)
        return is_doubtful(attempt, call, self.calls.clock.band, skews)


class CallLookupError(Exception):
    """Calls could not be asked for.

    Attributes:
        error: What Flireo answered.
        asked: How many were asked for before.
    """

    def __init__(self, error: errors.FlireoError, asked: int) -> None:
        self.error, self.asked = error, asked
        super().__init__(error, asked)


@dataclass(slots=True)
class Lookup:
    """Asks for the calls of one campaign by their ids."""

    database: Database
    reports: CallReports
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

        The first are closed if that reports nothing either, twice.

        Args:
            placed: Calls whose results are not in.
            snapshot: That reading; None where the list could not be read.
            most: Calls to ask for at most.
            is_awaited: Whether an attempt whose call is not known waits until all of them are known.

        Returns:
            How many were asked for.

        Raises:
            CallLookupError: Two in a row could not be read, or the key was refused.
        """
        now = self.database.now()
        over_before = now - RINGING_SECONDS - self.reports.policy.report_grace_seconds
        silent = await silent_calls(
            self.reports.campaign, self.readiness, over_before, now - AGAIN_SECONDS, most
        )
        asked = await self._each(silent, snapshot, closes=True)
        apart = {call.attempt_id for call in silent} | (snapshot.shown if snapshot is not None else set())
        is_whole = snapshot is not None and not snapshot.is_cut
        due = [
            call
            for call in placed
            if call.attempt_id not in apart and self._is_due(call, is_whole, is_awaited, now)
        ]
        due.sort(key=lambda call: call.fetched_at or 0.0)
        wanted = [call.attempt_id for call in due[: max(0, most - asked)]]
        return asked + await self._each(await still_placed(self.database, wanted), snapshot, closes=False)

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
        pause = min(LATEST_AGAIN_SECONDS, max(self.reports.policy.poll_seconds, age / 3))
        return now >= call.fetched_at + pause

    async def samples(self, missing: Sequence[KnownCall], snapshot: Snapshot) -> int:
        """Ask for a few calls that the list should show, and learn its clock from them.

        Args:
            missing: Calls that it did not show.
            snapshot: The reading.

        Returns:
            How many were asked for.

        Raises:
            CallLookupError: They could not be read.
        """
        wanted = {missing[0].attempt_id, missing[-1].attempt_id}
        return await self._each(await still_placed(self.database, wanted), snapshot, closes=False)

    async def _each(self, known: Sequence[KnownCall], snapshot: Snapshot | None, *, closes: bool) -> int:
        in_vain = 0
        for asked, call in enumerate(known, start=1):
            try:
                await self._ask(call, snapshot, closes=closes)
            except errors.FlireoError as error:  # decides nothing
                in_vain += 1
                if in_vain >= MOST_IN_VAIN or isinstance(error, REFUSED_KEY):  # the next would fare no better
                    raise CallLookupError(error, asked) from None
            else:
                in_vain = 0
        return len(known)

    async def _ask(self, known: KnownCall, snapshot: Snapshot | None, *, closes: bool) -> None:
        """Ask for one call.

        Raises:
            FlireoError: Flireo was not reached, or did not answer as it should.
        """
        try:
            call = await self._call_of(known)
        except errors.NotFound:
            if await self.reconciler.find_alias(known, snapshot):
                return  # the next reading reports it
            reason, detail = Reason.CALL_UNKNOWN, ""
        else:
            reason, detail = Reason.CALL_WITHOUT_END, call.status or "open"
            if await self._is_settled(known, call, closes=closes):
                return
        if closes:
            await self.reports.close(known.attempt_id, reason, detail)
        else:
            await mark_fetched(self.database, known.attempt_id, self.database.now())

    async def _is_settled(self, known: KnownCall, call: Call, *, closes: bool) -> bool:
        """Write down what a call reports. False where it reports nothing."""
        learn_clock(self.calls.clock, known, call)
        fit = match_of(known, call, self.calls.clock.band, self.calls.least_skew)
        if fit is CallMatch.OTHER:
            self.calls.clock.forget(known.attempt_id)
            await self.reports.disown(known.attempt_id)
            return True
        if fit is CallMatch.TOO_EARLY or not call.is_over:
            return False
        await self.reports.write(known.attempt_id, call, self.readiness.expects, is_last=closes)
        return True

    async def _call_of(self, known: KnownCall) -> Call:
        """The call by the first of its ids that Flireo knows."""
        first, *others = known.ids
        try:
            return await self.calls.call(first)
        except errors.NotFound:
            if not others:
                raise
            return await self.calls.call(others[0])
