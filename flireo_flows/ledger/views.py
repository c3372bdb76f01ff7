"""What people and exports read of a campaign, and what is still to come of it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import name_key
from flireo_flows.ledger.campaigns import known_campaigns, require_campaign, shown_in
from flireo_flows.ledger.database import CampaignLedger, Database, from_row
from flireo_flows.ledger.messages import NOT_CALLED, WHY_OPEN, lead_reason
from flireo_flows.ledger.report_matches import IS_REPORT_OF, MAY_OWN
from flireo_flows.ledger.schema import IS_OPEN, attempts, campaigns, inbox, leads, requests
from flireo_flows.ledger.unknown_attempts import is_given_up
from flireo_flows.lifecycle.states import FINAL, AttemptState, InboxState, LeadState

LATELY_SECONDS: Final = 2 * 86_400.0
BAR: Final = 24  # characters


@dataclass(frozen=True, slots=True)
class LeadResult:
    """One lead and what became of it; the fields are the columns of the results."""

    phone: str
    name: str
    state: str
    reason: str
    outcome: str
    attempts: int
    call_id: str
    duration_seconds: int | None
    summary: str
    analysis: Mapping[str, object] | None
    columns: Mapping[str, str]
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """A campaign in figures.

    Attributes:
        leads: All leads.
        states: Leads by state.
        outcomes: Leads by the outcome of their last call.
        attempts: Attempts by state.
        reasons: Leads that are not done, by state and reason.
        review: Leads that a person has to look at.
        unknown: Attempts of which it is not known whether they were placed.
        requests: Requests sent, by route.
        analysed: Ended calls with an analysis.
    """

    campaign: str
    leads: int
    states: Mapping[str, int]
    outcomes: Mapping[str, int]
    attempts: Mapping[str, int]
    reasons: Mapping[str, int] = field(default_factory=dict)
    review: int = 0
    unknown: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    analysed: int = 0

    @property
    def final(self) -> int:
        """Leads that are final: no run calls them any more."""
        return sum(self.states.get(state, 0) for state in FINAL)

    @property
    def in_words(self) -> str:
        """In a line, with a bar and without a number."""
        bar = ("=" * (BAR * self.final // max(1, self.leads))).ljust(BAR)
        open_ones = {f"in {state}": count for state, count in self.states.items() if state != "done"}
        counts = ({**self.outcomes, **open_ones}).items()
        words = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts)
        return f"[{bar}] {self.final} of {self.leads} leads final; {words}"


@dataclass(frozen=True, slots=True)
class OpenLead:
    """A lead that is not final, and why."""

    line: int
    phone: str
    state: str
    why: str


class Views:
    """Reads of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def results(self, campaign: str) -> list[LeadResult]:
        """One result a lead, in the file's order; its newest attempt speaks for it."""
        async with self._database.read() as db:
            rows = (await db.execute(_results(campaign))).all()
        return [_result(row) for row in rows]

    async def lead(self, lead_id: int) -> LeadResult | None:
        """One lead by its id; None if there is none."""
        async with self._database.read() as db:
            campaign = select(leads.c.campaign).where(leads.c.id == lead_id)
            name = (await db.execute(campaign)).scalar_one_or_none()
            mine = _results(name or "").where(leads.c.id == lead_id)
            row = (await db.execute(mine)).first()
        return _result(row) if row is not None else None

    async def campaigns(self) -> list[str]:
        """The names of all campaigns of the ledger."""
        async with self._database.read() as db:
            return list((await db.execute(known_campaigns())).scalars())

    async def status(self, campaign: str) -> CampaignProgress:
        """The campaign in figures."""
        mine, tried = leads.c.campaign == campaign, attempts.c.campaign == campaign
        async with self._database.read() as db:

            async def counted(statement: Select[Any]) -> dict[str, int]:
                return {
                    " ".join(map(str, row[:-1])).strip(): row[-1]
                    for row in (await db.execute(statement)).all()
                }

            states = await counted(_counts(leads.c.state).where(mine))
            outcomes = await counted(_counts(leads.c.outcome).where(mine, leads.c.outcome != ""))
            tries = await counted(_counts(attempts.c.state).where(tried))
            reasons = await _reasons(db, campaign)
            sent = select(requests.c.route, func.sum(requests.c.count)).where(requests.c.campaign == campaign)
            routes = await counted(sent.group_by(requests.c.route).order_by(requests.c.route))
            ended = attempts.c.state == AttemptState.ENDED
            with_analysis = select(func.count()).where(tried, ended, attempts.c.analysis.is_not(None))
            analysed = int((await db.execute(with_analysis)).scalar_one())
            shown = (await shown_in(db, [campaign]))[name_key(campaign)]
        return CampaignProgress(
            campaign=shown,
            leads=sum(states.values()),
            states=states,
            outcomes=outcomes,
            attempts=tries,
            reasons=reasons,
            review=states.get(LeadState.REVIEW, 0),
            unknown=tries.get(AttemptState.UNKNOWN, 0),
            requests={route: int(count) for route, count in routes.items()},
            analysed=analysed,
        )

    async def open(self, campaign: str, batch: str, most: int) -> list[OpenLead]:
        """Leads of a file that are not final, with why, in the file's order."""
        open_ = and_(attempts.c.lead_id == leads.c.id, IS_OPEN)
        wanted = (
            select(leads, attempts.c.state.label("attempt"))
            .outerjoin(attempts, open_)
            .where(leads.c.campaign == campaign, leads.c.batch == batch)
            .where(leads.c.state.in_([LeadState.WAITING, LeadState.CALLING]))
            .order_by(leads.c.line, leads.c.id)
            .limit(most)
        )
        async with self._database.read() as db:
            rows = (await db.execute(wanted)).all()
        return [OpenLead(row.line, row.phone, row.state, _why(row, self._database.now())) for row in rows]

    async def latest(self, campaign: str, most: int) -> list[LeadResult]:
        """The calls that ended last, newest first."""
        async with self._database.read() as db:
            newest = _results(campaign).where(attempts.c.over_at.is_not(None)).order_by(None)
            rows = (await db.execute(newest.order_by(attempts.c.over_at.desc()).limit(most))).all()
        return [_result(row) for row in rows]


