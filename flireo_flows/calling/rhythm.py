"""When to poll, and how fast to dial: requests are the scarce thing (100 a minute for everything)."""

from dataclasses import dataclass
from typing import Final

LONGEST_PAUSE_SECONDS: Final = 60.0
# One poll for so many calls placed: with webhooks only unanswered calls, which have no report, wait for it.
CALLS_A_POLL: Final = 150
CALLS_A_POLL_WITH_WEBHOOKS: Final = 300
# But it does not wait for longer than this; at full speed so many calls are placed before.
DIALLING_SECONDS: Final = 120.0
DIALLING_WITH_WEBHOOKS_SECONDS: Final = 300.0
# The balance is read again after so many calls, or after so long, if any call was placed meanwhile.
CALLS_A_BALANCE: Final = 500
BALANCE_SECONDS: Final = 300.0
LIMIT_SECONDS: Final = 60.0  # the headers tell how many requests, contract section 3 in how long


@dataclass(slots=True)
class Budget:
    """What collecting may spend: a share of the requests that the key allows. Where no limit is told, there is none.

    A reading is made as a whole and paid for afterwards, so that none is given up half-way.

    Attributes:
        share: Of the key's limit, above 0 and up to 1.
        free_at: When all that was spent is paid for, Unix seconds.
    """

    share: float
    free_at: float = 0.0

    def spent(self, requests: int, limit: int | None, now: float) -> None:
        """Requests were sent.

        Args:
            requests: How many.
            limit: Requests a minute that the key allows; None where nobody told.
            now: Unix seconds.
        """
        if limit:
            self.free_at = max(self.free_at, now) + requests * LIMIT_SECONDS / (self.share * limit)

    def wait(self, now: float) -> float:
        """Seconds until the next reading may be made."""
        return max(0.0, self.free_at - now)


@dataclass(slots=True)
class PollRhythm:
    """When the call list is due to be read again.

    While there are leads to ring, a poll waits until enough calls were placed to be worth it, until the calls at
    once are used up, or for minutes. Afterwards polls come at growing distances.

    Attributes:
        every: Shortest time between two polls, seconds.
    """

    every: float
    last_at: float = 0.0
    placed_before: int = 0
    in_a_row: int = 0

    def is_due(
        self, now: float, *, placed: int, by_webhook: bool, dialling: bool, starved: bool, unknown: bool
    ) -> bool:
        """Whether to poll now.

        Args:
            now: Unix seconds.
            placed: Calls placed so far.
            by_webhook: Whether webhooks are heard, so that most results come by themselves.
            dialling: Whether there are leads to ring.
            starved: Whether dialling waits for a call to end.
            unknown: Whether reading could settle an attempt of which nobody knows whether it rang.
        """
        waited = now - self.last_at
        if waited < self.every:
            return False
        if unknown:
            return True
        if dialling:
            share = CALLS_A_POLL_WITH_WEBHOOKS if by_webhook else CALLS_A_POLL
            patience = self.every * (6.0 if by_webhook else 1.5)
            # A slow campaign has to hear its calls too: who is rung again, who said no, what breaks.
            longest = max(self.every, DIALLING_WITH_WEBHOOKS_SECONDS if by_webhook else DIALLING_SECONDS)
            return placed - self.placed_before >= share or waited >= (patience if starved else longest)
        quiet = self.in_a_row if placed == self.placed_before else 0  # a call placed since is soon over
        pause = self.every * 1.5**quiet * (2.0 if by_webhook else 1.0)
        return waited >= min(max(self.every, LONGEST_PAUSE_SECONDS), pause)

    def polled(self, now: float, *, placed: int, dialling: bool) -> None:
        """A poll was made."""
        self.last_at, self.placed_before = now, placed
        self.in_a_row = 0 if dialling else self.in_a_row + 1


@dataclass(slots=True)
class DialRhythm:
    """Calls a minute, evenly. 0 leaves it to the API's own limit."""

    calls_per_minute: float
    next_at: float = 0.0

    def ready(self, now: float, horizon: float, most: int) -> int:
        """How many calls may be begun now, counting those due within `horizon` seconds."""
        if not self.calls_per_minute:
            return most
        spacing = 60.0 / self.calls_per_minute
        due = int((now + horizon - max(self.next_at, now - horizon)) / spacing)
        return max(0, min(most, due if spacing < horizon else int(now >= self.next_at)))

    def wait(self, now: float) -> float:
        """Seconds until the next call may be begun."""
        return max(0.0, self.next_at - now) if self.calls_per_minute else 0.0

    def began(self, calls: int, now: float) -> None:
        """Calls were begun."""
        if self.calls_per_minute:
            self.next_at = max(self.next_at, now) + calls * 60.0 / self.calls_per_minute


@dataclass(slots=True)
class BalanceRhythm:
    """When the account's balance is due to be read again. The account checks read it before the first call."""

    last_at: float
    placed_before: int = 0

    def is_due(self, now: float, placed: int) -> bool:
        """Whether to read it now.

        Args:
            now: Unix seconds.
            placed: Calls placed so far.
        """
        calls = placed - self.placed_before
        return calls >= CALLS_A_BALANCE or (calls > 0 and now - self.last_at >= BALANCE_SECONDS)

    def read(self, now: float, placed: int) -> None:
        """It was read, or could not be."""
        self.last_at, self.placed_before = now, placed
