"""The tables of a ledger, with their triggers and its own key: made where there are none."""

import secrets
from typing import Final

from sqlalchemy import Connection, insert, inspect, select

from flireo_flows.calling.ledger.bells import set_bells
from flireo_flows.calling.ledger.guards import set_guards
from flireo_flows.calling.ledger.schema import VERSION, meta, metadata
from flireo_flows.calling.ledger.tallies import set_tallies

KEY: Final = "suppression_key"


def prepare(connection: Connection) -> tuple[str, bytes]:
    """Make the tables where there are none. A ledger of another version is left as it is.

    Args:
        connection: A transaction that may write, under the lock of all who open ledgers.

    Returns:
        The version of the ledger, which may be another one than ours, and its own key; no key with another version.
    """
    if (found := read(connection)) is not None:
        return found
    metadata.create_all(connection)
    key = secrets.token_hex(32)
    told = [{"key": "version", "value": str(VERSION)}, {"key": KEY, "value": key}]
    connection.execute(insert(meta), told)
    set_tallies(connection)
    set_guards(connection)
    set_bells(connection)
    return str(VERSION), bytes.fromhex(key)


def read(connection: Connection) -> tuple[str, bytes] | None:
    """As `prepare`, but only looks; None where there is no ledger.

    Args:
        connection: A transaction.
    """
    if not inspect(connection).has_table(meta.name):
        return None
    found = connection.execute(select(meta.c.value).where(meta.c.key == "version")).scalar_one_or_none()
    if found is None or found != str(VERSION):
        return None if found is None else (str(found), b"")
    key = connection.execute(select(meta.c.value).where(meta.c.key == KEY)).scalar_one()
    return found, bytes.fromhex(key)
