"""Read the list of calls over windows: page by page to the end of each, whatever the server leaves out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flireo_flows.api.calls import LARGEST_PAGE, Call, CallPage, get_call, list_calls
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.ledger import Database
from flireo_flows.calling.rhythm import LIMIT_SECONDS, Budget
from flireo_flows.calling.windows import Window


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
        return await self.client.send(get_call(call_id))

    async def _pages(self, window: Window) -> AsyncIterator[tuple[Call, ...]]:
        """Pages of one window, until it ends or the server stops giving new ones."""
        start = self._theirs(window.start)
        end = self._theirs(window.end) if window.end is not None else None
        seen: set[str] = set()  # of this window: what another one gave says nothing about this one's end
        offset = 0
        while True:
            page = await self._ask(LARGEST_PAGE, offset, start, end)
            fresh = tuple(call for call in page.calls if call.id not in seen)
            yield fresh
            seen.update(call.id for call in fresh)
            offset += len(page.calls)
            # A server may clamp the page, leave out the total, or ignore the offset (contract section 4). So a
            # short page is no end: what is not on it would count as not placed, and be rung again.
            if not fresh or (page.total is not None and offset >= page.total):
                return

    async def _ask(
        self, limit: int, offset: int = 0, start: datetime | None = None, end: datetime | None = None
    ) -> CallPage:
        await self._afford()
        return await self.client.send(list_calls(limit=limit, offset=offset, start_date=start, end_date=end))

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
            await self._ask(1)
            self._has_asked_the_time = True  # a server that does not tell is not asked each time

    def _theirs(self, moment: float) -> datetime:
        return datetime.fromtimestamp(moment + self.skew, UTC)

    @property
    def skew(self) -> float:
        """Flireo's clock minus the ledger's, seconds."""
        return (self.client.pacing.skew or 0.0) + self.client.now() - self.database.now()
