"""How a call will go: decided when it is placed, from the script, the weights and the seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from flireo_flows.api.fields import Dialect
from flireo_flows.sandbox.seeded_random import SeededRandom
from flireo_flows.sandbox.settings import ReportFate, SandboxOutcome, SandboxSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How the API shows that a call is over. Status words of one dialect.

    Attributes:
        webhook_status: In the status-update; None: no webhook reports this end.
    """

    status: str
    reason: str
    error: str | None = None
    webhook_status: str | None = "ended"


@dataclass(frozen=True, slots=True)
class CallCourse:
    """The course of one call.

    Attributes:
        ring_seconds: Simulated seconds until it is answered, or given up.
        talk_seconds: Simulated seconds from answer to end; None: never answered.
        mood: How well the conversation goes, from 0 to 1. Transcript, summary and analysis agree on it.
        report: What becomes of its report.
    """

    outcome: SandboxOutcome
    ring_seconds: float
    talk_seconds: float | None
    ending: CallEnd
    mood: float
    report: ReportFate = ReportFate.NORMAL

    def reported(self, fate: ReportFate) -> "CallCourse":
        """The same call, whose report meets this fate."""
        return replace(self, report=fate)


# The reference does not define how unanswered calls are reported; this is the project's reading
# (contract section 9.4). They get no webhook: only the list of calls shows them (contract section 18.7).
_UNANSWERED: Final[Mapping[SandboxOutcome, CallEnd]] = {
    SandboxOutcome.NO_ANSWER: CallEnd("failed", "no_answer", "no answer", None),
    SandboxOutcome.BUSY: CallEnd("failed", "busy", "busy", None),
    SandboxOutcome.FAILED: CallEnd("failed", "failed", "call could not be connected", None),
    SandboxOutcome.REJECTED: CallEnd("rejected", "rejected", "call rejected", None),
}

# "The call usually connects in 2 to 5 seconds" (reference); the others are a caller's experience.
_RING_SECONDS: Final[Mapping[SandboxOutcome, tuple[float, float]]] = {
    SandboxOutcome.NO_ANSWER: (25, 35),
    SandboxOutcome.BUSY: (2, 4),
    SandboxOutcome.FAILED: (1, 3),
    SandboxOutcome.REJECTED: (1, 4),
    SandboxOutcome.VOICEMAIL: (15, 25),
}
_ANSWERED_RING_SECONDS: Final = (2.0, 5.0)

_VOICEMAIL_SECONDS: Final = (6, 12)  # a greeting is recognised by its first utterance, then we hang up
_TALKING_TO_A_MACHINE_SECONDS: Final = (20, 40)
_LAST_WORD: Final = ("user_hangup", "assistant_hangup")

_TRANSFERRED: Final[Mapping[Dialect, CallEnd]] = {
    Dialect.FLIREO: CallEnd("ended", "transferred"),  # `transferred` became a status later
    Dialect.HMSOVEREIGN: CallEnd("transferred", "transferred"),
}
_BROKEN_OFF: Final[Mapping[Dialect, CallEnd]] = {
    Dialect.FLIREO: CallEnd("failed", "error", "STT connection failed", "ended-with-error"),
    Dialect.HMSOVEREIGN: CallEnd("ended-with-error", "error", "STT connection failed", "ended-with-error"),
}


def transferred(dialect: Dialect) -> CallEnd:
    """The end of a call that was transferred to a person."""
    return _TRANSFERRED[dialect]


def course_of_call(
    destination: str, ordinal: int, agent: Mapping[str, Any], settings: SandboxSettings, random: SeededRandom
) -> CallCourse:
    """The course of the next call to a destination.

    Args:
        destination: E.164.
        ordinal: Which call to this destination it is, from 1.
        agent: Its `voicemail_detection` and `max_duration_seconds` matter.
        settings: Scripts, weights, lengths.
        random: Follows from the seed; the same destination and ordinal give the same course.
    """
    script = settings.outcomes.get(destination, ())
    outcome = _scripted(script, settings.outcome_weights, random, "outcome", destination, ordinal=ordinal)
    return course_of(outcome, destination, ordinal, agent, settings, random)


def course_of(
    outcome: SandboxOutcome,
    phone: str,
    ordinal: int,
    agent: Mapping[str, Any],
    settings: SandboxSettings,
    random: SeededRandom,
) -> CallCourse:
    """The course of a call whose outcome is known, with a phone of the other party; see `course_of_call`."""
    ring_seconds = random.between(*_RING_SECONDS.get(outcome, _ANSWERED_RING_SECONDS), "ring", phone, ordinal)
    if outcome in _UNANSWERED:
        return CallCourse(outcome, ring_seconds, None, _UNANSWERED[outcome], mood=0)
    talk_seconds, ending = _conversation(outcome, phone, ordinal, agent, settings, random)
    limit = agent.get("max_duration_seconds")
    if limit is not None and talk_seconds > limit:
        talk_seconds, ending = limit, CallEnd("ended", "max_duration")
    mood = 0 if outcome is SandboxOutcome.VOICEMAIL else random.roll("mood", phone, ordinal)
    script = settings.reports.get(phone, ())
    fate = _scripted(script, settings.report_weights, random, "report", phone, ordinal=ordinal)
    return CallCourse(outcome, ring_seconds, talk_seconds, ending, mood, fate)


def _scripted(
    script: Sequence[T], weights: Mapping[T, float], random: SeededRandom, *question: object, ordinal: int
) -> T:
    """What a script has for this call, the last of it for all that follow; without one, what the weights give."""
    if script:
        return script[min(ordinal, len(script)) - 1]
    return random.weighted(weights, *question, ordinal)


def _conversation(
    outcome: SandboxOutcome,
    destination: str,
    ordinal: int,
    agent: Mapping[str, Any],
    settings: SandboxSettings,
    random: SeededRandom,
) -> tuple[float, CallEnd]:
    """How long it lasts, and how it ends."""
    question = ("talk", destination, ordinal)
    if outcome is SandboxOutcome.VOICEMAIL:
        if agent.get("voicemail_detection"):
            return random.between(*_VOICEMAIL_SECONDS, *question), CallEnd("ended", "voicemail")
        silence = CallEnd("ended", "silence_timeout")
        return random.between(*_TALKING_TO_A_MACHINE_SECONDS, *question), silence
    talk_seconds = random.between(settings.talk_seconds_min, settings.talk_seconds_max, *question)
    if outcome is SandboxOutcome.TRANSFERRED:
        return talk_seconds, transferred(settings.dialect)
    if outcome is SandboxOutcome.ERROR:
        return talk_seconds / 2, _BROKEN_OFF[settings.dialect]
    return talk_seconds, CallEnd("ended", random.pick(_LAST_WORD, "hangup", destination, ordinal))