async def _reasons(db: AsyncConnection, campaign: str) -> dict[str, int]:
    """Leads that are not done, by state and reason."""
    why = (leads.c.state, leads.c.reason, leads.c.detail, leads.c.outcome, leads.c.unplaced)
    is_open = and_(leads.c.campaign == campaign, leads.c.state != LeadState.DONE)
    found: Counter[str] = Counter()
    for row in (await db.execute(_counts(*why).where(is_open))).all():
        if words := lead_reason(row):
            found[f"{row.state} {words}"] += row[-1]
    return dict(found)


def _counts(*columns: Any) -> Select[Any]:
    return select(*columns, func.count()).group_by(*columns).order_by(*columns)


_PLACED: Final = func.sum(case((attempts.c.state == AttemptState.NOT_PLACED, 0), else_=1))


def _results(campaign: str) -> Select[Any]:
    """The newest attempt that was used speaks for a lead; one that placed no call has nothing to report."""
    used = (
        select(
            attempts.c.lead_id,
            _PLACED.label("placed"),
            func.max(case((attempts.c.state == AttemptState.NOT_PLACED, 0), else_=attempts.c.number)).label(
                "newest"
            ),
        )
        .where(attempts.c.campaign == campaign)
        .group_by(attempts.c.lead_id)
        .subquery()
    )
    newest = and_(attempts.c.lead_id == leads.c.id, attempts.c.number == used.c.newest)
    return (
        select(
            leads,
            func.coalesce(used.c.placed, 0).label("placed"),
            attempts.c.call_id,
            attempts.c.duration_seconds,
            attempts.c.summary,
            attempts.c.analysis,
            attempts.c.started_at,
            attempts.c.ended_at,
        )
        .select_from(leads)
        .outerjoin(used, used.c.lead_id == leads.c.id)
        .outerjoin(attempts, newest)
        .where(leads.c.campaign == campaign)
        .order_by(leads.c.line, leads.c.id)
    )


