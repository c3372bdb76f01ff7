"""Write what calls report to their attempts and leads: what the list or a webhook brings, once, whatever the order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.calls import Call
from flireo_flows.ledger.attempts import move, release_call_in
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.erasure import is_pseudonym
from flireo_flows.ledger.leads import stored
from flireo_flows.ledger.reports import (
    WORDS,
    Expectations,
    Report,
    finished_call_of,
    is_complete,
    merged,
    object_of,
    report_of_call,
)
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.suppressions import chunks, suppress_in
from flireo_flows.lifecycle.outcomes import Outcome, outcome_of
from flireo_flows.lifecycle.states import AttemptEvent, AttemptState, LeadState, Reason
from flireo_flows.policy import CallingPolicy, OptOut, is_retried, may_follow, opt_out_of, retry_delay


async def apply_report(
    db: AsyncConnection,
    database: Database,
    row: Row[Any],
    report: Report,
    policy: CallingPolicy,
    expects: Expectations,
    now: float,
) -> bool:
    """Write what a report contains of an attempt: it only ever adds, and a finished call never goes back.

    Args:
        row: The attempt, placed or ended, as this transaction reads it: what was written since an older reading
            would be written over. To one that counted as not placed only the words are added.
        report: What came.
        policy: Decides when to stop waiting for more, whether the lead is called again, and what it teaches.
        expects: What is still to come.
        now: Unix seconds.

    Returns:
        Whether the attempt ended by it.
    """
    if is_pseudonym(row.phone):
        if row.state == AttemptState.ENDED:
            return False
        report = replace(report, **WORDS)
    columns = merged(row, report, now)
    if not columns:
        return False
    ends = row.state == AttemptState.PLACED and is_complete(columns, report, policy, expects, now)
    outcome = outcome_of(finished_call_of(columns), policy.outcomes)
    if ends or row.state == AttemptState.ENDED:
        columns["outcome"] = outcome
    changed = {key: value for key, value in columns.items() if value != getattr(row, key)}
    ended = ends and await move(db, row.id, AttemptEvent.REPORTED, complete=True, **changed)
    if changed and not ended:
        await db.execute(update(attempts).where(attempts.c.id == row.id).values(changed))
    if not ended and (
        row.state != AttemptState.ENDED or not {"outcome", "analysis", "end_reason"} & changed.keys()
    ):
        return False
    lesson = opt_out_of(policy, outcome, object_of(columns["analysis"]), columns["end_reason"])
    if ended:
        await _finish_lead(db, row, outcome, _ended_at(row, columns), policy, lesson)
    else:
        await correct_lead(db, row, outcome, policy, lesson)
    await suppress_after_call(db, database, row, lesson, now)
    return ended


async def suppress_after_call(
    db: AsyncConnection, database: Database, row: Row[Any], lesson: OptOut | None, now: float
) -> bool:
    """Suppress the number of a call after which no one may call it, or not before a person settled what it means.

    Args:
        row: The attempt.
        lesson: What its call teaches; None for nothing.
        now: Unix seconds.

    Returns:
        Whether it was not suppressed before.
    """
    if lesson is None or is_pseudonym(row.phone):
        return False
    added = await suppress_in(db, database, [row.phone], lesson.source, lesson.cause, row.campaign, now)
    return bool(added)


async def close_without_report(
    db: AsyncConnection, row: Row[Any], reason: Reason, policy: CallingPolicy, now: float, detail: str = ""
) -> None:
    """End an attempt of which nothing more is received; its lead needs review."""
    why = {"reason": reason, "detail": stored(detail)}
    values = {"outcome": Outcome.UNKNOWN, "over_at": row.over_at or now, **why}
    if await move(db, row.id, AttemptEvent.REPORTED, **values):
        await _finish_lead(db, row, Outcome.UNKNOWN, now, policy)
        await db.execute(update(leads).where(leads.c.id == row.lead_id).values(state=LeadState.REVIEW, **why))


def _ended_at(row: Row[Any], columns: Mapping[str, Any]) -> float:
    """When a call ended, on the ledger's clock: the next call keeps its distance from it.

    Flireo's own moment counts where it can be true. One before the call could have ended, or after its end was
    known, is of another clock; then the call ended when that was known.
    """
    earliest = row.began_at + max(0, columns["duration_seconds"] or 0)
    ended, known = columns["ended_at"], float(columns["over_at"])
    return float(ended) if ended is not None and earliest <= ended <= known else known


async def _finish_lead(
    db: AsyncConnection,
    row: Row[Any],
    outcome: Outcome,
    ended_at: float,
    policy: CallingPolicy,
    lesson: OptOut | None = None,
) -> None:
    """The attempt is used up; the lead is called again only if the policy allows it, and never after an opt-out."""
    wanted = select(leads.c.state, leads.c.attempts, leads.c.reason).where(leads.c.id == row.lead_id)
    lead = (await db.execute(wanted)).one()
    used = lead.attempts + 1
    again = lesson is None and lead.state == LeadState.CALLING and is_retried(policy, outcome, used)
    # Who was skipped meanwhile, as when the campaign was cancelled, stays so.
    state = lead.state if lead.state == LeadState.SKIPPED else LeadState.WAITING if again else LeadState.DONE
    # Who was taken out of the file meanwhile waits for nothing.
    reason, detail = (lead.reason or Reason.RETRY) if again else Reason.NONE, ""
    if again and await _called_uncounted(db, row):
        state, reason = LeadState.REVIEW, Reason.CALLED_AFTER_ALL
    if lesson and lesson.is_unclear and state != LeadState.SKIPPED:
        state, reason, detail = LeadState.REVIEW, Reason.UNCLEAR_ANSWER, lesson.cause
    await db.execute(
        update(leads)
        .where(leads.c.id == row.lead_id)
        .values(
            state=state,
            reason=reason,
            detail=detail,
            not_before=ended_at + retry_delay(policy, outcome, used),
            attempts=used,
            unplaced=0,
            outcome=outcome,
            last_ended_at=ended_at,
        )
    )


async def _called_uncounted(db: AsyncConnection, row: Row[Any]) -> bool:
    """Whether another call to the lead was placed after all, although it had counted as not placed."""
    placed = select(attempts.c.id).where(
        attempts.c.lead_id == row.lead_id,
        attempts.c.state == AttemptState.NOT_PLACED,
        attempts.c.called_after_all,
    )
    return (await db.execute(placed.limit(1))).first() is not None


async def correct_lead(
    db: AsyncConnection, row: Row[Any], outcome: Outcome, policy: CallingPolicy, lesson: OptOut | None
) -> bool:
    """What an ended call means changed. Only the last attempt of its lead that may have placed a call speaks for it.

    Args:
        row: The attempt as it was.
        outcome: What it means now.
        policy: Decides whether another attempt may follow it.
        lesson: What the call teaches; with one, none may follow in any case.

    Returns:
        Whether the lead waited for another call, and does not any more. A lead that is done is never called again.
    """
    newer = select(attempts.c.id).where(
        attempts.c.lead_id == row.lead_id,
        attempts.c.number > row.number,
        attempts.c.state != AttemptState.NOT_PLACED,
    )
    mine = (leads.c.id == row.lead_id) & ~newer.exists()
    await db.execute(update(leads).where(mine).values(outcome=outcome))
    waits = update(leads).where(mine, leads.c.state == LeadState.WAITING)
    if lesson and lesson.is_unclear:
        final = update(leads).where(mine, leads.c.state.in_([LeadState.WAITING, LeadState.DONE]))
        unclear = {"reason": Reason.UNCLEAR_ANSWER, "detail": lesson.cause}
        held = await db.execute(final.values(state=LeadState.REVIEW, **unclear))
        return bool(held.rowcount)
    if lesson or (outcome != row.outcome and not may_follow(policy, outcome)):
        done = await db.execute(waits.values(state=LeadState.DONE, reason=Reason.NONE, detail=""))
        return bool(done.rowcount)
    return False


@dataclass(frozen=True, slots=True)
class CallReports:
    """Writes what the call list, and calls asked for by their ids, report of one campaign's attempts.

    Each attempt is read again in the transaction that writes to it: a webhook may have reported its call meanwhile.

    Attributes:
        policy: Decides when to stop waiting for more, whether a lead is called again, and what a call teaches.
    """

    campaign: CampaignLedger
    policy: CallingPolicy

    async def apply(
        self, reports: Mapping[int, Call], foreign: Mapping[int, Call], expects: Expectations
    ) -> set[int]:
        """Write what the calls of a page report.

        Args:
            reports: Calls that are over, by attempt.
            foreign: Calls of other attempts' or no one's, by the attempt that has their id.
            expects: What is still to come after a call's end.

        Returns:
            Attempts that had the id of another call, and whose own call is looked for from now on.
        """
        now, disowned = self.campaign.now(), set[int]()
        async with self.campaign.write() as db:
            for row in await _read_again(db, [*reports, *foreign]):
                if row.id in reports:
                    report = report_of_call(reports[row.id])
                    await apply_report(db, self.campaign.database, row, report, self.policy, expects, now)
                # Not where the call is known by the id that a webhook gave beside it.
                elif foreign[row.id].id == row.call_id and await release_call_in(db, row, now):
                    disowned.add(row.id)
        return disowned

    async def write(self, attempt_id: int, call: Call, expects: Expectations, *, is_last: bool) -> None:
        """Write what a call that was asked for by its id reports, unless the attempt's result is in.

        Args:
            attempt_id: Of its attempt.
            call: One that is over.
            expects: What is still to come after a call's end.
            is_last: Whether the call was asked for because it should have been over for long.
        """
        now = self.campaign.now()
        async with self.campaign.write() as db:
            for row in await _read_placed(db, attempt_id):
                if await apply_report(
                    db, self.campaign.database, row, report_of_call(call), self.policy, expects, now
                ):
                    return
                again = {"asked_at": now} if is_last else {}  # its summary may still come
                mine = update(attempts).where(attempts.c.id == row.id)
                await db.execute(mine.values(fetched_at=now, **again))

    async def disown(self, attempt_id: int) -> None:
        """The call whose id a placed attempt has is another one; its own is looked for from now on."""
        async with self.campaign.write() as db:
            for row in await _read_placed(db, attempt_id):
                await release_call_in(db, row, self.campaign.now())

    async def close(self, attempt_id: int, reason: Reason, detail: str = "") -> None:
        """A call that should have been over for long reports nothing. The second time, its attempt ends for review."""
        now = self.campaign.now()
        async with self.campaign.write() as db:
            (row,) = await _read_again(db, [attempt_id])
            if row.asked_at is None:  # the ledger keeps it, for the next to ask may be another process
                first = update(attempts).where(attempts.c.id == row.id, attempts.c.asked_at.is_(None))
                await db.execute(first.values(asked_at=now))
            else:
                await close_without_report(db, row, reason, self.policy, now, detail)


async def _read_again(db: AsyncConnection, attempt_ids: Iterable[int]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for chunk in chunks(list(attempt_ids)):
        wanted = select(attempts).where(attempts.c.id.in_(chunk)).order_by(attempts.c.id)
        rows += (await db.execute(wanted)).all()
    return rows


async def _read_placed(db: AsyncConnection, attempt_id: int) -> list[Row[Any]]:
    return [row for row in await _read_again(db, [attempt_id]) if row.state == AttemptState.PLACED]
