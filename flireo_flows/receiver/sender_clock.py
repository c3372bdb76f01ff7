"""By how much the platform's clock is ahead of the ledger's, as signed timestamps tell."""

from collections import deque
from typing import Final

REMEMBERED: Final = 1000  # differences, for memory is not endless
REMEMBERED_SECONDS: Final = 900.0


class SenderClock:
    """Learns from when deliveries were signed, and when they came.

    One that was long under way looks like a clock that is behind. None comes before it was signed; so of all
    the differences the largest one has the least delay in it, and is the nearest to the truth.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def ahead(self, sent_at: float | None, now: float) -> float:
        """Seconds by which the platform's clock is ahead of ours; negative if it is behind.

        Args:
            sent_at: Signed timestamp of what just came, Unix seconds; None if it is unsigned.
            now: Unix seconds of the ledger's clock.
        """
        seen = self._seen
        while seen and seen[0][0] < now - REMEMBERED_SECONDS:
            seen.popleft()
        if sent_at is not None:
            # The largest is the first: what came earlier and is smaller can never be it again.
            while seen and seen[-1][1] <= sent_at - now:
                seen.pop()
            if len(seen) < REMEMBERED:
                seen.append((now, sent_at - now))
        return seen[0][1] if seen else 0.0
