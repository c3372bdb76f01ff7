"""When the next request may go, from the X-RateLimit headers.

The wall is a number of requests in a window (100 a minute by default, contract section 3), per API key. We
spread what is left over what is left of the window, so that nothing is ever sent that would be answered 429
and nothing stalls. Numbers are never typed in here: no headers, no limit.

How long a window is shows in when its answers changed. X-RateLimit-Reset is whole seconds, rounded up by one server and
down by another, so the true end of a window is only known to within a second each way. Where windows follow one another
by the clock that costs nothing. Where a window begins with the first request after the last one's end, each second of
doubt is a second idle. Two facts hold for both kinds, whoever else uses the key. A window that began after the request
X and by the request F is over by F + length. And its length is less than the time from X to the first request of the
next window, and more than the time from F to any later request that was still counted in it. A few requests kept back
for the doubtful seconds (feelers) bring those bounds so close that one whole number is left.

Times are Unix seconds of the caller's clock; nothing in here reads a clock.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from flireo_flows.api.rate_sharing import OtherClients

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


PROBE_SECONDS: Final = 0.02  # how often to look whether the one request in the dark was answered
PROBE_PATIENCE_SECONDS: Final = 5.0  # then another one may go
ANSWER_SECONDS: Final = 0.05  # how often to look whether an answer left more room than expected
UNSPACED_SECONDS: Final = 0.005  # a limit above 200 a second needs no spreading
MANY: Final = 1_000_000
LONGEST_SECONDS: Final = 86_400.0  # a larger header value is wrong, or in another unit


@dataclass(slots=True)
class RateLimit:
    """The rate limit of one API key as its answers describe it. Shared by all requests of a client."""

    limit: int | None = None  # requests a window; None until an answer reports it
    remaining: int = 0  # as last reported
    resets_at: float = 0.0  # end of the window, our clock
    in_flight: int = 0
    spread_at: float = 0.0  # when the last of the requests that are spread went
    next_slot: float = 0.0
    blocked_until: float = 0.0  # Retry-After
    probed_at: float = 0.0
    answered: bool = False  # whether any answer came
    skew: float | None = None  # server's clock minus ours
    least_skew: float | None = None  # the least that was reported: gateways differ, and clocks are set
    last_skew: float | None = None  # by the newest answer with a Date
    window: RateWindow = field(default_factory=RateWindow)
    others: OtherClients = field(default_factory=OtherClients)

    def wait(self, now: float) -> float:
        """Seconds until a request may go; 0 when one may go now."""
        if now < self.blocked_until:
            return self.blocked_until - now
        if self._is_unlimited:
            return 0.0
        if self._in_the_dark(now):
            probing = self.in_flight > 0 and now - self.probed_at < PROBE_PATIENCE_SECONDS
            return PROBE_SECONDS if probing else 0.0
        if self._available(now) <= 0:
            until_next = self._ends - now
            # What is on its way may be in `remaining` already: its answer may leave room, so do not sleep on.
            is_open = self.remaining > 0 and self.in_flight > 0
            return min(ANSWER_SECONDS, until_next) if is_open else until_next
        if self.in_flight >= self.others.at_once:
            return ANSWER_SECONDS
        next_at = self.next_slot if self._spreadable(now) > 0 else self._feelers[0]
        wait = max(0.0, next_at - now)
        # An answer that is on its way may show that others took less than was planned for.
        return min(ANSWER_SECONDS, wait) if self.in_flight and self.others.are_there else wait

    def ready(self, now: float, horizon: float) -> int:
        """How many requests may go within `horizon` seconds from now."""
        wait = self.wait(now)
        if wait > horizon:
            return 0
        if self._is_unlimited:
            return MANY
        if self._in_the_dark(now):
            return 1
        spreadable = self._spreadable(now)
        if spreadable <= 0:
            return int(self._available(now) > 0)  # a feeler
        spacing = self._spacing(now)
        within = spreadable if spacing == 0 else 1 + int((horizon - wait) / spacing)
        return max(0, min(within, spreadable))

    def sent(self, now: float) -> None:
        """A request goes out now."""
        if self._in_the_dark(now):
            self.probed_at = now
        elif self._spreadable(now) <= 0:
            self.window.felt_at = now
        else:
            self.spread_at, self.next_slot = now, now + self._spacing(now)
        self.in_flight += 1
        if self.limit is not None:
            self.others.went(now)

    def received(self, headers: Mapping[str, str], status: int, sent_at: float, now: float) -> None:
        """An answer came.

        Args:
            headers: Its headers, names in lower case.
            status: Its HTTP status.
            sent_at: When its request went out.
            now: When it came.
        """
        self.answered = True
        self.window.timed(now - sent_at)
        self._learn_skew(headers.get("date"), now)
        limit, remaining, reset = (number(headers.get(f"x-ratelimit-{name}")) for name in NAMES)
        resets_at = (reset or 0.0) - (self.skew or 0.0)
        if limit is None or remaining is None or reset is None or resets_at > now + LONGEST_SECONDS:
            self.remaining -= 1  # a gateway's answer: the request may have been counted all the same
        else:
            self._learn(int(limit), int(remaining), resets_at, sent_at, now)
        self.in_flight -= 1
        if status == 429:
            self.window.forget()
            self.blocked_until = max(
                self.blocked_until, now + (retry_after(headers) or self._until_reset(now))
            )

    def lost(self, left: bool) -> None:
        """A request ended without an answer. If it left us, it may have been counted."""
        self.in_flight -= 1
        self.remaining -= left

    @property
    def _is_unlimited(self) -> bool:
        return self.answered and self.limit is None

    def _available(self, now: float) -> int:
        return self.remaining - self.in_flight - self.others.reserve(now)

    @property
    def _feelers(self) -> list[float]:
        """When the requests go that are kept back to find the window's end."""
        if self.skew is None or self.limit is None:
            return []  # the clocks may differ, so the end is not known to a second
        if self.others.are_there and not self.others.came_first:
            return []  # what is kept back would not stay free
        return self.window.feelers(self.limit, self.resets_at)

    def _spreadable(self, now: float) -> int:
        return self._available(now) - len(self._feelers)

    @property
    def _ends(self) -> float:
        """When the window has surely ended."""
        return min(self.resets_at + DOUBT_SECONDS, self.window.ends)

    def _in_the_dark(self, now: float) -> bool:
        """Nothing is known of the present window: one request goes ahead, and its answer shows it."""
        return self.limit is None or now >= self._ends

    def _spacing(self, now: float) -> float:
        """Seconds between requests that use up what is left just before the window ends."""
        left = min(self.resets_at, self.window.ends) - DOUBT_SECONDS - now
        # The last goes right before the first feeler: the less between them, the better the edge is known.
        free = self._spreadable(now) + self.others.reserve(now) - self.others.meanwhile(now)
        spacing = left / max(1.0, free - bool(self._feelers))
        if spacing <= UNSPACED_SECONDS:
            return 0.0
        return spacing / self.others.share(1 / spacing)

    def _until_reset(self, now: float) -> float:
        return max(DOUBT_SECONDS, self.resets_at + DOUBT_SECONDS - now)

    def _learn(self, limit: int, remaining: int, resets_at: float, sent_at: float, now: float) -> None:
        """Take the newest window; within one window answers overtake each other, so the least is true."""
        if self.limit is not None and resets_at < self.resets_at - DOUBT_SECONDS:
            return  # an answer from the window before, overtaken
        same_window = self.limit is not None and resets_at <= self.resets_at + DOUBT_SECONDS / 2
        if same_window:
            self.window.same_window(sent_at)
            self.remaining = min(self.remaining, remaining) if limit == self.limit else remaining
            self.resets_at = min(self.resets_at, resets_at)
        else:
            is_joined = self.limit is None
            self.others.begin(limit, remaining, self.in_flight, sent_at, is_joined, resets_at - now)
            # Kept back is spent, also where its moment passed while an answer was waited for.
            felt = self.window.felt_at > self.window.answered_at or bool(self._feelers)
            self.window.next_window(sent_at, now, felt)
            self.remaining, self.resets_at, self.next_slot = remaining, resets_at, 0.0
        self.others.received(limit, remaining, sent_at, now)
        self.limit = limit
        if self.others.are_there:  # and perhaps took less than was planned for when the next was put off
            self.next_slot = min(self.next_slot, self.spread_at + self._spacing(now))

    def _learn_skew(self, date: str | None, now: float) -> None:
        """Date is cut to whole seconds, so the largest difference seen is the nearest to the truth."""
        reported = http_date(date) if date else None
        if reported is not None:
            skew = self.last_skew = reported - now
            self.skew = skew if self.skew is None else max(self.skew, skew)
            self.least_skew = skew if self.least_skew is None else min(self.least_skew, skew)


NAMES: Final = ("limit", "remaining", "reset")


def number(text: str | None) -> float | None:
    """A header's figure; None when there is none or it is not one."""
    try:
        figure = float(text) if text is not None else None
    except ValueError:
        return None
    return figure if figure is not None and math.isfinite(figure) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header; None without one. It promises seconds (contract section 3)."""
    reported = number(headers.get("retry-after"))
    return min(max(0.0, reported), LONGEST_SECONDS) if reported is not None else None


@lru_cache(maxsize=8)  # the same second comes many times
def http_date(text: str) -> float | None:
    """A Date header as Unix seconds; None when it cannot be read."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
