"""The tables of a ledger, made or brought to this version's when it opens, with alembic.

The ledger runs the migrations itself, on its own connection, in one transaction under a lock. There is no `alembic.ini`
and no `env.py`, and nothing of alembic's that a whole process shares (`alembic.op`, `alembic.context`): several ledgers
may open at the same time. A ledger that is up to date does not even load alembic.
"""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, delete, insert, inspect, select, update

from flireo_flows.api.steady_clock import boot_moment
from flireo_flows.ledger.schema import FORGOT, VERSION, attempts, meta, version_table
from flireo_flows.ledger.triggers import set_triggers
from flireo_flows.lifecycle.absence import NO_EVIDENCE
from flireo_flows.lifecycle.states import AttemptState

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

REVISION: Final = f"{VERSION:04}"  # the newest in `versions/`
NO_REVISION: Final = ""  # of tables that carry our names and no version
SCRIPTS: Final = Path(__file__).parent
KEY: Final = "suppression_key"
BOOTED: Final = "booted_at"  # of the machine, by the clock of the last process that opened the ledger
SAME_CLOCK_SECONDS: Final = 5.0  # NTP moves a clock by less between two runs unless it sets it


class Found(NamedTuple):
    """A ledger that is there.

    Attributes:
        revision: Of its tables.
        key: Its own secret; empty where the revision is not ours.
    """

    revision: str
    key: bytes = b""

    @property
    def is_current(self) -> bool:
        """Whether this version reads and writes it as it is."""
        return self.revision == REVISION


def read(connection: Connection) -> Found | None:
    """Look what is there; None where there is no ledger.

    Args:
        connection: Any transaction.
    """
    if not inspect(connection).has_table(version_table.name):
        return Found(NO_REVISION) if inspect(connection).has_table(meta.name) else None
    revision = select(version_table.c.version_num).scalar_subquery()
    key = select(meta.c.value).where(meta.c.key == KEY).scalar_subquery()
    row = connection.execute(select(revision.label("revision"), key.label("key"))).one()
    if row.revision != REVISION:
        return Found(row.revision or NO_REVISION)
    return Found(row.revision, bytes.fromhex(row.key))


def prepare(connection: Connection) -> Found:
    """Make the tables where there are none, and upgrade those of an older version. Others are left as they are.

    Args:
        connection: A transaction that may write, under the lock of all who open ledgers.
    """
    found = read(connection)
    if found is None:
        upgrade(connection)
        key = secrets.token_bytes(32)
        rows = {KEY: key.hex(), FORGOT: "no"}
        connection.execute(insert(meta), [{"key": name, "value": value} for name, value in rows.items()])
        found = Found(REVISION, key)
    elif is_older(found):
        upgrade(connection)
        found = read(connection) or Found(NO_REVISION)
    if found.is_current:
        _restart_proofs_if_the_clock_was_set(connection)
    return found


def upgrade(connection: Connection, scripts: Path = SCRIPTS) -> None:
    """Run the migrations that are missing, then set today's triggers in place of those that are there.

    Triggers follow from the tables of states in `lifecycle`, so no migration repeats them: each ends with all of them.

    Args:
        connection: A transaction that may write; all of it happens in this one.
        scripts: A folder with migrations in `versions/`.
    """
    from alembic.operations import Operations  # noqa: PLC0415 - most openings need none of it
    from alembic.runtime.migration import MigrationContext, MigrationStep  # noqa: PLC0415

    directory = _directory(scripts)

    def missing(revision: object, context: MigrationContext) -> list[MigrationStep]:
        chosen = directory.iterate_revisions("head", context.get_current_heads(), implicit_base=True)
        return [MigrationStep.upgrade_from_script(directory.revision_map, one) for one in reversed([*chosen])]

    options = {"fn": missing, "version_table": version_table.name}
    context = MigrationContext.configure(connection, opts=options)
    # Given to each migration, for `alembic.op` is one for the whole process.
    context.run_migrations(op=Operations(context))
    set_triggers(connection)


def is_older(found: Found) -> bool:
    """Whether this version can upgrade it."""
    return not found.is_current and found.revision in (
        script.revision for script in _directory(SCRIPTS).walk_revisions()
    )


def _directory(scripts: Path) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - most openings need none of it

    return ScriptDirectory(str(scripts))


def _restart_proofs_if_the_clock_was_set(connection: Connection) -> None:
    """Start the proofs of absence again where the clock was set since the last process opened the ledger.

    A proof needs readings a grace apart. SQLite has no clock of its own, so after a step of the machine's clock the
    time between a reading of an earlier process and one of this process is not known; after a restart of the machine
    neither.
    """
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL's clock goes on across processes
    now = boot_moment()
    of_clock = meta.c.key == BOOTED
    booted = connection.execute(select(meta.c.value).where(of_clock)).scalar_one_or_none()
    if booted is not None and abs(float(booted) - now) <= SAME_CLOCK_SECONDS:
        return
    connection.execute(delete(meta).where(of_clock))
    connection.execute(insert(meta), [{"key": BOOTED, "value": str(now)}])
    unknown = attempts.c.state == AttemptState.UNKNOWN
    connection.execute(update(attempts).where(unknown).values(**asdict(NO_EVIDENCE)))
