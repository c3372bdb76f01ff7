"""The zones and states that a row's state and postcode allow, read as those of the number's country."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from phonenumbers import SUPPORTED_REGIONS, country_code_for_valid_region, parse, region_code_for_number
from phonenumbers.phonenumberutil import NumberParseException
from phonenumbers.tzdata import TIMEZONE_DATA

from flireo_flows.leads.zones.number_zones import country_of_number, number_states
from flireo_flows.leads.zones.zone_names import current_name
from flireo_flows.leads.zones.zone_tables import PostcodeRange, countries, folded, postcodes, states


@dataclass(frozen=True, slots=True)
class Region:
    """Part of a country: the states (ISO 3166-2) that it lies in, none where that is not known, and all its zones."""

    states: tuple[str, ...]
    zones: tuple[str, ...]


NOWHERE: Final = Region((), ())
_SHORTEST_NAME: Final = 3  # letters; a shorter one may be a state of two countries


def region_of_state(text: str, e164: str, country: str = "") -> Region:
    """Where a state or province lies, as the country of the row or of the number reads it.

    An abbreviation is only read in that country, and between the United States and Canada. `NOWHERE` where the text
    names no state that is known.

    Args:
        text: As the row writes it: `FL`, `Florida`, `Ontario`, `QLD`.
        e164: The number.
        country: ISO 3166-1 code of the row's country, where it names one.
    """
    return _state(text, _homes(e164, country), not country) if text else NOWHERE


@lru_cache(maxsize=4096)
def _state(text: str, homes: tuple[str, ...], is_open: bool) -> Region:
    name = folded(text)
    found = [it for it in states().values() if name in it.names or name == folded(it.code)]
    for home in homes:
        here = [it for it in found if it.code.startswith(f"{home}-")]
        if here:
            zones = dict.fromkeys(zone for it in here for zone in it.zones)
            return Region(tuple(it.code for it in here), tuple(zones))
    if not is_open or not homes or len(name) < _SHORTEST_NAME or len(found) != 1:
        return NOWHERE
    return Region((found[0].code,), found[0].zones)


def region_of_postcode(text: str, e164: str, country: str = "") -> Region:
    """Where a postcode lies, as the country of the row or of the number reads it; `NOWHERE` where none is known."""
    return _postcode(text, _homes(e164, country)) if text else NOWHERE


@lru_cache(maxsize=65536)
def _postcode(text: str, homes: tuple[str, ...]) -> Region:
    for home in homes:
        if code := _NORMAL[home](text.strip().upper()) if home in _NORMAL else "":
            return _within(postcodes()[home], code)
    return NOWHERE


def region_of_country(country: str, e164: str) -> Region:
    """The zones of the country that a row names; `NOWHERE` where that is the number's own, or is not known."""
    if not country or country == _own_country(e164):
        return NOWHERE
    several = tuple(zone for it in countries() if it.iso == country for zone in it.zones)
    if several:
        return Region((), tuple(dict.fromkeys(several)))
    code = country_code_for_valid_region(country) if country in SUPPORTED_REGIONS else 0
    zones = TIMEZONE_DATA.get(str(code), ()) if code and code != 1 else ()
    return Region((), tuple(current_name(zone) for zone in zones if zone != "Etc/Unknown"))


def _own_country(e164: str) -> str:
    try:
        return str(region_code_for_number(parse(e164)) or "")
    except NumberParseException:
        return ""


def _within(ranges: Sequence[PostcodeRange], code: str) -> Region:
    fitting = [it for it in ranges if it.first <= code[: len(it.first)] <= it.last]
    best = max(fitting, key=lambda it: len(it.first), default=None)
    return Region(best.states, best.zones) if best else NOWHERE


def _homes(e164: str, country: str) -> tuple[str, ...]:
    """The countries in which a text is read, the nearest first."""
    if country:
        return (country.upper(),)
    if e164.startswith("+1"):
        own = number_states(e164)
        return ("CA", "US") if own and own[0].startswith("CA-") else ("US", "CA")
    own_country = country_of_number(e164[1:])
    return (own_country.iso,) if own_country else ()


def _digits(length: int, least: int, tail: str = "$") -> Callable[[str], str]:
    """Reads a code of so many digits, of which a spreadsheet may have dropped the zeros in front."""
    pattern = re.compile(rf"([0-9]{{{least},{length}}})(?:\.0|{tail})?")

    def read(text: str) -> str:
        found = pattern.fullmatch(text)
        return found.group(1).zfill(length) if found else ""

    return read


def _canadian(text: str) -> str:
    found = re.fullmatch(r"([A-Z][0-9][A-Z])[ -]?(?:[0-9][A-Z][0-9])?", text)
    return found.group(1) if found else ""


def _brazilian(text: str) -> str:
    digits = text.replace("-", "").replace(".", "").replace(" ", "")
    if re.fullmatch(r"[0-9]{7,8}", digits):
        return digits.zfill(8)
    return digits if re.fullmatch(r"[0-9]{5}", digits) else ""


_NORMAL: Final[Mapping[str, Callable[[str], str]]] = {
    "US": _digits(5, 3, "[ -][0-9]{4}|(?<=[0-9]{5})[0-9]{4}"),
    "CA": _canadian,
    "AU": _digits(4, 3),
    "BR": _brazilian,
    "MX": _digits(5, 4),
    "ES": _digits(5, 4),
    "PT": _digits(4, 4, "[ -]?[0-9]{3}"),
}
