"""Ledgers: what is said of one kind is said of both."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flireo_flows.calling.ledger import Database
from tests.postgres import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]  # fixtures


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def database(ledger_url: str) -> AsyncIterator[Database]:
    """A new ledger."""
    async with await Database.open(ledger_url) as opened:
        yield opened


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Database]:
    """A new ledger, where its kind does not matter."""
    async with await Database.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened
