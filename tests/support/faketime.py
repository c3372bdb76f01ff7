"""Run a process under a clock that is wrong, or that is set while it runs: libfaketime, from Debian's package."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARIES = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
LIBRARY = next((str(path) for path in LIBRARIES), "")

needs_faketime = pytest.mark.skipif(
    not LIBRARY and not os.environ.get("CI"), reason="libfaketime is not installed (Debian: faketime)"
)


class WrongClock:
    """The wall clock of child processes; what they count durations with stays as it is.

    Attributes:
        env: To be added to the environment of a child.
    """

    def __init__(self, file: Path) -> None:
        assert LIBRARY, "install Debian's package faketime"
        self._file = file
        self.env = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set_to(0)

    def set_to(self, seconds: float) -> None:
        """So many seconds ahead of the truth from now on; below 0 behind it."""
        whole = self._file.with_suffix(".new")
        whole.write_text(f"{seconds:+f}\n")
        whole.replace(self._file)  # a child never reads half of it


@pytest.fixture
def wrong_clock(tmp_path: Path) -> Iterator[WrongClock]:
    """A clock that is right until it is set."""
    yield WrongClock(tmp_path / "clock.rc")
