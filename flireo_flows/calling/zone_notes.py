"""What a plan says of time zones: how sure each lead's is, and what a person should know before approving it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from flireo_flows.leads.zones import place_may_be_old
from flireo_flows.policy import CallingPolicy, LeadLocation, location_of
from flireo_flows.policy.explanation import SOURCES
from flireo_flows.policy.history import PolicyLead

LONG_WAIT: Final = timedelta(days=14)


def confidence(place: LeadLocation) -> str:
    """How sure the zones of a lead are, in words."""
    if not place.zones:
        return "no zone is known"
    sources = set(place.sources)
    if sources == {"column"}:
        return "the file says so"
    if len(place.zones) == 1:
        return f"the one zone of {SOURCES.get(place.sources[0], place.sources[0])}"
    if sources == {"number"}:
        return f"its number may be in any of {len(place.zones)} zones"
    each = Counter(place.sources)
    return "any zone of " + " and of ".join(
        f"{SOURCES.get(source, source)} ({n})" for source, n in each.items()
    )


def zone_notes(
    planned: Sequence[tuple[PolicyLead, datetime | None]],
    for_review: Sequence[PolicyLead],
    policy: CallingPolicy,
    start: datetime,
) -> Iterator[str]:
    """What to know of the leads' zones.

    Args:
        planned: The leads to call, each with the moment of its call; None where that is more than a year ahead.
        for_review: Leads whose zones share no calling hour.
        policy: The rules.
        start: When the run would begin.
    """
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
