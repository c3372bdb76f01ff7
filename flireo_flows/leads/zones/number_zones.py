"""The zones that a phone number allows, by its country, its area code and, where the town is known, its exchange."""

from functools import lru_cache
from typing import Final

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneNumberType,
    is_number_type_geographical,
    number_type,
    parse,
)
from phonenumbers.phonenumberutil import NumberParseException
from phonenumbers.tzdata import TIMEZONE_DATA

from flireo_flows.leads.zones.zone_names import current_name, is_zone
from flireo_flows.leads.zones.zone_tables import (
    MultiZoneCountry,
    area_codes,
    countries,
    exchanges,
    north_america,
)

_FIXED: Final = frozenset({PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_OF_AREAS: Final = _FIXED | {PhoneNumberType.MOBILE}
# Countries in which mobile numbers begin with the area code of the place they were bought in.
_MOBILES_OF_AREAS: Final = frozenset({"1", "52", "55"})
_LONGEST: Final = 7  # digits that decide: calling code, area code and exchange
_NORTH_AMERICA: Final = "1"
_TERRITORIES: Final = frozenset({"US-PR", "US-VI", "US-GU", "US-MP", "US-AS"})


def number_zones(e164: str, kind: int) -> tuple[str, ...]:
    """Every zone that a number may be in: of its area, or of its whole country where it names no area.

    Args:
        e164: With the leading `+`.
        kind: A `phonenumbers.PhoneNumberType`.

    Returns:
        Names that this computer can open; empty when nothing is known.
    """
    return _zones(e164[1:][:_LONGEST], kind)


@lru_cache(maxsize=65536)
def _zones(digits: str, kind: int) -> tuple[str, ...]:
    if digits.startswith(_NORTH_AMERICA):
        found = _north_american(digits) if kind in _OF_AREAS else _whole(_NORTH_AMERICA)
    elif country := country_of_number(digits):
        found = _area(digits, country) if _names_area(country, kind) else country.zones
    else:
        found = _library(digits, kind)
    names = tuple(dict.fromkeys(map(current_name, found)))
    # Calls are made in the overlap of all zones, so one that does not open must not just be left out:
    # the overlap would widen. Nothing known is the safe answer.
    return names if all(map(is_zone, names)) else ()


def country_zones(e164: str) -> tuple[str, ...]:
    """Every zone of the country of a number; for `+1` of the fifty states, or of Canada.

    Empty where the country has one clock, and for territories and islands with area codes of their own.
    """
    digits = e164[1:]
    if not digits.startswith(_NORTH_AMERICA):
        country = country_of_number(digits)
        return country.zones if country else ()
    states = number_states(e164)
    if not states and digits[1:4] in _islands():
        return ()
    if states and set(states) <= _TERRITORIES:
        return ()
    return _whole(_NORTH_AMERICA, states[0][:2] if states else "")


def number_states(e164: str) -> tuple[str, ...]:
    """The states or provinces (ISO 3166-2) of a number's area code; empty outside of the United States and Canada."""
    if not e164.startswith("+1"):
        return ()
    states, _ = north_america().get(e164[2:5], ((), ()))
    return states


def place_may_be_old(e164: str) -> bool:
    """Whether a number names a place that its owner may have left: numbers there are kept after a move."""
    if e164.startswith("+1"):
        return bool(number_states(e164)) and not set(number_states(e164)) <= _TERRITORIES
    if not e164.startswith(("+52", "+55")):
        return False
    try:
        return number_type(parse(e164)) in _OF_AREAS - {PhoneNumberType.FIXED_LINE}
    except NumberParseException:
        return False


def _north_american(digits: str) -> tuple[str, ...]:
    area = digits[1:4]
    if area in _islands():
        return TIMEZONE_DATA[digits[:4]]
    _, zones = north_america().get(area, ((), ()))
    if len(zones) > 1 and (exchange := exchanges().get(digits[1:7])):
        return (exchange,)
    return zones or _whole(_NORTH_AMERICA)


@lru_cache(maxsize=1)
def _islands() -> frozenset[str]:
    """Area codes of the countries of the Caribbean and the Atlantic, each on one clock."""
    return frozenset(
        prefix[1:]
        for prefix, zones in TIMEZONE_DATA.items()
        if len(prefix) == 4
        and prefix.startswith("1")
        and len(zones) == 1
        and prefix[1:] not in north_america()
    )


def _whole(code: str, iso: str = "") -> tuple[str, ...]:
    found = (it.zones for it in countries() if it.code == code and it.iso in (iso or it.iso))
    return tuple(dict.fromkeys(zone for zones in found for zone in zones))


def country_of_number(digits: str) -> MultiZoneCountry | None:
    """The country of the digits of a number, if it has several clocks; None for `+1` and all others."""
    fitting = [it for it in countries() if it.code != _NORTH_AMERICA and digits.startswith(it.code)]
    return max(fitting, key=lambda it: len(it.code), default=None)


def _names_area(country: MultiZoneCountry, kind: int) -> bool:
    return kind in _FIXED or (kind == PhoneNumberType.MOBILE and country.code in _MOBILES_OF_AREAS)


def _area(digits: str, country: MultiZoneCountry) -> tuple[str, ...]:
    table = area_codes()
    fitting = (digits[:length] for length in range(_LONGEST, len(country.code), -1))
    return next((table[prefix] for prefix in fitting if prefix in table), country.zones)


def _library(digits: str, kind: int) -> tuple[str, ...]:
    """What phonenumbers says of a country on one clock."""
    code = next((digits[:n] for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), "")
    is_of_area = code and is_number_type_geographical(kind, int(code))
    prefixes = (digits[:n] for n in range(len(digits), len(code) - 1, -1)) if is_of_area else iter([code])
    found = next((TIMEZONE_DATA[prefix] for prefix in prefixes if prefix in TIMEZONE_DATA), ())
    return tuple(name for name in found if name != "Etc/Unknown")
