"""Run the asynchronous engine from a synchronous Prefect task, whatever loop is running around it."""

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")
TICK_SECONDS: Final = 2.0
GOODBYE_SECONDS: Final = 20.0  # for requests under way when the task is interrupted


def nothing() -> None:
    """Nothing to do between."""


def run_async(work: Callable[[], Coroutine[Any, Any, T]], tick: Callable[[], None] = nothing) -> T:
    """Run `work` to its end in a thread with a loop of its own, in the context of the caller: run and settings.

    An interruption (Ctrl-C, a cancelled run, a worker that stops) cancels the work once and waits until it
    has written down what it was doing.

    Args:
        work: Makes the coroutine.
        tick: Called every two seconds, in this thread.
    """
    result: Future[T] = Future()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []

    async def main() -> T:
        task = asyncio.ensure_future(work())
        running.append((asyncio.get_running_loop(), task))
        return await task

    def run() -> None:
        try:
            result.set_result(asyncio.run(main()))
        except BaseException as error:  # carried to the thread that waits
            result.set_exception(error)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(run,), name="flireo-engine", daemon=True
    )
    thread.start()
    try:
        with _noticing_interrupts() as interrupted:
            while thread.is_alive():
                thread.join(TICK_SECONDS)
                tick()
                if interrupted.is_set():
                    raise KeyboardInterrupt
    except BaseException:
        for loop, task in running:
            loop.call_soon_threadsafe(task.cancel)
        thread.join(GOODBYE_SECONDS)
        raise
    return result.result()


@contextmanager
def _noticing_interrupts() -> Iterator[threading.Event]:
    """Remember Ctrl-C: Python drops a KeyboardInterrupt that it raises inside a finaliser or a callback of C code."""
    noticed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noticed  # only the main thread gets signals
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        noticed.set()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, before)
