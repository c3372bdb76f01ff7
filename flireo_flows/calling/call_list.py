"""Read the list of calls over windows: page by page to the end of each, whatever the server leaves out.

The list is read by the time at which calls were created. One call that stays open for an hour must not make every
reading bring all calls since; so a call that was placed is looked for about the time of its request, and nowhere else.
An attempt whose call may have been placed is looked for from its request to now: that its call is not there is proof
only where nothing was left out.

A window is asked for on the list's own clock, as far as known calls and the `Date` header show it. Where calls that
must be in it are not shown, it is widened step by step, and in the end asked for without dates.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import LARGEST_PAGE, Call, get_call, list_calls
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.pagination import call_pages, walk
from flireo_flows.calling.snapshot import EARLY_SECONDS, LATE_SECONDS, RowClock
from flireo_flows.ledger import Database

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
        unknown: When attempts began whose call may have been placed.
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


LIMIT_SECONDS: Final = 60.0  # the headers show how many requests, contract section 3 in how long


@dataclass(slots=True)
class RequestBudget:
    """What collecting may spend: a share of the requests that the key allows. Where no limit is shown, there is none.

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
            limit: Requests a minute that the key allows; None where no answer showed it.
            now: Unix seconds.
        """
        if limit:
            self.free_at = max(self.free_at, now) + requests * LIMIT_SECONDS / (self.share * limit)

    def wait(self, now: float) -> float:
        """Seconds until the next reading may be made."""
        return max(0.0, self.free_at - now)


# Seconds added to a window at both ends; None: no dates at all.
MARGINS: Final = (0.0, 3600.0, 86_400.0, None)
FIRST_PATIENCE_SECONDS: Final = 30.0
LONGEST_PATIENCE_SECONDS: Final = 600.0
MOST_STEPS: Final = 200  # by time, through a window of a list that ignores offsets
MOST_UNDATED_PAGES: Final = 20  # of a list without dates: newest first, so a window's calls are among them
LONGEST_DOUBT_SECONDS: Final = 86_400.0
NO_MOMENT: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()  # a clock that shows it is broken


@dataclass(slots=True)
class _Walked:
    """What one walk through a part of the list gave.

    Attributes:
        oldest: When the oldest of its calls was created, by the list; None where one does not show it.
        is_cut: Whether there are calls that it did not give.
    """

    ids: set[str] = field(default_factory=set)
    oldest: datetime | None = None
    is_cut: bool = False

    def take(self, calls: Sequence[Call]) -> None:
        self.ids.update(call.id for call in calls)
        created = [call.created_at for call in calls if call.created_at is not None]
        self.oldest = min([*created, *([self.oldest] if self.oldest else [])], default=None)


@dataclass(slots=True)
class CallList:
    """The list of one account, as one client reads it.

    Attributes:
        requests: Sent so far, each counted once however often the client repeated it.
        budget: What each request waits for, but for a minute's worth that may be spent at once; None where
            whoever reads sees to that.
        clock: Of the list's rows.
        margin: Place in `MARGINS`: how far windows are widened.
        is_cut: Whether the last reading gave fewer calls than the list counts: it proves no absence.
        has_total: Whether it gave a total.
        unlisted: Attempts whose calls no reading showed, however wide: no window is widened for them again.
        widens_at: When windows may be widened again, Unix seconds.
        patience: How long after that was in vain.
    """

    client: AsyncFlireoClient
    database: Database
    requests: int = 0
    budget: RequestBudget | None = None
    clock: RowClock = field(default_factory=RowClock)
    margin: int = 0
    is_cut: bool = False
    has_total: bool = False
    unlisted: set[int] = field(default_factory=set)
    widens_at: float = 0.0
    patience: float = FIRST_PATIENCE_SECONDS
    _has_asked_the_time: bool = field(default=False, init=False)

    async def pages(self, windows: Sequence[Window]) -> AsyncIterator[tuple[Call, ...]]:
        """The calls of all windows, each call once.

        Args:
            windows: On the ledger's clock.

        Raises:
            FlireoError: A page cannot be read; then nothing is known of what is not in the pages before it.
        """
        await self._set_clock()
        self.is_cut = False
        given: set[str] = set()
        if MARGINS[self.margin] is None:
            windows = windows[:1]  # one is all there is
        for window in windows:
            async for page in self._pages(window):
                # A server that does not heed the window's ends gives the same calls in each.
                yield tuple(call for call in page if call.id not in given)
                given.update(call.id for call in page)

    async def call(self, call_id: str) -> Call:
        """One call by its id.

        Raises:
            NotFound: Flireo does not know it.
            FlireoError: It cannot be read.
        """
        await self._afford()
        try:
            return await self.client.send(get_call(call_id))
        except errors.NotFound as error:
            if not error.is_foreign:
                raise
            # Whoever answered does not know our calls at all.
            fields = (error.operation, error.route, error.status, error.code, error.text)
            raise errors.UnreadableAnswer(*fields).because(error.cause) from None

    async def _pages(self, window: Window) -> AsyncIterator[tuple[Call, ...]]:
        """Pages of one window, to its end, whatever arrives meanwhile.

        Where the server gives less than there is, as one does that ignores `offset`, the rest is asked for by time:
        what was created up to the oldest call that it gave.
        """
        start, end = self._early(window.start), self._late(window.end)
        seen: set[str] = set()
        widest = 0
        for _ in range(MOST_STEPS):
            walked = _Walked()
            async for rows in self._walk(start, end, walked):
                yield tuple(call for call in rows if call.id not in seen)
            if not walked.is_cut:
                return
            is_new = bool(walked.ids - seen)
            seen |= walked.ids
            if not is_new or walked.oldest is None:
                # Only what is known, and less than the server can give: there is nothing older.
                self.is_cut = not 0 < len(walked.ids) < widest
                return
            widest, end = max(widest, len(walked.ids)), walked.oldest
        self.is_cut = True

    async def _walk(
        self, start: datetime | None, end: datetime | None, walked: "_Walked"
    ) -> AsyncIterator[tuple[Call, ...]]:
        """Pages by their offsets."""
        steps = walk(call_pages("", start, end, LARGEST_PAGE))
        step, promised, pages = next(steps), None, 0
        while step.asks is not None:
            if MARGINS[self.margin] is None and pages == MOST_UNDATED_PAGES:
                self.is_cut = True
                return
            await self._afford()
            page = await self.client.send(step.asks)
            pages += 1
            promised = page.total if promised is None else promised
            self.has_total = promised is not None
            step = steps.send(page)
            walked.take(step.rows)
            yield step.rows
        if page.rows:  # it ends with calls: the total is reached, or the same page comes whatever the offset
            walked.is_cut = promised is None or len(walked.ids) < promised
        else:  # a total that is not reached counted others too, or calls that are gone; but not of an empty list
            walked.is_cut = bool(promised) and not walked.ids

    def widen(self) -> bool:
        """Widen all windows from now on; False where they are as wide as can be."""
        if self.margin + 1 == len(MARGINS):
            return False
        self.margin += 1
        return True

    def give_up(self, margin: int, attempt_ids: Sequence[int], now: float) -> None:
        """No window shows some calls, however wide. They are asked for by id, and not looked for so soon again.

        Args:
            margin: The narrowest that showed as many as any.
            attempt_ids: Of the calls.
            now: Unix seconds.
        """
        self.margin = margin
        self.unlisted.update(attempt_ids)
        self.widens_at = now + self.patience
        self.patience = min(2 * self.patience, LONGEST_PATIENCE_SECONDS)

    @property
    def reach(self) -> tuple[int, float, float]:
        """How far a window reaches: its margin, and how far the list's clock may be behind and ahead."""
        least, most = self.clock.band or (0.0, 0.0)
        return self.margin, min(self.least_skew, least, 0.0), max(self.most_skew, most)

    def reaches_further(self, than: tuple[int, float, float]) -> bool:
        """Whether another reading of the same windows could show calls that one with a shorter reach did not."""
        margin, least, most = self.reach
        return margin > than[0] or least < than[1] - EARLY_SECONDS / 2 or most > than[2] + EARLY_SECONDS / 2

    async def _afford(self) -> None:
        self.requests += 1
        if self.budget is not None:
            await asyncio.sleep(self.budget.wait(self.database.now() + LIMIT_SECONDS))
            self.budget.spent(1, self.client.pacing.limit, self.database.now())

    async def _set_clock(self) -> None:
        """Learn Flireo's clock before the first window is asked for.

        Where it is behind ours, a window from our time on would hide a call that was placed, which would then count
        as not placed. A run that begins with the account checks knows it already.
        """
        if self.client.pacing.skew is None and not self._has_asked_the_time:
            await self._afford()
            await self.client.send(list_calls(limit=1))
            self._has_asked_the_time = True  # a server that does not show it is not asked each time

    def _early(self, moment: float) -> datetime | None:
        """A moment on Flireo's clock, or before it: more calls do no harm, and one less would be called again."""
        margin = MARGINS[self.margin]
        _, least, _ = self.reach
        return None if margin is None else datetime.fromtimestamp(moment + least - margin, UTC)

    def _late(self, moment: float | None) -> datetime | None:
        """A moment on Flireo's clock, or after it; None for no end."""
        margin = MARGINS[self.margin]
        if moment is None or margin is None:
            return None
        there = moment + self.reach[2] + margin
        return datetime.fromtimestamp(there, UTC) if there < NO_MOMENT else None

    @property
    def least_skew(self) -> float:
        """The least that Flireo's clock may be ahead of the ledger's, seconds; below 0 where it is behind.

        Without the one answer that is a day from the others.
        """
        pacing = self.client.pacing
        if pacing.skew is None or pacing.least_skew is None:
            return self._ours(None)
        return self._ours(max(pacing.least_skew, pacing.skew - LONGEST_DOUBT_SECONDS))

    @property
    def most_skew(self) -> float:
        """The most that Flireo's clock may be ahead of the ledger's, seconds; 0 at least."""
        return max(self._ours(self.client.pacing.skew), 0.0)

    def _ours(self, skew: float | None) -> float:
        """A difference to this machine's clock as one to the ledger's."""
        return (skew or 0.0) + self.client.now() - self.database.now()
