"""What other clients take of the same key, as far as our own answers show.

Runners that share a key know nothing of each other. But each answer reports how many requests are left, and what is
gone beyond our own was taken by others. So all can plan for the sum, and leave each other a share.

Near the end of what is left, an estimate is not enough: two that both send the last request are one too many.
There the server itself has decided between them. No two answers of a window report the same number left, so one
client alone came first. To it belong the last few requests (`keeps`); all others stop before.
It knows that they do, so it can use the rest to the last request, and find the window's end with them. By that
it mostly comes first in the next window too.

Times are Unix seconds of the caller's clock; nothing in here reads a clock.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

MEMORY: Final = 0.9  # what an earlier request still counts for the rate after each further one
FEWEST_KEPT: Final = 2  # requests of a window that go to one client alone ...
MOST_KEPT: Final = 20  # ... up to so many
KEPT_SHARE: Final = 0.05  # of the limit
SURE_SHARE: Final = 0.5  # of a key, ours whatever others take: as two do that are alike
GROWTH: Final = 1.25  # of our share, from what it is, where it is less than that
LEAST_SHARE: Final = 0.1  # to begin with, where others take all
WINDOWS_REMEMBERED: Final = 2  # that others stay silent until they count as gone


@dataclass(slots=True)
class OtherClients:
    """The use of one key by everyone else.

    Attributes:
        came_first: Whether ours was the first request of this window.
        keeps: So many last requests belong to who came first.
        taken: Requests that others took in this window, since our first answer from it. Never too many.
        sent: Our own meanwhile.
    """

    came_first: bool = False
    keeps: int = 0
    taken: int = 0
    sent: int = 0
    _limit: int = 0  # requests a window
    _is_joined: bool = False  # the window had begun before we came
    _base: int = 0  # requests left when the count began
    _least: int = 0  # left, as last reported
    _reported_at: float = 0.0  # when the request went whose answer reported it
    _low_at: float = math.inf  # when an answer reported that no more are left than one client has to itself
    _is_settled: bool = False  # and then, that no other client has any under way
    _quiet: int = WINDOWS_REMEMBERED  # windows since others took anything
    _sends: list[float] = field(default_factory=list)  # when ours went, in this window
    _seen: int = 0  # what others took in this window, more or less
    _seconds: float = 0.0  # of the last few requests ...
    _recent: float = 0.0  # ... and how many others took in them
    _answer_seconds: float = 0.0  # that an answer took lately, at most

    @property
    def are_there(self) -> bool:
        """Whether another client used the key lately."""
        return self.taken > 0 or self._quiet < WINDOWS_REMEMBERED

    @property
    def at_once(self) -> float:
        """Requests of ours that may be under way together: others cannot see them, nor we theirs.

        It is not known yet who else is there in a window that had begun before we came.
        """
        return self.keeps if self.are_there or self._is_joined else math.inf

    @property
    def rate(self) -> float:
        """Requests a second that others take at present."""
        return self._recent / self._seconds if self._seconds > 0 else 0.0

    def begin(self, limit: int, left: int, sent: int, at: float, is_joined: bool, seconds: float) -> None:
        """An answer came from a window that is new to us.

        Args:
            limit: Requests a window.
            left: Requests left, as it reports.
            sent: Our own that may be counted in it already.
            at: When its request went.
            is_joined: Whether it had begun before we came, so that others may have taken from it before.
            seconds: Until it is reported to end.
        """
        # Others that hurried to use up the window before spread this one too. Taken to hurry on, they would be left
        # all of it, also by each other.
        if self.rate * seconds > limit:
            self._recent = limit / seconds * self._seconds
        self._quiet = 0 if self.taken else self._quiet + 1
        self._limit, self._base = limit, left + 1 if is_joined else limit
        self._least = self._base
        self._is_joined = is_joined
        self.came_first, self.taken, self.sent, self._reported_at = False, 0, sent, at
        self._seen, self._sends = 0, [at] * sent
        self._low_at, self._is_settled = math.inf, False

    def went(self, now: float) -> None:
        """One of ours goes out."""
        self.sent += 1
        self._sends.append(now)

    def received(self, limit: int, left: int, at: float, now: float) -> None:
        """An answer came from the present window.

        Args:
            limit: Requests a window, as it reports.
            left: Requests left, as it reports.
            at: When its request went: the others had taken so much by then at least.
            now: When it came.
        """
        self._answer_seconds = max(now - at, MEMORY * self._answer_seconds)
        self.came_first = self.came_first or left == limit - 1
        self.keeps = min(MOST_KEPT, max(FEWEST_KEPT, int(limit * KEPT_SHARE)))
        if left <= self.keeps:
            self._low_at = min(self._low_at, now)
            self._is_settled = self.came_first and at >= self._low_at
        if limit != self._limit:
            self._base += limit - self._limit
            self._limit, self._least = limit, left
        elif left >= self._least:
            return
        # What is on its way may not be counted yet; so this is never too many, and grows as answers come.
        self.taken = max(self.taken, self._base - left - self.sent)
        seen = max(self._seen, self._base - left - bisect_right(self._sends, at))
        fades = MEMORY ** (self._least - left)
        self._seconds = fades * self._seconds + max(0.0, at - self._reported_at)
        self._recent = fades * self._recent + seen - self._seen
        self._seen, self._least, self._reported_at = seen, left, max(at, self._reported_at)

    @property
    def have_stopped(self) -> bool:
        """Whether what is left is ours alone."""
        return not self.are_there or (self.came_first and self._least <= self.keeps)

    def meanwhile(self, now: float) -> float:
        """Requests that others have probably taken since the last report."""
        return 0.0 if self.have_stopped else self._under_way(now)

    def reserve(self, now: float) -> int:
        """Requests that we must leave to others."""
        if not self.are_there or self._is_settled:
            return 0
        if self.came_first:  # one is always ours: its answer shows it
            return max(0, min(math.ceil(self._under_way(now)), self._least - 1))
        if self._least <= self.keeps:
            return self._least
        return math.ceil(self._under_way(now) + self.keeps / 2)

    def share(self, needed: float) -> float:
        """The part that is ours, of a rate at which all together use up what is left.

        Where everyone takes what the others leave, any division lasts; so we also do not let ourselves be
        driven out. If all together take too much at first, what is left makes all go slower.

        Args:
            needed: That rate, requests a second.
        """
        if self.have_stopped or needed <= 0:
            return 1.0
        ours = self.sent / (self.sent + self.taken) if self.sent else 0.0
        return max(1 - self.rate / needed, min(SURE_SHARE, max(LEAST_SHARE, GROWTH * ours)))

    def _under_way(self, now: float) -> float:
        """What others send from the last report until now, if they go on as before."""
        seconds = max(0.0, now - self._reported_at)
        # Once only those are left which are ours alone, what they had sent before arrives, and no more.
        is_low = self.came_first and self._least <= self.keeps
        return self.rate * (min(seconds, self._answer_seconds) if is_low else seconds)
