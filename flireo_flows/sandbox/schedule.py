"""What is to happen later, in one task: thousands of calls wait here for the price of a heap entry each."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count

from flireo_flows.sandbox.clock import Clock

_BATCH = 200  # actions in a row before requests get their turn: about a millisecond of work


class Schedule:
    """Actions by the moment they are due, on the scaled clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()  # breaks ties: actions of one moment happen in the order they were set
        self._earlier = asyncio.Event()

    def after(self, simulated_seconds: float, action: Callable[[], None]) -> None:
        """Do something after so many simulated seconds."""
        due = self._clock.steady() + self._clock.real_seconds(simulated_seconds)
        if not self._heap or due < self._heap[0][0]:
            self._earlier.set()
        heappush(self._heap, (due, next(self._number), action))

    def clear(self) -> None:
        """Forget all of it."""
        self._heap.clear()

    async def run(self) -> None:
        """Do what is due, for ever."""
        while True:
            self._earlier.clear()
            wait = self._do_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._earlier.wait()

    def _do_due(self) -> float | None:
        """Do one batch; the answer is how many real seconds to sleep, None while nothing waits."""
        for _ in range(_BATCH):
            if not self._heap:
                return None
            wait = self._heap[0][0] - self._clock.steady()
            if wait > 0:
                return wait
            heappop(self._heap)[2]()
        return 0
