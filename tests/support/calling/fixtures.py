"""Ledgers: what is said of one kind is said of both."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flireo_flows.ledger import Database
from tests.support.postgres import Postgres, make_ledger, postgres, postgres_url

__all__ = ["postgres", "postgres_url"]  # fixtures


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger that does not exist yet; with `database` beside it, one that no one used yet."""
    is_made = "database" in request.fixturenames
    if request.param == "sqlite":
        file: Path = request.getfixturevalue("new_file") if is_made else tmp_path / "ledger.db"
        return f"sqlite:///{file}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_ledger() if is_made else server.fresh_database()


@pytest.fixture(scope="session")
def unused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger to be copied: to make one takes longer than most tests."""
    file = tmp_path_factory.mktemp("unused") / "ledger.db"
    make_ledger(f"sqlite:///{file}")
    return file


@pytest.fixture
def new_file(unused: Path, tmp_path: Path) -> Path:
    """The file of a ledger that no one used yet."""
    return Path(shutil.copy(unused, tmp_path))


@pytest.fixture
async def database(ledger_url: str) -> AsyncIterator[Database]:
    """A new ledger."""
    async with await Database.open(ledger_url) as opened:
        yield opened


@pytest.fixture
async def local(new_file: Path) -> AsyncIterator[Database]:
    """A new ledger, where its kind does not matter."""
    async with await Database.open(f"sqlite:///{new_file}") as opened:
        yield opened
