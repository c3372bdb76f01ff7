"""The question before a run calls people: how many, from which number, for how much.

A test key (`fl_test_...`) and a server on this machine, such as the sandbox, call no one, so nothing is asked.
"""

import sys
from typing import TYPE_CHECKING, Final

from flireo_flows.lifecycle.states import LeadState

if TYPE_CHECKING:
    from flireo_flows.api.client import Account
    from flireo_flows.calling.plan import Plan

TEST_KEY: Final = (
    "fl_test_"  # observed prefix of test keys (contract section 1); any other key counts as live
)
LIVE_KEY: Final = "fl_live_"
YES: Final = frozenset({"y", "yes"})
NUMBERS_SHOWN: Final = 5


def is_needed(account: "Account") -> bool:
    """Whether this account may call real people."""
    from flireo_flows.api.network import is_loopback

    return not account.api_key.startswith(TEST_KEY) and not is_loopback(account.url)


def refusal(plan: "Plan", limit: int | None, account: "Account") -> int | None:
    """Ask the person at the terminal whether to call.

    Args:
        plan: What the run would do.
        account: With which key; only the kind of key is shown.
        limit: People that the run calls at most; None for no limit.

    Returns:
        None to go on: the person agreed, or there is no one to call. Otherwise the exit status of the command: 2
        without a terminal to ask at, 3 when the answer was not yes.
    """
    from flireo_flows.cli import OPEN, USAGE, say

    # The result of a call that was placed earlier may come in during the run, and the person be called again.
    people = len(plan.calls) + plan.reasons.get(LeadState.CALLING, 0)
    if not people:
        return None
    print(_question(plan, people, limit, _kind(account)), file=sys.stderr)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say("there is no terminal to ask at, so no one was called. Add --yes to call them.")
        return USAGE
    print("Call them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() in YES:
        return None
    print("\nNo one was called.", file=sys.stderr)
    return OPEN


def _kind(account: "Account") -> str:
    """What kind of key it is, as far as its beginning shows."""
    if account.api_key.startswith(LIVE_KEY):
        return f"a live key ({LIVE_KEY}...)"
    return "a key that is not plainly a test key, so it counts as live"


def _question(plan: "Plan", people: int, limit: int | None, kind: str) -> str:
    most = min(people, limit or people)
    who = f"{people:,} {'person' if people == 1 else 'people'}"
    head = f"This run may call {who} with {kind}"
    parts = [
        f"{head}.",
        *([f"  Now: at most {most:,} of them (--limit)."] if most < people else []),
        *(f"  {sentence}" for sentence in plan.earlier),
        f"  From: {_numbers(plan)}.",
        f"  Cost: {_cost(plan, most / people)}",
        "  Who, when and with which words: `flireo-flows plan` with the same options. For a first try: --limit 1.",
    ]
    return "\n".join(parts)


def _numbers(plan: "Plan") -> str:
    numbers = sorted({call.choice.number_id for call in plan.calls})
    if not numbers:
        return "the numbers of the earlier calls"
    named = [number or "a number that Flireo picks, for no number is given" for number in numbers]
    more = len(named) - NUMBERS_SHOWN
    return ", ".join(named[:NUMBERS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _cost(plan: "Plan", share: float) -> str:
    """The range of the plan's estimate, for a share of its people."""
    from math import ceil

    estimate = plan.estimate
    if not estimate.currency:
        minutes = ceil(estimate.most_minutes * share)
        return f"0 to {minutes:,} minutes of talk. The policy has no tariff, so the amount is not known."
    least, most = estimate.least_cost * share, estimate.most_cost * share
    return f"{least:,.2f} to {most:,.2f} {estimate.currency} by the policy's tariff."
