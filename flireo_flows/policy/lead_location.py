"""Where a lead may be, as far as the rules ask: its zones with the source of each, and the states it may live in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from flireo_flows.leads.zones import country_zones, number_states, region_of_postcode, region_of_state
from flireo_flows.policy.calendars import country_of
from flireo_flows.policy.history import PolicyLead

NUMBER: Final = "number"
WIDE: Final = "wide_zones"


@dataclass(frozen=True, slots=True)
class LeadLocation:
    """Where a lead may be.

    Attributes:
        zones: IANA names; it must be calling time in all of them.
        sources: Of each zone: `column`, `postcode`, `state`, `country`, `number` or `wide_zones`.
        states: ISO 3166-2 codes of the states it may live in; empty where all of the number's country are possible.
        phone: E.164.
    """

    zones: tuple[str, ...]
    sources: tuple[str, ...]
    states: tuple[str, ...]
    phone: str = field(repr=False)

    def may_be_in(self, state: str) -> bool:
        """Whether the rules of a state (ISO 3166-2) may be those of the lead."""
        return state in self.states if self.states else state.partition("-")[0] == country_of(self.phone)


def location_of(lead: PolicyLead, wide: bool) -> LeadLocation:
    """Where a lead may be.

    Args:
        lead: The person, as the row describes them.
        wide: Whether a number is taken to show its country only (`CallingPolicy.wide_zones`).
    """
    return _whereabouts(lead.phone, lead.zones, lead.zone_source, lead.state, lead.postcode, wide)


@lru_cache(maxsize=65_536)
def _whereabouts(
    phone: str, zones: tuple[str, ...], source: str, state: str, postcode: str, wide: bool
) -> LeadLocation:
    words = source.split() or [NUMBER]
    sources = words if len(words) == len(zones) else words[:1] * len(zones)
    if wide and NUMBER in sources:
        added = tuple(zone for zone in country_zones(phone) if zone not in zones)
        zones, sources = (*zones, *added), [*sources, *[WIDE] * len(added)]
    row = [region_of_postcode(postcode, phone).states, region_of_state(state, phone).states]
    named = [states for states in row if states]
    number = () if wide else number_states(phone)
    return LeadLocation(zones, tuple(sources), _states(number, named), phone)


def _states(number: Sequence[str], named: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """States that the row and the number allow; those of both where they contradict each other."""
    inside = [set(states) & set(number) for states in named if set(states) & set(number)]
    outside = [set(states) for states in named if not set(states) & set(number)]
    kept = _common(inside) if inside else set(number)
    return tuple(sorted(kept | _common(outside)))


def _common(sets: Sequence[set[str]]) -> set[str]:
    return (set.intersection(*sets) or set.union(*sets)) if sets else set()
