"""Whoever only reads, or names a campaign that there is not, makes no ledger and changes none: it says so instead."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.support.cli.shell import ANNA, Shell
from tests.support.postgres import Postgres, make_ledger, postgres

__all__ = ["postgres"]  # fixture

OF_A_CAMPAIGN = {
    "status": ("status",),
    "status as JSON": ("status", "--json"),
    "why": ("why", ANNA),
    "why as JSON": ("why", ANNA, "--json"),
    "outcomes": ("outcomes",),
    "outcomes again": ("outcomes", "--policy", "policy.yaml"),
    "outcomes tried": ("outcomes", "--policy", "policy.yaml", "--dry-run"),
    "collect one": ("collect",),
    "pause": ("pause", "--reason", "lunch"),
    "resume": ("resume",),
    "cancel": ("cancel",),
}
OF_THE_LEDGER = {
    "inbox list": ("inbox", "list"),
    "inbox list as JSON": ("inbox", "list", "--json"),
    "inbox list of one state": ("inbox", "list", "--state", "unreadable"),
    "inbox show": ("inbox", "show", "1"),
    "inbox show raw": ("inbox", "show", "1", "--raw"),
    "inbox replay": ("inbox", "replay", "1"),
    "inbox replay all": ("inbox", "replay", "--all-unreadable"),
    "suppressions": ("suppressions",),
    "suppressions as JSON": ("suppressions", "--json"),
    "unsuppress": ("unsuppress", ANNA),
    "collect all": ("collect",),
}
EMPTY = {
    ("inbox", "list"): "nothing is in the inbox.\n",
    ("inbox", "list", "--json"): "[]\n",
    ("inbox", "list", "--state", "unreadable"): "nothing in the inbox is unreadable.\n",
}
PLANS = {
    "plan": ("--agent-id", "a"),
    "plan as JSON": ("--agent-id", "a", "--json"),
    "plan that is saved": ("--agent-id", "a", "--save", "plan.json"),
}
KEY = {"FLIREO_API_KEY": "nobody's", "FLIREO_BASE_URL": "http://127.0.0.1:9/api/v1"}


def named(words: tuple[str, ...]) -> tuple[str, ...]:
    return (*words, "--campaign", "nobody")


READING = {
    **{name: named(words) for name, words in OF_A_CAMPAIGN.items()},
    **OF_THE_LEDGER,
}


def held_by(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with what it holds."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def missing_file(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def missing_folder(folder: Path) -> str:
    return f"sqlite:///{folder / 'none' / 'such' / 'ledger.db'}"


def missing_uri(folder: Path) -> str:
    return f"sqlite:///file:{folder / 'ledger.db'}?uri=true"


def a_folder(folder: Path) -> str:
    return f"sqlite:///{folder}"


def empty_file(folder: Path) -> str:
    (folder / "ledger.db").touch()
    return f"sqlite:///{folder / 'ledger.db'}"


def of_another_program(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "ledger.db")) as file:
        file.executescript("CREATE TABLE invoices (id INTEGER); INSERT INTO invoices VALUES (1)")
    return f"sqlite:///{folder / 'ledger.db'}"


PLACES = (missing_file, missing_folder, missing_uri, a_folder, empty_file, of_another_program)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", READING.values(), ids=READING)
def test_where_there_is_no_ledger_none_is_made_and_it_is_said(
    bare: Shell, words: tuple[str, ...], place: Callable[[Path], str]
) -> None:
    url = place(bare.folder)
    before = held_by(bare.folder)
    ended = bare.here(*words, FLIREO_LEDGER_URL=url, **KEY)
    # What was never delivered is none the less a list: an empty one.
    assert (ended.status, ended.out) == ((0, EMPTY[words]) if words in EMPTY else (1, ""))
    assert "there is no ledger there, and so no campaign yet. Check FLIREO_LEDGER_URL" in ended.complaint
    assert held_by(bare.folder) == before and not (bare.folder / "none").exists()


@pytest.mark.parametrize("place", [missing_file, missing_folder, missing_uri, empty_file, of_another_program])
@pytest.mark.parametrize("options", PLANS.values(), ids=PLANS)
def test_a_plan_makes_no_ledger(bare: Shell, options: tuple[str, ...], place: Callable[[Path], str]) -> None:
    url = place(bare.folder)
    before = held_by(bare.folder)
    ended = bare.here("plan", "leads.csv", *named(options), FLIREO_LEDGER_URL=url)
    assert (ended.status, ended.err) == (0, "")
    after = held_by(bare.folder)
    after.pop("plan.json", None)
    assert after == before and not (bare.folder / "none").exists()


@pytest.mark.postgres
@pytest.mark.parametrize("words", [*READING.values(), PLANS["plan"]], ids=[*READING, "plan"])
def test_in_an_empty_database_no_table_is_made(
    bare: Shell, words: tuple[str, ...], postgres: Postgres, nothing: str
) -> None:
    is_plan = words is PLANS["plan"]
    given = ("plan", "leads.csv", *named(words)) if is_plan else words
    ended = bare.here(*given, FLIREO_LEDGER_URL=nothing, **KEY)
    assert ended.status == (0 if is_plan or words in EMPTY else 1)
    assert is_plan or "there is no ledger there" in ended.complaint
    assert tables(nothing) == []


@pytest.fixture(scope="module")
def nothing(postgres: Postgres) -> str:
    """A database in which there is nothing."""
    return postgres.fresh_database()


def tables(url: str) -> list[str]:
    async def read() -> list[str]:
        server = await asyncpg.connect(url)
        try:
            rows = await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        finally:
            await server.close()
        return [row["tablename"] for row in rows]

    return asyncio.run(read())


@pytest.mark.parametrize("words", OF_A_CAMPAIGN.values(), ids=OF_A_CAMPAIGN)
def test_a_campaign_that_there_is_not_is_said_and_nothing_is_written(
    bare: Shell, words: tuple[str, ...]
) -> None:
    make_ledger(bare.env["FLIREO_LEDGER_URL"])
    before = content(bare.folder / "ledger.db")
    ended = bare.here(*named(words), **KEY)
    assert (ended.status, ended.out) == (1, "")
    assert "there is no campaign 'nobody' in ledger" in ended.complaint
    assert content(bare.folder / "ledger.db") == before


def content(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as ledger:
        return list(ledger.iterdump())


def test_whoever_writes_a_no_before_the_first_campaign_makes_the_ledger(bare: Shell) -> None:
    assert bare.here("suppress", ANNA).status == 0
    assert '"source": "person"' in bare.here("suppressions", "--json").out
