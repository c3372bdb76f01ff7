"""`decide()`: may this lead be rung now?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.calling.policy.history import History, PolicyLead
from flireo_flows.calling.policy.model import CallingPolicy
from flireo_flows.calling.policy.verdict import Allow, Deny, Rule, Verdict

Check = Callable[[PolicyLead, datetime, CallingPolicy, History], Deny | None]


def decide(lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History) -> Verdict:
    """May this lead be rung at `now`? The first rule that denies gives the reason.

    Args:
        lead: What is known of the person.
        now: Aware; the ledger's clock.
        policy: The campaign's rules.
        history: What happened before.
    """
    denials = (check(lead, now, policy, history) for check in CHECKS)
    return next((denial for denial in denials if denial), Allow())


def brake(now: datetime, policy: CallingPolicy, history: History) -> Deny | None:
    """What holds the whole campaign back, whoever is next: concurrency, and caps on calls, minutes, money."""
    if history.live >= policy.max_concurrent_calls:
        return Deny(Rule.CONCURRENCY, until=now)
    return None


def calls_left(now: datetime, policy: CallingPolicy, history: History) -> int:
    """How many calls the brakes leave; 0 when `brake` denies."""
    return max(0, policy.max_concurrent_calls - history.live)


def not_forbidden(lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History) -> Deny | None:
    """Who said no is never rung."""
    return Deny(Rule.DO_NOT_CALL) if history.do_not_call else None


def has_attempts_left(
    lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History
) -> Deny | None:
    """One budget for all outcomes."""
    return Deny(Rule.NO_ATTEMPTS_LEFT) if history.attempts >= policy.max_attempts else None


def is_spaced(lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History) -> Deny | None:
    """Attempts keep their distance."""
    if history.last_ended_at is None:
        return None
    due = history.last_ended_at + timedelta(seconds=policy.retry_delay_seconds)
    return Deny(Rule.TOO_SOON, until=due) if due > now else None


def within_hours(lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History) -> Deny | None:
    """Only when it is calling time in every zone the person may be in."""
    if policy.calling_hours is None:
        return None
    try:
        clocks = [ZoneInfo(zone) for zone in lead.zones]
    except (KeyError, ValueError, OSError):  # no such zone, no such name, or a folder of zones
        return Deny(Rule.ZONE_UNKNOWN)
    if not clocks:
        return Deny(Rule.ZONE_UNKNOWN)
    opens = max(policy.calling_hours.next_open(now.astimezone(clock)) for clock in clocks)
    return Deny(Rule.OUTSIDE_HOURS, until=opens.astimezone(UTC)) if opens > now else None


CHECKS: Final[tuple[Check, ...]] = (not_forbidden, has_attempts_left, is_spaced, within_hours)
