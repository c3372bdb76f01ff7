"""What holds a whole campaign back, whoever is next: calls at once, and caps on calls, minutes and money."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.decision import Deny, Rule
from flireo_flows.policy.decision_context import History, Totals
from flireo_flows.policy.policy_forms import Caps
from flireo_flows.policy.timetable import FIRST, LAST, day_bounds, zone_named

# A cap of 10 is 100 calls at 0.10 each, though their sum in binary is a hair more.
_HAIR: Final = 1e-9
_MANY: Final = 1e9  # a price of almost nothing leaves more calls than fit into a figure


@dataclass(frozen=True, slots=True)
class CapUsage:
    """One cap, and how much of it is used.

    Attributes:
        rule: What denies when it is used up.
        scope: `run`, `day` or `campaign`.
        cap: At most so many calls, minutes or units of money.
        used: Of it, calls of unknown length counted at their assumed length.
        each: What one more call is assumed to use; 0 when no one knows.
        open_calls: Calls whose length is assumed.
    """

    rule: Rule
    scope: str
    cap: float
    used: float
    each: float
    open_calls: int

    @property
    def calls_left(self) -> int:
        """More calls that fit; none where no one knows what a call costs."""
        if self.each <= 0:
            return 0
        return max(0, floor(min((self.cap - self.used) / self.each + _HAIR, _MANY)))


def campaign_denial(now: datetime, policy: CallingPolicy, history: History) -> Deny | None:
    """What holds the whole campaign back, whoever is next: concurrency, and caps on calls, minutes, money.

    Args:
        now: Aware; the ledger's clock.
        policy: The campaign's rules.
        history: Its `live`, `run`, `day` and `campaign` are looked at.

    Returns:
        None when nothing does. A cap per day holds until the day's end; the others until someone raises
        them. Concurrency gives `now`: ask again when a call has ended.
    """
    for held in _brakes(policy, history):
        if held.calls_left == 0:
            until = _day_end(now, policy) if held.scope == "day" else None
            return Deny(held.rule, until, _inputs(held, policy))
    if history.live >= policy.max_concurrent_calls:
        return Deny(
            Rule.CONCURRENCY, now, {"live": history.live, "max_concurrent_calls": policy.max_concurrent_calls}
        )
    return None


def calls_left(policy: CallingPolicy, history: History) -> int:
    """How many more calls may begin now; 0 when `campaign_denial` denies."""
    room = max(0, policy.max_concurrent_calls - history.live)
    return min([room, *(held.calls_left for held in _brakes(policy, history))])


def day_start(now: datetime, policy: CallingPolicy) -> datetime:
    """When the day of the caps per day began, in UTC."""
    zone, moment = _day_zone(policy), _bounded(now)
    return day_bounds(zone, moment)[0] if moment > FIRST else FIRST


def _day_end(now: datetime, policy: CallingPolicy) -> datetime | None:
    moment = _bounded(now)
    return day_bounds(_day_zone(policy), moment)[1] if moment < LAST else None


def _brakes(policy: CallingPolicy, history: History) -> Iterator[CapUsage]:
    used = {"run": history.run, "day": history.day, "campaign": history.campaign}
    for scope, caps in policy.caps.items():
        if caps.calls or caps.minutes or caps.money:
            yield from _caps(scope, caps, used[scope], policy)


def _caps(scope: str, caps: Caps, totals: Totals, policy: CallingPolicy) -> Iterator[CapUsage]:
    each = policy.assumed_call_seconds / 60
    minutes = totals.seconds / 60 + totals.open_calls * each
    tariff = policy.tariff
    if caps.calls:
        yield CapUsage(Rule.CALL_CAP, scope, caps.calls, totals.calls, 1, totals.open_calls)
    if caps.minutes:
        yield CapUsage(Rule.MINUTE_CAP, scope, caps.minutes, minutes, each, totals.open_calls)
    if caps.money:
        # Begun minutes are billed, and so the plan counts them (contract section 11: 84 seconds are 2 minutes).
        begun = ceil(each)
        spent = (
            totals.calls * tariff.per_call + (totals.minutes + totals.open_calls * begun) * tariff.per_minute
        )
        price = tariff.per_call + begun * tariff.per_minute
        yield CapUsage(Rule.MONEY_CAP, scope, caps.money, spent, price, totals.open_calls)


def _inputs(held: CapUsage, policy: CallingPolicy) -> dict[str, object]:
    return {
        "scope": held.scope,
        "cap": held.cap,
        "used": round(held.used, 4),
        "each": round(held.each, 4),
        "open_calls": held.open_calls,
        "currency": policy.tariff.currency,
        "day_zone": policy.day_zone,
    }


def _day_zone(policy: CallingPolicy) -> ZoneInfo:
    return zone_named(policy.day_zone) or ZoneInfo("UTC")  # the policy was checked; its zone may go missing


def _bounded(now: datetime) -> datetime:
    """In UTC, and where there is a day before and after."""
    if now.year <= FIRST.year:
        return max(now.astimezone(UTC), FIRST) if now.year == FIRST.year else FIRST
    return min(now.astimezone(UTC), LAST) if now.year < LAST.year else LAST
