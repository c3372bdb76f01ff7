"""How long a rate-limit window is, from when its answers changed.

X-RateLimit-Reset is whole seconds, rounded up by one server and down by another, so the true end of a window
is only known to within a second each way. Where windows follow one another by the clock that costs nothing.
Where a window begins with the first request after the last one's end, each second of doubt is a second idle.

Two facts hold for both kinds, whoever else uses the key. A window that began after the request X and by the
request F is over by F + length. And its length is less than the time from X to the first request of the next
window, and more than the time from F to any later request that was still counted in it. A few requests kept
back for the doubtful seconds (feelers) bring those bounds so close that one whole number is left.

Times are Unix seconds of the caller's clock; nothing in here reads a clock.
"""

import math
from dataclasses import dataclass
from typing import Final

DOUBT_SECONDS: Final = 1.0  # the true end is within this of the reported one
FEELERS: Final = 2  # cut two doubtful seconds into thirds
FEWEST_TO_FEEL: Final = 20  # requests a window; feelers that come too late are lost, one in ten here
PROMPT_SECONDS: Final = 0.9  # a beginning known better than this makes whole seconds distinct
SAFETY_SECONDS: Final = 0.02
QUICKEST_SHARE: Final = 0.75  # of the quickest answer's time: all of it if no request were ever quicker
WINDOWS_TO_FEEL: Final = 3
ERRORS_TO_GIVE_UP: Final = 2  # a limit that is wrong twice is not of the kind we think


@dataclass(slots=True)
class RateWindow:
    """What is known of the bounds of one key's windows."""

    shortest: float = 0.0  # a window is longer than this
    longest: float = math.inf  # and no longer than this
    answered_at: float = -math.inf  # when the first answer from the present window came
    before: float = -math.inf  # sending time of the last request that is known to be from before it
    latest: float = -math.inf  # sending time of the last request that is known to be from it
    quickest: float = math.inf  # seconds from request to answer
    felt_at: float = -math.inf  # when the last feeler went
    windows_left: int = WINDOWS_TO_FEEL  # that may be spent on feeling
    errors: int = 0

    def same_window(self, sent_at: float) -> None:
        """An answer to what was sent at `sent_at` came from the present window."""
        self.latest = max(self.latest, sent_at)
        self.shortest = max(self.shortest, sent_at - self.began)
        if self.shortest >= self.longest:
            self.forget()

    def next_window(self, sent_at: float, now: float, felt: bool) -> None:
        """An answer came from a new window.

        Args:
            sent_at: When the request went out.
            now: When the answer came.
            felt: Whether requests were kept back to find the edge.
        """
        self.answered_at, last = now, self.before
        self.longest = min(self.longest, self.began - last)
        self.before, self.latest = self.latest, sent_at
        self.windows_left -= felt
        if self.shortest >= self.longest:
            self.forget()

    def timed(self, seconds: float) -> None:
        """A request was answered after so many seconds."""
        self.quickest = min(self.quickest, max(0.0, seconds))

    def forget(self) -> None:
        """Something contradicts what was learned: start again from the present window, a few times."""
        self.shortest, self.longest, self.before = 0.0, math.inf, -math.inf
        self.errors += 1

    @property
    def began(self) -> float:
        """By when the present window had begun, as the sending time of a request that takes no longer than any.

        An answer's time holds the way there and the way back; only what exceeds the quickest is uncertain.
        """
        return self.answered_at - QUICKEST_SHARE * (self.quickest if self.quickest < math.inf else 0.0)

    @property
    def length(self) -> float:
        """Seconds that a window surely does not exceed; infinite if that is not known."""
        if self.longest == math.inf or self.errors >= ERRORS_TO_GIVE_UP:
            return math.inf
        whole = math.floor(self.longest)  # no one sets a limit per 10.4 seconds ...
        return whole if whole > self.shortest else self.longest  # ... unless it is seen

    @property
    def ends(self) -> float:
        """When the present window has surely ended."""
        return self.began + self.length + SAFETY_SECONDS

    def feelers(self, limit: int, resets_at: float) -> list[float]:
        """When requests are to be sent that find the edge, of a window that is reported to end at `resets_at`."""
        earliest, surely = resets_at - DOUBT_SECONDS, min(resets_at + DOUBT_SECONDS, self.ends)
        # Where requests are seconds apart, one lost costs more than the wait that it could save.
        is_worth_it = limit >= max(FEWEST_TO_FEEL, (resets_at - self.began) / DOUBT_SECONDS)
        if not is_worth_it or self.windows_left <= 0 or self._is_found(earliest):
            return []
        if self.began - self.before < PROMPT_SECONDS:
            first = math.ceil(earliest - self.began)
            times = [self.began + SAFETY_SECONDS + first + more for more in range(FEELERS)]
        else:
            step = 2 * DOUBT_SECONDS / (FEELERS + 1)
            times = [earliest + step * (1 + more) for more in range(FEELERS)]
        return [at for at in times if max(self.felt_at, self.answered_at) < at < surely]

    def _is_found(self, earliest: float) -> bool:
        return self.length - 1 <= max(self.shortest, earliest - self.began)
