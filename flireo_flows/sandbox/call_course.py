"""How a call will go: decided when it is placed, from the script, the weights and the seed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flireo_flows.sandbox.seeded_random import Dice
from flireo_flows.sandbox.settings import Dialect, Outcome, ReportFate, SandboxSettings


@dataclass(frozen=True, slots=True)
class Ending:
    """How the API shows that a call is over. Status words of one dialect.

    Attributes:
        webhook_status: In the status-update; None: no webhook tells of this end.
    """

    status: str
    reason: str
    error: str | None = None
    webhook_status: str | None = "ended"


@dataclass(frozen=True, slots=True)
class Plan:
    """The course of one call.

    Attributes:
        ring_seconds: Simulated seconds until it is answered, or given up.
        talk_seconds: Simulated seconds from answer to end; None: never answered.
        mood: How well the conversation goes, from 0 to 1. Transcript, summary and analysis agree on it.
        report: What becomes of its report.
    """

    outcome: Outcome
    ring_seconds: float
    talk_seconds: float | None
    ending: Ending
    mood: float
    report: ReportFate = ReportFate.NORMAL

    def reported(self, fate: ReportFate) -> "Plan":
        """The same call, whose report meets this fate."""
        return replace(self, report=fate)


# The reference does not say how calls that nobody answered are reported; this is the project's reading
# (contract section 9.4). They get no webhook: only the list of calls tells of them (contract section 18.7).
_UNANSWERED: Final[Mapping[Outcome, Ending]] = {
    Outcome.NO_ANSWER: Ending("failed", "no_answer", "no answer", None),
    Outcome.BUSY: Ending("failed", "busy", "busy", None),
    Outcome.FAILED: Ending("failed", "failed", "call could not be connected", None),
    Outcome.REJECTED: Ending("rejected", "rejected", "call rejected", None),
}

# "The call usually connects in 2 to 5 seconds" (reference); the others are a caller's experience.
_RING_SECONDS: Final[Mapping[Outcome, tuple[float, float]]] = {
    Outcome.NO_ANSWER: (25, 35),
    Outcome.BUSY: (2, 4),
    Outcome.FAILED: (1, 3),
    Outcome.REJECTED: (1, 4),
    Outcome.VOICEMAIL: (15, 25),
}
_ANSWERED_RING_SECONDS: Final = (2.0, 5.0)

_VOICEMAIL_SECONDS: Final = (6, 12)  # a greeting is recognised by its first utterance, then we hang up
_TALKING_TO_A_MACHINE_SECONDS: Final = (20, 40)
_LAST_WORD: Final = ("user_hangup", "assistant_hangup")

_TRANSFERRED: Final[Mapping[Dialect, Ending]] = {
    Dialect.FLIREO: Ending("ended", "transferred"),  # `transferred` became a status later
    Dialect.HMSOVEREIGN: Ending("transferred", "transferred"),
}
_BROKEN_OFF: Final[Mapping[Dialect, Ending]] = {
    Dialect.FLIREO: Ending("failed", "error", "STT connection failed", "ended-with-error"),
    Dialect.HMSOVEREIGN: Ending("ended-with-error", "error", "STT connection failed", "ended-with-error"),
}


def transferred(dialect: Dialect) -> Ending:
    """The end of a call that was handed to somebody."""
    return _TRANSFERRED[dialect]


def plan_call(
    destination: str, ring: int, agent: Mapping[str, Any], settings: SandboxSettings, dice: Dice
) -> Plan:
    """The course of the next call to a destination.

    Args:
        destination: E.164.
        ring: Which call to this destination it is, from 1.
        agent: Its `voicemail_detection` and `max_duration_seconds` matter.
        settings: Scripts, weights, lengths.
        dice: Follows from the seed; the same destination and ring give the same plan.
    """
    outcome = _outcome(destination, ring, settings, dice)
    return plan_of(outcome, destination, ring, agent, settings, dice)


def plan_of(
    outcome: Outcome,
    phone: str,
    ring: int,
    agent: Mapping[str, Any],
    settings: SandboxSettings,
    dice: Dice,
) -> Plan:
    """The course of a call whose outcome is known, with a phone of the other party; see `plan_call`."""
    ring_seconds = dice.between(*_RING_SECONDS.get(outcome, _ANSWERED_RING_SECONDS), "ring", phone, ring)
    if outcome in _UNANSWERED:
        return Plan(outcome, ring_seconds, None, _UNANSWERED[outcome], mood=0)
    talk_seconds, ending = _conversation(outcome, phone, ring, agent, settings, dice)
    limit = agent.get("max_duration_seconds")
    if limit is not None and talk_seconds > limit:
        talk_seconds, ending = limit, Ending("ended", "max_duration")
    mood = 0 if outcome is Outcome.VOICEMAIL else dice.roll("mood", phone, ring)
    return Plan(outcome, ring_seconds, talk_seconds, ending, mood, _report_fate(phone, ring, settings, dice))


def _report_fate(phone: str, ring: int, settings: SandboxSettings, dice: Dice) -> ReportFate:
    script = settings.reports.get(phone)
    if script:
        return script[min(ring, len(script)) - 1]
    return dice.weighted(settings.report_weights, "report", phone, ring)


def _outcome(destination: str, ring: int, settings: SandboxSettings, dice: Dice) -> Outcome:
    script = settings.outcomes.get(destination)
    if script:
        return script[min(ring, len(script)) - 1]
    return dice.weighted(settings.outcome_weights, "outcome", destination, ring)


def _conversation(
    outcome: Outcome,
    destination: str,
    ring: int,
    agent: Mapping[str, Any],
    settings: SandboxSettings,
    dice: Dice,
) -> tuple[float, Ending]:
    """How long it lasts, and how it ends."""
    question = ("talk", destination, ring)
    if outcome is Outcome.VOICEMAIL:
        if agent.get("voicemail_detection"):
            return dice.between(*_VOICEMAIL_SECONDS, *question), Ending("ended", "voicemail")
        silence = Ending("ended", "silence_timeout")
        return dice.between(*_TALKING_TO_A_MACHINE_SECONDS, *question), silence
    talk_seconds = dice.between(settings.talk_seconds_min, settings.talk_seconds_max, *question)
    if outcome is Outcome.TRANSFERRED:
        return talk_seconds, transferred(settings.dialect)
    if outcome is Outcome.ERROR:
        return talk_seconds / 2, _BROKEN_OFF[settings.dialect]
    return talk_seconds, Ending("ended", dice.pick(_LAST_WORD, "hangup", destination, ring))
