"""Numbers whose last call may still be found to say no: its analysis has not come, and its grace is not over."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Float, Select, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.schema import TALKED, attempts
from flireo_flows.ledger.suppressions import pieces
from flireo_flows.policy import CallingPolicy

WEBHOOK: Final = "webhook"  # the platform sends its report after the analysis (contract section 15.2)


async def awaited_in(
    db: AsyncConnection, phones: Sequence[str], policy: CallingPolicy, now: float
) -> dict[str, datetime]:
    """Until when the analysis of a call to each number may still come, of whatever campaign.

    A call of which the platform's own report came is complete, and so is one that no one answered. Of the others the
    analysis is awaited for the policy's grace: it comes seconds after the summary, and a poller may read in between.

    Args:
        db: Any transaction.
        phones: E.164.
        policy: Says how long a summary and an analysis are waited for.
        now: Unix seconds of the ledger's clock.

    Returns:
        Aware moments after `now`, by number; who is not in it waits for nothing.
    """
    asked = {
        "report_grace": policy.report_grace_seconds,
        "analysis_grace": policy.analysis_grace_seconds,
        "now_": now,
    }
    found: dict[str, datetime] = {}
    for chunk in pieces(phones):
        for phone, moment in (await db.execute(AWAITED, {**asked, "phones": chunk})).all():
            found[phone] = datetime.fromtimestamp(moment, UTC)
    return found


def _awaited() -> Select[Any]:
    """Made once: making it costs as much as running it."""
    over, reported = attempts.c.over_at, attempts.c.reported_at
    report_grace, analysis_grace = (
        bindparam(name, type_=Float) for name in ("report_grace", "analysis_grace")
    )
    until = case(
        (reported.is_(None), over + report_grace),
        (reported > over, reported + analysis_grace),
        else_=over + analysis_grace,
    )
    return (
        select(attempts.c.phone, func.max(until))
        .where(
            attempts.c.phone.in_(bindparam("phones", expanding=True)),
            over.is_not(None),
            attempts.c.analysed_at.is_(None),
            attempts.c.report_channel != WEBHOOK,
            TALKED,
            until > bindparam("now_", type_=Float),
        )
        .group_by(attempts.c.phone)
    )


AWAITED: Final = _awaited()
