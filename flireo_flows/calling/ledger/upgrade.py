"""Make the tables of a new ledger, and bring those of an older version to this one, in place.

A new version may only add: tables, columns that have a default, indexes, triggers. So what a version before it
lacks follows from the schema itself, and a runner of the older version that is at work goes on.
"""

import secrets
from typing import Final

from sqlalchemy import Column, Connection, Table, func, insert, inspect, select, update
from sqlalchemy.schema import CreateColumn

from flireo_flows.calling.ledger.bells import set_bells
from flireo_flows.calling.ledger.guards import set_guards
from flireo_flows.calling.ledger.schema import MAY_RING, VERSION, attempts, meta, metadata
from flireo_flows.calling.ledger.tallies import set_tallies

OLDEST: Final = 1  # version that can be brought to this one
KEY: Final = "suppression_key"


def prepare(connection: Connection, now: float) -> tuple[str, bytes]:
    """Make or upgrade the tables. Nobody else may do so meanwhile.

    Args:
        connection: A transaction that may write, under the lock of all who open ledgers.
        now: Unix seconds of the ledger's clock.

    Returns:
        The version that the ledger is of now, which may be one that nobody here knows, and its own key.
    """
    meta.create(connection, checkfirst=True)
    found = connection.execute(select(meta.c.value).where(meta.c.key == "version")).scalar_one_or_none()
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(meta).values(key="version", value=str(VERSION)))
    elif found in map(str, range(OLDEST, VERSION)):
        _add_what_lacks(connection, now)
        connection.execute(update(meta).where(meta.c.key == "version").values(value=str(VERSION)))
    elif found != str(VERSION):
        return found, b""
    if found != str(VERSION):
        set_tallies(connection)
        set_guards(connection)
        set_bells(connection)
    key = connection.execute(select(meta.c.value).where(meta.c.key == KEY)).scalar_one_or_none()
    if key is None:
        key = secrets.token_hex(32)
        connection.execute(insert(meta).values(key=KEY, value=key))
    return str(VERSION), bytes.fromhex(key)


def _add_what_lacks(connection: Connection, now: float) -> None:
    metadata.create_all(connection)  # the tables that are new; it leaves the others as they are
    for table in metadata.sorted_tables:
        inspector = inspect(connection)  # of its own each time: it remembers what it saw
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                _add_column(connection, table, column)
    _end_rivals(connection, now)
    for table in metadata.sorted_tables:
        known = {index["name"] for index in inspect(connection).get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in known:
                index.create(connection)
    connection.exec_driver_sql("DROP INDEX IF EXISTS flireo_next_lead")  # flireo_due_leads is better


def _add_column(connection: Connection, table: Table, column: Column[object]) -> None:
    declared = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {declared}")


def _end_rivals(connection: Connection, now: float) -> None:
    """Of several open calls to one number, which version 1 allowed to two campaigns, the newest stands for all.

    The others keep their state, so that their results are still written down.
    """
    newest = select(func.max(attempts.c.id)).where(MAY_RING).group_by(attempts.c.phone)
    older = update(attempts).where(MAY_RING, attempts.c.id.not_in(newest))
    connection.execute(older.values(over_at=now))
