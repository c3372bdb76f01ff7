"""The tables of a ledger, with their triggers and its own key: made where there are none."""

import secrets
from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection, delete, insert, inspect, select, update

from flireo_flows.api.steady_clock import boot_moment
from flireo_flows.ledger.call_totals import set_call_totals
from flireo_flows.ledger.outbox_triggers import set_outbox_triggers
from flireo_flows.ledger.schema import FORGOT, VERSION, attempts, meta, metadata
from flireo_flows.ledger.triggers import set_refusals
from flireo_flows.lifecycle.absence import NO_EVIDENCE
from flireo_flows.lifecycle.states import AttemptState

KEY: Final = "suppression_key"
BOOTED: Final = "booted_at"  # of the machine, by the clock of the last process that opened the ledger
SAME_CLOCK_SECONDS: Final = 5.0  # NTP moves a clock by less between two runs unless it sets it


def prepare(connection: Connection) -> tuple[str, bytes]:
    """Make the tables where there are none. A ledger of another version is left as it is.

    Args:
        connection: A transaction that may write, under the lock of all who open ledgers.

    Returns:
        The version of the ledger, which may be another one than ours, and its own key; no key with another version.
    """
    if (found := read(connection)) is not None:
        if found[0] == str(VERSION):
            _notice_a_set_clock(connection)
        return found
    metadata.create_all(connection)
    key = secrets.token_hex(32)
    told = {"version": str(VERSION), KEY: key, FORGOT: "no"}
    connection.execute(insert(meta), [{"key": name, "value": value} for name, value in told.items()])
    set_call_totals(connection)
    set_refusals(connection)
    set_outbox_triggers(connection)
    _notice_a_set_clock(connection)
    return str(VERSION), bytes.fromhex(key)


def _notice_a_set_clock(connection: Connection) -> None:
    """Start the proofs of absence again where the clock was set since the last process opened the ledger.

    A proof needs readings a grace apart. SQLite has no clock of its own, so after a step of the machine's clock the
    time between a reading of an earlier process and one of this process is not known; after a restart of the machine
    neither.
    """
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL's clock goes on across processes
    now = boot_moment()
    of_clock = meta.c.key == BOOTED
    told = connection.execute(select(meta.c.value).where(of_clock)).scalar_one_or_none()
    if told is not None and abs(float(told) - now) <= SAME_CLOCK_SECONDS:
        return
    connection.execute(delete(meta).where(of_clock))
    connection.execute(insert(meta), [{"key": BOOTED, "value": str(now)}])
    unknown = attempts.c.state == AttemptState.UNKNOWN
    connection.execute(update(attempts).where(unknown).values(**asdict(NO_EVIDENCE)))


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
