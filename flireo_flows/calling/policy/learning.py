"""What follows from a call that ended: whether and when the lead is rung again, and whether ever."""

from collections.abc import Iterable, Mapping
from typing import Final

from flireo_flows.calling.outcomes import Outcome
from flireo_flows.calling.policy.model import CallingPolicy

_ABSENT: Final = object()


def is_retried(policy: CallingPolicy, outcome: Outcome, attempts_used: int) -> bool:
    """Whether a lead is rung again after an attempt.

    Args:
        policy: The campaign's rules.
        outcome: Of the attempt that ended.
        attempts_used: Of the lead's one budget, that attempt included.
    """
    return attempts_used < policy.max_attempts and may_follow(policy, outcome)


def may_follow(policy: CallingPolicy, outcome: Outcome) -> bool:
    """Whether any attempt may follow one that ended so; an outcome with delays of its own is one."""
    if outcome in policy.do_not_call_outcomes:
        return False
    return outcome in policy.retry_outcomes or any(it.outcome == outcome for it in policy.retry_delays)


def retry_delay(policy: CallingPolicy, outcome: Outcome | None, attempts_used: int) -> float:
    """Seconds from an attempt's end to the next one.

    Args:
        policy: The campaign's rules.
        outcome: Of the attempt that ended; None when nobody knows it.
        attempts_used: Of the lead's one budget, that attempt included. The nth delay of an outcome's own
            follows the lead's nth attempt, and the last one repeats.
    """
    own = next((it.seconds for it in policy.retry_delays if it.outcome == outcome), None)
    if own is None:
        return float(policy.retry_delay_seconds)
    return float(own[min(max(attempts_used, 1), len(own)) - 1])


def do_not_call_cause(policy: CallingPolicy, outcome: Outcome, analysis: Mapping[str, object] | None) -> str:
    """Why a call's result means that its number is never rung again, in words; empty when it does not.

    Args:
        policy: The campaign's rules.
        outcome: Of the call.
        analysis: Its analysis as it came; None when there is none.
    """
    if outcome in policy.do_not_call_outcomes:
        return f"the call's outcome was {outcome}"
    for rule in policy.do_not_call_keys:
        if any(_same(answer, rule.equals) for answer in _answers(analysis, rule.key)):
            return f"the call's analysis says {rule.key} = {rule.equals}"
    return ""


def _answers(analysis: object, key: str) -> Iterable[object]:
    """What the analysis has under a key, be the key itself dotted or a path; each value of a list."""
    found = _under(analysis, key)
    return found if isinstance(found, list | tuple) else (found,)


def _under(analysis: object, key: str) -> object:
    if not isinstance(analysis, Mapping):
        return _ABSENT
    if key in analysis:
        return analysis[key]
    first, dot, rest = key.partition(".")
    return _under(analysis.get(first), rest) if dot else _ABSENT


def _same(answer: object, wanted: str) -> bool:
    """As a person compares: `True` is `true` and `yes` is `Yes`."""
    if answer is _ABSENT:
        return False
    text = "" if answer is None else str(answer)
    return text.strip().casefold() == wanted.strip().casefold()
