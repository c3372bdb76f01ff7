"""A clock for durations: Unix seconds that go on evenly, whatever is done to the machine's clock.

The machine's clock can be set while a run goes on, by a person or by NTP. A duration measured on it is then wrong,
and a grace of two minutes can seem to be over after one.
"""

import time
from typing import Final

# Linux leaves the time in which the machine slept out of CLOCK_MONOTONIC, macOS does not (clock_gettime(2) of both).
_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def _uptime() -> float:
    """Seconds since some moment, those in which the machine slept included."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


def boot_moment() -> float:
    """Unix seconds at which the machine's count of seconds was 0, by its clock as it is set now.

    Of two processes it differs only if the clock was set, or the machine restarted, in between.
    """
    return time.time() - _uptime()


_STARTED: Final = boot_moment()


def steady_now() -> float:
    """Unix seconds by the machine's clock as it was when the process started, and counted evenly since then.

    Use it for durations and deadlines within this process. What is stored, or compared with a person's hours, is in
    the ledger's time (`Database.now`).
    """
    return _STARTED + _uptime()
