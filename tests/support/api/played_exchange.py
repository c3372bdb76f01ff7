"""An exchange played by hand: answers in, decisions out, and time passes only where the exchange pauses."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from flireo_flows.api.exchange import Pause, exchange
from flireo_flows.api.judgement import Lost, Reply
from flireo_flows.api.operation import Operation
from flireo_flows.api.rate_limit import RateLimit

T = TypeVar("T")
START = 1_760_000_000.0  # Unix seconds


def said(status: int, body: bytes = b"", **headers: str) -> Reply:
    """An answer; a header is named with underscores."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, START)


LOST = Lost(left=True, text="ReadTimeout", at=START)
UNSENT = Lost(left=False, text="ConnectError", at=START)


@dataclass
class Played:
    """What came of an exchange.

    Attributes:
        sent: How often the request went out.
        pauses: Seconds, in order.
        outcome: The result, or the exception.
    """

    sent: int = 0
    pauses: list[float] = field(default_factory=list)
    outcome: Any = None


def play(
    operation: Operation[T],
    *answers: Reply | Lost,
    pacing: RateLimit | None = None,
    jitter: float = 1.0,
    before: float | None = None,
) -> Played:
    """Run an exchange to its end. The last answer is given again as often as it is asked for.

    Args:
        operation: What to send.
        answers: What comes of each sending; their times are set to when they come.
        pacing: The key's rate limit.
        jitter: 0 to 1.
        before: Seconds after the start.
    """
    played, now = Played(), START
    steps = exchange(
        operation, pacing or RateLimit(), now, jitter, None if before is None else START + before
    )
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                played.pauses.append(step.seconds)
                now += step.seconds
                step = steps.send(now)
            else:
                answer = answers[min(played.sent, len(answers) - 1)]
                played.sent += 1
                step = steps.send(at(answer, now))
    except StopIteration as done:
        played.outcome = done.value
    except Exception as error:
        played.outcome = error
    return played


def at(answer: Reply | Lost, now: float) -> Reply | Lost:
    """The same answer at another time."""
    if isinstance(answer, Lost):
        return Lost(answer.left, answer.text, now)
    return Reply(answer.status, answer.headers, answer.body, now)
