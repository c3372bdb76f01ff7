"""PgBouncer in front of the tests' PostgreSQL: it gives each transaction another session, and it speaks TLS."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from flireo_flows.prefect_support.local_server import free_port
from tests.support.postgres import Postgres

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
SOON = 30.0  # seconds; no test fails because a machine is slow


def needs_pgbouncer() -> str:
    """The program. Without it a test is skipped, but never in CI, which installs it."""
    if PROGRAM is None and not os.environ.get("CI"):
        pytest.skip("pgbouncer is not installed")
    assert PROGRAM is not None, "CI installs pgbouncer"
    return PROGRAM


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer that runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        password: Of the user `app`, which it asks everybody for.
    """

    port: int
    database: str
    password: str

    def url(self, options: str = "", host: str = "127.0.0.1", password: str = "") -> str:
        """The URL of its database."""
        login = f"app:{password or self.password}"
        return f"postgresql://{login}@{host}:{self.port}/{self.database}{'?' if options else ''}{options}"


@contextmanager
def run_pooler(
    postgres: Postgres, ledger_url: str, mode: str = "transaction", size: int = 2, **settings: str | Path
) -> Iterator[Pooler]:
    """A PgBouncer in front of one database, gone afterwards.

    Args:
        postgres: The server behind it.
        ledger_url: URL of a database there.
        mode: `transaction`, `session` or `statement`.
        size: Sessions at the server.
        settings: Others, as pgbouncer.ini has them.
    """
    program = needs_pgbouncer()
    database = urlsplit(ledger_url).path.lstrip("/")
    folder = parse_qs(urlsplit(ledger_url).query)["host"][0]
    password = "correct-horse"
    with tempfile.TemporaryDirectory(prefix="pgb") as place:
        port = free_port()
        users = Path(place) / "users.txt"
        users.write_text(f'"app" "{password}"\n')
        lines: Mapping[str, str | Path | int] = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": users,
            "pool_mode": mode,
            "default_pool_size": size,
            "logfile": Path(place) / "log",
            **settings,
        }
        if os.geteuid() == 0:
            owner = _owner(Path(folder))
            lines = {**lines, "user": owner}
            for path in (Path(place), users):
                shutil.chown(path, owner)
        ini = Path(place) / "pgbouncer.ini"
        behind = f"{database} = host={folder} port=5432 user=postgres dbname={database}"
        reported = "\n".join(f"{name} = {value}" for name, value in lines.items())
        ini.write_text(f"[databases]\n{behind}\n[pgbouncer]\n{reported}\n")
        ini.chmod(0o644)
        process = subprocess.Popen([program, str(ini)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port, process, Path(place) / "log")
            yield Pooler(port, database, password)
        finally:
            process.kill()
            process.wait()


def _owner(folder: Path) -> str:
    """Who owns the server's socket: PgBouncer does not run as root."""
    return pwd.getpwuid(next(iter(folder.glob(".s.PGSQL.*"))).stat().st_uid).pw_name


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text() if log.exists() else "pgbouncer ended"
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("pgbouncer does not listen")
