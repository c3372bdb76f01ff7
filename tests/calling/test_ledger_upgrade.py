"""A ledger of version 1 becomes one of this version where it lies, and keeps what it holds."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, func, inspect, select, update
from sqlalchemy.exc import IntegrityError

from flireo_flows.calling.ledger import Answer, Database
from flireo_flows.calling.ledger.outbox import Outbox
from flireo_flows.calling.ledger.schema import MAY_RING, attempts, meta, metadata, tallies
from flireo_flows.calling.states import Event

from .campaign import ANNA, BEN, CARLA, Campaign
from .test_opening import OPEN_IT

# What version 1 held: two campaigns that ring the same number, which it allowed, and one that rang somebody.
HELD = f"""
INSERT INTO flireo_meta VALUES ('version', '1');
INSERT INTO flireo_leads (id, campaign, phone, name, columns, zones, batch, line, state, reason, outcome,
    attempts, tries, unplaced, last_ended_at, not_before) VALUES
    (1, 'campaign', '{ANNA}', 'Anna', '{{"a": "b"}}', 'Europe/London', 'b', 2, 'calling', '', '', 0, 1, 0, NULL, 0),
    (2, 'another', '{ANNA}', 'Anna', '{{}}', 'Europe/London', 'b', 2, 'calling', '', '', 0, 1, 0, NULL, 0),
    (3, 'campaign', '{BEN}', 'Ben', '{{}}', '', 'b', 3, 'done', '', 'answered', 1, 2, 0, 1760000100, 0),
    (4, 'campaign', '{CARLA}', 'Carla', '{{}}', 'Europe/London', 'b', 4, 'waiting', '', '', 0, 0, 0, NULL, 0);
INSERT INTO flireo_attempts (id, lead_id, campaign, phone, number, state, runner, began_at, call_id, reason,
    complete, channel, call_status, end_reason, error, outcome, duration_seconds, summary) VALUES
    (1, 1, 'campaign', '{ANNA}', 1, 'placed', 'r', 1760000000, 'call-1', '', false, '', '', '', '', '', NULL, ''),
    (2, 2, 'another', '{ANNA}', 1, 'unknown', 'r', 1760000000, NULL, '', false, '', '', '', '', '', NULL, ''),
    (3, 3, 'campaign', '{BEN}', 1, 'not_placed', 'r', 1760000000, NULL, '', false, '', '', '', '', '', NULL, ''),
    (4, 3, 'campaign', '{BEN}', 2, 'ended', 'r', 1760000900, 'call-4', '', true, '', '', '', '', 'answered', 61, 'x');
"""

HELD_BY_2 = f"""
INSERT INTO flireo_meta VALUES ('version', '2'), ('suppression_key', '{"ab" * 32}');
INSERT INTO flireo_leads (id, campaign, phone, name, columns, zones, batch, line, state, reason, outcome,
    attempts, tries, unplaced, not_before) VALUES
    (1, 'campaign', '{ANNA}', 'Anna', '{{}}', 'Europe/London', 'b', 2, 'calling', '', '', 0, 1, 0, 0);
INSERT INTO flireo_attempts (id, lead_id, campaign, phone, number, state, runner, began_at, call_id, reason,
    complete, channel, call_status, end_reason, error, outcome, summary) VALUES
    (1, 1, 'campaign', '{ANNA}', 1, 'placed', 'r', 1760000000, 'call-1', '', false, '', '', '', '', '', '');
"""


def version_1(kind: str) -> str:
    """The tables as version 1 made them."""
    return Path(__file__).with_name(f"ledger_v1_{kind}.sql").read_text() + HELD


def version_2(kind: str) -> str:
    """The tables and triggers as version 2 made them, and one person who was rung."""
    return Path(__file__).with_name(f"ledger_v2_{kind}.sql").read_text() + HELD_BY_2


@pytest.fixture
async def old_url(ledger_url: str) -> str:
    """A ledger of version 1."""
    return await made(ledger_url, version_1)


async def made(ledger_url: str, script: Callable[[str], str]) -> str:
    """A ledger made by what an older release did."""
    if ledger_url.startswith("sqlite"):
        with sqlite3.connect(ledger_url.removeprefix("sqlite:///")) as file:
            file.executescript(script("sqlite"))
        file.close()
    else:
        server = await asyncpg.connect(ledger_url)
        await server.execute(script("postgresql"))
        # Rows with ids of their own do not move the sequences.
        await server.execute("SELECT setval('flireo_leads_id_seq', 10), setval('flireo_attempts_id_seq', 10)")
        await server.close()
    return ledger_url


def shape(connection: Connection) -> dict[str, Any]:
    """Tables, columns and indexes, as the database tells them."""
    found = inspect(connection)
    return {
        table: (
            sorted(
                (column["name"], str(column["type"]), column["nullable"])
                for column in found.get_columns(table)
            ),
            sorted(
                (str(index["name"]), index["column_names"], bool(index["unique"]))
                for index in found.get_indexes(table)
            ),
        )
        for table in sorted(metadata.tables)
    }


async def test_a_ledger_of_version_1_gets_the_shape_of_a_new_one(
    old_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    fresh = f"sqlite:///{tmp_path}/new.db"
    if not old_url.startswith("sqlite"):
        fresh = request.getfixturevalue("postgres").fresh_database()
    shapes = []
    for url in (old_url, fresh):
        async with await Database.open(url) as database, database.read() as db:
            shapes.append(await db.run_sync(shape))
    assert shapes[0] == shapes[1]


async def test_a_ledger_of_version_2_gets_the_shape_of_a_new_one_and_keeps_its_key(
    ledger_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    old = await made(ledger_url, version_2)
    fresh = f"sqlite:///{tmp_path}/new.db"
    if not old.startswith("sqlite"):
        fresh = request.getfixturevalue("postgres").fresh_database()
    shapes = []
    for url in (old, fresh):
        async with await Database.open(url) as database, database.read() as db:
            shapes.append(await db.run_sync(shape))
    assert shapes[0] == shapes[1]
    async with await Database.open(old) as database:
        assert database.key == b"\xab" * 32
        async with database.write() as db:
            await db.execute(update(attempts).where(attempts.c.id == 1).values(state="ended"))
        # What happens from now on is told.
        assert [told.event for told in await Outbox(database).claim(10)] == ["flireo.call.ended"]


async def test_a_ledger_of_version_1_keeps_what_it_holds_and_goes_on(old_url: str) -> None:
    async with await Database.open(old_url) as database:
        campaign = Campaign(database)
        leads = await campaign.leads()
        assert {phone: (lead.state, lead.tries) for phone, lead in leads.items()} == {
            ANNA: ("calling", 1),
            BEN: ("done", 2),
            CARLA: ("waiting", 0),
        }
        assert (leads[ANNA].columns, leads[ANNA].wishes) == ('{"a": "b"}', "{}")
        assert [(row.state, row.call_id, row.reference) for row in await campaign.attempts()] == [
            ("placed", "call-1", None),
            ("not_placed", None, None),
            ("ended", "call-4", None),
        ]
        campaign.batch = "b"
        book = await campaign.runner()
        (attempt,) = await campaign.begin(book)
        assert (attempt.phone, len(attempt.reference)) == (CARLA, 32)
        await campaign.record(book, Answer(attempt, Event.ACCEPTED, call_id="call-5"))


async def test_of_two_open_calls_to_one_number_the_newest_keeps_the_others_away(old_url: str) -> None:
    async with await Database.open(old_url) as database:
        async with database.read() as db:
            open_ = (await db.execute(select(attempts.c.id).where(MAY_RING))).scalars().all()
        assert list(open_) == [2]
        assert (await Campaign(database).attempts())[0].state == "placed"  # and its result is still awaited


async def test_the_upgrade_counts_what_was_called_before(old_url: str) -> None:
    async with await Database.open(old_url) as database, database.read() as db:
        figures = (tallies.c.calls, tallies.c.seconds, tallies.c.open_calls)
        mine = select(*figures).where(tallies.c.campaign == "campaign", tallies.c.span == "campaign")
        assert (await db.execute(mine)).one() == (2, 61.0, 1)
        quarters = select(tallies.c.key, tallies.c.calls).where(
            tallies.c.campaign == "campaign", tallies.c.span == "quarter"
        )
        rows = (await db.execute(quarters.order_by(tallies.c.key))).all()
        assert rows == [("1955555", 1), ("1955556", 1)]


async def test_an_upgraded_ledger_is_guarded(old_url: str) -> None:
    async with await Database.open(old_url) as database:
        for values in ({"state": "sending"}, {"phone": CARLA}):
            with pytest.raises(IntegrityError):
                async with database.write() as db:
                    await db.execute(update(attempts).where(attempts.c.id == 4).values(values))


async def test_several_processes_may_upgrade_at_once(old_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN_IT, old_url, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    ends = [(await process.communicate())[1].decode() for process in processes]
    assert ends == [""] * 2
    async with await Database.open(old_url) as database, database.read() as db:
        assert (await db.execute(select(func.count()).select_from(meta))).scalar_one() == 2


async def test_an_upgrade_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with sqlite3.connect(file) as old:
        old.executescript(version_1("sqlite"))
        # An index of that name on another table: the last steps cannot be done.
        old.executescript("CREATE TABLE other (a); CREATE INDEX flireo_due_leads ON other (a)")
    old.close()
    with pytest.raises(Exception, match="flireo_due_leads"):
        await Database.open(f"sqlite:///{file}")
    with sqlite3.connect(file) as still:
        assert still.execute("SELECT value FROM flireo_meta WHERE key = 'version'").fetchone() == ("1",)
        assert "wishes" not in {row[1] for row in still.execute("PRAGMA table_info(flireo_leads)")}
    still.close()
