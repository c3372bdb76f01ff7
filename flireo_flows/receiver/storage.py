"""Write what came in groups: deliveries that arrive together share one commit, and none is answered before it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from flireo_flows.ledger import Database, Delivered, Inbox, LedgerError
from flireo_flows.ledger.errors import is_outage
from flireo_flows.ledger.inbox import Delivery

GROUP: Final = 200  # deliveries that are written in one transaction
SPACING_SECONDS: Final = 0.01  # from the beginning of one transaction to that of the next, at the least
MOST_WAITING: Final = 10_000  # deliveries; more are refused at once, for memory is not endless
_log: Final = logging.getLogger("flireo_flows.receiver")


class NotStoredError(Exception):
    """What came is not known to be on the disk. It is to be answered 503, never 2xx."""


class Storage:
    """The ledger of a receiver, opened when it is first needed.

    Nothing of it belongs to a request: one that is given up, or whose sender is gone, takes no other
    delivery with it, and its own is written all the same.
    """

    def __init__(self, ledger_url: str, seconds: float, on_write: Callable[[float], None]) -> None:
        """Write to a ledger.

        Args:
            ledger_url: See `Database.open`.
            seconds: How long a delivery waits to be written before it counts as not stored.
            on_write: Receives the seconds that each transaction took.
        """
        self.seconds = seconds
        self._url, self._patience, self._on_write = ledger_url, SharedTimeout(seconds), on_write
        self._opening: asyncio.Task[Database] | None = None
        self._opened: Database | None = None
        self._held: AsyncGenerator[Database] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._wrote_at = 0.0
        self._is_failing = False
        self._queue: deque[tuple[Delivery, asyncio.Future[Delivered]]] = deque()

    async def database(self) -> Database:
        """The open ledger. Whoever asks at the same time shares one opening, and its failure.

        Raises:
            LedgerError: It cannot be opened; the next who asks tries again.
        """
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.create_task(self._open())
        if not opening.done():
            await asyncio.wait([opening])
        if opening.cancelled() or opening.exception() is not None:
            self._opening = None if self._opening is opening else self._opening
        return opening.result()

    @property
    def is_open(self) -> bool:
        """Whether the ledger is open: then nothing is waited for before a delivery is in the queue."""
        return self._opened is not None

    async def now(self, within: float | None = None) -> float:
        """The ledger's clock, Unix seconds.

        Args:
            within: How long to wait until it is open, seconds; by default as long as a delivery waits.

        Raises:
            NotStoredError: It cannot be opened, or not in time.
        """
        if self._opened is not None:
            return self._opened.now()
        try:
            async with asyncio.timeout(self._patience.seconds if within is None else within):
                return (await self.database()).now()
        except (LedgerError, TimeoutError) as error:
            _log.warning("the ledger cannot be opened: %s", type(error).__name__)
            raise NotStoredError from None

    async def store(self, delivery: Delivery, within: float | None = None) -> Delivered:
        """Keep a delivery. It is on the disk when this returns.

        Args:
            within: How long to wait for it, seconds, if that is less than a delivery waits anyway.

        Raises:
            NotStoredError: It may not be.
        """
        try:
            return await self._stored(delivery, within)
        except NotStoredError:
            self._is_failing = True
            raise

    async def check(self) -> None:
        """Whether deliveries can be stored: if the last one could not, by writing something that changes nothing.

        Raises:
            LedgerError: They cannot.
        """
        database = await self.database()
        if self._is_failing:
            await Inbox(database).try_writing()
            self._is_failing = False

    async def _stored(self, delivery: Delivery, within: float | None) -> Delivered:
        if len(self._queue) >= MOST_WAITING:
            raise NotStoredError
        future: asyncio.Future[Delivered] = asyncio.get_running_loop().create_future()
        self._queue.append((delivery, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        self._patience.watch(future)
        # The patience that all share is enough: a timer of its own costs as much as its row.
        if within is None:
            return await future
        try:
            async with asyncio.timeout(within):
                return await future
        except TimeoutError:
            raise NotStoredError from None

    async def close(self, seconds: float) -> None:
        """Write what is queued, for so long at most, and close the ledger. It opens again if it is needed."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=seconds)
        opening, self._opening, self._opened = self._opening, None, None
        if opening is not None:
            await asyncio.wait([opening], timeout=seconds)
        if self._held is not None:
            await self._held.aclose()

    async def _open(self) -> Database:
        # Held by a generator: the loop closes those that are left when it ends. So it is closed also where
        # the server does not report its stop, as in an app that is mounted in another one.
        self._held = _hold(self._url)
        self._opened = await anext(self._held)
        return self._opened

    async def _write(self) -> None:
        try:
            while self._queue:
                await self._keep_distance()
                group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
                await self._write_group(group)
        finally:
            # Nothing is awaited between the last look at the queue and here, so no delivery is left waiting.
            self._writer = None

    async def _keep_distance(self) -> None:
        """A transaction costs about the same for one delivery as for ten; so those of a few milliseconds share it."""
        loop = asyncio.get_running_loop()
        wait = self._wrote_at + SPACING_SECONDS - loop.time()
        if wait > 0 and len(self._queue) < GROUP:
            await asyncio.sleep(wait)
        self._wrote_at = loop.time()

    async def _write_group(self, group: list[tuple[Delivery, asyncio.Future[Delivered]]]) -> None:
        began = time.perf_counter()
        try:
            inbox = Inbox(await self.database())
            entry = await inbox.store_all([delivery for delivery, _ in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, LedgerError) and not is_outage(error):
                # The database refused one of them, or two processes met: the others are not to pay for it.
                for one in group:
                    await self._write_group([one])
                return
            _log.warning("not stored: %s", type(error).__name__, extra={"count": len(group)})
            for _, future in group:
                if not future.done():
                    future.set_exception(NotStoredError())
            return
        self._is_failing = False
        self._on_write(time.perf_counter() - began)
        for (_, future), delivered in zip(group, entry, strict=True):
            if not future.done():
                future.set_result(delivered)


async def _hold(url: str) -> AsyncGenerator[Database]:
    async with await Database.open(url) as database:
        yield database


class SharedTimeout:
    """Gives up on whatever takes longer than so long: one timer for all, for it is set for each delivery."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._watched: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, future: "asyncio.Future[Any]") -> None:
        """Have a future fail with `NotStoredError` if it is not done by then."""
        loop = asyncio.get_running_loop()
        self._watched.append((loop.time() + self.seconds, future))
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watched and (self._watched[0][1].done() or self._watched[0][0] <= loop.time()):
            _, future = self._watched.popleft()
            if not future.done():
                future.set_exception(NotStoredError())
        waits = self._watched[0][0] - loop.time() if self._watched else None
        self._timer = loop.call_later(max(0.0, waits), self._look) if waits is not None else None
