"""What has been called so far, kept by the database beside the attempts: by campaign, run and quarter hour.

Triggers keep it, so that it is right whoever writes an attempt, and a cap on a day or a campaign costs the same
among a million attempts as among ten.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.schema import tallies
from flireo_flows.ledger.triggers import QUARTER_SECONDS
from flireo_flows.policy import Totals


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
