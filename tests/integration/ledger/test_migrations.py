"""Running the migrations ends exactly where a fresh schema does, by the databases' own catalogues."""

import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

from flireo_flows.ledger import Database, migrations
from flireo_flows.ledger.schema import VERSION, attempts, leads, metadata, version_table
from flireo_flows.ledger.triggers import set_triggers, triggers
from tests.support.calling.campaign import ANNA, Campaign, people

SQLITE = {
    "objects": "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_sequence'",
    "columns": 'SELECT m.name, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master m, '
    "pragma_table_info(m.name) c WHERE m.type = 'table'",
}
OURS = "n.nspname = current_schema()"
POSTGRESQL = {
    "columns": "SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
    f"LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind = 'r' AND {OURS}",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(k.oid), convalidated "
    f"FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE conrelid <> 0 AND {OURS}",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    "triggers": "SELECT tgrelid::regclass::text, tgname, tgenabled::text, pg_get_triggerdef(t.oid) "
    "FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE NOT tgisinternal AND {OURS}",
    "functions": "SELECT proname, pg_get_functiondef(p.oid) FROM pg_proc p "
    f"JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OURS}",
    "sequences": "SELECT sequencename, data_type::text, increment_by FROM pg_sequences "
    "WHERE schemaname = current_schema()",
}


def catalogue(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All that a database has, as it says itself; SQL of SQLite without its line breaks and quotation marks."""
    queries = SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL

    def plain(value: object) -> object:
        return re.sub(r"\s*([(),])\s*", r"\1", " ".join(value.split())) if isinstance(value, str) else value

    return {
        kind: sorted((tuple(map(plain, row)) for row in connection.execute(text(query))), key=repr)
        for kind, query in queries.items()
    }


def make_fresh(connection: Connection) -> None:
    """The schema as it is written down now."""
    metadata.create_all(connection)
    set_triggers(connection)


async def as_left_by(url: str, make: Callable[[Connection], None]) -> dict[str, list[tuple[Any, ...]]]:
    """The catalogue of an empty database after something made a ledger of it, which is taken back."""
    async with await Database.open(url) as database, database.write() as db:
        await db.run_sync(metadata.drop_all)
        if not database.is_sqlite:  # there the functions of triggers stay
            await db.run_sync(
                lambda it: [it.exec_driver_sql(f"DROP FUNCTION {each.name}") for each in triggers()]
            )
        assert not any((await db.run_sync(catalogue)).values())
        await db.run_sync(make)
        left = await db.run_sync(catalogue)
        await db.rollback()
        return left


async def test_migrations_end_where_a_fresh_schema_is(ledger_url: str) -> None:
    fresh = await as_left_by(ledger_url, make_fresh)
    migrated = await as_left_by(ledger_url, migrations.upgrade)
    assert migrated == fresh
    # And it is the whole of it, the promises included.
    reported = repr(fresh)
    for name in (*metadata.tables, *(each.name for each in triggers()), "known_state", "flireo_one_denial"):
        assert name in reported
    (open_call,) = re.findall(r"CREATE UNIQUE INDEX flireo_one_call_a_number[^\"]*", reported)
    assert "over_at IS NULL" in open_call and "placed" in open_call


async def test_a_condition_that_is_missing_is_seen(ledger_url: str) -> None:
    def without_a_condition(connection: Connection) -> None:
        make_fresh(connection)
        connection.exec_driver_sql("DROP INDEX flireo_one_open_attempt")
        unconditional = "CREATE UNIQUE INDEX flireo_one_open_attempt ON flireo_attempts (campaign, phone)"
        connection.exec_driver_sql(unconditional)

    assert await as_left_by(ledger_url, without_a_condition) != await as_left_by(ledger_url, make_fresh)


def test_the_version_of_the_schema_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(migrations.SCRIPTS))
    assert scripts.get_heads() == [migrations.REVISION] == [f"{VERSION:04}"]


NEXT = '''
"""The next schema."""

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0002", "0001"


def upgrade(op: Operations) -> None:
    op.add_column("flireo_leads", sa.Column("nickname", sa.Text, nullable=False, server_default="none"))
'''


async def test_an_older_ledger_is_upgraded_with_all_that_it_holds(database: Database, tmp_path: Path) -> None:
    campaign = Campaign(database)
    await campaign.take_in(*people(3))
    await campaign.begin(await campaign.runner())
    shutil.copytree(migrations.SCRIPTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "versions" / "0002_next.py").write_text(NEXT)
    async with database.write() as db:
        held = (await db.execute(select(attempts).order_by(attempts.c.id))).all()
        before = await db.run_sync(catalogue)
        if database.is_sqlite:
            stale = "CREATE TRIGGER flireo_stale AFTER DELETE ON flireo_leads BEGIN SELECT 1; END"
        else:
            stale = (
                "CREATE FUNCTION flireo_stale() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
            )
        await db.exec_driver_sql(stale)
        await db.run_sync(migrations.upgrade, tmp_path)
        assert (await db.execute(select(version_table.c.version_num))).scalars().all() == ["0002"]
        assert (await db.execute(text("SELECT nickname FROM flireo_leads"))).scalars().all() == ["none"] * 3
        assert (await db.execute(select(attempts).order_by(attempts.c.id))).all() == held
        after = await db.run_sync(catalogue)
        assert after.get("triggers") == before.get("triggers")  # the stale one is gone, the others are back
        assert "flireo_stale" not in repr(after) and "flireo_attempt_moves" in repr(after)
        await db.rollback()


async def test_a_migration_that_fails_leaves_the_ledger_as_it_was(database: Database, tmp_path: Path) -> None:
    shutil.copytree(migrations.SCRIPTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "versions" / "0002_next.py").write_text(f"{NEXT}    raise RuntimeError('halfway')\n")
    async with database.read() as db:
        before = await db.run_sync(catalogue)
    with pytest.raises(RuntimeError, match="halfway"):
        async with database.write() as db:
            await db.run_sync(migrations.upgrade, tmp_path)
    async with database.read() as db:
        assert await db.run_sync(catalogue) == before


async def test_ledgers_may_be_made_in_many_threads_at_once(tmp_path: Path) -> None:
    import asyncio

    ends: list[int] = []

    async def make(name: str) -> None:
        async with await Database.open(f"sqlite:///{tmp_path}/{name}.db") as database:
            ends.append(len(database.key))

    async def make_several(thread: int) -> None:
        await asyncio.gather(*(make(f"{thread}-{number}") for number in range(3)))

    threads = [threading.Thread(target=asyncio.run, args=(make_several(number),)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert ends == [32] * 12


async def test_nothing_is_printed_or_logged(
    ledger_url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with await Database.open(ledger_url) as database, database.write() as db:
        row = {"campaign": "it", "phone": ANNA, "batch": "b", "state": "waiting"}
        await db.execute(insert(leads), row)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= 30] == []
