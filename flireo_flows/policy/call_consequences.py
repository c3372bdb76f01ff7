"""What follows from a call that ended: whether and when the lead is called again, and whether ever."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from flireo_flows.leads import (
    CALLS,
    Meaning,
    YesNo,
    asks_for_no_calls,
    header_words,
    holds_marks,
    meaning_of,
    plain_words,
    word_set,
)
from flireo_flows.lifecycle import analysis_answers as answers
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.policy_forms import USUAL_KEYS, AnalysisRule


def opt_out_rules_version(policy: CallingPolicy) -> str:
    """A short digest of what calls teach: after which outcomes and answers a number is never called again.

    Equal in every process; empty where nothing is learnt. Another one means that calls in the ledger may have to be
    asked again.
    """
    if not (policy.do_not_call_outcomes or policy.do_not_call_keys or policy.do_not_call_words):
        return ""
    fields = {"do_not_call_outcomes", "do_not_call_keys", "do_not_call_words"}
    lessons = policy.model_dump(mode="json", include=fields)
    return hashlib.sha256(json.dumps(lessons, sort_keys=True).encode()).hexdigest()[:12]


def is_retried(policy: CallingPolicy, outcome: Outcome, attempts_used: int) -> bool:
    """Whether a lead is called again after an attempt.

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
        outcome: Of the attempt that ended; None when no one knows it.
        attempts_used: Of the lead's one budget, that attempt included. The nth delay of an outcome's own
            follows the lead's nth attempt, and the last one repeats.
    """
    own = next((it.seconds for it in policy.retry_delays if it.outcome == outcome), None)
    if own is None:
        return float(policy.retry_delay_seconds)
    return float(own[min(max(attempts_used, 1), len(own)) - 1])


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a call's result teaches about its number.

    Attributes:
        source: `outcome` or `analysis` where it is never called again; `unclear` where an answer that should be a
            yes or a no is neither, so that a person has to settle it.
        cause: Why, in words.
    """

    source: Literal["outcome", "analysis", "unclear"]
    cause: str

    @property
    def is_unclear(self) -> bool:
        """Whether a person has to settle it."""
        return self.source == "unclear"


def opt_out_of(
    policy: CallingPolicy, outcome: Outcome, analysis: Mapping[str, object] | None, end_reason: str = ""
) -> OptOut | None:
    """What a call's result teaches about its number; None when nothing.

    Args:
        policy: The campaign's rules.
        outcome: Of the call.
        analysis: Its analysis as it came; None when there is none.
        end_reason: In the words of the platform; empty when none was given.
    """
    if outcome in policy.do_not_call_outcomes:
        return OptOut("outcome", f"the call's outcome was {outcome}")
    if policy.do_not_call_words and asks_for_no_calls(end_reason, is_mark=True):
        return OptOut("outcome", "the call's end reason asks for no more calls")
    found = [
        (rule, answer) for rule in policy.do_not_call_keys for answer in answers.alike(analysis, rule.key)
    ]
    for rule, answer in found:
        if answers.is_answer(answer, rule.equals) or (_wants_yes(rule) and _asks(answer)):
            return OptOut("analysis", f"the call's analysis says {rule.key} = {rule.equals}")
    # A key whose words say what a yes or a no under it means counts where the usual ones do.
    is_usual = set(USUAL_KEYS) <= set(policy.do_not_call_keys)
    named = [(key, value) for key, value in answers.fields(analysis) if _meant(key)] if is_usual else []
    key = next((key for key, value in named if answers.is_answer(value, _meant(key))), "")
    if key or (policy.do_not_call_words and (key := _marked(analysis))):
        return OptOut("analysis", f"the call's analysis asks for no more calls under {key}")
    unclear = [rule.key for rule, answer in found if answers.is_unclear(answer, rule.equals)]
    unclear += [key for key, value in named if _is_unclear(key, value)]
    return OptOut("unclear", UNCLEAR.format(unclear[0])) if unclear else None


UNCLEAR: Final = (
    "the call's analysis answers {} with neither yes nor no: settle it with `flireo-flows suppress` or "
    "`flireo-flows unsuppress`"
)
# Keys whose answer is a mark, beside those of files (`holds_marks`).
MARK_KEYS: Final = word_set(
    "calloutcome calldisposition callresult nextstep nextaction followup followupaction action intent classification"
)


def _wants_yes(rule: AnalysisRule) -> bool:
    return answers.YES_OR_NO.get(rule.equals.strip().casefold()) is YesNo.YES


def _asks(answer: object) -> bool:
    """Whether an answer asks for it in words: `do not call again`."""
    several = answer if isinstance(answer, list | tuple) else (answer,)
    return any(isinstance(one, str) and asks_for_no_calls(one, is_mark=True) for one in several)


SHORT: Final = 12  # words; a longer answer is about more than one thing
# What describes the whole call, in which such words may be about anything.
RETOLD: Final = word_set(
    "summary callsummary transcript samenvatting zusammenfassung resume resumen riassunto resumo"
)


def _marked(analysis: object) -> str:
    """The key of an answer whose words ask for no more calls; empty for none.

    A mark (`disposition: do_not_call`), or a short answer in plain words (`wish: never call me again`).
    """
    for key, value in answers.fields(analysis):
        bare = "".join(header_words(key))
        if (holds_marks(key) or bare in MARK_KEYS) and _asks(value):
            return key
        is_short = isinstance(value, str) and len(plain_words(value)) <= SHORT and bare not in RETOLD
        if is_short and asks_for_no_calls(str(value)):
            return key
    return ""


def _is_unclear(key: str, answer: object) -> bool:
    is_asked = meaning_of(key) is Meaning.OPT_OUT and not isinstance(answer, Mapping)
    return is_asked and answers.is_unclear(answer, "true")


_AGAIN: Final = word_set("again future further more later we")
# Of one call, unless the key has `again`.
_ONCE: Final = word_set("agree agreed agrees accept accepts accepted can")
_BEFORE: Final = word_set("before yet made earlier so past")  # "no_calls_yet"


@lru_cache(maxsize=4096)
def _meant(key: str) -> str:
    """The answer under a key by which someone asks for no more calls, as the key's words say; empty for none."""
    every = header_words(key)
    words = [word for word in every if word not in _AGAIN]
    if _BEFORE & set(words) or (_ONCE & set(words) and len(words) == len(every)):
        return ""
    meaning = meaning_of(" ".join(words))
    if meaning is Meaning.OPT_OUT or asks_for_no_calls(" ".join(words), is_mark=True):
        return "true"
    # Consent alone may be one to a recording.
    return "false" if meaning is Meaning.CONSENT and CALLS & set(words) else ""
