"""Triggers: what the database itself refuses, counts and posts, whoever writes.

SQLite and PostgreSQL get the same ones, made from the tables of states in `lifecycle`.

- Refusals keep the promises. A move that `states` does not name, and a change that would falsify the record, is an
  IntegrityError, be it a script or a person at a prompt who writes. (Only SQLite's `OR REPLACE`,
  which nothing here uses, goes past its triggers: it deletes the row that it meets without asking them.)
- Notices go into the outbox in the transaction in which something happens: the pattern of a transactional outbox.
- Totals are what a cap compares with, so that a cap costs the same among a million attempts as among ten.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from sqlalchemy import Connection, text

from flireo_flows.ledger.schema import PSEUDONYM, attempts, campaigns, inbox, leads, outbox, tallies
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.lifecycle.states import (
    LEAD_MOVES,
    MOVES,
    AttemptState,
    CampaignState,
    InboxState,
    LeadState,
    LedgerEvent,
)

S = TypeVar("S", bound=StrEnum)
QUARTER_SECONDS: Final = 900  # every zone's midnight is at a whole quarter of an hour
_ENDED, _NOT_PLACED = f"'{AttemptState.ENDED}'", f"'{AttemptState.NOT_PLACED}'"
_IS_ERASED: Final = f"NEW.phone LIKE '{PSEUDONYM}%'"
# Unix seconds, in the words of each database.
_NOW: Final = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())",
}


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger.

    Attributes:
        on: When it fires, as SQL: `BEFORE DELETE`, `AFTER UPDATE OF state`.
        when: For which rows, as SQL that both databases read.
        body: What it does, as SQL, by the name of the database.
    """

    name: str
    table: str
    on: str
    when: str
    body: Mapping[str, str]

    def statements(self, database: str) -> tuple[str, ...]:
        """What makes it. PostgreSQL's triggers have no body of their own, only a function.

        Args:
            database: `sqlite` or `postgresql`.
        """
        head = f"CREATE TRIGGER {self.name} {self.on} ON {self.table} FOR EACH ROW WHEN ({self.when})"
        body = self.body[database]
        if database == "sqlite":
            return (f"{head} BEGIN {body}; END",)
        return (
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body}; RETURN NULL; END $$",
            f"{head} EXECUTE FUNCTION {self.name}()",
        )


def triggers() -> Iterator[Trigger]:
    """All of them."""
    yield from _refusals()
    yield from _notices()
    yield from _totals()


def set_triggers(connection: Connection) -> None:
    """Put the triggers on the tables, in place of all that are there."""
    database = connection.dialect.name
    for statement in (
        *_dropping(connection),
        *(made for it in triggers() for made in it.statements(database)),
    ):
        connection.exec_driver_sql(statement)


def _dropping(connection: Connection) -> list[str]:
    """What drops every trigger of ours, also one that this version does not know any more."""
    if connection.dialect.name == "sqlite":
        ours = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'flireo~_%' ESCAPE '~'"
        return [f"DROP TRIGGER {name}" for name in connection.execute(text(ours)).scalars()]
    ours = (
        "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
        "AND prorettype = 'trigger'::regtype AND proname LIKE 'flireo~_%' ESCAPE '~'"
    )
    # With the function goes its trigger.
    return [f"DROP FUNCTION {name}() CASCADE" for name in connection.execute(text(ours)).scalars()]


def _refusals() -> Iterator[Trigger]:
    moves = {state: set(moves.values()) for state, moves in MOVES.items()}
    not_placed = f"NEW.state = {_NOT_PLACED} AND NEW.call_id IS NOT NULL"
    identity = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in ("lead_id", "campaign", "number"))
    for name, table, on, when, words in (
        ("attempt_moves", attempts, "UPDATE OF state", _leaves(moves), "this move of an attempt"),
        (
            "call_was_placed",
            attempts,
            "UPDATE OF state",
            not_placed,
            "to say of a call that it was not placed",
        ),
        ("lead_moves", leads, "UPDATE OF state", _leaves(LEAD_MOVES), "this move of a lead"),
        ("attempts_stay", attempts, "DELETE", "1 = 1", "to delete an attempt"),
        (
            "attempt_identity",
            attempts,
            "UPDATE OF lead_id, campaign, phone, number",
            f"{identity} OR {_changes('phone')}",
            "to give an attempt to another lead",
        ),
        (
            "lead_identity",
            leads,
            "UPDATE OF campaign, phone",
            f"OLD.campaign <> NEW.campaign OR {_changes('phone')}",
            "to make a lead another person",
        ),
    ):
        yield _refusal(f"flireo_{name}", table.name, on, when, f"the ledger refuses {words}")
    placed, unknown = f"'{AttemptState.PLACED}'", f"'{AttemptState.UNKNOWN}'"
    # The id of a call that proved to be another one is taken from the attempt, in the same move.
    mismatch = f"OLD.state = {placed} AND NEW.state = {unknown} AND NEW.call_id IS NULL"
    for column in ("call_id", "report_id", "reference"):
        allowed = f" AND NOT ({mismatch})" if column == "call_id" else ""
        yield _refusal(
            f"flireo_attempt_{column}",
            attempts.name,
            f"UPDATE OF {column}",
            f"OLD.{column} IS NOT NULL AND (NEW.{column} IS NULL OR ({_changes(column)})){allowed}",
            f"the ledger refuses to change the {column} of an attempt",
        )


