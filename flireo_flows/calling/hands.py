"""The connections that ring: each takes a committed attempt, sends its one request, lays down the answer."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from flireo_flows.calling.dialer import Dialer
from flireo_flows.ledger import Answer, Attempt
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import AttemptEvent

CONNECTIONS: Final = 16  # at 100 requests a minute two would do; a fast server is never left idle
RESERVE_SECONDS: Final = 0.25
GOODBYE_SECONDS: Final = 10.0  # for requests under way when a run is stopped


class Hands:
    """Rings attempts concurrently for one dialer. Attempts given are committed already."""

    def __init__(self, dialer: Dialer) -> None:
        self.dialer = dialer
        self.news = asyncio.Event()
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._answers: list[Answer] = []
        self._ringing = 0
        self._seconds = RESERVE_SECONDS  # that a request takes, a moving average
        self.tasks = [asyncio.create_task(self._ring()) for _ in range(CONNECTIONS)]

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way or an answer not yet taken."""
        return bool(self._ringing or self._queue.qsize() or self._answers)

    @property
    def room(self) -> int:
        """How many attempts may be given: one under way for each connection, and the reserve."""
        return CONNECTIONS + self.reserve - self._ringing - self._queue.qsize()

    @property
    def reserve(self) -> int:
        """Attempts to have ready: about as many as the connections take up in a quarter of a second."""
        return min(16 * CONNECTIONS, max(CONNECTIONS, int(CONNECTIONS * RESERVE_SECONDS / self._seconds)))

    @property
    def unsent(self) -> int:
        """Attempts that were given and whose request has not gone out."""
        on_the_way = min(self._ringing, self.dialer.client.pacing.in_flight)
        return self._queue.qsize() + self._ringing - on_the_way

    def give(self, attempts: list[Attempt]) -> None:
        """Have attempts rung."""
        for attempt in attempts:
            self._queue.put_nowait(attempt)

    def take(self) -> list[Answer]:
        """The answers since the last time."""
        answers, self._answers = self._answers, []
        return answers

    def give_back_answers(self, answers: list[Answer]) -> None:
        """They were taken, and perhaps not written: the next to take has them again."""
        self._answers = answers + self._answers

    async def wait(self, seconds: float) -> None:
        """Until an answer came, but no longer than `seconds`."""
        if not self._answers:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), seconds)
        self.news.clear()

    def hold(self, why: str) -> None:
        """Give back what was not sent yet, and send nothing while there is a reason; an empty one lets go."""
        self.dialer.held_by = why
        if why:
            self._give_back(why)

    async def stop(self) -> list[Answer]:
        """Send nothing new, let requests under way be answered. Returns the answers."""
        self.dialer.is_closing = True
        self._give_back(self.dialer.silent_for)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), GOODBYE_SECONDS)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return self.take()

    async def _ring(self) -> None:
        while True:
            attempt = await self._queue.get()
            self._ringing += 1
            began = time.monotonic()
            answer = Answer(attempt, AttemptEvent.LOST, reason=Reason.RUN_STOPPED)
            try:
                answer = await self.dialer.ring(attempt)
            finally:
                self._answers.append(answer)  # not before: `take` may have put another list there
                self._seconds = 0.9 * self._seconds + 0.1 * (time.monotonic() - began)
                self._ringing -= 1
                self._queue.task_done()
                self.news.set()

    def _give_back(self, why: str) -> None:
        while not self._queue.empty():
            self._answers.append(self.dialer.given_back(self._queue.get_nowait(), why))
            self._queue.task_done()
