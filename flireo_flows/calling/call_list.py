"""Read the list of calls over windows: page by page to the end of each, whatever the server leaves out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import LARGEST_PAGE, Call, get_call, list_calls
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.paging import call_pages, walk
from flireo_flows.calling.ledger import Database
from flireo_flows.calling.rhythm import LIMIT_SECONDS, Budget
from flireo_flows.calling.windows import Window

LONGEST_DOUBT_SECONDS: Final = 86_400.0
NO_MOMENT: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()  # a clock that says so is broken


@dataclass(slots=True)
class CallList:
    """The list of one account, as one client reads it.

    Attributes:
        requests: Sent so far, each counted once however often the client repeated it.
        budget: What each request waits for, but for a minute's worth that may be spent at once; None where
            whoever reads sees to that.
    """

    client: AsyncFlireoClient
    database: Database
    requests: int = 0
    budget: Budget | None = None
    _has_asked_the_time: bool = field(default=False, init=False)

    async def pages(self, windows: Sequence[Window]) -> AsyncIterator[tuple[Call, ...]]:
        """The calls of all windows, each call once.

        Args:
            windows: On the ledger's clock.

        Raises:
            FlireoError: A page cannot be read; then nothing is known of what is not in the pages before it.
        """
        await self._set_clock()
        given: set[str] = set()
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
            told = (error.operation, error.route, error.status, error.code, error.text)
            raise errors.UnreadableAnswer(*told).because(error.cause) from None

    async def _pages(self, window: Window) -> AsyncIterator[tuple[Call, ...]]:
        """Pages of one window, to its end, whatever arrives meanwhile.

        Raises:
            UnreadableAnswer: The server gives the same page whatever is asked for, and says that there are more
                calls. What is not given would count as not placed, and be rung again.
        """
        end = self._late(window.end) if window.end is not None else None
        asks = call_pages("", self._early(window.start), end, LARGEST_PAGE)
        steps = walk(asks)
        step, promised, given, is_at_end = next(steps), None, 0, False
        while step.asks is not None:
            await self._afford()
            page = await self.client.send(step.asks)
            promised = page.total if promised is None else promised
            is_at_end = not page.rows  # then the total counted others too, or calls that are gone
            step = steps.send(page)
            given += len(step.rows)
            yield step.rows
        if promised is not None and given < promised and not is_at_end:
            first = asks(0)
            text = f"the list has {promised} calls and gives {given}"
            raise errors.UnreadableAnswer(first.name, first.route, text=text)

    async def _afford(self) -> None:
        self.requests += 1
        if self.budget is not None:
            await asyncio.sleep(self.budget.wait(self.database.now() + LIMIT_SECONDS))
            self.budget.spent(1, self.client.pacing.limit, self.database.now())

    async def _set_clock(self) -> None:
        """Learn Flireo's clock before the first window is asked for.

        Where it is behind ours, a window from our time on would hide a call that rang, which would then count
        as not placed. A run that begins with the account checks knows it already.
        """
        if self.client.pacing.skew is None and not self._has_asked_the_time:
            await self._afford()
            await self.client.send(list_calls(limit=1))
            self._has_asked_the_time = True  # a server that does not tell is not asked each time

    def _early(self, moment: float) -> datetime:
        """A moment on Flireo's clock, or before it: more calls do no harm, and one less would be rung again."""
        return datetime.fromtimestamp(moment + min(self.least_skew, 0.0), UTC)

    def _late(self, moment: float) -> datetime | None:
        """A moment on Flireo's clock, or after it; None for no end."""
        there = moment + self.most_skew
        return datetime.fromtimestamp(there, UTC) if there < NO_MOMENT else None

    @property
    def least_skew(self) -> float:
        """The least that Flireo's clock may be ahead of the ledger's, seconds; below 0 where it is behind.

        Not what one answer told that is a day from the others.
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
