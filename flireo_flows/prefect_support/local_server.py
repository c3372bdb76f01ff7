"""A Prefect server of our own, for when none is configured.

Prefect's ephemeral server would do, but it gives up after 20 seconds, loses task runs at exit, and outlives a
run that is killed.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from flireo_flows.prefect_support.child_process import child_server, exit_with_parent

_PORTS: Final = range(20_000, 32_768)
_ASKED: Final = itertools.count()
START_SECONDS: Final = 120.0  # 15 to 30 s is usual on a fresh home


def free_port() -> int:
    """A port of this machine that is free, for a server that is about to start.

    It lies below the ports that systems hand out by themselves (from 32768 on Linux, from 49152 by RFC 6335), so
    no outgoing connection takes it while the server starts. Each process counts from a place of its own, so that
    two of them seldom ask for the same.
    """
    for _ in _PORTS:
        port = _PORTS[(os.getpid() * 7919 + next(_ASKED)) % len(_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # another server has it
                continue
        return port
    message = f"no port from {_PORTS[0]} to {_PORTS[-1]} is free"
    raise OSError(message)


@contextmanager
def prefect_server(log: Path | None = None, home: Path | None = None) -> Iterator[str]:
    """Run a Prefect server until the block ends.

    Args:
        log: File for what it prints; None keeps it in the home.
        home: PREFECT_HOME; None keeps the user's, so that the runs stay in their history.

    Yields:
        The URL of its API; the UI is at the same address without `/api`.
    """
    with ExitStack() as stack:
        where = home or stack.enter_context(_home_of_its_own())
        yield stack.enter_context(_serve(log or where / "flireo-flows-server.log", where))


@contextmanager
def _home_of_its_own() -> Iterator[Path]:
    """The user's Prefect home, or a temporary one while another run's server has it.

    Two servers on one SQLite file migrate it at the same time and then lock each other out.
    """
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "flireo-flows.lock").open("w") as mark:
        if _is_free(mark):
            yield home  # the mark falls with this process, however it ends
            return
    with TemporaryDirectory(prefix="flireo-prefect-", ignore_cleanup_errors=True) as other:
        yield Path(other)


def _is_free(mark: IO[str]) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        return False
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _serve(log: Path, home: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    env = {
        "PREFECT_HOME": str(home),
        "PREFECT_UI_API_URL": url,  # else the UI asks port 4200
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # One row at a time by default: a few hundred task runs take a minute to show up.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    }
    module = ["flireo_flows.prefect_support.local_server", str(port)]
    with child_server("the local Prefect server", module, f"{url}/health", START_SECONDS, log, **env):
        yield url


def main(port: int) -> None:
    """In the child: serve."""
    exit_with_parent()
    import uvicorn  # noqa: PLC0415 - only the child needs it

    uvicorn.run(
        "prefect.server.api.server:create_app", factory=True, host="127.0.0.1", port=port, log_level="warning"
    )


if __name__ == "__main__":
    import sys

    main(int(sys.argv[1]))
