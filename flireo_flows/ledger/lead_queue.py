"""The next leads to ask about, each with what `decide` must know. Costs the same among many leads as among few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Float, Integer, Row, Select, String, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.leads import Wishes
from flireo_flows.ledger.call_history import (
    NOTHING,
    awaited_in,
    calls_by_others_in,
    lock_people_in,
    moment_of,
    numbers_in,
)
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.schema import (
    IS_OPEN,
    MAY_BE_CALLING,
    account_calls,
    attempts,
    campaigns,
    do_not_call,
    leads,
    people,
    runners,
    tallies,
)
from flireo_flows.ledger.suppressions import suppressed_in
from flireo_flows.ledger.triggers import QUARTER_SECONDS
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.states import AttemptState, CampaignState, LeadState
from flireo_flows.policy import (
    CallingPolicy,
    Deny,
    History,
    PolicyLead,
    Rule,
    Totals,
    campaign_denial,
    number_memory,
)

LEAST_LEASE_SECONDS: Final = 5.0  # a request goes out at most so long after its attempt was begun
LONGEST_CALL_SECONDS: Final = 7200.0  # of which it is not known whether it was placed
STALE_SECONDS: Final = 86_400.0  # a call whose end did not come in for so long is over

CLOSED: Final[Mapping[str, Rule]] = {
    CampaignState.PAUSED: Rule.CAMPAIGN_PAUSED,
    CampaignState.CANCELLED: Rule.CAMPAIGN_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Whose leads are asked about, and for which runner.

    Attributes:
        batch: The file.
        runner: Whose lease is looked at.
        run: Whose calls are counted for the caps per run.
    """

    campaign: str
    batch: str
    runner: str
    run: str


@dataclass(frozen=True, slots=True)
class Footing:
    """How a campaign stands, whoever is next.

    Attributes:
        has_lapsed: Whether the runner's lease has run out, or nearly: what it began could not be sent in time.
        held: What holds the whole campaign back; None if nothing does.
        history: What is the same for every lead of it.
    """

    has_lapsed: bool
    held: Deny | None
    history: History


@dataclass(frozen=True, slots=True)
class Due:
    """A lead that is due.

    Attributes:
        row: As the ledger has it; `ringing_since` is when the call to its number began that may be going on.
        wishes: What its row of the file asks for.
    """

    row: Row[Any]
    lead: PolicyLead
    wishes: Wishes
    history: History


async def due_in(
    db: AsyncConnection, database: Database, place: Place, policy: CallingPolicy, most: int, now: float
) -> tuple[Footing, list[Due]]:
    """The next leads of a file, and how their campaign stands. Two runners never look at the same lead.

    Args:
        db: A transaction of `Database.write(place.campaign)`: no one else begins a call of the campaign until
            it ends, so what is counted here stays true.
        place: Whose leads, and for which runner.
        policy: Decides what has to be counted.
        most: Leads at most.
        now: Unix seconds.

    Returns:
        No lead where the campaign is held back or the runner must not begin any.
    """
    asked = {
        "campaign_": place.campaign,
        "batch_": place.batch,
        "runner_": place.runner,
        "most_": most,
        "now_": now,
        "unheard_since": now - LONGEST_CALL_SECONDS,
    }
    rows = (await db.execute(DUE, asked)).all()
    if not rows:
        return Footing(has_lapsed=False, held=None, history=History()), []
    footing = await _footing(db, rows[0], place, policy, now)
    if footing.has_lapsed or footing.held:
        return footing, []
    phones = [row.phone for row in rows]
    suppressed = await suppressed_in(db, database, phones)
    tried = [row.id for row in rows if row.tries]
    called = await _moments(db, attempts.c.lead_id, tried) if tried else {}
    anywhere = await _moments(db, attempts.c.phone, phones) if number_memory(policy) else {}
    ended = await _end_stale(db, rows, now)
    numbers = await numbers_in(db, phones) if rows[0].has_people else {}
    await lock_people_in(db, database, phones, numbers)
    awaited = await awaited_in(db, phones, policy, now)
    others = await calls_by_others_in(
        db, place.campaign, phones, numbers, policy, now, has_account_calls=rows[0].has_account_calls
    )
    due: list[Due] = []
    for row in rows:
        wishes = Wishes.from_json(row.wishes)
        history = replace(
            footing.history,
            do_not_call=suppressed.get(row.phone) or ("file" if row.forbidden else ""),
            attempts=row.attempts,
            last_outcome=Outcome(row.outcome) if row.attempts and row.outcome else None,
            last_ended_at=moment_of(row.last_ended_at) if row.last_ended_at is not None else None,
            called_at=called.get(row.id, ()),
            number_called_at=anywhere.get(row.phone, ()),
            other_calls=others.get(row.phone, NOTHING).calls,
            open_call_until=others.get(row.phone, NOTHING).open_until,
            has_open_call=row.ringing_since is not None and row.phone not in ended,
            awaited_until=awaited.get(row.phone),
        )
        zones = tuple(row.zones.split())
        lead = PolicyLead(
            row.phone,
            zones,
            row.zone_source,
            wishes.consent,
            wishes.dial_before,
            row.home_state,
            row.postcode,
        )
        due.append(Due(row, lead, wishes, history))
    return footing, due


async def _footing(
    db: AsyncConnection, row: Row[Any], place: Place, policy: CallingPolicy, now: float
) -> Footing:
    moment = moment_of(now)
    history = History(live=row.live)
    if _has_caps(policy):
        zone = ZoneInfo(policy.day_zone)
        run, day, all_ = await totals_in(db, place.campaign, place.run, zone, moment)
        history = replace(history, run=run, day=day, campaign=all_)
    closed = CLOSED.get(row.campaign_state)
    return Footing(
        has_lapsed=row.lease_until is None or row.lease_until < now + LEAST_LEASE_SECONDS,
        held=Deny(closed) if closed else campaign_denial(moment, policy, history),
        history=history,
    )


