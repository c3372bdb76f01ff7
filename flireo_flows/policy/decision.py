"""`decide()`: may this lead be called now?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from flireo_flows.policy.call_consequences import may_follow, retry_delay
from flireo_flows.policy.calling_policy import CallingPolicy
from flireo_flows.policy.decision_context import DecisionContext, History, OtherCall, PolicyLead, context_of
from flireo_flows.policy.policy_forms import OtherCampaigns
from flireo_flows.policy.timetable import FIRST, HORIZON, LAST, Clock, next_open


class Rule(StrEnum):
    """What a lead was denied by. The values stand in the ledger and in results."""

    CLOCK_WRONG = "clock_wrong"  # the ledger's clock shows a year that cannot be
    CAMPAIGN_CANCELLED = "campaign_cancelled"
    CAMPAIGN_PAUSED = "campaign_paused"
    DO_NOT_CALL = "do_not_call"
    NO_CONSENT = "no_consent"
    CONSENT_EXPIRED = "consent_expired"
    NO_ATTEMPTS_LEFT = "no_attempts_left"
    NOT_RETRIED = "not_retried"  # its last attempt ended in a way that nothing follows
    TOO_LATE = "too_late"
    ZONE_UNKNOWN = "zone_unknown"
    HOLIDAYS_UNKNOWN = "holidays_unknown"
    OUTSIDE_HOURS = "outside_hours"
    HOLIDAY = "holiday"
    TOO_SOON = "too_soon"
    SAME_HOUR = "same_hour"
    NUMBER_CAP = "number_cap"
    OTHER_CAMPAIGNS = "other_campaigns"  # others called the person lately, or too often
    ALREADY_RINGING = "already_ringing"
    RESULT_AWAITED = "result_awaited"  # the analysis of the number's last call may still say no
    CONCURRENCY = "concurrency"
    CALL_CAP = "call_cap"
    MINUTE_CAP = "minute_cap"
    MONEY_CAP = "money_cap"


@dataclass(frozen=True, slots=True)
class Allow:
    """Call now.

    Attributes:
        inputs: What the rules looked at, as JSON values; without the number.
    """

    inputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deny:
    """Do not call. Ask again at `until`; None means this policy never will.

    Attributes:
        reason: The rule that denied.
        until: Aware; None for never.
        inputs: What the rules looked at, as JSON values; without the number.
        needs_review: Whether a person has to look, as no time helps: the zones that the lead may be in share no
            calling hour.
    """

    reason: Rule
    until: datetime | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    needs_review: bool = False


Verdict = Allow | Deny


Check = Callable[[DecisionContext, datetime], Deny | None]

# No one knows when a call in progress ends; asked again after this it costs next to nothing.
RINGING_AGAIN: Final = timedelta(seconds=30)
OTHER_HOUR_DAYS: Final = timedelta(days=14)
MOST_STEPS: Final = 60
AT_ONCE: Final = timedelta(0)


def decide(
    lead: PolicyLead, now: datetime, policy: CallingPolicy, history: History, within: timedelta = AT_ONCE
) -> Verdict:
    """May this lead be called at `now`? The first rule that denies gives the reason.

    Pure, and it never raises: what cannot be known denies. Where a rule denies for a time, `until` is the
    first moment at which all rules would allow if nothing but time passed, and None if there is none within
    400 days.

    Args:
        lead: What is known of the person.
        now: Aware; the ledger's clock.
        policy: The campaign's rules.
        history: What happened before.
        within: How long after `now` the request may still go out; it must be allowed then as well.
    """
    # Python's calendar ends at both sides: near its ends no zone can be read.
    if now.tzinfo is None or not FIRST.year <= now.year < LAST.year:
        return Deny(Rule.CLOCK_WRONG, FIRST if now.year < FIRST.year else None, {"year": now.year})
    case, moment = context_of(lead, policy, history), max(now.astimezone(UTC), FIRST)
    moments = (moment, moment + within) if within else (moment,)
    denials = (denial for at in moments for check in CHECKS if (denial := check(case, at)))
    if denial := next(denials, None):
        until, never = _next_chance(case, denial)
        # Whatever holds it back now, it would wait for nothing afterwards.
        is_empty = until is None and _share_nothing(case.clocks or (), moment.date())
        needs_review = is_empty and Rule.OUTSIDE_HOURS in (denial.reason, never.get("never"))
        return Deny(denial.reason, until, {**case.facts(moment), **denial.inputs, **never}, needs_review)
    return Allow({**case.facts(moment), **_other_hour_facts(case, moment)})


def number_memory(policy: CallingPolicy) -> timedelta:
    """How far back `History.number_called_at` must reach for the policy's caps per number."""
    caps = [*policy.number_caps, *(cap for rule in policy.state_rules for cap in rule.number_caps)]
    return timedelta(days=max((cap.days for cap in caps), default=0.0))


