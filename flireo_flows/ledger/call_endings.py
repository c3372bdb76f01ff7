"""How the last calls of a campaign ended: what its circuit breaker counts."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.redaction import redact
from flireo_flows.ledger.messages import attempt_reason
from flireo_flows.ledger.schema import attempts
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import AttemptState

ABOUT_LEAD: Final = (400, 422)  # statuses
LONGEST_CALL_SECONDS: Final = 7200.0  # a call that ended in the window began at most so long before it
RINGING_SECONDS: Final = 60.0  # a call that goes on for longer was answered


@dataclass(frozen=True, slots=True)
class CallEnding:
    """A call that ended in the window, or a request that Flireo refused.

    Attributes:
        phone: E.164.
        failed: Whether it counts as a failure: the outcome `failed`, or a refusal.
        reason: In words, without a number.
    """

    phone: str
    failed: bool
    reason: str = ""


async def call_endings_in(
    db: AsyncConnection, campaign: str, window_seconds: float, now: float, resumed_at: float
) -> list[CallEnding]:
    """What ended in the window, of what began after the campaign was last resumed; oldest first.

    Calls that were answered count too, before they end or their reports are in: failures are reported at once, and
    the first few would stand for all.

    Args:
        db: Any transaction.
        campaign: Its name.
        window_seconds: How far back to look.
        now: Unix seconds.
        resumed_at: When the campaign was last changed, Unix seconds; 0 for never.
    """
    since = now - window_seconds
    known = attempts.c.state.in_([str(AttemptState.ENDED), str(AttemptState.PLACED)])
    over = and_(known, attempts.c.over_at >= since)
    not_over = and_(attempts.c.state == AttemptState.PLACED, attempts.c.over_at.is_(None))
    going_on = and_(not_over, attempts.c.began_at.between(since, now - RINGING_SECONDS))
    earliest = max(resumed_at, since - LONGEST_CALL_SECONDS)
    # What Flireo refused for the lead's own sake. Other refusals stop the run.
    about_lead = and_(attempts.c.reason == Reason.REQUEST_FAILED, attempts.c.status.in_(ABOUT_LEAD))
    refused = and_(attempts.c.state == AttemptState.NOT_PLACED, attempts.c.began_at >= since, about_lead)
    wanted = (
        select(attempts)
        .where(attempts.c.campaign == campaign, or_(over, going_on, refused))
        .where(attempts.c.began_at >= earliest)
    )
    rows = sorted((await db.execute(wanted)).all(), key=lambda row: float(row.over_at or row.began_at))
    return [
        CallEnding(
            row.phone,
            row.state == AttemptState.NOT_PLACED or row.outcome == Outcome.FAILED,
            redact(row.error or row.end_reason or attempt_reason(row)),
        )
        for row in rows
    ]
