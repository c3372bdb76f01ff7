"""Hold a conversation without a server: answers by a function, time by a counter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flireo_flows.api.errors import FlireoError
from flireo_flows.api.exchange import Pause
from flireo_flows.api.operation import Operation
from flireo_flows.api.procedure import Ask, Procedure

T = TypeVar("T")
BEGIN = 1_700_000_000.0


@dataclass
class Stage(Generic[T]):
    """Plays the part of the client and of the clock.

    Attributes:
        answers: The result of a request, or what it raises; called with the operation and the seconds since the start.
        takes: Seconds that each request takes.
    """

    answers: Callable[[Operation[Any], float], Any]
    takes: float = 0.0
    now: float = BEGIN
    asked: list[tuple[float, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self.now - BEGIN

    def play(self, conversation: Procedure[T]) -> T:
        """Hold it to its end."""
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Pause):
                    self.now += step.seconds
                    step = conversation.send(self.now)
                elif isinstance(step, Ask):
                    step = self._ask(conversation, step)
                else:
                    self.notes.append(step.text)
                    step = conversation.send(self.now)
        except StopIteration as done:
            result: T = done.value
            return result

    def _ask(self, conversation: Procedure[T], step: Ask[Any]) -> Any:
        self.asked.append((self.seconds, step.operation.name))
        answer = self.answers(step.operation, self.seconds)
        self.now += self.takes
        return conversation.throw(answer) if isinstance(answer, FlireoError) else conversation.send(answer)