def _next_chance(case: DecisionContext, denial: Deny) -> tuple[datetime | None, Mapping[str, object]]:
    """When all rules would allow: each denial moves the moment on. Where none ever does: by which rule."""
    if denial.until is None:
        return None, {}
    earliest = denial.until
    for _ in range(MOST_STEPS):
        denials = [
            found for check in CHECKS if check is not has_no_open_call and (found := check(case, earliest))
        ]
        if not denials:
            break
        for found in denials:
            if found.until is None or found.until >= LAST:
                return None, {"never": str(found.reason)}
            earliest = max(earliest, found.until)
    return earliest, {}


def not_opted_out(case: DecisionContext, now: datetime) -> Deny | None:
    """A lead that opted out is never called."""
    if case.history.do_not_call:
        return Deny(Rule.DO_NOT_CALL, None, {"source": case.history.do_not_call})
    if case.history.last_outcome in case.policy.do_not_call_outcomes:
        return Deny(Rule.DO_NOT_CALL, None, {"source": "outcome", "outcome": case.history.last_outcome})
    return None


def consented(case: DecisionContext, now: datetime) -> Deny | None:
    """A lead that refused is never called; where consent is required, only one that gave it."""
    consent = case.lead.consent
    if consent.given is False or (case.policy.consent_required and consent.given is None):
        return Deny(Rule.NO_CONSENT, None, {"given": consent.given})
    if consent.given_at and consent.given_at > now and case.policy.consent_required:
        facts = {"given": True, "given_at": _iso(consent.given_at)}
        return Deny(Rule.NO_CONSENT, later(consent.given_at, 0), facts)
    return None


def consent_holds(case: DecisionContext, now: datetime) -> Deny | None:
    """Consent ends by the row's own date, and by its age."""
    consent, days = case.lead.consent, case.policy.consent_valid_days
    facts = {"given_at": _iso(consent.given_at), "expires_at": _iso(consent.expires_at), "valid_days": days}
    if consent.expires_at and now > consent.expires_at:
        return Deny(Rule.CONSENT_EXPIRED, None, facts)
    if not days or not case.policy.consent_required:
        return None
    if consent.given_at is None or now > later(consent.given_at, days * 86_400.0):
        return Deny(Rule.CONSENT_EXPIRED, None, facts)
    return None


def has_attempts_left(case: DecisionContext, now: datetime) -> Deny | None:
    """One budget for all outcomes."""
    used, most = case.history.attempts, case.policy.max_attempts
    return Deny(Rule.NO_ATTEMPTS_LEFT) if used >= most else None


def is_to_be_retried(case: DecisionContext, now: datetime) -> Deny | None:
    """The last outcome is one that another attempt follows. A report that came late may have changed it."""
    outcome = case.history.last_outcome
    if not case.history.attempts or outcome is None or may_follow(case.policy, outcome):
        return None
    return Deny(Rule.NOT_RETRIED)