def _refusal(name: str, table: str, on: str, when: str, words: str) -> Trigger:
    """A change that is refused, in words without values: they may be numbers."""
    body = {
        "sqlite": f"SELECT RAISE(ABORT, '{words}')",
        "postgresql": f"RAISE EXCEPTION '{words}' USING ERRCODE = 'check_violation'",
    }
    return Trigger(name, table, f"BEFORE {on}", when, body)


def _leaves(moves: Mapping[S, Iterable[S]]) -> str:
    """A change of state that the table does not name; the same state again is no change."""
    allowed = [
        f"(OLD.state = '{state}' AND NEW.state IN ({_listed(targets)}))"
        for state, targets in moves.items()
        if targets
    ]
    return f"OLD.state <> NEW.state AND NOT ({' OR '.join(allowed)})"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(map(str, values)))


def _changes(column: str) -> str:
    """Another value than before; erasing a person replaces what would name them."""
    return f"OLD.{column} <> NEW.{column} AND NEW.{column} NOT LIKE '{PSEUDONYM}%'"


def _notices() -> Iterator[Trigger]:
    review, unreadable = f"'{LeadState.REVIEW}'", f"'{InboxState.UNREADABLE}'"
    amended = (
        f"OLD.state = {_ENDED} AND NEW.state = {_ENDED} AND NOT {_IS_ERASED} AND "
        "(OLD.outcome <> NEW.outcome OR COALESCE(OLD.analysis, '') <> COALESCE(NEW.analysis, ''))"
    )
    standing = (
        f"CASE NEW.state WHEN '{CampaignState.PAUSED}' THEN '{LedgerEvent.CAMPAIGN_PAUSED}' "
        f"WHEN '{CampaignState.CANCELLED}' THEN '{LedgerEvent.CAMPAIGN_CANCELLED}' "
        f"ELSE '{LedgerEvent.CAMPAIGN_RESUMED}' END"
    )
    ended, dead = f"'{LedgerEvent.CALL_ENDED}'", f"'{LedgerEvent.DEAD_LETTER}'"
    changed, whole = "UPDATE OF state", ("NEW.name", "NULL", "NEW.reason")
    for name, table, on, when, event, about in (
        ("ended", attempts, changed, _becomes(_ENDED), ended, ()),
        ("amended", attempts, "UPDATE OF outcome, analysis", amended, f"'{LedgerEvent.CALL_AMENDED}'", ()),
        ("review", leads, changed, _becomes(review), f"'{LedgerEvent.NEEDS_REVIEW}'", ()),
        ("standing", campaigns, changed, "NEW.state <> OLD.state", standing, whole),
        ("standing_new", campaigns, "INSERT", f"NEW.state <> '{CampaignState.OPEN}'", standing, whole),
        ("dead_letter_new", inbox, "INSERT", f"NEW.state = {unreadable}", dead, ("''",)),
        ("dead_letter", inbox, changed, _becomes(unreadable), dead, ("''",)),
    ):
        yield _notice(f"flireo_tell_{name}", table.name, on, when, event, *about)


def _becomes(state: str) -> str:
    return f"NEW.state = {state} AND OLD.state <> {state}"


