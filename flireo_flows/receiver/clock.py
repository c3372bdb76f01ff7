"""By how much the platform's clock is ahead of the ledger's, as signed timestamps tell."""

from collections import deque
from typing import Final

REMEMBERED: Final = 200  # deliveries
REMEMBERED_SECONDS: Final = 900.0


class SenderClock:
    """Learns from when deliveries were signed, and when they came.

    One that was long under way looks like a clock that is behind. None comes before it was signed; so of all
    the differences the largest one has the least delay in it, and is the nearest to the truth.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def ahead(self, sent_at: float | None, now: float) -> float:
        """Seconds by which the platform's clock is ahead of ours; negative if it is behind.

        Args:
            sent_at: Signed timestamp of what just came, Unix seconds; None if it is unsigned.
            now: Unix seconds of the ledger's clock.
        """
        while self._seen and self._seen[0][0] < now - REMEMBERED_SECONDS:
            self._seen.popleft()
        if sent_at is not None:
            self._seen.append((now, sent_at - now))
        return max((difference for _, difference in self._seen), default=0.0)