def in_time(case: DecisionContext, now: datetime) -> Deny | None:
    """Never at or after the last moment."""
    if case.dial_before is None or now < case.dial_before:
        return None
    return Deny(Rule.TOO_LATE)


def has_clock(case: DecisionContext, now: datetime) -> Deny | None:
    """Where hours or holidays count, it is known what the person's clock shows."""
    if case.clocks is None:
        return Deny(Rule.ZONE_UNKNOWN)
    return None


def knows_holidays(case: DecisionContext, now: datetime) -> Deny | None:
    """Whether it is a holiday is known, on every clock."""
    for table, zone in case.clocks or ():
        day = now.astimezone(zone).date()
        if table.closes(day) is None:
            opens = next_open(case.clocks or (), now, now + HORIZON)
            unknown = [calendar or "the number's country" for calendar in table.calendars]
            return Deny(Rule.HOLIDAYS_UNKNOWN, opens, {"countries": unknown, "date": day.isoformat()})
    return None


def has_no_open_call(case: DecisionContext, now: datetime) -> Deny | None:
    """No call to the number is in progress, for any campaign."""
    if case.history.has_open_call:
        return Deny(Rule.ALREADY_RINGING, now + RINGING_AGAIN)
    until = case.history.open_call_until
    return Deny(Rule.ALREADY_RINGING, until) if until is not None and until > now else None


def is_analysed(case: DecisionContext, now: datetime) -> Deny | None:
    """What the person said in the last call is known, or was waited for long enough."""
    until = case.history.awaited_until
    return Deny(Rule.RESULT_AWAITED, until) if until is not None and until > now else None


def is_spaced(case: DecisionContext, now: datetime) -> Deny | None:
    """Attempts keep their distance."""
    ended, outcome = case.history.last_ended_at, case.history.last_outcome
    if ended is None:
        return None
    delay = retry_delay(case.policy, outcome, case.history.attempts)
    due = later(ended, delay)
    facts = {"last_ended_at": _iso(ended), "delay_seconds": delay}
    return Deny(Rule.TOO_SOON, due, facts) if due > now else None


def number_is_rested(case: DecisionContext, now: datetime) -> Deny | None:
    """Rolling caps per number, across campaigns. The cap that holds longest is the reason."""
    denials = [denial for cap in case.number_caps if (denial := _capped(case, now, cap.calls, cap.days))]
    return max(denials, key=lambda denial: denial.until or LAST, default=None)


def _capped(case: DecisionContext, now: datetime, calls: int, days: float) -> Deny | None:
    window = days * 86_400
    falls_out = sorted(later(called, window) for called in case.history.number_called_at)
    counted = [moment for moment in falls_out if moment > now]
    if len(counted) < calls:
        return None
    facts = {"calls": calls, "days": days, "counted": len(counted)}
    return Deny(Rule.NUMBER_CAP, counted[-calls], facts)


def others_are_spaced(case: DecisionContext, now: datetime) -> Deny | None:
    """The person was not called by others lately, nor too often. The rule that holds longest is the reason."""
    calls, rules = case.history.other_calls, case.policy.other_campaigns
    if not calls:
        return None
    denials = [_too_near(calls, now, rules), _too_often(calls, now, rules)]
    return max((it for it in denials if it), key=lambda denial: denial.until or LAST, default=None)


def held_by_others(policy: CallingPolicy, now: datetime, history: History) -> datetime | None:
    """Until when calls by others alone hold a person back; None where they do not.

    Args:
        policy: The campaign's rules.
        now: Aware.
        history: Of the person.
    """
    denial = others_are_spaced(context_of(PolicyLead("", ()), policy, history), now)
    return denial.until if denial else None


def others_memory(policy: CallingPolicy) -> timedelta:
    """How far back `History.other_calls` must reach."""
    rules = policy.other_campaigns
    days = rules.per_days if rules.max_calls else 0.0
    return max(timedelta(hours=rules.min_gap_hours), timedelta(days=days))


