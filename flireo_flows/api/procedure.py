"""Several requests that follow from one another, decided once for ordinary and for async code.

A conversation is a generator: it yields what to do next (ask Flireo, pause, note something down) and is sent
what came of it. It does no I/O, does not sleep and reads no clock; `run_procedure` and `run_procedure_async` do,
and differ only in the lines that wait. A request that fails is raised inside the conversation, which may carry on.
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


def unheard(text: str) -> None:
    """No one reads the notes."""


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


def run_procedure(conversation: Procedure[T], client: FlireoClient, tell: OnNote = unheard) -> T:
    """Hold a conversation from ordinary code.

    Args:
        conversation: What is decided.
        client: Sends the requests.
        tell: Takes the notes.

    Raises:
        FlireoError: What the conversation does not settle itself.
    """
    try:
        step = next(conversation)
        while True:
            try:
                if isinstance(step, Ask):
                    answer = client.send(step.operation, step.before)
                else:
                    answer = _settle(step, tell)
                    time.sleep(answer)
                    answer = steady_now()
            except FlireoError as error:
                step = conversation.throw(error)
            else:
                step = conversation.send(answer)
    except StopIteration as done:
        return cast(T, done.value)  # StopIteration does not say what it carries


async def run_procedure_async(
    conversation: Procedure[T], client: AsyncFlireoClient, tell: OnNote = unheard
) -> T:
    """As `run_procedure`, from async code."""
    try:
        step = next(conversation)
        while True:
            try:
                if isinstance(step, Ask):
                    answer = await client.send(step.operation, step.before)
                else:
                    answer = _settle(step, tell)
                    await asyncio.sleep(answer)
                    answer = steady_now()
            except FlireoError as error:
                step = conversation.throw(error)
            else:
                step = conversation.send(answer)
    except StopIteration as done:
        return cast(T, done.value)  # StopIteration does not say what it carries


def _settle(step: Pause | Note, tell: OnNote) -> float:
    """What needs no waiting; returns the seconds to sleep."""
    if isinstance(step, Pause):
        return step.seconds
    tell(step.text)
    return 0.0
