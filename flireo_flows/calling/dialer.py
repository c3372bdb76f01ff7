"""One attempt, one POST. What came of it is classified here and nowhere else."""

from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from flireo_flows.api import errors
from flireo_flows.api.calls import OutboundCall, create_outbound_call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.account import Caller
from flireo_flows.calling.ledger import Answer, Attempt, Database
from flireo_flows.calling.states import Event, LeadState

FRESH_SECONDS: Final = 5.0  # an attempt decided longer ago is not sent any more: it must be decided anew
MOST_REFUSALS: Final = 5  # in a row, from different leads: then it is not the leads
MOST_UNREACHED: Final = 5  # in a row
STOPPING: Final = (
    errors.AuthenticationFailed,
    errors.InsufficientCredits,
    errors.PermissionDenied,
    errors.NotFound,
)


@dataclass(slots=True)
class Dialer:
    """Rings for one runner.

    Attributes:
        stopped_by: Why no more calls may be made; None while they may.
        is_closing: Whether the run is ending, so that nothing new is sent.
        placed: Calls placed so far.
    """

    client: AsyncFlireoClient
    database: Database
    caller: Caller
    stopped_by: Exception | None = None
    is_closing: bool = False
    placed: int = 0
    _refusals: int = field(default=0, init=False)
    _unreached: int = field(default=0, init=False)
    _hold_until: float = field(default=0.0, init=False)

    async def ring(self, attempt: Attempt) -> Answer:
        """Send the one request of an attempt that is already committed.

        Returns:
            What came of it. Never raises for anything that Flireo or the network did.
        """
        if self.stopped_by is not None or self.is_closing:
            return self._refused(attempt, "not sent: the run stopped")
        try:
            call = OutboundCall(
                destination=attempt.phone, agent_id=self.caller.agent_id, number_id=self.caller.number_id
            )
        except ValidationError:
            reason = "not sent: the number is not in E.164"
            return Answer(attempt, Event.REFUSED, reason=reason, lead=LeadState.REVIEW)
        too_late = attempt.began_at + FRESH_SECONDS - self.database.now()
        try:
            # The client counts in this machine's time, the ledger perhaps in its server's.
            placed = await self.client.send(create_outbound_call(call), before=self.client.now() + too_late)
        except errors.FlireoError as error:
            return self._classify(attempt, error)
        self._refusals = self._unreached = 0
        self.placed += 1
        return Answer(attempt, Event.ACCEPTED, call_id=placed.call_id)

    def holds(self, now: float) -> float:
        """Seconds to hold back after the API was not reached; 0 when calls may be made."""
        return max(0.0, self._hold_until - now)

    def _classify(self, attempt: Attempt, error: errors.FlireoError) -> Answer:
        """Every way the request can end without a call id."""
        if isinstance(error, errors.OutcomeUnknown | errors.Conflict):
            # 409: a duplicate, so a call may exist: look for it before anything else.
            return Answer(attempt, Event.LOST, reason=_reason(error))
        if isinstance(error, STOPPING):
            self.stopped_by = self.stopped_by or error
            return self._refused(attempt, _reason(error))
        if isinstance(error, errors.RateLimited):
            return self._refused(attempt, _reason(error), error.retry_after or 1.0)
        if isinstance(error, errors.NotSent):
            return self._not_reached(attempt, error)
        return self._refused_by_flireo(attempt, error)

    def _not_reached(self, attempt: Attempt, error: errors.NotSent) -> Answer:
        if error.text in errors.TOO_LATE:
            return self._refused(attempt, _reason(error))
        now = self.database.now()
        if now >= self._hold_until:  # what failed together counts once
            self._unreached += 1
            self._hold_until = now + min(30.0, 0.5 * 2.0**self._unreached)
        wait = self._hold_until - now
        if self._unreached >= MOST_UNREACHED:
            self.stopped_by = self.stopped_by or error
        return self._refused(attempt, _reason(error), wait)

    def _refused_by_flireo(self, attempt: Attempt, error: errors.FlireoError) -> Answer:
        """400, 422 and their like: this lead's own trouble, unless it happens to all of them."""
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self.stopped_by = self.stopped_by or error
        return Answer(attempt, Event.REFUSED, reason=_reason(error), lead=LeadState.REVIEW)

    def _refused(self, attempt: Attempt, reason: str, wait: float = 0.0) -> Answer:
        return Answer(attempt, Event.REFUSED, reason=reason, not_before=self.database.now() + wait)


def _reason(error: errors.FlireoError) -> str:
    """Short and redacted, for the ledger and the results."""
    what = " ".join(str(part) for part in (error.status, error.code) if part) or "no answer"
    return f"{what}: {error.text}" if error.text else what
