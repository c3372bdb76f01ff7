"""A ledger opens, or says in one sentence what is wrong with it and what to do."""

import asyncio
import os
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select, update

from flireo_flows.ledger import Database, Inbox, LedgerError
from flireo_flows.ledger.migrations import BOOTED
from flireo_flows.ledger.schema import VERSION, meta, version_table
from tests.support.calling.campaign import ANNA
from tests.support.ledger.refusals import SECRET, refusal
from tests.support.postgres import Postgres

OPEN_IT = """
import asyncio, sys
from flireo_flows.ledger import Database

async def main():
    async with await Database.open(sys.argv[1]):
        pass

asyncio.run(main())
"""


FREEZES = """
import asyncio, os, signal, sys
from flireo_flows.ledger import Database

async def main():
    async with await Database.open(sys.argv[1]) as database, database.write("campaign"):
        print("holds", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

asyncio.run(main())
"""


KEPT = select(meta).where(meta.c.key != BOOTED).order_by(meta.c.key)  # that one follows the clock


async def test_opened_again_it_holds_what_it_held(ledger_url: str) -> None:
    held = []
    for _ in range(2):
        async with await Database.open(ledger_url) as database, database.read() as db:
            held.append((database.key, [tuple(row) for row in await db.execute(KEPT)]))
    assert held[0] == held[1]
    key, rows = held[0]
    assert rows == [("forgot_somebody", "no"), ("suppression_key", key.hex())]
    assert len(key) == 32


