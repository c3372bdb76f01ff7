"""The two times of a sandbox: real time for timestamps, and a scaled one in which calls run.

`created_at`, `started_at`, `ended_at` and webhook timestamps are real: a client that looks for a call it may
have placed asks the list for "since just before I sent it", and must find it. `duration_seconds` is
simulated: a conversation of 90 seconds reports 90 also when the scale let it pass in one. So at any scale but 1
the duration is not `ended_at - started_at`.

Campaigns dial by a third reading, the simulated time of day: it is real when the sandbox begins, and runs on at
the scale. So at scale 60 a daily window of eight hours is open for eight real minutes, in which as many calls
fit as in eight hours, and the next day comes after 24.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Attributes:
    scale: Simulated seconds per real second.
    born: When it began, Unix seconds.
    born_steady: The same moment by `steady`.
    """

    scale: float
    born: float = field(default_factory=time.time)
    born_steady: float = field(default_factory=time.monotonic)

    def unix(self) -> float:
        """Real time, Unix seconds."""
        return time.time()

    def unix_ms(self) -> int:
        """Real time in whole milliseconds, the resolution of the API's timestamps."""
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        """Real seconds of a clock that never jumps; only differences mean something."""
        return time.monotonic()

    def real_seconds(self, simulated_seconds: float) -> float:
        """How long a simulated duration really takes."""
        return simulated_seconds / self.scale

    def simulated_since(self, steady: float) -> float:
        """Simulated seconds since a reading of `steady`."""
        return (self.steady() - steady) * self.scale

    def simulated_moment(self) -> datetime:
        """What a clock on the wall of the simulation shows, in UTC: for the hours of campaigns only."""
        return datetime.fromtimestamp(self.born + self.simulated_since(self.born_steady), UTC)


def iso(unix_ms: int) -> str:
    """As the API writes it: ISO 8601, UTC, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(unix_ms: int | None) -> str | None:
    """`iso`, where the moment may not have come."""
    return None if unix_ms is None else iso(unix_ms)


class Schedule:
    """Actions by the moment they are due, on the scaled clock."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._waiting: set[asyncio.TimerHandle] = set()

    def after(self, simulated_seconds: float, action: Callable[[], None]) -> None:
        """Do something after so many simulated seconds."""

        def act() -> None:
            self._waiting.discard(timer)
            action()

        timer = asyncio.get_running_loop().call_later(self._clock.real_seconds(simulated_seconds), act)
        self._waiting.add(timer)

    def clear(self) -> None:
        """Forget all of it."""
        for timer in self._waiting:
            timer.cancel()
        self._waiting.clear()
