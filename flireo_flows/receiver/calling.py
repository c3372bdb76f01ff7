"""Call functions of the user's own, sync or async, within a time: who is too slow is cut off."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio
import anyio.to_thread

THREADS: Final = 40  # sync functions that run at the same time
_log: Final = logging.getLogger("flireo_flows.receiver")
_left_alone: Final[set[asyncio.Task[Any]]] = set()  # the loop itself holds its tasks only weakly


class TooSlow(Exception):
    """The function did not answer in time. An async one is cancelled; a thread can only be left alone."""


async def call_within(
    seconds: float, function: Callable[..., Any], positional: tuple[Any, ...], named: Mapping[str, Any]
) -> Any:
    """What a function gives.

    Args:
        seconds: How long to wait.
        function: Called in a thread unless it is async.
        positional: Its positional arguments.
        named: Its named arguments.

    Raises:
        TooSlow: It took longer.
        Exception: Whatever it raises.
    """
    task = asyncio.ensure_future(_call(function, positional, named))
    # Not `wait_for`: a function that holds on although it is cancelled must not hold up the answer.
    try:
        await asyncio.wait([task], timeout=max(0.0, seconds))
    finally:
        if not task.done():
            _let_go(task)
    if not task.done():
        raise TooSlow
    if task.cancelled():
        raise TooSlow from None
    return task.result()


async def _call(function: Callable[..., Any], positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    if is_async(function):
        return await function(*positional, **named)
    call = partial(function, *positional, **named)
    given = await anyio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=_limiter())
    return await given if inspect.isawaitable(given) else given


def is_async(function: Callable[..., Any]) -> bool:
    """Whether it is to be awaited in the server's own loop."""
    call = getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__ is one too
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _let_go(task: asyncio.Task[Any]) -> None:
    task.cancel()
    _left_alone.add(task)
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _left_alone.discard(task)
    if not task.cancelled() and task.exception() is not None:
        _log.warning("a function failed after it was cut off: %s", type(task.exception()).__name__)


_limiters: Final[dict[int, tuple[asyncio.AbstractEventLoop, anyio.CapacityLimiter]]] = {}


def _limiter() -> anyio.CapacityLimiter:
    """One a loop: tools have threads of their own, so that they never take those of the user's app."""
    loop = asyncio.get_running_loop()
    held = _limiters.get(id(loop))
    if held is None or held[0] is not loop:
        held = _limiters[id(loop)] = (loop, anyio.CapacityLimiter(THREADS))
    return held[1]
