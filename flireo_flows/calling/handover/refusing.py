"""What a vendor campaign cannot honour is refused before anything is handed over (contract section 17.1).

It has one daily window on one clock, rings each lead once, at its own pace, and knows no other rule.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from flireo_flows.calling.handover.words import Words
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.policy.hours import spelled, week_of
from flireo_flows.leads.wishes import Wishes

ELSE: Final = "or use mode 'direct'"

DEFAULT: Final = CallingPolicy()


def _is_default(name: str) -> Callable[[CallingPolicy], bool]:
    return lambda policy: bool(getattr(policy, name) == getattr(DEFAULT, name))


def _is_one_window(policy: CallingPolicy) -> bool:
    week = week_of(policy.calling_hours)
    return len(set(week)) == 1 and len(week[0]) == 1 and not _second_clock(policy)


def _second_clock(policy: CallingPolicy) -> str:
    return policy.calling_hours.clock if policy.calling_hours else ""


# Whether a vendor campaign can honour a field as it is set, and what to say if it cannot.
REFUSED: Final[Mapping[str, tuple[Callable[[CallingPolicy], bool], str]]] = {
    "calling_hours": (
        _is_one_window,
        "rings in one span a day, on all seven days, without breaks or a second clock: give all weekdays the "
        "same hours",
    ),
    "holidays": (_is_default("holidays"), "knows no holidays and no dates: leave them empty"),
    "dial_before": (_is_default("dial_before"), "has no last moment: leave it empty"),
    "consent_valid_days": (
        _is_default("consent_valid_days"),
        "does not look at consent again when it rings, so one could expire unseen: set it to 0",
    ),
    "max_attempts": (lambda policy: policy.max_attempts == 1, "rings everybody once: set it to 1"),
    "number_caps": (_is_default("number_caps"), "does not count what others ring: leave them empty"),
    "max_concurrent_calls": (
        _is_default("max_concurrent_calls"),
        f"chooses by itself how many calls it makes at once: leave it at {DEFAULT.max_concurrent_calls}",
    ),
    "calls_per_minute": (_is_default("calls_per_minute"), "chooses its own pace: set it to 0"),
    "caps_per_run": (_is_default("caps_per_run"), "knows no caps: set them to 0"),
    "caps_per_day": (_is_default("caps_per_day"), "knows no caps: set them to 0"),
    "caps_per_campaign": (_is_default("caps_per_campaign"), "knows no caps: set them to 0"),
    "min_balance_minutes": (_is_default("min_balance_minutes"), "does not watch the balance: set it to 0"),
}

# What we see to ourselves, and what means nothing with one attempt and without caps.
HONOURED: Final = frozenset(
    {
        "consent_required",
        "retry_outcomes",
        "retry_delay_seconds",
        "retry_delays",
        "other_hour_minutes",
        "do_not_call_outcomes",
        "do_not_call_keys",
        "day_zone",
        "tariff",
        "assumed_call_seconds",
        "breaker",
        "min_completeness",
        "reconcile_grace_seconds",
        "poll_seconds",
        "collect_share",
        "report_grace_seconds",
        "analysis_grace_seconds",
        "outcomes",
        "unknown",
    }
)


def refusals(policy: CallingPolicy, words: Words) -> list[str]:
    """Everything that was asked for and that a campaign of Flireo's own cannot honour, a sentence each.

    Args:
        policy: The campaign's rules.
        words: Who speaks, and what they are told.

    Returns:
        Sentences that name the setting and say what to do; empty when all can be honoured.
    """
    return [*_of_policy(policy), *_of_words(words)]


def notices(policy: CallingPolicy) -> list[str]:
    """What holds less strictly in a campaign of Flireo's own than in one that is dialled directly."""
    told = [
        "do-not-call lists and consent are looked at when leads are handed over, and again whenever a run "
        "follows the campaign; between runs Flireo rings whom it has, but for whom the commands that suppress and "
        "forget take out",
        "a pause reaches Flireo's campaign when it is said to it: by a run, or by the command that pauses",
    ]
    if policy.breaker.enabled:
        told.append("policy.breaker pauses Flireo's campaign only while a run follows it")
    return told


def refusal_of_row(wishes: Wishes, agent_id: str) -> str:
    """What a lead's row asks for and a campaign of Flireo's own cannot do; empty when there is nothing."""
    asked = {
        "an agent of its own": wishes.agent_id not in ("", agent_id),
        "a number to ring from": wishes.number_id,
        "a last moment (dial before)": wishes.dial_before,
        "an end of its consent": wishes.consent.expires_at,
    }
    return next((what for what, value in asked.items() if value), "")


def _of_policy(policy: CallingPolicy) -> Iterator[str]:
    for name, (is_honoured, words) in REFUSED.items():
        if not is_honoured(policy):
            asked = f" ({spelled(week_of(policy.calling_hours))})" if name == "calling_hours" else ""
            yield f"policy.{name}{asked}: a campaign of Flireo's own {words}, {ELSE}."


def _of_words(words: Words) -> Iterator[str]:
    if not words.agent_id:
        yield f"agent_id: a campaign of Flireo's own needs one saved agent that speaks to everybody, {ELSE}."
    if words.number_id:
        yield (
            "number: a campaign of Flireo's own rings from the number of its agent; "
            f"give the agent this number and leave the setting empty, {ELSE}."
        )
    for name in words.others:
        yield f"script.{name}: a campaign of Flireo's own has no such setting; leave it empty, {ELSE}."
    if not words.is_plain:
        yield (
            "script.system_message: a campaign of Flireo's own fills in plain {{ name }} only; "
            f"take out filters, expressions and conditions, {ELSE}."
        )
