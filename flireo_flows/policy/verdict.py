"""What a decision says: ring now, or not, by which rule, and when it is worth asking again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
    """Ring now.

    Attributes:
        inputs: What the rules looked at, as JSON values; without the number.
    """

    inputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deny:
    """Do not ring. Ask again at `until`; None means this policy never will.

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
