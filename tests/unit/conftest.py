"""A unit test works in memory and on files: one that connects, opens SQLite, starts a process or sleeps fails."""

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

FAR = frozenset(
    {
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "sqlite3.connect",
        "subprocess.Popen",
        "os.fork",
        "os.posix_spawn",
        "time.sleep",
    }
)


class _Watch:
    """Python reports what it does to a hook that no one can remove again, so that there is one, switched on and off."""

    def __init__(self) -> None:
        self.seen: list[str] | None = None
        self.others: frozenset[int] = frozenset()

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.seen is None or event not in FAR or (event == "time.sleep" and not args[0]):
            return
        if threading.get_ident() not in self.others:  # threads of other tests may still say good-bye
            self.seen.append(event)
            raise RuntimeError(
                f"a unit test reached {event}: it belongs in tests/integration or tests/acceptance"
            )


_watch = _Watch()
sys.addaudithook(_watch.hook)


@pytest.fixture(autouse=True)
def near() -> Iterator[None]:
    """Fail a test that goes further than a unit test may, also where its code caught the error."""
    here = threading.get_ident()
    _watch.others = frozenset(it.ident for it in threading.enumerate() if it.ident and it.ident != here)
    seen: list[str] = []
    _watch.seen = seen
    yield
    _watch.seen = None
    assert not seen, f"a unit test reached {', '.join(seen)}"
