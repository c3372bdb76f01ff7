"""What has been called so far, kept by the database beside the attempts: by campaign, run and quarter hour.

Triggers keep it, so that it is right whoever writes an attempt, and a cap on a day or a campaign costs the same
among a million attempts as among ten.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.ledger.schema import attempts, tallies
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.states import AttemptState
from flireo_flows.policy import Totals

QUARTER_SECONDS: Final = 900  # every zone's midnight is at a whole quarter of an hour
ADD_UP: Final = (
    "ON CONFLICT (campaign, span, key) DO UPDATE SET calls = flireo_tallies.calls + excluded.calls, "
    "seconds = flireo_tallies.seconds + excluded.seconds, "
    "open_calls = flireo_tallies.open_calls + excluded.open_calls, "
    "minutes = flireo_tallies.minutes + excluded.minutes"
)
INTO: Final = "INSERT INTO flireo_tallies (campaign, span, key, calls, seconds, open_calls, minutes)"
CHANGES: Final = "state, duration_seconds, outcome, started_at, began_at"
SILENT: Final = f"('{AttemptState.ENDED}', '{AttemptState.NOT_PLACED}')"
# Outcomes after which somebody or something may have been on the line.
ANSWERED: Final = (
    f"('{Outcome.UNKNOWN}', '{Outcome.ANSWERED}', '{Outcome.VOICEMAIL}', '{Outcome.TRANSFERRED}')"
)
IS_COUNTED: Final = (
    f"(OLD.state IN {SILENT} OR NEW.state IN {SILENT}) AND (OLD.state <> NEW.state "
    "OR COALESCE(OLD.duration_seconds, -1) <> COALESCE(NEW.duration_seconds, -1) "
    "OR OLD.outcome <> NEW.outcome OR (OLD.started_at IS NULL) <> (NEW.started_at IS NULL)) "
    "OR OLD.began_at <> NEW.began_at"
)


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


def set_call_totals(connection: Connection) -> None:
    """Put the triggers on the attempts, and count those that are there."""
    is_sqlite = connection.dialect.name == "sqlite"
    for statement in _sqlite() if is_sqlite else _postgresql():
        connection.exec_driver_sql(statement)
    connection.execute(tallies.delete())
    counted = ", ".join(f"SUM({figure})" for figure in _figures(attempts.name, 1))
    for span, key in _spans(attempts.name, is_sqlite):
        connection.exec_driver_sql(
            f"{INTO} SELECT campaign, '{span}', {key}, {counted} FROM {attempts.name} GROUP BY 1, 2, 3"  # noqa: S608 - names only
        )


def _sqlite() -> Iterator[str]:
    on_insert, on_update = _add("NEW", 1, True), f"{_add('OLD', -1, True)}; {_add('NEW', 1, True)}"
    events = {
        "flireo_tally_begun": f"AFTER INSERT ON {attempts.name} FOR EACH ROW BEGIN {on_insert}; END",
        "flireo_tally_changed": (
            f"AFTER UPDATE OF {CHANGES} ON {attempts.name} FOR EACH ROW "
            f"WHEN {IS_COUNTED} BEGIN {on_update}; END"
        ),
    }
    for name, body in events.items():
        yield f"DROP TRIGGER IF EXISTS {name}"
        yield f"CREATE TRIGGER {name} {body}"


def _postgresql() -> Iterator[str]:
    yield f"""
        CREATE OR REPLACE FUNCTION flireo_tally() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN {_add("OLD", -1, False)}; END IF;
            {_add("NEW", 1, False)};
            RETURN NULL;
        END $$
    """
    events = {
        "flireo_tally_begun": f"AFTER INSERT ON {attempts.name} FOR EACH ROW",
        "flireo_tally_changed": (
            f"AFTER UPDATE OF {CHANGES} ON {attempts.name} FOR EACH ROW WHEN ({IS_COUNTED})"
        ),
    }
    for name, body in events.items():
        yield f"DROP TRIGGER IF EXISTS {name} ON {attempts.name}"
        yield f"CREATE TRIGGER {name} {body} EXECUTE FUNCTION flireo_tally()"


def _add(row: str, sign: int, is_sqlite: bool) -> str:
    """Add an attempt's row (OLD or NEW) to its three counts, or take it away."""
    figures = ", ".join(_figures(row, sign))
    values = (f"({row}.campaign, '{span}', {key}, {figures})" for span, key in _spans(row, is_sqlite))
    return f"{INTO} VALUES {', '.join(values)} {ADD_UP}"


def _figures(row: str, sign: int) -> tuple[str, str, str, str]:
    ended, not_placed = f"'{AttemptState.ENDED}'", f"'{AttemptState.NOT_PLACED}'"
    length = f"COALESCE({row}.duration_seconds, 0)"
    # Of a call that nobody answered no length is told, and it costs nothing.
    may_have_talked = (
        f"({row}.duration_seconds IS NULL AND ({row}.started_at IS NOT NULL OR {row}.outcome IN {ANSWERED}))"
    )
    return (
        f"CASE WHEN {row}.state = {not_placed} THEN 0 ELSE {sign} END",
        f"CASE WHEN {row}.state = {ended} THEN {sign} * {length} ELSE 0 END",
        f"CASE WHEN {row}.state = {not_placed} OR ({row}.state = {ended} AND NOT {may_have_talked}) "
        f"THEN 0 ELSE {sign} END",
        # A length may be the largest whole number there is, so nothing is added to it.
        f"CASE WHEN {row}.state = {ended} THEN {sign} * ({length} / 60 + "
        f"CASE WHEN {length} % 60 > 0 THEN 1 ELSE 0 END) ELSE 0 END",
    )


def _spans(row: str, is_sqlite: bool) -> tuple[tuple[str, str], ...]:
    quarter = f"{row}.began_at / {QUARTER_SECONDS}"
    # Only PostgreSQL has FLOOR everywhere, and only SQLite's cast cuts off.
    whole = f"CAST({quarter} AS INTEGER)" if is_sqlite else f"CAST(FLOOR({quarter}) AS BIGINT)"
    return ("campaign", "''"), ("run", f"{row}.run"), ("quarter", f"CAST({whole} AS VARCHAR)")


def _quarters_of_day(zone: ZoneInfo, now: datetime) -> tuple[str, str]:
    """Keys of the first and the last quarter of an hour of a day."""
    today = now.astimezone(zone).date()
    begins, ends = (
        datetime.combine(day, time.min, zone).timestamp() for day in (today, today + timedelta(days=1))
    )
    return str(int(begins // QUARTER_SECONDS)), str(int(ends // QUARTER_SECONDS) - 1)