def _result(row: Row[Any]) -> LeadResult:
    return from_row(
        LeadResult,
        row,
        phone=row.destination or row.phone,
        reason=lead_reason(row),
        attempts=int(row.placed),
        call_id=row.call_id or "",
        summary=row.summary or "",
        analysis=json.loads(row.analysis) if row.analysis else None,
        columns=json.loads(row.columns),
        started_at=_moment(row.started_at),
        ended_at=_moment(row.ended_at),
    )


def _why(row: Any, now: float) -> str:
    if row.attempt:
        return WHY_OPEN[AttemptState(row.attempt)]
    why = lead_reason(row).replace("_", " ") or NOT_CALLED
    return f"{why}, until {_moment(row.not_before):%Y-%m-%d %H:%M} UTC" if row.not_before > now else why


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


@dataclass(frozen=True, slots=True)
class OpenResults:
    """What is still to come of a campaign.

    Attributes:
        open: Attempts whose result is not in; not those that only a person can settle any more.
        ended: Attempts whose result is in.
        review: Leads that a person has to look at.
    """

    open: int
    ended: int
    review: int


async def campaigns_with_open_results(database: Database, campaign: str = "") -> list[str]:
    """Campaigns that have open attempts, or reports that wait.

    Args:
        campaign: Only this one, whatever is still to come of it; empty for all that have something.

    Raises:
        DeclinedError: There is no such campaign.
    """
    async with database.read() as db:
        if campaign:
            return [name_key(await require_campaign(db, campaign, database.where))]
        reported = (
            select(attempts.c.campaign).join(inbox, IS_REPORT_OF).where(inbox.c.state == InboxState.WAITING)
        )
        since = database.now() - LATELY_SECONDS
        # Under an id that no attempt has: of a call that the list showed to be over before its analysis came.
        named = select(attempts.c.campaign).join(inbox, MAY_OWN)
        named = named.where(inbox.c.state == InboxState.WAITING, inbox.c.received_at > since)
        wanted = union(select(attempts.c.campaign).where(_is_open(database)), reported, named)
        return sorted((await db.execute(wanted)).scalars())


async def recently_called_campaigns(database: Database) -> list[str]:
    """Campaigns that called anyone in the last days, as far as runs wrote their rules down."""
    since = database.now() - LATELY_SECONDS
    called = select(attempts.c.id).where(attempts.c.campaign == campaigns.c.name, attempts.c.began_at > since)
    async with database.read() as db:
        wanted = select(campaigns.c.name).where(campaigns.c.policy != "", called.exists())
        return list((await db.execute(wanted)).scalars())


async def open_results_of(campaign: CampaignLedger) -> OpenResults:
    """What is still to come of a campaign."""
    mine, of_leads = attempts.c.campaign == campaign.name, leads.c.campaign == campaign.name
    kinds = (
        (mine, _is_open(campaign.database)),
        (mine, attempts.c.state == AttemptState.ENDED),
        (of_leads, leads.c.state == LeadState.REVIEW),
    )
    async with campaign.read() as db:
        counted = [(await db.execute(select(func.count()).where(*kind))).scalar_one() for kind in kinds]
    return OpenResults(*counted)


async def has_open(campaign: CampaignLedger) -> bool:
    """Whether the result of some attempt is not in."""
    open_ = select(attempts.c.id).where(attempts.c.campaign == campaign.name, _is_open(campaign.database))
    async with campaign.read() as db:
        return (await db.execute(open_.limit(1))).first() is not None


def _is_open(database: Database) -> ColumnElement[bool]:
    unknown = attempts.c.state == AttemptState.UNKNOWN
    return and_(IS_OPEN, ~and_(unknown, is_given_up(database.now())))
