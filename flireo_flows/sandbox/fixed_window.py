"""Rate limits: requests per key in a fixed window, and the headers that report it.

Whether the platform's window is fixed or slides is not documented; this one is fixed and begins with the
first request of a key (contract section 3).
"""

import math
from dataclasses import dataclass


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