async def test_several_processes_may_open_a_new_ledger_at_once(ledger_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN_IT, ledger_url, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    ends = [(await process.communicate())[1].decode() for process in processes]
    assert [(process.returncode, words) for process, words in zip(processes, ends, strict=True)] == [
        (0, "")
    ] * 4


async def test_several_tasks_may_open_a_new_ledger_at_once(ledger_url: str) -> None:
    async def open_it() -> None:
        async with await Database.open(ledger_url):
            pass

    ends = await asyncio.gather(*(open_it() for _ in range(8)), return_exceptions=True)
    assert ends == [None] * 8


async def test_a_new_file_that_another_person_holds_is_waited_for_although_sqlite_does_not_wait(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ledger.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE held (it)")
        other.execute("BEGIN IMMEDIATE")
        # The time that SQLite waits stands in the URL here; met by another opener it does not wait at all.
        opening = asyncio.create_task(Database.open(f"sqlite:///{file}?timeout=0.001"))
        assert not (await asyncio.wait([opening], timeout=0.2))[0]
        other.execute("COMMIT")
        async with await opening as database:
            assert len(database.key) == 32


OTHER_VERSIONS = {
    **{str(older): "an older" for older in range(VERSION)},
    **{str(newer): "a newer" for newer in (VERSION + 1, f"{VERSION + 1:04}", 99, 10**30)},
    **dict.fromkeys(("two", "", "-1", "3.5", "\u0664", " 3"), "another"),
}


@pytest.mark.parametrize(("version", "whose"), OTHER_VERSIONS.items())
async def test_a_ledger_of_another_version_is_left_alone(ledger_url: str, version: str, whose: str) -> None:
    async with await Database.open(ledger_url) as database, database.write() as db:
        await db.execute(update(version_table).values(version_num=version))
    before = await all_that_is_held(ledger_url)
    reported = str(await refusal(ledger_url))
    assert f"{whose} flireo-flows wrote it (version " in reported
    assert f"this one reads and writes version {VERSION})" in reported
    # Whoever begins without it calls everybody again.
    assert (
        "Keep it as it is, for it alone knows who was called: go on with the flireo-flows that wrote it"
        in reported
    )
    assert "another ledger" not in reported and "FLIREO_LEDGER_URL" not in reported
    assert await all_that_is_held(ledger_url) == before


async def test_tables_of_our_names_without_a_version_are_left_as_they_are(ledger_url: str) -> None:
    """Campaigns may stand in them: nothing is added, made or removed."""
    older = (
        "CREATE TABLE flireo_meta (key VARCHAR PRIMARY KEY, value VARCHAR)",
        "INSERT INTO flireo_meta VALUES ('version', '1')",
        "CREATE TABLE flireo_leads (id INTEGER PRIMARY KEY, phone VARCHAR NOT NULL)",
        f"INSERT INTO flireo_leads VALUES (1, '{ANNA}')",
    )
    if ledger_url.startswith("sqlite"):
        with closing(sqlite3.connect(ledger_url.removeprefix("sqlite:///"))) as file:
            file.executescript(";".join(older))
    else:
        server = await asyncpg.connect(ledger_url)
        await server.execute(";".join(older))
        await server.close()
    before = await all_that_is_held(ledger_url)
    assert "another flireo-flows wrote it (version unknown;" in str(await refusal(ledger_url))
    assert await all_that_is_held(ledger_url) == before


async def all_that_is_held(ledger_url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a ledger with its rows, read past this package."""
    if ledger_url.startswith("sqlite"):
        with closing(sqlite3.connect(ledger_url.removeprefix("sqlite:///"))) as file:
            names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: sorted(file.execute(f"SELECT * FROM {name}").fetchall()) for name in sorted(names)}
    server = await asyncpg.connect(ledger_url)
    try:
        found = await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = sorted(row["tablename"] for row in found)
        return {
            name: sorted(tuple(row) for row in await server.fetch(f"SELECT * FROM {name}")) for name in tables
        }
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://anna:{SECRET}@127.0.0.1:1/ledger", "Connect call failed"),
        (f"postgresql://127.0.0.1:1/ledger?user=anna&password={SECRET}", "Connect call failed"),
        (f"postgresql://anna:{SECRET}@127.0.0.1:1/ledger?colour=blue", "colour"),
    ],
)
async def test_a_server_that_is_not_there_is_named_without_its_password(url: str, says: str) -> None:
    error = await refusal(url)
    assert "127.0.0.1:1/ledger" in str(error)
    assert re.search(f"{says}.*Check FLIREO_LEDGER_URL", str(error))


@pytest.mark.postgres
async def test_a_database_that_is_not_there_is_named(postgres: Postgres) -> None:
    assert 'database "nowhere" does not exist' in str(await refusal(postgres.url("nowhere")))


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["disable", "prefer"])
async def test_the_url_of_a_hosting_provider_may_say_sslmode(postgres_url: str, mode: str) -> None:
    async with await Database.open(f"{postgres_url}&sslmode={mode}") as database:
        assert not database.is_sqlite


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
@pytest.mark.postgres
async def test_every_usual_spelling_of_postgresql_is_understood(postgres_url: str, scheme: str) -> None:
    url = postgres_url.replace("postgresql", scheme, 1)
    async with await Database.open(url) as database:
        assert database.where.startswith("postgres")


async def test_a_file_that_is_no_ledger_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("phone,name\n" + "+447700900001,Anna\n" * 100)
    assert "file is not a database" in str(await refusal(f"sqlite:///{file}"))
    assert file.read_text().startswith("phone,name\n")


async def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    assert "unable to open database file" in str(await refusal(f"sqlite:///{tmp_path}"))


async def test_a_file_may_be_named_as_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with await Database.open(f"sqlite:///file:{tmp_path}/a%20b/ledger.db?uri=true"):
        assert os.listdir(tmp_path) == ["a b"]
        assert "ledger.db" in os.listdir("a b")


async def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    async with await Database.open(f"sqlite:///{tmp_path}/a/b/ledger.db"):
        assert (tmp_path / "a/b/ledger.db").exists()


@pytest.mark.postgres
async def test_a_server_that_goes_away_in_the_middle_is_one_clear_error(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    async with await Database.open(url) as database:
        name = database.engine.url.database
        postgres.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        for transaction in (database.read, database.write):
            with pytest.raises(LedgerError, match="Mend it, then run the campaign again"):
                async with transaction() as db:
                    await db.execute(select(meta))


@pytest.mark.postgres
async def test_who_freezes_in_the_middle_of_a_transaction_does_not_keep_the_others_waiting(
    postgres: Postgres,
) -> None:
    url = postgres.fresh_database()
    async with await Database.open(url):
        pass
    frozen = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FREEZES, url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert frozen.stdout is not None
        assert await frozen.stdout.readline() == b"holds\n"
        async with (
            await Database.open(url) as database,
            asyncio.timeout(120),
            database.write("campaign") as db,
        ):
            await db.execute(select(meta))
    finally:
        frozen.kill()
        await frozen.communicate()


async def test_a_disk_that_is_full_is_one_clear_error(tmp_path: Path) -> None:
    async with await Database.open(f"sqlite:///{tmp_path}/ledger.db") as database:
        full = "PRAGMA max_page_count = 60"  # as full as a disk can be made here
        await database.write_whole(lambda db: db.exec_driver_sql(full))
        with pytest.raises(LedgerError, match=r"disk is full\. Mend it, then run the campaign again"):
            await Inbox(database).store(b" " * 10**6)
