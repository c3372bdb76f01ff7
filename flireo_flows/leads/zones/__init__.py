"""In which time zones a person may be: what the number and the row's time zone, postcode, state and country each allow.

Nothing here knows where someone is. Each source names every zone it allows; the sources are joined so that a call
waits for all zones that are left.
"""

from flireo_flows.leads.zones.number_zones import country_zones, number_states, number_zones, place_may_be_old
from flireo_flows.leads.zones.regions import Region, region_of_country, region_of_postcode, region_of_state
from flireo_flows.leads.zones.zone_evidence import ZoneEvidence, combined
from flireo_flows.leads.zones.zone_names import ZoneRefusal, current_name, is_zone, read_zone

__all__ = [
    "Region",
    "ZoneEvidence",
    "ZoneRefusal",
    "combined",
    "country_zones",
    "current_name",
    "is_zone",
    "number_states",
    "number_zones",
    "place_may_be_old",
    "read_zone",
    "region_of_country",
    "region_of_postcode",
    "region_of_state",
]
