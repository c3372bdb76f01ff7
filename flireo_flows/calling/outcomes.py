"""What a finished call means."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """What became of a call."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    REJECTED = "rejected"
    TRANSFERRED = "transferred"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known of a call that is over; empty where nothing is.

    Attributes:
        status: `status` of the call.
        end_reason: `end_reason` of the call; free text, an open set.
        error: Text of a failed call.
        summary: The platform's summary.
        talked: Whether somebody or something answered (a start time, a duration or a transcript).
    """

    status: str = ""
    end_reason: str = ""
    error: str = ""
    summary: str = ""
    talked: bool = False

    def says(self, *words: str) -> bool:
        """Whether the end reason or the error holds one of `words`, however it is spelled."""
        told = f"{self.end_reason} {self.error}".lower().replace("-", " ").replace("_", " ")
        return any(word in told for word in words)


def is_voicemail(ending: Ending) -> bool:
    """The reason says so, or the summary begins as documented (contract section 17.3)."""
    return ending.says("voicemail", "voice mail", "answering machine") or ending.summary.lower().startswith(
        "voicemail detected"
    )


# The first rule that fits gives the outcome. Reasons are an open set (contract section 9.5); no answer and
# busy are told in `error` or `end_reason` as far as anybody knows (section 9.4).
RULES: Final[tuple[tuple[Outcome, Callable[[Ending], bool]], ...]] = (
    (Outcome.TRANSFERRED, lambda it: it.status == "transferred" or it.says("transfer")),
    (Outcome.VOICEMAIL, is_voicemail),
    (Outcome.REJECTED, lambda it: it.status == "rejected" or it.says("reject", "declined")),
    (Outcome.BUSY, lambda it: not it.talked and it.says("busy")),
    (
        Outcome.NO_ANSWER,
        lambda it: not it.talked and it.says("no answer", "not answered", "unanswered", "timeout"),
    ),
    (Outcome.FAILED, lambda it: it.status in ("failed", "ended-with-error", "insufficient-credits")),
    (Outcome.ANSWERED, lambda it: it.talked),
    (Outcome.NO_ANSWER, lambda it: it.status == "ended"),
)


def outcome_of(ending: Ending) -> Outcome:
    """The outcome of a call that is over."""
    return next((outcome for outcome, fits in RULES if fits(ending)), Outcome.UNKNOWN)
