"""What all tests share: surroundings of their own, and one Prefect server a session, for those that need it."""

import asyncio
import atexit
import fcntl
import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zlib import crc32

import hypothesis
import pytest

TESTS = Path(__file__).parent

pytest_plugins = [
    "tests.support.postgres",
    *(f"tests.support.{folder}.fixtures" for folder in ("calling", "cli", "flows", "leads")),
]

# No test depends on the machine's speed.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

# Python keeps 512 compiled patterns; the plans of all countries have more, and each would be compiled over and over.
vars(re)["_MAXCACHE"] = 20_000

# Before Prefect is imported: no test reads or writes what belongs to the person who runs it.
HOME = Path(tempfile.mkdtemp(prefix="flireo-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for name in [name for name in os.environ if name.startswith(("PREFECT_", "FLIREO_"))]:
    del os.environ[name]
os.environ |= {
    "PREFECT_HOME": str(HOME / "prefect"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "XDG_DATA_HOME": str(HOME / "data"),  # where a ledger lies when nothing is said
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: begun last, one of them would be waited for by everybody who has nothing left.

    The others mixed, always in the same way: whole folders of them wait more than they work, or the reverse.
    """
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in long, crc32(str(item.path.relative_to(TESTS)).encode())))


@pytest.fixture(scope="session")
def prefect_home() -> Path:
    """Where the session's Prefect server keeps what it stores."""
    return HOME / "server"


@pytest.fixture(scope="session")
def prefect_url(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of a real Prefect server: one a session, over HTTP, so that other processes can use it too."""
    from flireo_flows.prefect_support.child_process import until_exit
    from flireo_flows.prefect_support.local_server import prefect_server

    with _migrated_once(prefect_home / "prefect.db", tmp_path_factory):
        # Not only until the session ends: Prefect sends its last logs while the interpreter shuts down.
        url = until_exit(prefect_server(HOME / "server.log", prefect_home))
    with _forgiving_sockets_to(int(url.rpartition(":")[2].partition("/")[0])):
        yield url


@contextmanager
def _migrated_once(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have one worker's server migrate its database: the others take a copy, for that is most of a server's start."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    shared = tmp_path_factory.getbasetemp().parent / "prefect"
    shared.mkdir(exist_ok=True)
    copy = shared / "migrated.db"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            yield
            _copy_database(database, copy)
            return
    database.parent.mkdir(parents=True, exist_ok=True)
    _copy_database(copy, database)
    yield


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)


@contextmanager
def _forgiving_sockets_to(port: int) -> Iterator[None]:
    """Prefect leaves some of its sockets to its own server to the garbage collector, which complains of them
    whenever it runs, in whatever test. Those to anything else still fail the test.
    """
    before = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        is_warning = isinstance(unraisable.exc_value, ResourceWarning)
        if not (
            is_warning
            and (f"raddr=('127.0.0.1', {port})" in str(unraisable.exc_value) or leads_there(unraisable))
        ):
            before(unraisable)

    def leads_there(unraisable: "sys.UnraisableHookArgs") -> bool:
        """Of asyncio's transports, whose complaint shows no address; they keep it for as long as they are open."""
        frame = unraisable.exc_traceback.tb_frame if unraisable.exc_traceback else None
        transport = frame.f_locals.get("self") if frame else None
        if not isinstance(transport, asyncio.BaseTransport):
            return False
        return bool(transport.get_extra_info("peername") == ("127.0.0.1", port))

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@pytest.fixture
def at_prefect(prefect_url: str) -> Iterator[str]:
    """Flows of this process report to the session's server."""
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    # One worker a process sends all events, for as long as it lives, and to the server it was made for.
    EventsWorker.drain_all(timeout=60, at_exit=False)
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        yield prefect_url
