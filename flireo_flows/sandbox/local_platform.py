"""The parts of one sandbox, put together, with its rate limits. Routes, calls and middleware find everything here.

Whether the platform's window of requests is fixed or slides is not documented; this one is fixed and begins with the
first request of a key (contract section 3).
"""

import math
from collections import Counter, deque
from dataclasses import dataclass, field, fields
from typing import Final

from fastapi import Request

from flireo_flows.sandbox.clock import ScaledClock, Schedule
from flireo_flows.sandbox.delivery import Courier, Exchange
from flireo_flows.sandbox.seeded_random import SeededRandom
from flireo_flows.sandbox.settings import Faults, FaultSettings, SandboxSettings
from flireo_flows.sandbox.state import Contents, fill_store
from flireo_flows.sandbox.store import Store

_EXCHANGES_KEPT: Final = 1000  # the newest so many


@dataclass(frozen=True, slots=True)
class WindowState:
    """Where a key stands after a request.

    Attributes:
        limit: Requests a window; None where no limit is shown.
        resets_at: When the window ends, Unix seconds, rounded up: waiting until then is always enough.
        retry_after: Whole seconds to wait, at least 1, when the request was refused; else None.
    """

    limit: int | None
    remaining: int
    resets_at: int
    retry_after: int | None = None

    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        headers = {
            "X-RateLimit-Limit": self.limit,
            "X-RateLimit-Remaining": self.remaining,
            "X-RateLimit-Reset": self.resets_at,
            "Retry-After": self.retry_after,
        }
        return {name: str(value) for name, value in headers.items() if value is not None}


@dataclass(slots=True)
class _Window:
    ends: float  # Unix seconds
    taken: int = 0


class FixedWindows:
    """One window a key, all of the same length in real seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._windows: dict[str, _Window] = {}

    def take(self, key: str, limit: int, now: float) -> WindowState:
        """Count a request, unless the window is full.

        Args:
            key: Whose window.
            limit: Requests a window.
            now: Unix seconds.
        """
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            window = self._windows[key] = _Window(now + self._seconds)
        resets_at = math.ceil(window.ends)
        if window.taken >= limit:
            return WindowState(limit, 0, resets_at, max(1, math.ceil(window.ends - now)))
        window.taken += 1
        return WindowState(limit, limit - window.taken, resets_at)

    def clear(self) -> None:
        """Start over for every key."""
        self._windows.clear()

    def untouched(self, limit: int, now: float) -> WindowState:
        """The state that a request which does not count is shown."""
        return WindowState(limit, limit, math.ceil(now + self._seconds))


@dataclass(slots=True)
class Platform:
    """Attributes:
    settings: A copy of its own: the control surface changes it while the sandbox runs.
    key_windows: Rate limit of each API key.
    control_windows: Rate limit of control commands, by call id.
    beginning: What `reset` goes back to.
    exchanges: The newest webhooks whose answer matters, oldest first.
    requests: How many requests had which answer, by `(route, status)`; status 0: the answer was lost.
    operations: How many requests an operation had since a fault was switched on.
    """

    settings: SandboxSettings
    clock: ScaledClock
    random: SeededRandom
    store: Store
    faults: Faults
    schedule: Schedule
    courier: Courier
    key_windows: FixedWindows
    control_windows: FixedWindows
    beginning: tuple[SandboxSettings, Contents]
    exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=_EXCHANGES_KEPT))
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)

    def next_request(self, operation: str) -> int:
        """Which request of an operation comes next, from 1. Counts it."""
        self.operations[operation] += 1
        return self.operations[operation]

    def reset(self) -> None:
        """Go back to the beginning. Calls that run are forgotten, and no webhook of them is sent any more.

        Counters, rate limits, faults and settings are reset too; without a pause, so that no request meets half of it.
        """
        self.schedule.clear()
        self.courier.forget()
        again = build_platform(*self.beginning, running=self)
        for part in fields(self):
            setattr(self, part.name, getattr(again, part.name))


def build_platform(
    settings: SandboxSettings, contents: Contents | None = None, *, running: Platform | None = None
) -> Platform:
    """A sandbox that does not run yet.

    Args:
        settings: Copied.
        contents: Copied; None for what a new sandbox has.
        running: The sandbox whose clock, schedule and courier run on; None for a new one.

    Raises:
        StateError: The contents are none that a sandbox can hold.
    """
    contents = (contents or Contents()).model_copy(deep=True)
    beginning = (settings.model_copy(deep=True), contents)
    settings = settings.model_copy(deep=True)
    clock = running.clock if running else ScaledClock(settings.time_scale)
    return Platform(
        settings=settings,
        clock=clock,
        random=SeededRandom(settings.seed),
        store=fill_store(settings, contents.model_copy(deep=True), clock),
        faults=Faults(**settings.model_dump(include=set(FaultSettings.model_fields))),
        schedule=running.schedule if running else Schedule(clock),
        courier=running.courier if running else Courier(clock),
        key_windows=FixedWindows(settings.rate_window_seconds),
        control_windows=FixedWindows(settings.rate_window_seconds),
        beginning=beginning,
    )


def platform_of(request: Request) -> Platform:
    """The sandbox that a request came to."""
    platform: Platform = request.app.state.platform
    return platform