def _too_near(calls: Sequence[OtherCall], now: datetime, rules: OtherCampaigns) -> Deny | None:
    newest = max(calls, key=lambda call: call.at)
    due = later(newest.at, rules.min_gap_hours * 3600)
    if newest.asked_back or due <= now:
        return None
    facts = {"called_at": _iso(newest.at), "called_by": newest.by, "min_gap_hours": rules.min_gap_hours}
    return Deny(Rule.OTHER_CAMPAIGNS, due, facts)


def _too_often(calls: Sequence[OtherCall], now: datetime, rules: OtherCampaigns) -> Deny | None:
    falls_out = sorted(later(call.at, rules.per_days * 86_400) for call in calls)
    counted = [moment for moment in falls_out if moment > now]
    if not rules.max_calls or len(counted) < rules.max_calls:
        return None
    facts = {"counted": len(counted), "max_calls": rules.max_calls, "days": rules.per_days}
    return Deny(Rule.OTHER_CAMPAIGNS, counted[-rules.max_calls], facts)


def within_hours(case: DecisionContext, now: datetime) -> Deny | None:
    """Only when it is calling time, and no holiday, on every clock the person may have."""
    clocks = case.clocks or ()
    if _share_nothing(clocks, now.date()):
        return Deny(Rule.OUTSIDE_HOURS)
    opens = next_open(clocks, now, now + HORIZON)
    if opens == now:
        return None
    for table, zone in clocks:
        if name := table.closes(now.astimezone(zone).date()):
            return Deny(Rule.HOLIDAY, opens, {"holiday": name, "holiday_zone": zone.key})
    return Deny(Rule.OUTSIDE_HOURS, opens)


@lru_cache(maxsize=4096)
def _share_nothing(clocks: tuple[Clock, ...], day: date) -> bool:
    """Whether clocks that open, each for itself, are never open together from a day on."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if len(clocks) < 2 or next_open(clocks, begin, begin + HORIZON):
        return False
    return all(next_open([clock], begin, begin + HORIZON) for clock in clocks)


def at_another_hour(case: DecisionContext, now: datetime) -> Deny | None:
    """Not at the time of day of an earlier attempt, where there is another time before it is too late."""
    opens = _other_hour(case, now)
    if opens is None or opens == now:
        return None
    return Deny(Rule.SAME_HOUR, opens, {"other_hour_minutes": case.policy.other_hour_minutes})


def _other_hour(case: DecisionContext, now: datetime) -> datetime | None:
    """The next time of day that is another one, within the hours; None if the hours leave none."""
    clocks = case.other_hours()
    if not clocks:
        return now
    ends = [now + OTHER_HOUR_DAYS, case.dial_before, case.lead.consent.expires_at]
    return next_open(clocks, now, max(now, min(end for end in ends if end)))


def _other_hour_facts(case: DecisionContext, now: datetime) -> Mapping[str, object]:
    if case.policy.other_hour_minutes and _other_hour(case, now) is None:
        return {"other_hour": "none left"}
    return {}


def later(moment: datetime, seconds: float) -> datetime:
    """A moment so many seconds on, in UTC; kept between `FIRST` and `LAST`, as Python's calendar ends."""
    if not FIRST.year <= moment.year < LAST.year:
        moment = LAST if moment.year >= LAST.year else FIRST
    # Neither can overflow: no delay and no window of a policy is longer than ten years.
    return max(FIRST, min(moment.astimezone(UTC) + timedelta(seconds=seconds), LAST))


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


# The order is that of the reasons: first those that nothing changes.
CHECKS: Final[tuple[Check, ...]] = (
    not_opted_out,
    consented,
    consent_holds,
    has_attempts_left,
    is_to_be_retried,
    in_time,
    has_clock,
    knows_holidays,
    has_no_open_call,
    is_analysed,
    is_spaced,
    number_is_rested,
    others_are_spaced,
    within_hours,
    at_another_hour,
)
