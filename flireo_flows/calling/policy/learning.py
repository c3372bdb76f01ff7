"""What follows from a call that ended: whether and when the lead is rung again, and whether ever."""

import hashlib
import json
from collections.abc import Mapping

from flireo_flows.calling.answers import says
from flireo_flows.calling.outcomes import Outcome, table_version
from flireo_flows.calling.policy.model import CallingPolicy


def outcomes_version(policy: CallingPolicy) -> str:
    """A short digest of all that outcomes are derived with: the policy's own rules and the default table.

    Equal in every process; another one means that outcomes in the ledger may have to be derived anew.
    """
    return table_version(policy.outcomes)


def lessons_version(policy: CallingPolicy) -> str:
    """A short digest of what calls teach: after which outcomes and answers a number is never rung again.

    Equal in every process; empty where nothing is learnt. Another one means that calls in the ledger may have to be
    asked anew.
    """
    if not (policy.do_not_call_outcomes or policy.do_not_call_keys):
        return ""
    lessons = policy.model_dump(mode="json", include={"do_not_call_outcomes", "do_not_call_keys"})
    return hashlib.sha256(json.dumps(lessons, sort_keys=True).encode()).hexdigest()[:12]


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
        if says(analysis, rule.key, rule.equals):
            return f"the call's analysis says {rule.key} = {rule.equals}"
    return ""