def _notice(
    name: str,
    table: str,
    on: str,
    when: str,
    event: str,
    campaign: str = "NEW.campaign",
    row_id: str = "NEW.id",
    reason: str = "''",
) -> Trigger:
    """A row of the outbox. All parts are SQL."""
    # A call ends once. What may happen to a row again is another event each time.
    is_once = event == f"'{LedgerEvent.CALL_ENDED}'"
    whose = "NEW.name" if row_id == "NULL" else f"CAST({row_id} AS VARCHAR)"
    body = {}
    for database, now in _NOW.items():
        key = f"{event} || ':' || {whose}" + ("" if is_once else f" || ':' || CAST({now} AS VARCHAR)")
        values = ", ".join((key, event, campaign, row_id, reason, now))
        columns = "key, event, campaign, row_id, reason, occurred_at"
        body[database] = (
            f"INSERT INTO {outbox.name} ({columns}) VALUES ({values}) ON CONFLICT (key) DO NOTHING"  # noqa: S608 - names only
        )
    return Trigger(name, table, f"AFTER {on}", when, body)


def _totals() -> Iterator[Trigger]:
    silent = f"({_ENDED}, {_NOT_PLACED})"
    is_counted = (
        f"(OLD.state IN {silent} OR NEW.state IN {silent}) AND (OLD.state <> NEW.state "
        "OR COALESCE(OLD.duration_seconds, -1) <> COALESCE(NEW.duration_seconds, -1) "
        "OR OLD.outcome <> NEW.outcome OR (OLD.started_at IS NULL) <> (NEW.started_at IS NULL)) "
        "OR OLD.began_at <> NEW.began_at"
    )
    changes = "state, duration_seconds, outcome, started_at, began_at"
    for name, on, when, added in (
        ("flireo_tally_begun", "AFTER INSERT", "1 = 1", (("NEW", 1),)),
        ("flireo_tally_changed", f"AFTER UPDATE OF {changes}", is_counted, (("OLD", -1), ("NEW", 1))),
    ):
        body = {database: "; ".join(_add(*each, database) for each in added) for database in _NOW}
        yield Trigger(name, attempts.name, on, when, body)


def _add(row: str, sign: int, database: str) -> str:
    """Add an attempt's row (OLD or NEW) to its three totals, or take it away."""
    figures = ", ".join(call_figures(row, sign))
    values = (f"({row}.campaign, '{span}', {key}, {figures})" for span, key in total_keys(row, database))
    sums = ", ".join(
        f"{figure} = {tallies.name}.{figure} + excluded.{figure}"
        for figure in ("calls", "seconds", "open_calls", "minutes")
    )
    return (
        f"INSERT INTO {tallies.name} (campaign, span, key, calls, seconds, open_calls, minutes) "  # noqa: S608 - names only
        f"VALUES {', '.join(values)} ON CONFLICT (campaign, span, key) DO UPDATE SET {sums}"
    )


def call_figures(row: str, sign: int) -> tuple[str, str, str, str]:
    """What an attempt adds to calls, seconds, open calls and begun minutes, as SQL.

    Args:
        row: `OLD`, `NEW`, or a table.
        sign: 1, or -1 to take it away.
    """
    length = f"COALESCE({row}.duration_seconds, 0)"
    # After these outcomes a person or a machine may have been on the line. An unanswered call has no length, and costs
    # nothing.
    answered = _listed((Outcome.UNKNOWN, Outcome.ANSWERED, Outcome.VOICEMAIL, Outcome.TRANSFERRED))
    has_length, may_have_begun = f"{row}.duration_seconds IS NOT NULL", f"{row}.started_at IS NOT NULL"
    is_silent = f"({has_length} OR NOT ({may_have_begun} OR {row}.outcome IN ({answered})))"
    return (
        f"CASE WHEN {row}.state = {_NOT_PLACED} THEN 0 ELSE {sign} END",
        f"CASE WHEN {row}.state = {_ENDED} THEN {sign} * {length} ELSE 0 END",
        f"CASE WHEN {row}.state = {_NOT_PLACED} OR ({row}.state = {_ENDED} AND {is_silent}) "
        f"THEN 0 ELSE {sign} END",
        # A length may be the largest whole number there is, so nothing is added to it.
        f"CASE WHEN {row}.state = {_ENDED} THEN {sign} * ({length} / 60 + "
        f"CASE WHEN {length} % 60 > 0 THEN 1 ELSE 0 END) ELSE 0 END",
    )


def total_keys(row: str, database: str) -> tuple[tuple[str, str], ...]:
    """The totals that an attempt counts in: the span of each, and its key as SQL."""
    quarter = f"{row}.began_at / {QUARTER_SECONDS}"
    # Only PostgreSQL has FLOOR everywhere, and only SQLite's cast cuts off.
    whole = f"CAST({quarter} AS INTEGER)" if database == "sqlite" else f"CAST(FLOOR({quarter}) AS BIGINT)"
    return ("campaign", "''"), ("run", f"{row}.run"), ("quarter", f"CAST({whole} AS VARCHAR)")
