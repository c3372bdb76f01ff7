"""Several requests that follow from one another, decided once for ordinary and for async code; polling among them.

A procedure is a generator: it yields what to do next (ask Flireo, pause, write a note) and is sent the
result. It does no I/O, does not sleep and reads no clock; `run_procedure` and `run_procedure_async` do,
and differ only in the lines that wait. A request that fails is raised inside the procedure, which may carry on.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from flireo_flows.api import errors
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.errors import FlireoError
from flireo_flows.api.exchange import Pause
from flireo_flows.api.operation import Operation
from flireo_flows.api.steady_clock import steady_now

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """Send an operation, then send back its result.

    Attributes:
        before: Unix seconds after which it must not go out any more; None for no such time.
    """

    operation: Operation[T]
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something for the log, without a secret or a full phone number."""

    text: str


Procedure = Generator[Ask[Any] | Pause | Note, Any, T]
OnNote = Callable[[str], None]


def ignore_note(text: str) -> None:
    """Do nothing."""


def ask(operation: Operation[T], before: float | None = None) -> Procedure[T]:
    """The result of an operation. Raises what the client raises."""
    answer: T = yield Ask(operation, before)
    return answer


def pause(seconds: float) -> Procedure[float]:
    """Sleep, and return the time afterwards, in Unix seconds; `pause(0)` asks for the time."""
    now: float = yield Pause(seconds)
    return now


def note(text: str) -> Procedure[None]:
    """Leave a line in the log."""
    yield Note(text)


def run_procedure(procedure: Procedure[T], client: FlireoClient, on_note: OnNote = ignore_note) -> T:
    """Hold a procedure from ordinary code.

    Args:
        procedure: What is decided.
        client: Sends the requests.
        on_note: Receives the notes.

    Raises:
        FlireoError: What the procedure does not settle itself.
    """
    try:
        step = next(procedure)
        while True:
            try:
                if isinstance(step, Ask):
                    answer = client.send(step.operation, step.before)
                else:
                    answer = _settle(step, on_note)
                    time.sleep(answer)
                    answer = steady_now()
            except FlireoError as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(answer)
    except StopIteration as done:
        return cast(T, done.value)  # StopIteration does not say what it carries


async def run_procedure_async(
    procedure: Procedure[T], client: AsyncFlireoClient, on_note: OnNote = ignore_note
) -> T:
    """As `run_procedure`, from async code."""
    try:
        step = next(procedure)
        while True:
            try:
                if isinstance(step, Ask):
                    answer = await client.send(step.operation, step.before)
                else:
                    answer = _settle(step, on_note)
                    await asyncio.sleep(answer)
                    answer = steady_now()
            except FlireoError as error:
                step = procedure.throw(error)
            else:
                step = procedure.send(answer)
    except StopIteration as done:
        return cast(T, done.value)  # StopIteration does not say what it carries


def _settle(step: Pause | Note, on_note: OnNote) -> float:
    """What needs no waiting; returns the seconds to sleep."""
    if isinstance(step, Pause):
        return step.seconds
    on_note(step.text)
    return 0.0


SHORTEST_SECONDS: Final = 0.25  # between two polls, whatever was asked for
LONGEST_SECONDS: Final = 60.0  # between two polls, unless more was asked for
GROWTH: Final = 1.5
MISSING_SECONDS: Final = 60.0  # what was just made may be missing for some seconds
LAST_SECONDS: Final = 5.0  # a poll may still be repeated so long after the deadline

# The next poll would meet the same. Every other failure decides nothing.
FINAL: Final = (errors.AuthenticationFailed, errors.PermissionDenied, errors.BadRequest)


@dataclass(frozen=True, slots=True)
class PollTiming:
    """How long to wait, and how often to ask meanwhile.

    Attributes:
        seconds: For so long in all, by the wall clock; 0 asks once.
        poll_seconds: First pause between two polls; each is half as long again as the one before, up to 60.
        jitter: 0 to 1, so that many who wait do not ask in step.
    """

    seconds: float
    poll_seconds: float
    jitter: float = 0.5


@dataclass(frozen=True, slots=True)
class PollResult(Generic[T]):
    """What came of watching.

    Attributes:
        last: The last answer; None if no poll was answered.
        is_so: Whether it is what was waited for.
        trouble: Why the last poll failed; None if it did not.
    """

    last: T | None
    is_so: bool
    trouble: errors.FlireoError | None = None


def poll(
    operation: Operation[T], is_so: Callable[[T], bool], patience: PollTiming, words: Callable[[T], str]
) -> Procedure[PollResult[T]]:
    """Poll until `is_so`, or until the time is up.

    Args:
        operation: What is asked.
        is_so: Whether an answer is what is waited for.
        patience: How long, how often.
        words: An answer in some words for the log, which gets them when they change.

    Raises:
        NotFound: It has been missing for a minute.
        FlireoError: The key or the request was refused.
    """
    now = yield from pause(0)
    deadline = now + patience.seconds
    last: T | None = None
    noted, missing_since = "", None
    interval = max(patience.poll_seconds, SHORTEST_SECONDS)
    while True:
        trouble: errors.FlireoError | None = None
        try:
            last = yield from ask(operation, before=max(deadline, now) + LAST_SECONDS)
            missing_since = None
        except FINAL:
            raise
        except errors.FlireoError as error:
            trouble = error
        if isinstance(trouble, errors.NotFound):
            missing_since = now if missing_since is None else missing_since
            if now - missing_since >= MISSING_SECONDS:
                raise trouble
        if last is not None and trouble is None:
            if words(last) != noted:
                noted = words(last)
                yield from note(noted)
            if is_so(last):
                return PollResult(last, is_so=True)
        now = yield from pause(0)
        if now >= deadline:
            return PollResult(last, is_so=False, trouble=trouble)
        wish = interval * (0.9 + 0.2 * patience.jitter)
        now = yield from pause(min(wish, deadline - now))
        interval = min(interval * GROWTH, max(LONGEST_SECONDS, patience.poll_seconds))
