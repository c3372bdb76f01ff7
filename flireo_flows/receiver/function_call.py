"""Calls of functions of the user's own, sync or async, within a time: who is too slow is cut off."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

# Sync functions that run at the same time; one that hangs is one of them until it returns.
THREADS: Final = 40
BUSY_SECONDS: Final = 1.0  # how long a call waits for one of them to be free
_log: Final = logging.getLogger("flireo_flows.receiver")
_left_alone: Final[set[asyncio.Task[Any]]] = set()  # the loop itself holds its tasks only weakly


class TooSlowError(Exception):
    """The function did not answer in time. An async one is cancelled; a thread can only be left alone."""


class TooBusyError(Exception):
    """The function was not called: all threads have sync functions in them that did not return yet."""


class ProcessExitError(Exception):
    """The function wanted to end the whole process, as `sys.exit()` does. It ended itself only."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function. What goes in and what comes out are the function's own matter, where it runs.

    Attributes:
        function: Called in a thread unless it is async.
        read: Its positional and its named arguments; they may be checked by code of the user's own.
        write: Makes what is sent of what it gives, which may be lazy, such as rows of a query.
    """

    function: Callable[..., Any]
    read: Callable[[], tuple[tuple[Any, ...], Mapping[str, Any]]]
    write: Callable[[Any], Any]


async def call_within(seconds: float, call: FunctionCall) -> Any:
    """What is to be sent of what a function gives.

    Args:
        seconds: How long to wait, for all of it.
        call: Of which function, with what.

    Raises:
        TooSlowError: It took longer.
        TooBusyError: It was not called.
        ProcessExitError: It wanted to end the process.
        Exception: Whatever it raises.
    """
    task = asyncio.ensure_future(_run(call))
    # Not `wait_for`: a function that holds on although it is cancelled must not hold up the answer.
    try:
        await asyncio.wait([task], timeout=max(0.0, seconds))
    finally:
        if not task.done():
            _let_go(task)
    if not task.done():
        raise TooSlowError
    if task.cancelled():
        raise TooSlowError from None
    return task.result()


def is_async(function: Callable[..., Any]) -> bool:
    """Whether it is to be awaited in the server's own loop."""
    call = getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__ is one too
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


async def _run(call: FunctionCall) -> Any:
    try:
        given = _begun(call) if is_async(call.function) else await _in_thread(lambda: _begun(call))
        return call.write(await given) if inspect.isawaitable(given) else given
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        # The loop would end by it, and the server with it.
        raise ProcessExitError(type(error).__name__).with_traceback(error.__traceback__) from None


def _begun(call: FunctionCall) -> Any:
    """What is to be sent; of what is still to be awaited, that."""
    positional, named = call.read()
    given = call.function(*positional, **named)
    return given if inspect.isawaitable(given) else call.write(given)


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Do something in a thread of its own, which does not keep the process from ending."""
    free, loop = _free_threads(), asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def run() -> None:
        ended = _ended(work)
        with suppress(RuntimeError):  # the loop is closed: no one waits any more
            loop.call_soon_threadsafe(_hand_over, free, done, ended)

    try:
        async with asyncio.timeout(BUSY_SECONDS):
            await free.acquire()
    except TimeoutError:
        raise TooBusyError from None
    try:
        # A daemon: one that hangs for ever must not hold up the end of the server.
        threading.Thread(target=copy_context().run, args=(run,), name="flireo-function", daemon=True).start()
    except RuntimeError:  # the system has no more of them
        free.release()
        raise TooBusyError from None
    given, error = await done
    if error is not None:
        raise error
    return given


def _ended(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        return None, error


def _hand_over(
    free: asyncio.Semaphore,
    done: "asyncio.Future[tuple[Any, BaseException | None]]",
    ended: tuple[Any, BaseException | None],
) -> None:
    """Only now is the thread free again, whether or not anyone still waited for it."""
    free.release()
    if not done.done():
        done.set_result(ended)
    elif ended[1] is not None:
        _log_late(ended[1])


def _let_go(task: asyncio.Task[Any]) -> None:
    task.cancel()
    _left_alone.add(task)
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _left_alone.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log_late(error)


def _log_late(error: BaseException) -> None:
    _log.warning("a function failed after it was cut off: %s", type(error).__name__)


_free: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]] = WeakKeyDictionary()


def _free_threads() -> asyncio.Semaphore:
    """One a loop: tools have threads of their own, so that they never take those of the user's app."""
    return _free.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(THREADS))
