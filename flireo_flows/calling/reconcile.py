"""What a reading of the call list says of attempts whose call is not known: found, absent, or for a person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, and_, select, update

from flireo_flows.api.calls import Call
from flireo_flows.api.person_key import comparable
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.fit import is_doubtful, may_own
from flireo_flows.calling.snapshot import Snapshot
from flireo_flows.calling.windows import EARLY_SECONDS, LATE_SECONDS
from flireo_flows.ledger import Attempt, AttemptBook, Database
from flireo_flows.ledger.known_calls import KnownCall, mark_listed
from flireo_flows.ledger.leads import chunks
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.lifecycle.absence import Verdict
from flireo_flows.lifecycle.states import AttemptState, LeadState
from flireo_flows.policy import CallingPolicy

RINGING_SECONDS: Final = 120.0  # how long after its request a call may still show which of several it is
APPEARED: Final = "a call to this number showed up although its last request had not been accepted"
CANNOT_TELL: Final = "the call list cannot show whether it was placed"


@dataclass(slots=True)
class Reconciler:
    """Settles the unknown attempts of one campaign."""

    database: Database
    book: AttemptBook
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
        rivals = await self.book.rivals({attempt.phone for attempt in unknown}, since)
        unseen = {call.phone for call in known if call.attempt_id not in snapshot.shown}
        for attempt in unknown:
            mine = [call for call in snapshot.strangers.values() if self.may_own(attempt, call)]
            doubtful = [call for call in snapshot.strangers.values() if self._is_doubtful(attempt, call)]
            if not mine and not doubtful:
                await self._weigh(attempt, known, snapshot)
            elif len(mine) == 1 and rivals.get(attempt.phone, 1) == 1 and attempt.phone not in unseen:
                if await self.book.found(attempt, mine[0].id):
                    del snapshot.strangers[mine[0].id]  # it is nobody else's
            elif self._has_waited(attempt, snapshot.read_at):
                could = len(mine) or len(doubtful)
                await self.book.ambiguous(attempt, f"{could} calls in the list could be this one")
        if not snapshot.is_cut:
            new = [call.attempt_id for call in known if call.listed_at is None]
            await mark_listed(self.database, sorted(snapshot.standing.intersection(new)), snapshot.read_at)

    async def _weigh(self, attempt: Attempt, known: Sequence[KnownCall], snapshot: Snapshot) -> None:
        given_up_at = attempt.lost_at if attempt.lost_at is not None else attempt.began_at + LATE_SECONDS
        view = snapshot.view(attempt.began_at, given_up_at, known)
        grace = self.policy.reconcile_grace_seconds
        if await self.book.absent(attempt, view, grace, self.policy) is Verdict.REVIEW:
            await self.book.ambiguous(attempt, CANNOT_TELL)

    def _has_waited(self, attempt: Attempt, read_at: float) -> bool:
        return read_at > attempt.began_at + max(self.policy.reconcile_grace_seconds, RINGING_SECONDS)

    async def find_aliases(self, missing: Iterable[KnownCall], snapshot: Snapshot) -> None:
        """Calls whose ids webhooks gave, and which the list shows under others."""
        for known in missing:
            if known.campaign == self.book.campaign and known.is_webhook_id:
                await self.find_alias(known.attempt_id, known, snapshot)

    async def find_alias(
        self, attempt_id: int, attempt: KnownCall | Row[Any], snapshot: Snapshot | None
    ) -> bool:
        """Whether a call that is not known by its id is in the list under another one, which is written down.

        Args:
            attempt_id: Of its attempt.
            attempt: The same, or the call.
            snapshot: The last reading; None where there was none.
        """
        strangers = snapshot.strangers if snapshot is not None else {}
        calls = [call for call in strangers.values() if self.may_own(attempt, call)]
        if snapshot is None or len(calls) != 1:
            return False
        if await self.book.rivals({attempt.phone}, attempt.began_at - EARLY_SECONDS):
            return False
        if not await self.book.listed_as(attempt_id, calls[0].id):
            return False
        del strangers[calls[0].id]
        snapshot.shown.add(attempt_id)
        return True

    async def hold_back(self, strangers: Sequence[Call]) -> None:
        """A call shows up at a number whose last request was refused or limited: a person looks before the next.

        Not where another attempt, of whatever campaign, may still turn out to own that call.
        """
        # By their digits: numbers are written in many ways, and only those of refused leads are compared.
        refused = (
            select(attempts)
            .join(leads, and_(leads.c.id == attempts.c.lead_id, leads.c.tries == attempts.c.number))
            .where(
                leads.c.campaign == self.book.campaign,
                leads.c.state == LeadState.WAITING,
                attempts.c.state == AttemptState.NOT_PLACED,
            )
        )
        phones = {f"+{comparable(call.caller_phone)}" for call in strangers if call.caller_phone}
        rows: list[Row[Any]] = []
        async with self.database.read() as db:
            for chunk in chunks(sorted(phones)):
                rows += (await db.execute(refused.where(leads.c.phone.in_(chunk)))).all()
        for row in rows:
            if any(self.may_own(row, call) for call in strangers) and not await self.book.rivals(
                {row.phone}, row.began_at - EARLY_SECONDS
            ):
                async with self.database.write(self.book.campaign) as db:
                    mine = update(leads).where(leads.c.id == row.lead_id, leads.c.state == LeadState.WAITING)
                    await db.execute(mine.values(state=LeadState.REVIEW, reason=APPEARED))

    def may_own(self, attempt: Attempt | KnownCall | Row[Any], call: Call) -> bool:
        """Same number, not inbound, and created about when we called, on the list's clock."""
        return may_own(attempt, call, self.calls.clock.band, self.calls.least_skew)

    def _is_doubtful(self, attempt: Attempt, call: Call) -> bool:
        skews = (self.calls.least_skew, self.calls.most_skew)
        return is_doubtful(attempt, call, self.calls.clock.band, skews)
