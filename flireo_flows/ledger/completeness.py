"""How complete the results of a campaign are: whose report and analysis are in, by which channel, after how long."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.outbox import post
from flireo_flows.ledger.reports import Channel, Expectations
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import IS_ERASED, TALKED, attempts, campaigns, shortfalls
from flireo_flows.lifecycle.states import AttemptState, LedgerEvent
from flireo_flows.policy import CallingPolicy

FEWEST: Final = 10  # calls; a share of fewer means little


@dataclass(frozen=True, slots=True)
class Delay:
    """From a call's end until something was in, seconds; by nearest rank, so each is one that was measured.

    Attributes:
        median: Half were in by then; None when nothing was.
        p95: 95 of 100 were.
    """

    median: float | None = None
    p95: float | None = None

    @property
    def in_words(self) -> str:
        """`median 4.2 s, 95% within 2 min`."""
        if self.median is None or self.p95 is None:
            return "none yet"
        return f"median {_span(self.median)}, 95% within {_span(self.p95)}"


@dataclass(frozen=True, slots=True)
class Completeness:
    """The results of a campaign's ended calls, in figures.

    Attributes:
        ended: Calls that are known to be over.
        talked: Of these, the ones in which a person or a machine answered.
        reports_due: Calls whose report is in or should come: those that talked, and those of which no one knows
            yet, or will ever know, whether they did. A call that no one answered has no report.
        reports: Of these, the ones whose report is in.
        by_webhook: Reports that a webhook brought.
        by_list: Reports that the call list brought.
        analyses_due: Calls whose analysis is in or should come: those that talked, long enough to be analysed,
            where the agent analyses its calls.
        analyses: Of these, the ones whose analysis is in.
        waiting: Calls that are over and whose result is still waited for.
        missing: Calls that were closed without a report.
        report_delay: From a call's end until its report was in.
        analysis_delay: From a call's end until its analysis was in.
    """

    ended: int = 0
    talked: int = 0
    reports_due: int = 0
    reports: int = 0
    by_webhook: int = 0
    by_list: int = 0
    analyses_due: int = 0
    analyses: int = 0
    waiting: int = 0
    missing: int = 0
    report_delay: Delay = Delay()
    analysis_delay: Delay = Delay()

    @property
    def report_share(self) -> float | None:
        """0 to 1; None when no report is due."""
        return self.reports / self.reports_due if self.reports_due else None

    @property
    def analysis_share(self) -> float | None:
        """0 to 1; None when no analysis is due."""
        return self.analyses / self.analyses_due if self.analyses_due else None

    def as_json(self) -> dict[str, object]:
        """All figures, with both shares."""
        return {**asdict(self), "report_share": self.report_share, "analysis_share": self.analysis_share}

    def rows(self) -> dict[str, str]:
        """The figures in words, for tables that people read."""
        return {
            "ended calls": f"{self.ended:,}",
            "of these answered": f"{self.talked:,}",
            "reports in": _part(self.reports, self.reports_due),
            "by webhook": f"{self.by_webhook:,}",
            "by the call list": f"{self.by_list:,}",
            "report after": self.report_delay.in_words,
            "analyses in": _part(self.analyses, self.analyses_due),
            "analysis after": self.analysis_delay.in_words,
            "still waited for": f"{self.waiting:,}",
            "closed without a report": f"{self.missing:,}",
        }


async def completeness(campaign: CampaignLedger) -> Completeness:
    """How complete a campaign's results are now. Four or five statements, whatever its size.

    A hundred thousand calls take about half a second. See docs/completeness.md for what counts as what.
    """
    async with campaign.read() as db:
        counted = await _count(db, campaign)
        reported = await _delay(db, campaign.name, attempts.c.reported_at)
        analysed = await _delay(db, campaign.name, attempts.c.analysed_at)
    return Completeness(**counted, report_delay=reported, analysis_delay=analysed)


async def check_completeness(campaign: CampaignLedger, policy: CallingPolicy) -> bool:
    """Post a notice when too many calls of a campaign lack their report or their analysis.

    Only calls that have been over for longer than the policy waits for both are counted, and only a share of ten
    or more of them is judged. It is posted once each time one of the two falls below `min_completeness`: again only
    after both had recovered. Cheap: it writes only when that changes.

    Args:
        policy: Names the bound, 0 for none, and how long is waited.

    Returns:
        Whether it was posted now.
    """
    if not policy.min_completeness:
        return False
    async with campaign.read() as db:
        if await _news(db, campaign, policy) is None:
            return False
    async with campaign.write() as db:
        # Looked at again: another runner may have posted it meanwhile.
        shortfall = await _news(db, campaign, policy)
        if shortfall is None:
            return False
        falls = await _turn(db, campaign.name, is_short=bool(shortfall))
        if not shortfall:
            return False
        key = f"{falls}:{campaign.name}"
        return await post(
            db,
            campaign.database,
            LedgerEvent.CAMPAIGN_INCOMPLETE,
            key,
            campaign=campaign.name,
            reason=shortfall,
        )


async def _news(db: AsyncConnection, campaign: CampaignLedger, policy: CallingPolicy) -> str | None:
    """How it falls short since it last was looked at; empty if it recovered, None if all is as it was."""
    shortfall = await _shortfall(db, campaign, policy)
    was = select(shortfalls.c.is_short).where(shortfalls.c.campaign == campaign.name)
    was_short = bool((await db.execute(was)).scalar_one_or_none())
    return None if shortfall is None or bool(shortfall) == was_short else shortfall


async def _shortfall(db: AsyncConnection, campaign: CampaignLedger, policy: CallingPolicy) -> str | None:
    """Which shares are too small, in words; empty when none is, None where there is too little to judge by."""
    patience = policy.report_grace_seconds + policy.analysis_grace_seconds
    counted = await _count(db, campaign, before=campaign.now() - patience)
    judged = [
        (f"{name} of {_part(in_, due)} calls are in", in_ / due < policy.min_completeness)
        for name, in_, due in (
            ("reports", counted["reports"], counted["reports_due"]),
            ("analyses", counted["analyses"], counted["analyses_due"]),
        )
        if due >= FEWEST
    ]
    if not judged:
        return None
    short = " and ".join(share for share, is_short in judged if is_short)
    bound = f"{policy.min_completeness * 100:g}%"
    return f"{short}, and should be of {bound} (min_completeness)" if short else ""


async def _turn(db: AsyncConnection, campaign: str, *, is_short: bool) -> int:
    """Write down that it fell short, or recovered. Returns how often it has fallen."""
    fell = int(is_short)
    values = {"is_short": is_short, "falls": shortfalls.c.falls + fell}
    mine = update(shortfalls).where(shortfalls.c.campaign == campaign).values(values)
    falls = (await db.execute(mine.returning(shortfalls.c.falls))).scalar_one_or_none()
    if falls is None:
        await db.execute(insert(shortfalls).values(campaign=campaign, is_short=is_short, falls=fell))
    return int(falls or fell)


# A call that is closed in the regular way and did not talk was answered by no one.
MAY_HAVE_REPORT: Final = case((attempts.c.complete, TALKED), else_=true())
# What is in: by moments, which the index holds. A transcript is long, and a hundred thousand of them take seconds.
REPORTED: Final = attempts.c.reported_at.is_not(None)
ANALYSED: Final = attempts.c.analysed_at.is_not(None)
# By a comparison, for which SQLite takes the index that holds all that is counted.
IS_OVER: Final = and_(
    attempts.c.state.in_([str(AttemptState.PLACED), str(AttemptState.ENDED)]), attempts.c.over_at > 0
)


async def _count(
    db: AsyncConnection, campaign: CampaignLedger, before: float | None = None
) -> dict[str, int]:
    """The counts of calls, by the names of `Completeness`; of those over before a moment, if one is given."""
    plan = select(campaigns.c.readiness).where(campaigns.c.name == campaign.name)
    expects = Readiness.from_json((await db.execute(plan)).scalar_one_or_none() or "").expects
    row = (await db.execute(_counts(campaign, expects, before))).one()
    if row.analyses and not expects.analysis:
        # Nothing shows that the agent analyses its calls, and yet it does: the others are to come too.
        row = (await db.execute(_counts(campaign, expects.with_analysis(), before))).one()
    return {name: int(number) for name, number in row._mapping.items()}


def _counts(campaign: CampaignLedger, expects: Expectations, before: float | None) -> Select[Any]:
    mine = and_(attempts.c.campaign == campaign.name, IS_OVER)
    if before is not None:
        mine = and_(mine, attempts.c.over_at <= before)
    calls = (
        select(
            attempts.c.state,
            attempts.c.report_channel,
            TALKED.label("talked"),
            case((MAY_HAVE_REPORT, REPORTED), else_=false()).label("reported"),
            # What has not come of a person who was forgotten is not written down any more, so it is not missed.
            case((~MAY_HAVE_REPORT, false()), (REPORTED, true()), else_=~IS_ERASED).label("report_due"),
            ANALYSED.label("analysed"),
            _analysis_due(campaign.database, expects).label("analysis_due"),
        )
        .where(mine)
        .subquery()
    )
    is_open = calls.c.state == AttemptState.PLACED
    return select(
        func.count().label("ended"),
        _number(calls.c.talked).label("talked"),
        _number(calls.c.report_due).label("reports_due"),
        _number(calls.c.reported).label("reports"),
        _number(and_(calls.c.reported, calls.c.report_channel == Channel.WEBHOOK)).label("by_webhook"),
        _number(and_(calls.c.reported, calls.c.report_channel == Channel.LIST)).label("by_list"),
        _number(calls.c.analysis_due).label("analyses_due"),
        _number(calls.c.analysed).label("analyses"),
        _number(is_open).label("waiting"),
        _number(and_(~is_open, calls.c.report_due, ~calls.c.reported)).label("missing"),
    ).select_from(calls)


def _number(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(which)


def _analysis_due(database: Database, expects: Expectations) -> ColumnElement[bool]:
    """As `reports._awaits_analysis` has it; the turns of a transcript are counted only where it matters."""
    if not expects.analysis:
        return ANALYSED
    is_long: ColumnElement[bool] = true()
    if expects.fewest_messages > 1:
        words = attempts.c.messages
        turns = func.json_array_length(words if database.is_sqlite else cast(words, JSON))
        is_long = case((words.is_(None), true()), else_=turns >= expects.fewest_messages)
    return case((ANALYSED, true()), (and_(TALKED, ~IS_ERASED), is_long), else_=false())


async def _delay(db: AsyncConnection, campaign: str, at: ColumnElement[float]) -> Delay:
    """How long after their ends something was known of the calls. Flireo's moment of the end counts if it can be.

    A call cannot have ended before it began, nor after we knew of it: then Flireo's clock is not ours, and the
    moment at which the call was first known to be over stands for its end.
    """
    ended, over = attempts.c.ended_at, attempts.c.over_at
    end = case((ended.between(attempts.c.began_at, over), ended), else_=over)
    waited = (at - end).label("waited")
    measured = select(
        waited, func.row_number().over(order_by=waited).label("place"), func.count().over().label("among")
    ).where(attempts.c.campaign == campaign, IS_OVER, at.is_not(None))
    each = measured.subquery()
    ranks = [(each.c.among * percent + 99) // 100 for percent in (50, 95)]  # rounded up, in whole numbers
    chosen = select(each.c.waited).where(or_(*(each.c.place == rank for rank in ranks)))
    found = list((await db.execute(chosen.order_by(each.c.place))).scalars())
    # Of one call both are the same.
    return Delay(float(found[0]), float(found[-1])) if found else Delay()


def _part(part: int, whole: int) -> str:
    """`97 of 100 (97%)`; rounded down, so that what is not all is never 100%."""
    if not whole:
        return "none due"
    return f"{part:,} of {whole:,} ({part * 1000 // whole / 10:g}%)"


def _span(seconds: float) -> str:
    """`4.2 s`, `95 s`, `4 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
