"""The circuit breaker: when too many of the last calls failed, a person has to look. Pure; reads no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flireo_flows.api.redaction import mask_phone
from flireo_flows.policy.policy_forms import Breaker

MOST_SHOWN: Final = 20  # last failures that are shown


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that ended in the window, or a request that Flireo refused.

    Attributes:
        phone: E.164.
        failed: Whether it counts as a failure: the outcome `failed`, or a refusal.
        reason: In words, without a number.
    """

    phone: str
    failed: bool
    reason: str = ""


def trips(ended: Sequence[Ended], breaker: Breaker) -> str:
    """Why the campaign must be paused; empty while it need not.

    Args:
        ended: What ended in the window, since the campaign was last resumed.
        breaker: How many failures are too many.
    """
    failures = sum(call.failed for call in ended)
    if not breaker.enabled or len(ended) < breaker.fewest_calls or not failures:
        return ""
    share = failures / len(ended)
    if share <= breaker.failure_share and share < 1:  # a share of 1 pauses it once all of them fail
        return ""
    return (
        f"{failures} of the last {len(ended)} calls failed ({share:.0%}, and the policy pauses above "
        f"{breaker.failure_share:.0%} within {breaker.window_seconds:g} seconds); "
        "look at the last failures, then resume the campaign"
    )


def shown(ended: Sequence[Ended]) -> tuple[str, ...]:
    """The last failures for people to look at, newest first: masked number and reason."""
    failures = [call for call in ended if call.failed]
    newest = reversed(failures[-MOST_SHOWN:])
    return tuple(f"{mask_phone(call.phone)}: {call.reason or 'no reason was told'}" for call in newest)
