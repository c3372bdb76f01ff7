"""What was called so far, for the policy to decide by: calls of others to a person, results still to come, totals."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Float, Row, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.account_calls import is_attempt, tail_of
from flireo_flows.ledger.schema import TALKED, account_calls, attempts, campaigns, tallies
from flireo_flows.ledger.suppressions import pieces
from flireo_flows.ledger.triggers import QUARTER_SECONDS
from flireo_flows.lifecycle.analysis_answers import says
from flireo_flows.lifecycle.states import AttemptState
from flireo_flows.policy import CallingPolicy, OtherCall, Totals, others_memory

WEBHOOK: Final = "webhook"  # the platform sends its report after the analysis (contract section 15.2)
CHUNK: Final = 500  # values a statement


@dataclass(frozen=True, slots=True)
class CallsByOthers:
    """What others did about a person.

    Attributes:
        calls: Their calls, oldest first.
        open_until: Until when a call of the account counts as open; None where there is none. See
            `AccountCall.open_until`.
    """

    calls: tuple[OtherCall, ...] = ()
    open_until: datetime | None = None


NOTHING: Final = CallsByOthers()


async def calls_by_others_in(
    db: AsyncConnection,
    campaign: str,
    phones: Sequence[str],
    numbers: Mapping[str, tuple[str, ...]],
    policy: CallingPolicy,
    now: float,
    *,
    has_account_calls: bool = True,
) -> dict[str, CallsByOthers]:
    """Calls to each person that the campaign did not make; who was not called is left out.

    Args:
        db: Any transaction.
        campaign: Whose own calls do not count.
        phones: E.164.
        numbers: What `numbers_in` gave for them.
        policy: Says how far back.
        now: Unix seconds.
        has_account_calls: Whether the ledger knows calls of an account at all.
    """
    since = now - others_memory(policy).total_seconds()
    every = sorted({number for phone in phones for number in numbers.get(phone, (phone,))})
    calls: dict[str, list[OtherCall]] = defaultdict(list)
    open_until: dict[str, float] = {}
    asks_back = _asks_back(policy)
    for start in range(0, len(every), CHUNK):
        chunk = every[start : start + CHUNK]
        asked = {"phones": chunk, "campaign_": campaign, "since": since}
        for row in (await db.execute(ATTEMPTS, asked)).all() if since < now else ():
            calls[row.phone].append(OtherCall(_moment(row.began_at), row.shown or "", asks_back(row)))
        tails = _by_tail(chunk) if has_account_calls else {}
        there = {"tails": list(tails), "since": since, "now": now}
        for row in (await db.execute(ACCOUNT_CALLS, there)).all() if tails else ():
            for number in tails[row.tail]:
                if since < now and row.began_at >= since:
                    calls[number].append(OtherCall(_moment(row.began_at)))
                open_until[number] = max(row.open_until, open_until.get(number, 0.0))
    if not calls and not open_until:
        return {}
    found = {phone: _of(numbers.get(phone, (phone,)), calls, open_until, now) for phone in phones}
    return {phone: others for phone, others in found.items() if others != NOTHING}


def _of(
    numbers: Sequence[str],
    calls: Mapping[str, Sequence[OtherCall]],
    open_until: Mapping[str, float],
    now: float,
) -> CallsByOthers:
    """What others did about the person of these numbers."""
    all_calls = [call for number in numbers for call in calls.get(number, ())]
    until = max((open_until.get(number, 0.0) for number in numbers), default=0.0)
    ordered = tuple(sorted(all_calls, key=lambda call: call.at))
    return CallsByOthers(ordered, _moment(until) if until > now else None)


# Made once: making a statement costs as much as running it, and these run for every handful of leads.
ATTEMPTS: Final = (
    select(attempts.c.phone, attempts.c.began_at, campaigns.c.shown, attempts.c.analysis)
    .outerjoin(campaigns, campaigns.c.name == attempts.c.campaign)
    .where(
        attempts.c.phone.in_(bindparam("phones", expanding=True)),
        attempts.c.campaign != bindparam("campaign_"),
        attempts.c.state != AttemptState.NOT_PLACED,
        attempts.c.began_at >= bindparam("since"),
    )
)
ACCOUNT_CALLS: Final = select(
    account_calls.c.tail, account_calls.c.began_at, account_calls.c.open_until
).where(
    account_calls.c.tail.in_(bindparam("tails", expanding=True)),
    or_(account_calls.c.began_at >= bindparam("since"), account_calls.c.open_until > bindparam("now")),
    ~is_attempt(),
)


def _by_tail(numbers: Sequence[str]) -> dict[str, list[str]]:
    tails: dict[str, list[str]] = defaultdict(list)
    for number in numbers:
        if tail := tail_of(number):
            tails[tail].append(number)
    return tails


def _asks_back(policy: CallingPolicy) -> Callable[[Row[Any]], bool]:
    keys = policy.other_campaigns.callback_keys

    def asks_back(row: Row[Any]) -> bool:
        if not row.analysis:
            return False
        analysis = json.loads(row.analysis)
        return any(says(analysis, rule.key, rule.equals) for rule in keys)

    return asks_back


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


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


async def totals_in(
    db: AsyncConnection, campaign: str, run: str, zone: ZoneInfo, now: datetime
) -> tuple[Totals, Totals, Totals]:
    """What a run, a day and the whole campaign have called.

    Args:
        db: Any transaction.
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
