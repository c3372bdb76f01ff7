"""In which time zones a person may be: what the number and the row's time zone, postcode, state and country each allow.

Nothing here knows where someone is. Each source names every zone it allows; the sources are joined so that a call
waits for all zones that are left.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    PhoneNumberType,
    country_code_for_valid_region,
    is_number_type_geographical,
    number_type,
    parse,
    region_code_for_number,
)
from phonenumbers.phonenumberutil import NumberParseException
from phonenumbers.tzdata import TIMEZONE_DATA

from flireo_flows.leads.yes_no import folded
from flireo_flows.leads.zone_names import (
    MultiZoneCountry,
    PostcodeRange,
    area_codes,
    countries,
    current_name,
    exchanges,
    is_zone,
    north_america,
    postcodes,
    states,
)

_FIXED: Final = frozenset({PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_OF_AREAS: Final = _FIXED | {PhoneNumberType.MOBILE}
# Countries in which mobile numbers begin with the area code of the place they were bought in.
_MOBILES_OF_AREAS: Final = frozenset({"1", "52", "55"})
_LONGEST: Final = 7  # digits that decide: calling code, area code and exchange
_NORTH_AMERICA: Final = "1"
_TERRITORIES: Final = frozenset({"US-PR", "US-VI", "US-GU", "US-MP", "US-AS"})


class Home(NamedTuple):
    """Where a phone number is at home: country (ISO 3166-1; empty if unknown) and calling code (0 likewise)."""

    country: str
    code: int


@lru_cache(maxsize=65536)
def home_of(e164: str) -> Home:
    """Where a number is at home; where countries share a calling code, by the digits behind it."""
    for length in (1, 2, 3):  # no country code begins with another one
        code = e164[1 : 1 + length]
        if regions := COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code.isdecimal() else ():
            country = regions[0] if len(regions) == 1 else _region(e164)
            return Home(country if country.isalpha() else "", int(code))  # 001: of no country
    return Home("", 0)


def _region(e164: str) -> str:
    try:
        return str(region_code_for_number(parse(e164)) or "")
    except NumberParseException:
        return ""


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
    """What phonenumbers knows of a country on one clock."""
    code = next((digits[:n] for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), "")
    is_of_area = code and is_number_type_geographical(kind, int(code))
    prefixes = (digits[:n] for n in range(len(digits), len(code) - 1, -1)) if is_of_area else iter([code])
    found = next((TIMEZONE_DATA[prefix] for prefix in prefixes if prefix in TIMEZONE_DATA), ())
    return tuple(name for name in found if name != "Etc/Unknown")


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
    if not country or country == home_of(e164).country:
        return NOWHERE
    several = tuple(zone for it in countries() if it.iso == country for zone in it.zones)
    if several:
        return Region((), tuple(dict.fromkeys(several)))
    code = country_code_for_valid_region(country) if country in SUPPORTED_REGIONS else 0
    zones = TIMEZONE_DATA.get(str(code), ()) if code and code != 1 else ()
    return Region((), tuple(current_name(zone) for zone in zones if zone != "Etc/Unknown"))


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


# Six hours between two looks: zones that change on one night at another hour differ too, such as Havana and New York.
_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_LOOKS: Final = tuple(_BEGIN + timedelta(hours=6 * n) for n in range(4 * 365 * 5))


@dataclass(frozen=True, slots=True)
class ZoneEvidence:
    """The zones that one source allows: `column`, `postcode`, `state`, `country` or `number`."""

    source: str
    zones: tuple[str, ...]


def combined(number: Sequence[str], row: Sequence[ZoneEvidence]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The zones a person may be in, and the source of each.

    Evidence that shares a clock with the number narrows its zones. Evidence that shares none contradicts it, and its
    zones are added. Pieces of evidence narrow each other in the same way.

    Args:
        number: Every zone of the number; empty when none is known.
        row: What the row shows, the most exact source first.
    """
    known = [evidence for evidence in row if evidence.zones]
    if not number:
        return _split(_narrowed(known))
    clocks = {clock_of(zone) for zone in number}
    inside = [evidence for evidence in known if clocks & {clock_of(zone) for zone in evidence.zones}]
    outside = [evidence for evidence in known if evidence not in inside]
    kept = [
        ZoneEvidence(it.source, tuple(zone for zone in it.zones if clock_of(zone) in clocks)) for it in inside
    ] or [ZoneEvidence("number", tuple(number))]
    return _split(_narrowed(kept) + _narrowed(outside))


def _narrowed(known: Sequence[ZoneEvidence]) -> list[tuple[str, str]]:
    """The zones that all pieces allow, as the first of them names them; all of them where they share none."""
    if not known:
        return []
    shared = set.intersection(*({clock_of(zone) for zone in it.zones} for it in known))
    if shared:
        return [(zone, known[0].source) for zone in known[0].zones if clock_of(zone) in shared]
    return [(zone, it.source) for it in known for zone in it.zones]


def _split(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    first = dict(reversed(pairs))  # of a zone named twice the first source counts
    zones = tuple(dict.fromkeys(zone for zone, _ in pairs))
    return zones, tuple(first[zone] for zone in zones)


@lru_cache(maxsize=1024)
def clock_of(zone: str) -> str:
    """A value that two zones share if their clocks show the same at all times from 2026 to 2030."""
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return zone
    offsets = (look.astimezone(info).utcoffset() or timedelta() for look in _LOOKS)
    return sha256(",".join(f"{offset.total_seconds():.0f}" for offset in offsets).encode()).hexdigest()