async def totals_in(
    db: AsyncConnection, campaign: str, run: str, zone: ZoneInfo, now: datetime
) -> tuple[Totals, Totals, Totals]:
    """What a run, a day and the whole campaign have called.

    Args:
        campaign: Its name.
        run: As its attempts name it.
        zone: Whose days are counted.
        now: Aware.

    Returns:
        Of the run, of the day that `now` is in, of the campaign.
    """
    first, last = _quarters_of_day(zone, now)
    mine = or_(
        and_(tallies.c.span == "campaign", tallies.c.key == ""),
        and_(tallies.c.span == "run", tallies.c.key == run),
        and_(tallies.c.span == "quarter", tallies.c.key.between(first, last)),
    )
    figures = (tallies.c.calls, tallies.c.seconds, tallies.c.open_calls, tallies.c.minutes)
    sums = [func.sum(figure) for figure in figures]
    wanted = select(tallies.c.span, *sums).where(tallies.c.campaign == campaign, mine)
    rows = (await db.execute(wanted.group_by(tallies.c.span))).all()
    found = {
        span: Totals(int(calls), float(seconds), int(open_), int(minutes))
        for span, calls, seconds, open_, minutes in rows
    }
    return tuple(found.get(span, Totals()) for span in ("run", "quarter", "campaign"))  # type: ignore[return-value]  # three of them


def _quarters_of_day(zone: ZoneInfo, now: datetime) -> tuple[str, str]:
    """Keys of the first and the last quarter of an hour of a day."""
    today = now.astimezone(zone).date()
    begins, ends = (
        datetime.combine(day, time.min, zone).timestamp() for day in (today, today + timedelta(days=1))
    )
    return str(int(begins // QUARTER_SECONDS)), str(int(ends // QUARTER_SECONDS) - 1)


def _due() -> Select[Any]:
    """Made once: making it costs as much as running it."""
    campaign = bindparam("campaign_", type_=campaigns.c.name.type)
    forbidden = (
        select(do_not_call.c.phone)
        .where(do_not_call.c.campaign == campaign, do_not_call.c.phone == leads.c.phone)
        .exists()
    )
    # An unknown one that a person looks at does not count among the calls at once, and yet it may be going on.
    unheard = and_(
        attempts.c.state == AttemptState.UNKNOWN,
        attempts.c.began_at > bindparam("unheard_since", type_=Float),
    )
    ringing = select(func.min(attempts.c.began_at)).where(
        attempts.c.phone == leads.c.phone,
        IS_OPEN,
        or_(attempts.c.over_at.is_(None), unheard, attempts.c.campaign == campaign),
    )
    live = select(func.count(attempts.c.id)).where(attempts.c.campaign == campaign, MAY_BE_CALLING)
    lease = select(runners.c.lease_until).where(runners.c.id == bindparam("runner_", type_=String))
    state = select(campaigns.c.state).where(campaigns.c.name == campaign)
    return (
        select(
            leads,
            forbidden.label("forbidden"),
            ringing.scalar_subquery().label("ringing_since"),
            live.scalar_subquery().label("live"),
            lease.scalar_subquery().label("lease_until"),
            state.scalar_subquery().label("campaign_state"),
            # Most ledgers have neither, and then are not asked for them with every handful of leads.
            select(people.c.phone).exists().label("has_people"),
            select(account_calls.c.call_id).exists().label("has_account_calls"),
        )
        .where(
            leads.c.campaign == campaign,
            leads.c.batch == bindparam("batch_", type_=String),
            leads.c.state == LeadState.WAITING,
            leads.c.not_before <= bindparam("now_", type_=Float),
        )
        .order_by(leads.c.not_before, leads.c.id)
        .limit(bindparam("most_", type_=Integer))
        # SQLite has one writer anyway and knows no such words.
        .with_for_update(skip_locked=True, of=leads)
    )


DUE: Final = _due()


async def _moments(
    db: AsyncConnection, column: Any, values: Sequence[Any]
) -> dict[Any, tuple[datetime, ...]]:
    """When leads or numbers were called, or may have been, oldest first."""
    called_at = attempts.c.began_at
    wanted = select(column, called_at).where(column.in_(values), attempts.c.state != AttemptState.NOT_PLACED)
    moments: dict[Any, tuple[datetime, ...]] = {}
    for value, moment in (await db.execute(wanted.order_by(called_at))).all():
        moments[value] = (*moments.get(value, ()), moment_of(moment))
    return moments


async def _end_stale(db: AsyncConnection, rows: Sequence[Row[Any]], now: float) -> set[str]:
    """A campaign that no one runs any more must not keep a number from all others. Its result may still come."""
    stale = [row.phone for row in rows if row.ringing_since and row.ringing_since < now - STALE_SECONDS]
    if not stale:
        return set()
    free = (
        select(attempts.c.id)
        .where(attempts.c.phone.in_(stale), MAY_BE_CALLING, attempts.c.began_at < now - STALE_SECONDS)
        .with_for_update(skip_locked=True)  # never wait for another campaign's writer
    )
    over = update(attempts).where(attempts.c.id.in_(free)).values(over_at=now)
    return set((await db.execute(over.returning(attempts.c.phone))).scalars())


def _has_caps(policy: CallingPolicy) -> bool:
    return any(
        caps.calls or caps.minutes or caps.money
        for caps in (policy.caps_per_run, policy.caps_per_day, policy.caps_per_campaign)
    )
