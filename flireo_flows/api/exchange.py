"""The decisions of one exchange with Flireo: when to send, whether to repeat, what to raise.

No I/O, no sleep, no clock: `exchange` yields what to do and is sent what came of it, as httpx does for its
auth flows. The two clients drive it and differ only in the lines that wait. Rules: contract section 2.4.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from flireo_flows.api import errors
from flireo_flows.api.judgement import Again, Lost, Reply, judge
from flireo_flows.api.operation import Effect, Operation
from flireo_flows.api.rate_limit import RateLimit

T = TypeVar("T")
NO_ROOM: Final = "the rate limit left no room in time"
TOO_LATE: Final = "too late to send"


@dataclass(frozen=True, slots=True)
class Pause:
    """Sleep, then send back the time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send the operation, then send back a `Reply` or a `Lost`."""


def exchange(
    operation: Operation[T], pacing: RateLimit, now: float, jitter: float, before: float | None = None
) -> Generator[Pause | Transmit, float | Reply | Lost, T]:
    """What to do to have one operation answered.

    Args:
        operation: What to send.
        pacing: The key's rate limit, shared by its requests.
        now: Unix seconds.
        jitter: 0 to 1, scales the backoff so that clients do not move in step.
        before: Unix seconds after which the request must not go out any more; None for no limit.

    Returns:
        What the operation reads from the answer.

    Raises:
        FlireoError: See `errors`.
    """
    tries = 0
    while True:
        while (wait := pacing.wait(now)) > 0:
            if before is not None and now + wait > before:
                raise errors.TooLate(operation.name, operation.route, text=NO_ROOM)
            now = _time((yield Pause(wait)))
        if before is not None and now > before:
            raise errors.TooLate(operation.name, operation.route, text=TOO_LATE)
        pacing.sent(now)
        answer = _answer((yield Transmit()))
        _report(pacing, operation, answer, sent_at=now)
        now = answer.at
        verdict = judge(operation, answer, tries, jitter)
        if not isinstance(verdict, Again):
            return verdict
        # A request that places a call before a certain time needs a new decision first, after a 429 too.
        if before is not None and (operation.effect is Effect.PLACES_CALL or now + verdict.after > before):
            raise verdict.error
        tries += 1
        now = _time((yield Pause(verdict.after)))


def _report(pacing: RateLimit, operation: Operation[T], answer: Reply | Lost, sent_at: float) -> None:
    if isinstance(answer, Reply) and operation.endpoint.own_limit:
        # Ten commands a minute and call are not ten requests a minute: that would all but stop the dialling.
        others = {name: text for name, text in answer.headers.items() if not name.startswith("x-ratelimit-")}
        pacing.received(others, 200, sent_at, answer.at)
    elif isinstance(answer, Reply):
        pacing.received(answer.headers, answer.status, sent_at, answer.at)
    else:
        pacing.lost(answer.left)


def _time(sent: float | Reply | Lost) -> float:
    if isinstance(sent, float):
        return sent
    raise TypeError("a Pause is answered with the time")


def _answer(sent: float | Reply | Lost) -> Reply | Lost:
    if isinstance(sent, float):
        raise TypeError("a Transmit is answered with a Reply or a Lost")
    return sent
