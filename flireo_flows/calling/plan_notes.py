"""What a person should know before a plan is approved: of the policy, the file, the numbers and the time zones."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from flireo_flows.api.redaction import redact
from flireo_flows.calling.plan import lines_in_words
from flireo_flows.leads import LeadBatch
from flireo_flows.leads.zones import place_may_be_old
from flireo_flows.policy import (
    SOURCES,
    CallingPolicy,
    Deny,
    LeadLocation,
    PolicyLead,
    location_of,
    policy_problem,
    policy_warnings,
)

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
        yield f"{problem}: no one can be called."
    yield from (f"{warning}." for warning in policy_warnings(policy))
    if uncertain and policy.calling_hours is not None:
        yield (
            f"Of {uncertain} leads the number may be in several time zones: they are called only when the calling "
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
        yield f"{silent} of {len(greetings)} first messages do not seem to say that an AI is calling. {law}"
    if unseen:
        rest = "" if silent else f" {law}"
        yield (
            f"{unseen} calls begin with the saved agent's own greeting, which a plan does not read: see that it says "
            f"that an AI is calling.{rest}"
        )


COLUMNS_SHOWN: Final = 10


def reading_notes(batch: LeadBatch) -> Iterator[str]:
    """Numbers that were changed to be read, rows whose kind of number a setting would allow, and what was left out.

    Args:
        batch: What the file gave.
    """
    yield from batch.notes
    changed: dict[str, list[int]] = {}
    for lead in batch.leads:
        if lead.note:
            changed.setdefault(lead.note, []).append(lead.line)
    for note, lines in changed.items():
        are = "number ({}) is" if len(lines) == 1 else "numbers ({}) are"
        yield f"{len(lines)} {are.format(lines_in_words(lines))} {note}."
    for kind, count in Counter(reject.kind for reject in batch.rejects if reject.kind).most_common():
        what = kind.replace("_", "-")
        rows = f"1 row holds a {what} number" if count == 1 else f"{count} rows hold {what} numbers"
        which = "which is not called" if count == 1 else "which are not called"
        yield f"{rows}, {which}; to call them, name the kind in call_kinds (--call-kinds {kind})."
    yield from _left_out(batch)


def _left_out(batch: LeadBatch) -> Iterator[str]:
    if batch.hidden:
        rows = "row is" if batch.hidden == 1 else "rows are"
        yield f"{batch.hidden} hidden {rows} left out; read_hidden (--read-hidden) calls them as well."
    if batch.hidden_sheets:
        named = ", ".join(redact(repr(name)) for name in batch.hidden_sheets[:COLUMNS_SHOWN])
        yield f"Not read, as the workbook hides it: sheet {named}; read_hidden (--read-hidden) reads the first sheet."
    if batch.other_channels:
        named = ", ".join(redact(repr(name)) for name in batch.other_channels[:COLUMNS_SHOWN])
        yield f"Not read, as these columns are not about calls: {named}."
    if count := batch.opted_out_by_text:
        people = "lead is" if count == 1 else "leads are"
        yield f"{count} {people} not called: a cell such as a status or a note asks for no more calls."


LONG_WAIT: Final = timedelta(days=14)


def confidence(place: LeadLocation) -> str:
    """How sure the zones of a lead are, in words."""
    if not place.zones:
        return "no zone is known"
    sources = set(place.sources)
    if sources == {"column"}:
        return "given in the file"
    if len(place.zones) == 1:
        return f"the one zone of {SOURCES.get(place.sources[0], place.sources[0])}"
    if sources == {"number"}:
        return f"its number may be in any of {len(place.zones)} zones"
    each = Counter(place.sources)
    return "any zone of " + " and of ".join(
        f"{SOURCES.get(source, source)} ({n})" for source, n in each.items()
    )


def zone_notes(
    leads: Sequence[PolicyLead],
    verdicts: Sequence[datetime | Deny | None],
    policy: CallingPolicy,
    start: datetime,
) -> Iterator[str]:
    """What to know of the leads' zones.

    Args:
        leads: The leads that a run would ask about.
        verdicts: Of each, as `Forecast.verdicts`.
        policy: The rules.
        start: When the run would begin.
    """
    pairs = list(zip(leads, verdicts, strict=True))
    planned = [(lead, verdict) for lead, verdict in pairs if not isinstance(verdict, Deny)]
    for_review = [lead for lead, verdict in pairs if isinstance(verdict, Deny) and verdict.needs_review]
    if for_review:
        places = Counter(location_of(lead, policy.wide_zones).zones for lead in for_review)
        zones, _ = places.most_common(1)[0]
        shown = ", ".join(zones[:4]) + (f" and {len(zones) - 4} more" if len(zones) > 4 else "")
        yield (
            f"{len(for_review)} leads are not called and go to review: the zones they may be in (such as {shown}) "
            "share no calling hour. A column with the time zone, the state or the postcode narrows them."
        )
    if policy.calling_hours is None:
        return
    places_planned = [location_of(lead, policy.wide_zones) for lead, _ in planned]
    torn = sum("number" in it.sources and len(set(it.sources) - {"wide_zones"}) > 1 for it in places_planned)
    if torn:
        yield f"Of {torn} leads the row contradicts the number: they are called only when both allow it."
    waiting = sum(at is not None and at - start > LONG_WAIT for _, at in planned)
    if waiting:
        yield f"{waiting} leads wait for more than {LONG_WAIT.days} days: look at their zones and the calling hours."
    kept = [it for (lead, _), it in zip(planned, places_planned, strict=True) if place_may_be_old(lead.phone)]
    moved = sum("number" in it.sources for it in kept)
    if moved and not policy.wide_zones:
        yield (
            f"{moved} numbers name a place that may be out of date, as numbers of the United States, Canada, Mexico "
            "and Brazil are kept after a move: only the zones of their area codes count. The setting wide_zones calls "
            "them only when it is calling time in all zones of their country; a column with the time zone, the state "
            "or the postcode makes it surer."
        )
