"""What the database itself refuses: every move that `states` does not name, and what would falsify the record.

SQLite and PostgreSQL get the same triggers, made from the tables in `states`. What they refuse is an
IntegrityError, whoever writes: an older release, a script, a person at a prompt. (Only SQLite's `OR REPLACE`, which
nothing here says, goes past its triggers: it deletes the row that it meets without asking them.)
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from sqlalchemy import Connection

from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.lifecycle.states import LEAD_MOVES, MOVES, AttemptState

S = TypeVar("S", bound=StrEnum)
FORGOTTEN_LIKE: Final = "'forgotten-%'"  # what stands in the place of a forgotten person's number or call id

# PostgreSQL has no way to refuse in a trigger's own words but a function; SQLite has RAISE.
FUNCTION: Final = """
CREATE OR REPLACE FUNCTION flireo_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation';
END $$
"""


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing the database refuses.

    Attributes:
        name: Of its trigger.
        table: Where it stands.
        on: Its event, as SQL: `DELETE`, `UPDATE OF state`.
        when: What is refused, as SQL that both databases read.
        words: The refusal, without values: they may be numbers.
    """

    name: str
    table: str
    on: str
    when: str
    words: str

    def sqlite(self) -> str:
        """The trigger for SQLite."""
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.on} ON {self.table} FOR EACH ROW WHEN {self.when} "
            f"BEGIN SELECT RAISE(ABORT, '{self.words}'); END"
        )

    def postgresql(self) -> str:
        """The trigger for PostgreSQL."""
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.on} ON {self.table} FOR EACH ROW WHEN ({self.when}) "
            f"EXECUTE FUNCTION flireo_refuse('{self.words}')"
        )


def guards() -> Iterator[Guard]:
    """All guards."""
    yield Guard(
        "flireo_attempt_moves",
        attempts.name,
        "UPDATE OF state",
        _leaves({state: set(moves.values()) for state, moves in MOVES.items()}),
        "the ledger refuses this move of an attempt",
    )
    yield Guard(
        "flireo_call_was_placed",
        attempts.name,
        "UPDATE OF state",
        f"NEW.state = '{AttemptState.NOT_PLACED}' AND NEW.call_id IS NOT NULL",
        "the ledger refuses to say of a call that it was not placed",
    )
    yield Guard(
        "flireo_lead_moves",
        leads.name,
        "UPDATE OF state",
        _leaves(LEAD_MOVES),
        "the ledger refuses this move of a lead",
    )
    yield Guard(
        "flireo_attempts_stay", attempts.name, "DELETE", "1 = 1", "the ledger never deletes an attempt"
    )
    identity = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in ("lead_id", "campaign", "number"))
    yield Guard(
        "flireo_attempt_identity",
        attempts.name,
        "UPDATE OF lead_id, campaign, phone, number",
        f"{identity} OR {_changes('phone')}",
        "the ledger refuses to make an attempt that of somebody else",
    )
    yield Guard(
        "flireo_lead_identity",
        leads.name,
        "UPDATE OF campaign, phone",
        f"OLD.campaign <> NEW.campaign OR {_changes('phone')}",
        "the ledger refuses to make a lead somebody else",
    )
    placed, unknown = f"'{AttemptState.PLACED}'", f"'{AttemptState.UNKNOWN}'"
    # The id of a call that proved to be another one is taken from the attempt, in the move that says so.
    mismatch = f"OLD.state = {placed} AND NEW.state = {unknown} AND NEW.call_id IS NULL"
    for column in ("call_id", "report_id", "reference"):
        allowed = f" AND NOT ({mismatch})" if column == "call_id" else ""
        yield Guard(
            f"flireo_attempt_{column}",
            attempts.name,
            f"UPDATE OF {column}",
            f"OLD.{column} IS NOT NULL AND (NEW.{column} IS NULL OR ({_changes(column)})){allowed}",
            f"the ledger refuses to change the {column} of an attempt",
        )


def set_refusals(connection: Connection) -> None:
    """Put the guards on the tables, in place of those that are there."""
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        connection.exec_driver_sql(FUNCTION)
    for guard in guards():
        on = "" if is_sqlite else f" ON {guard.table}"
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {guard.name}{on}")
        connection.exec_driver_sql(guard.sqlite() if is_sqlite else guard.postgresql())


def _leaves(moves: Mapping[S, Iterable[S]]) -> str:
    """A change of state that the table does not name; the same state again is no change."""
    allowed = [
        f"(OLD.state = '{state}' AND NEW.state IN ({_listed(targets)}))"
        for state, targets in moves.items()
        if targets
    ]
    return f"OLD.state <> NEW.state AND NOT ({' OR '.join(allowed)})"


def _listed(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(map(str, states)))


def _changes(column: str) -> str:
    """Another value than before; forgetting a person replaces what would name them."""
    return f"OLD.{column} <> NEW.{column} AND NEW.{column} NOT LIKE {FORGOTTEN_LIKE}"
