"""What is wrong with a policy before anyone is called: why it cannot be used, and what weakens its promises."""

from collections.abc import Iterator
from typing import Final

from flireo_flows.policy.calendars import AUTO, MISSING, calendar_problem, has_calendars
from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.policy_forms import Caps

# Phones have started ringing 84 s after their request was given up.
SAFE_GRACE_SECONDS: Final = 90


def policy_problem(policy: CallingPolicy) -> str:
    """Why no one can be called under a policy on this machine, in one sentence; empty when it can be used."""
    return next(_problems(policy), "")


def policy_warnings(policy: CallingPolicy) -> list[str]:
    """Settings that weaken a promise, each in one sentence."""
    return list(_weaknesses(policy))


def _problems(policy: CallingPolicy) -> Iterator[str]:
    for country in policy.holidays.countries:
        problem = calendar_problem(country) if country != AUTO else "" if has_calendars() else MISSING
        if problem:
            yield f"holidays.countries: {problem}"
    for scope, caps in policy.caps.items():
        yield from _cap_problems(f"caps_per_{scope}", caps, policy)


def _cap_problems(field: str, caps: Caps, policy: CallingPolicy) -> Iterator[str]:
    assumed = policy.assumed_call_seconds / 60
    price = policy.tariff.per_call + assumed * policy.tariff.per_minute
    if caps.money and not price:
        yield f"{field}.money: a cap on money needs a tariff; set tariff.per_minute or tariff.per_call"
    if caps.money and price > caps.money:
        yield f"{field}.money: {caps.money:g} is less than one call is assumed to cost ({price:.2f}); raise it"
    if caps.minutes and assumed > caps.minutes:
        yield (
            f"{field}.minutes: {caps.minutes:g} is less than one call is assumed to last ({assumed:g}); "
            "raise it or lower assumed_call_seconds"
        )


def _weaknesses(policy: CallingPolicy) -> Iterator[str]:
    if policy.calling_hours is None:
        yield "calling_hours is null: people are called at any hour of the night"
    if policy.reconcile_grace_seconds < SAFE_GRACE_SECONDS:
        yield (
            f"reconcile_grace_seconds is {policy.reconcile_grace_seconds:g}: phones have started ringing 84 s late, "
            f"so below {SAFE_GRACE_SECONDS} someone may be called twice for one attempt"
        )
    if policy.consent_valid_days and not policy.consent_required:
        yield "consent_valid_days is set and consent_required is not: the age of a consent is not looked at"
    for outcome in policy.do_not_call_outcomes:
        if outcome in policy.retry_outcomes or any(outcome == it.outcome for it in policy.retry_delays):
            yield f"{outcome} is both retried and in do_not_call_outcomes: its numbers are never called again"
    named = [it.outcome for it in policy.retry_delays]
    for outcome in dict.fromkeys(named):
        if named.count(outcome) > 1:
            yield f"retry_delays names {outcome} twice: only the first one counts"
    yield from _dead_rules(policy)
    if policy.max_attempts > 1 and _shortest_delay(policy) < 60:
        yield "a lead may be called again within a minute of its last call: set longer retry delays"


def _dead_rules(policy: CallingPolicy) -> Iterator[str]:
    """Rows of the table of outcomes that are never asked."""
    first = next((number for number, rule in enumerate(policy.outcomes, 1) if rule.is_catch_all), 0)
    if first:
        yield (
            f"rule {first} of outcomes has no condition, so it fits every call: no rule after it is asked, "
            "nor is the default table"
        )


def _shortest_delay(policy: CallingPolicy) -> int:
    own = [seconds for it in policy.retry_delays for seconds in it.seconds]
    return min([*own, *([policy.retry_delay_seconds] if policy.retry_outcomes else [])], default=60)
