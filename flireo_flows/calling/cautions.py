"""What a person should know before a plan is approved."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from flireo_flows.policy import CallingPolicy, policy_problem, policy_warnings

# English, Dutch, German, French, Spanish, Italian; a hint, so that a word too many does no harm.
SAYS_AI: Final = re.compile(
    r"\b(?:a\.?i\.?|k\.?i\.?|i\.?a\.?|artificial|artifici\w+|künstlich\w*|kunstmatig\w*|intelligen[ctz]\w+|"
    r"virtu\w+|digita\w+|digitá\w+|automat\w+|automaat|geautomatiseerd\w*|automatis\w+|automátic\w+|"
    r"ro?bots?|bots?|computer\w*|voicebot\w*|synthe\w+|machine)\b",
    re.IGNORECASE,
)


def cautions(policy: CallingPolicy, greetings: Sequence[str], uncertain: int) -> Iterator[str]:
    """What to look at twice.

    Args:
        policy: The rules.
        greetings: The first words of each planned call; empty where a saved agent greets in its own words.
        uncertain: Planned leads whose number may be in several time zones.
    """
    if problem := policy_problem(policy):
        yield f"{problem}: nobody can be rung."
    yield from (f"{warning}." for warning in policy_warnings(policy))
    if uncertain and policy.calling_hours is not None:
        yield (
            f"Of {uncertain} leads the number may be in several time zones: they are rung only when the calling "
            "hours are open in all of them. A column with the time zone, the state or the postcode narrows them."
        )
    if policy.calling_hours is None and policy.state_rules:
        yield (
            "There are no calling hours, but the rules of states (state_rules) hold all the same: "
            f"{', '.join(rule.state for rule in policy.state_rules)}. A policy with an empty list has none."
        )
    yield from _disclosure(greetings)


def number_cautions(number_ids: Sequence[str], clients: Sequence[str]) -> Iterator[str]:
    """What to look at twice about the numbers that people are called from.

    Args:
        number_ids: Of each planned call; empty where no number is given.
        clients: Of each lead that goes to review and names a client on whose behalf it is called.
    """
    picked = sum(not number_id for number_id in number_ids)
    if picked:
        yield (
            f"For {picked} of {len(number_ids)} calls no number is given: Flireo picks one of the account's numbers. "
            "Give one (--number-id, the script's number pool, or a number_id column)."
        )
    if clients:
        yield (
            f"{len(clients)} leads of {len(set(clients))} clients (on_behalf_of) go to review and are not called: no "
            "number of their client is known, and another client's number is never used. Add it to the script's "
            "number pool with its client."
        )


def _disclosure(greetings: Sequence[str]) -> Iterator[str]:
    """Article 50 (1) of the EU's AI Act, Regulation 2024/1689, which applies from 2 August 2026."""
    silent = sum(bool(words) and not SAYS_AI.search(words) for words in greetings)
    unseen = sum(not words for words in greetings)
    law = (
        "In the EU people must be told that they talk to an AI system, unless that is obvious (AI Act, article 50). "
        "This looks for words such as AI, virtual or automated; it is a hint, not legal advice."
    )
    if silent:
        yield f"{silent} of {len(greetings)} first messages do not seem to say that an AI is ringing. {law}"
    if unseen:
        rest = "" if silent else f" {law}"
        yield (
            f"{unseen} calls begin with the saved agent's own greeting, which a plan does not read: see that it says "
            f"that an AI is ringing.{rest}"
        )
