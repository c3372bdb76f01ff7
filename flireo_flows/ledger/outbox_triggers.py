"""Triggers that write a notice into the outbox when something happens, whoever does it.

SQLite and PostgreSQL get the same ones. They are part of the transaction in which it happens: the pattern of a
transactional outbox.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from flireo_flows.ledger.schema import attempts, campaigns, inbox, leads, outbox
from flireo_flows.ledger.triggers import FORGOTTEN_LIKE
from flireo_flows.lifecycle.event_types import LedgerEvent
from flireo_flows.lifecycle.states import AttemptState, CampaignState, InboxState, LeadState


@dataclass(frozen=True, slots=True)
class Bell:
    """What the database notices by itself.

    Attributes:
        name: Of the trigger.
        table: Where.
        on: Its event, as SQL.
        when: As SQL that both databases read.
        event: LedgerEvent, as SQL.
        is_once: Whether it happens to a row at most once.
    """

    name: str
    table: str
    on: str
    when: str
    event: str
    is_once: bool = False
    campaign: str = "NEW.campaign"
    row_id: str = "NEW.id"
    reason: str = "''"


def _bells() -> Iterator[Bell]:
    ended, unreadable = f"'{AttemptState.ENDED}'", f"'{InboxState.UNREADABLE}'"
    yield Bell(
        "flireo_tell_ended",
        attempts.name,
        "UPDATE OF state",
        f"NEW.state = {ended} AND OLD.state <> {ended}",
        f"'{LedgerEvent.CALL_ENDED}'",
        is_once=True,
    )
    yield Bell(
        "flireo_tell_amended",
        attempts.name,
        "UPDATE OF outcome, analysis",
        f"OLD.state = {ended} AND NEW.state = {ended} AND NEW.phone NOT LIKE {FORGOTTEN_LIKE} AND "
        "(OLD.outcome <> NEW.outcome OR COALESCE(OLD.analysis, '') <> COALESCE(NEW.analysis, ''))",
        f"'{LedgerEvent.CALL_AMENDED}'",
    )
    yield Bell(
        "flireo_tell_review",
        leads.name,
        "UPDATE OF state",
        f"NEW.state = '{LeadState.REVIEW}' AND OLD.state <> '{LeadState.REVIEW}'",
        f"'{LedgerEvent.NEEDS_REVIEW}'",
    )
    standing = (
        f"CASE NEW.state WHEN '{CampaignState.PAUSED}' THEN '{LedgerEvent.CAMPAIGN_PAUSED}' "
        f"WHEN '{CampaignState.CANCELLED}' THEN '{LedgerEvent.CAMPAIGN_CANCELLED}' "
        f"ELSE '{LedgerEvent.CAMPAIGN_RESUMED}' END"
    )
    not_open = f"NEW.state <> '{CampaignState.OPEN}'"
    for name, on, when in (
        ("flireo_tell_standing", "UPDATE OF state", "NEW.state <> OLD.state"),
        ("flireo_tell_standing_new", "INSERT", not_open),
    ):
        yield Bell(
            name, campaigns.name, on, when, standing, campaign="NEW.name", row_id="NULL", reason="NEW.reason"
        )
    dead = f"NEW.state = {unreadable}"
    for name, on, when in (
        ("flireo_tell_dead_letter_new", "INSERT", dead),
        ("flireo_tell_dead_letter", "UPDATE OF state", f"{dead} AND OLD.state <> {unreadable}"),
    ):
        yield Bell(
            name, inbox.name, on, when, f"'{LedgerEvent.DEAD_LETTER}'", campaign="''", reason="NEW.reason"
        )


def set_outbox_triggers(connection: Connection) -> None:
    """Have the database notice what happens, in place of the triggers that are there."""
    is_sqlite = connection.dialect.name == "sqlite"
    for bell in _bells():
        for statement in _sqlite(bell) if is_sqlite else _postgresql(bell):
            connection.exec_driver_sql(statement)


def _insert(bell: Bell, now: str) -> str:
    whose = "NEW.name" if bell.row_id == "NULL" else f"CAST({bell.row_id} AS VARCHAR)"
    # What may happen again is another happening each time.
    when = "" if bell.is_once else f" || ':' || CAST({now} AS VARCHAR)"
    key = f"{bell.event} || ':' || {whose}{when}"
    values = ", ".join((key, bell.event, bell.campaign, bell.row_id, bell.reason, now))
    columns = "key, event, campaign, row_id, reason, occurred_at"
    return f"INSERT INTO {outbox.name} ({columns}) VALUES ({values}) ON CONFLICT (key) DO NOTHING"  # noqa: S608 - names only


def _sqlite(bell: Bell) -> Sequence[str]:
    now = "(julianday('now') - 2440587.5) * 86400.0"
    return (
        f"DROP TRIGGER IF EXISTS {bell.name}",
        f"CREATE TRIGGER {bell.name} AFTER {bell.on} ON {bell.table} FOR EACH ROW WHEN {bell.when} "
        f"BEGIN {_insert(bell, now)}; END",
    )


def _postgresql(bell: Bell) -> Sequence[str]:
    now = "EXTRACT(EPOCH FROM clock_timestamp())"
    return (
        f"CREATE OR REPLACE FUNCTION {bell.name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {_insert(bell, now)}; RETURN NULL; END $$",
        f"DROP TRIGGER IF EXISTS {bell.name} ON {bell.table}",
        f"CREATE TRIGGER {bell.name} AFTER {bell.on} ON {bell.table} FOR EACH ROW WHEN ({bell.when}) "
        f"EXECUTE FUNCTION {bell.name}()",
    )
