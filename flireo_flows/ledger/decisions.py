"""Every decision is written down with its rule and what it looked at, and a denial puts its lead off."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, bindparam, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.schema import leads
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import LeadState
from flireo_flows.policy import Deny, Verdict

SKIP: Final = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(state=LeadState.SKIPPED, reason=bindparam("why"))
)
REVIEW: Final = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(state=LeadState.REVIEW, reason=Reason.NO_SHARED_HOURS)
)
PUT_OFF: Final = (
    update(leads)
    .where(leads.c.id == bindparam("lead"))
    .values(not_before=bindparam("until_then"), reason=bindparam("why"))
)

# In words: a statement of the dialects' own would be compiled anew each time.
WRITE: Final = text("""
    INSERT INTO flireo_decisions
        (campaign, phone, lead_id, number, allowed, rule, until, inputs, policy, first_at, last_at, times)
    VALUES (:campaign, :phone, :lead_id, :number, :allowed, :rule, :until, :inputs, :policy, :now, :now, 1)
    ON CONFLICT (lead_id, rule, policy) WHERE NOT allowed DO UPDATE SET
        times = flireo_decisions.times + 1, last_at = excluded.last_at, until = excluded.until,
        inputs = excluded.inputs
""")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one lead.

    Attributes:
        row: The lead as the ledger has it.
        number: Of the attempt that was begun; None for a denial.
    """

    row: Row[Any]
    verdict: Verdict
    number: int | None = None


async def write_decisions(db: AsyncConnection, decided: Sequence[Decision], version: str, now: float) -> None:
    """Write decisions down, and put off or skip the leads that were denied. The same denial again only counts.

    Args:
        db: A transaction that writes to their campaign.
        decided: In the order of deciding.
        version: Of the policy that decided (`CallingPolicy.version`).
        now: When, Unix seconds.
    """
    if not decided:
        return
    denied = [(it.row.id, it.verdict) for it in decided if isinstance(it.verdict, Deny)]
    review = [{"lead": lead} for lead, it in denied if it.needs_review]
    never = [
        {"lead": lead, "why": str(it.reason)}
        for lead, it in denied
        if it.until is None and not it.needs_review
    ]
    later = [
        {"lead": lead, "why": str(it.reason), "until_then": it.until.timestamp()}
        for lead, it in denied
        if it.until is not None
    ]
    for statement, rows in ((REVIEW, review), (SKIP, never), (PUT_OFF, later)):
        if rows:
            await db.execute(statement, rows)
    await db.execute(WRITE, [_row(it, version, now) for it in decided])


def _row(decision: Decision, version: str, now: float) -> dict[str, object]:
    verdict = decision.verdict
    denial = verdict if isinstance(verdict, Deny) else None
    return {
        "campaign": decision.row.campaign,
        "phone": decision.row.phone,
        "lead_id": decision.row.id,
        "number": decision.number,
        "allowed": denial is None,
        "rule": str(denial.reason) if denial else "",
        "until": denial.until.timestamp() if denial and denial.until else None,
        "inputs": json.dumps(dict(verdict.inputs), ensure_ascii=True, default=str),
        "policy": version,
        "now": now,
    }
