"""Several requests that follow from one another, decided once for ordinary and for async code.

A procedure is a generator: it yields what to do next (ask Flireo, pause, write a note) and is sent the
result. It does no I/O, does not sleep and reads no clock; `run_procedure` and `run_procedure_async` do,
and differ only in the lines that wait. A request that fails is raised inside the procedure, which may carry on.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

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
