"""Ask again and again until something is so: with growing pauses, to a deadline, undisturbed by failed polls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from flireo_flows.api import errors
from flireo_flows.api.operation import Operation
from flireo_flows.api.procedure import Procedure, ask, note, pause

T = TypeVar("T")

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
    said, missing_since = "", None
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
            if words(last) != said:
                said = words(last)
                yield from note(said)
            if is_so(last):
                return PollResult(last, is_so=True)
        now = yield from pause(0)
        if now >= deadline:
            return PollResult(last, is_so=False, trouble=trouble)
        wish = interval * (0.9 + 0.2 * patience.jitter)
        now = yield from pause(min(wish, deadline - now))
        interval = min(interval * GROWTH, max(LONGEST_SECONDS, patience.poll_seconds))
