"""Outcomes and opt-outs derived again from what the ledger holds, after their rules changed. Sends nothing."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, not_, or_, select, update

from flireo_flows.api.redaction import redact
from flireo_flows.ledger.call_reports import correct_lead, suppress_after_call
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.reports import finished_call_of, object_of
from flireo_flows.ledger.schema import IS_ERASED, attempts, campaigns
from flireo_flows.lifecycle.outcomes import Outcome, outcome_of, table_version
from flireo_flows.lifecycle.states import AttemptState
from flireo_flows.policy import CallingPolicy, opt_out_of, opt_out_rules_version

PORTION: Final = 200  # calls a transaction: a campaign that runs meanwhile waits for less than a second


@dataclass(frozen=True, slots=True)
class Rederived:
    """What came of deriving a campaign's outcomes again.

    Attributes:
        calls: Ended calls that were looked at.
        changes: How many went from which outcome to which.
        settled: Leads that waited for another call, and do not any more.
        suppressed: Numbers that are never called again from now on.
    """

    calls: int = 0
    changes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    settled: int = 0
    suppressed: int = 0

    @property
    def changed(self) -> int:
        """Calls that mean something else now."""
        return sum(self.changes.values())


@dataclass(frozen=True, slots=True)
class EndingCount:
    """How often calls of a campaign ended in some words, and what that means.

    Attributes:
        status: `status` of the calls.
        end_reason: Their end reason, without numbers of people; empty where none was given.
        error: Their error, likewise.
        outcome: What the table made of them.
        calls: How many.
    """

    status: str
    end_reason: str
    error: str
    outcome: str
    calls: int


async def rederive(campaign: CampaignLedger, policy: CallingPolicy, *, dry_run: bool = False) -> Rederived:
    """Derive the outcomes of a campaign's ended calls again, by a policy's table. Doing it again changes nothing.

    A lead follows as after a late report: one that waits is not called again if its last call now needs no other,
    and a number is suppressed for what the policy learns from. A lead that is done is never called again. What stays:
    calls that ended without a report, which need review, and those of erased people, whose words are gone.

    Args:
        policy: Has the rules, and decides what follows.
        dry_run: Only report what would change; everything is taken back.

    Raises:
        LedgerError: The ledger cannot be read or written. What was derived before that stays; do it again.
    """

    def derived(row: Row[Any]) -> Outcome | None:
        outcome = outcome_of(finished_call_of(row._asdict()), policy.outcomes)
        return outcome if outcome != row.outcome else None

    # Calls whose outcome follows from their words.
    reported = select(attempts).where(or_(attempts.c.complete, attempts.c.outcome != Outcome.UNKNOWN))
    return await _follow_each(campaign, policy, reported, derived, dry_run=dry_run)


async def learn(campaign: CampaignLedger, policy: CallingPolicy) -> Rederived:
    """Ask a campaign's ended calls again what they teach, and suppress the numbers that a policy's rules name.

    Whatever their outcomes are, they stay. Doing it again changes nothing.

    Args:
        policy: Decides after which outcomes and answers a number is never called again; without any, nothing is read.

    Raises:
        LedgerError: The ledger cannot be read or written. What was learnt before that stays; do it again.
    """
    if not opt_out_rules_version(policy):
        return Rederived()

    def taught(row: Row[Any]) -> Outcome | None:
        outcome = Outcome(row.outcome)
        return outcome if opt_out_of(policy, outcome, object_of(row.analysis), row.end_reason) else None

    return await _follow_each(campaign, policy, _lessons(policy), taught)


async def _follow_each(
    campaign: CampaignLedger,
    policy: CallingPolicy,
    wanted: Select[Any],
    judge: Callable[[Row[Any]], Outcome | None],
    *,
    dry_run: bool = False,
) -> Rederived:
    """Let follow what a call means for its lead and its number, of each ended call; not where `judge` gives None."""
    calls, settled, suppressed, after = 0, 0, 0, 0
    changes: Counter[tuple[str, str]] = Counter()
    portion = (
        wanted.where(attempts.c.campaign == campaign.name, attempts.c.state == AttemptState.ENDED)
        .where(not_(IS_ERASED))
        .order_by(attempts.c.id)
        .limit(PORTION)
    )
    while True:
        async with campaign.write() as db:
            point = await db.begin_nested()
            rows = (await db.execute(portion.where(attempts.c.id > after))).all()
            for row in rows:
                if (outcome := judge(row)) is None:
                    continue
                if outcome != row.outcome:
                    changes[row.outcome, str(outcome)] += 1
                    mine = update(attempts).where(attempts.c.id == row.id)
                    await db.execute(mine.values(outcome=outcome))
                lesson = opt_out_of(policy, outcome, object_of(row.analysis), row.end_reason)
                settled += await correct_lead(db, row, outcome, policy, lesson)
                suppressed += await suppress_after_call(db, campaign.database, row, lesson, campaign.now())
            await (point.rollback() if dry_run else point.commit())
        calls += len(rows)
        if len(rows) < PORTION:
            return Rederived(calls, dict(changes), settled, suppressed)
        after = rows[-1].id


async def apply_current_rules(campaign: CampaignLedger, policy: CallingPolicy) -> Rederived | None:
    """Bring what a campaign's calls mean and teach in line with a policy; None if it is so already.

    Outcomes are derived again if they follow from another table, and numbers suppressed if other rules teach it.
    Which table and rules it was is remembered, so that only a change is read for.

    Args:
        policy: Of the run that begins.
    """
    table, rules = table_version(policy.outcomes), opt_out_rules_version(policy)
    mine = campaigns.c.name == campaign.name
    versions = select(campaigns.c.outcomes_version, campaigns.c.opt_out_rules_version).where(mine)
    async with campaign.read() as db:
        known = (await db.execute(versions)).first() or ("", "")
    if tuple(known) == (table, rules):
        return None
    rederived = await rederive(campaign, policy) if known[0] != table else Rederived()
    learnt = await learn(campaign, policy) if known[1] != rules else Rederived()
    # Afterwards: one that was killed in the middle is done again.
    values = {"outcomes_version": table, "opt_out_rules_version": rules}
    async with campaign.write() as db:
        await campaign.register(db)
        await db.execute(update(campaigns).where(mine).values(values))
    return Rederived(
        max(rederived.calls, learnt.calls),
        rederived.changes,
        rederived.settled + learnt.settled,
        rederived.suppressed + learnt.suppressed,
    )


async def endings(campaign: CampaignLedger) -> list[EndingCount]:
    """In which words the calls of a campaign ended, and what that means. What no one could map comes first."""
    words = (attempts.c.call_status, attempts.c.end_reason, attempts.c.error, attempts.c.outcome)
    counted = (
        select(*words, func.count().label("calls"))
        .where(attempts.c.campaign == campaign.name, attempts.c.state == AttemptState.ENDED)
        .group_by(*words)
    )
    async with campaign.read() as db:
        rows = (await db.execute(counted)).all()
    # Texts that differ only in a person's number are one.
    found: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        masked = (redact(text) for text in (row.call_status, row.end_reason, row.error))
        found[*masked, row.outcome] += row.calls
    listed = [EndingCount(*each, calls) for each, calls in found.items()]
    return sorted(
        listed, key=lambda it: (it.outcome != Outcome.UNKNOWN, -it.calls, it.status, it.end_reason, it.error)
    )


def _lessons(policy: CallingPolicy) -> Select[Any]:
    """Calls that may teach something; without their words, which are long."""
    read = ("id", "lead_id", "number", "campaign", "phone", "outcome", "analysis", "end_reason")
    teaching: list[ColumnElement[bool]] = [attempts.c.outcome.in_(policy.do_not_call_outcomes)]
    if policy.do_not_call_keys or policy.do_not_call_words:
        teaching.append(attempts.c.analysis.is_not(None))
    if policy.do_not_call_words:
        teaching.append(attempts.c.end_reason != "")
    wanted = select(*(attempts.c[name] for name in read))
    return wanted.where(attempts.c.outcome.in_(list(Outcome)), or_(*teaching))
