"""Which parts of the call list hold open calls. Pure: moments come in, windows come out.

The list is read by the time at which calls were created. One call that stays open for an hour must not make every
reading bring all calls since; so a call that was placed is looked for about the time at which it was rung, and
nowhere else. An attempt of which nobody knows whether it rang is looked for from then on to now: that its call is
not there is proof only where nothing was left out.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

EARLY_SECONDS: Final = 120.0  # a call's created_at may lie this much before our intent, for clocks differ
LATE_SECONDS: Final = 600.0  # and this much after it, where Flireo was slow to ring
NEAR_SECONDS: Final = 900.0  # between two windows: one request for both brings a page with some calls more
MOST_WINDOWS: Final = 8  # a request each, at least


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the call list, both ends included.

    Attributes:
        start: Unix seconds of the ledger's clock.
        end: The same; None for all that is there when it is read.
    """

    start: float
    end: float | None

    def holds(self, moment: float) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment and (self.end is None or moment <= self.end)


def windows_of(placed: Iterable[float], unknown: Iterable[float], now: float) -> tuple[Window, ...]:
    """The windows in which the calls of open attempts can be.

    Args:
        placed: When attempts began whose call is known, Unix seconds of the ledger's clock.
        unknown: When attempts began of which nobody knows whether they rang.
        now: The present.

    Returns:
        Eight at most, oldest first; they neither overlap nor lie near each other.
    """
    spans = [(began - EARLY_SECONDS, began + LATE_SECONDS) for began in placed]
    spans += [(began - EARLY_SECONDS, math.inf) for began in unknown]
    joined: list[tuple[float, float]] = []
    for start, close in sorted(spans):
        end = math.inf if close >= now else close
        if joined and start <= joined[-1][1] + NEAR_SECONDS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(Window(start, None if end == math.inf else end) for start, end in _fewer(joined))


def _fewer(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same in as many windows as may be read: joined where the least lies between."""
    gaps = sorted(range(1, len(spans)), key=lambda place: spans[place][0] - spans[place - 1][1], reverse=True)
    cuts = [0, *sorted(gaps[: MOST_WINDOWS - 1]), len(spans)]
    return [(spans[first][0], spans[after - 1][1]) for first, after in pairwise(cuts) if first < after]
