"""The tables beside this module, each read once. Their first lines say where they come from."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from babel.core import get_global


def folded(text: str, keep: str = "") -> str:
    """The letters and digits of a text in lower case, without accents; and the characters of `keep`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum() or character in keep)


@dataclass(frozen=True, slots=True)
class MultiZoneCountry:
    """A country on several clocks: ISO 3166-1 code, calling code, and a zone of each clock."""

    iso: str
    code: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateZones:
    """A state or province: ISO 3166-2 code, every zone in it, and its names, folded."""

    code: str
    zones: tuple[str, ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class PostcodeRange:
    """The postcodes whose beginning lies from `first` to `last`: their states and every zone there."""

    first: str
    last: str
    states: tuple[str, ...]
    zones: tuple[str, ...]


@lru_cache(maxsize=1)
def zone_names() -> Mapping[str, str]:
    """Every name of a zone that names a place, with the name it has now."""
    return {row[0]: row[-1] for row in _rows("zone_names.txt")}


@lru_cache(maxsize=1)
def countries() -> tuple[MultiZoneCountry, ...]:
    """All countries on several clocks; one whose numbers begin in two ways occurs twice."""
    return tuple(MultiZoneCountry(iso, code, tuple(zones)) for iso, code, *zones in _rows("countries.txt"))


@lru_cache(maxsize=1)
def area_codes() -> Mapping[str, tuple[str, ...]]:
    """The zones of the beginnings of numbers, outside of North America."""
    return {prefix: tuple(zones) for prefix, *zones in _rows("area_codes.txt")}


@lru_cache(maxsize=1)
def north_america() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The states and the zones of each area code of the United States and Canada."""
    rows = _rows("north_america.txt")
    return {code: (tuple(states.split(",")), tuple(zones)) for code, states, *zones in rows}


@lru_cache(maxsize=1)
def exchanges() -> Mapping[str, str]:
    """The zone of each exchange whose town is known, by its area code and exchange: six digits."""
    rows = _rows("exchanges.txt")
    return {area + exchange: zone for area, zone, *listed in rows for exchange in listed}


@lru_cache(maxsize=1)
def states() -> Mapping[str, StateZones]:
    """States and provinces by ISO 3166-2 code."""
    found = {}
    for line in _lines("states.txt"):
        code, zones, names = (part.strip() for part in line.split("|"))
        known = [code.partition("-")[2], *names.split(",")]
        found[code] = StateZones(code, tuple(zones.split()), frozenset(folded(name) for name in known))
    return found


@lru_cache(maxsize=1)
def postcodes() -> Mapping[str, tuple[PostcodeRange, ...]]:
    """The ranges of each country's postcodes."""
    found: dict[str, list[PostcodeRange]] = {}
    for country, span, listed, *zones in _rows("postcodes.txt"):
        first, _, last = span.partition("-")
        codes = () if listed == "-" else tuple(listed.split(","))
        found.setdefault(country, []).append(PostcodeRange(first, last, codes, tuple(zones)))
    return {country: tuple(ranges) for country, ranges in found.items()}


@lru_cache(maxsize=1)
def shown_names() -> Mapping[str, str]:
    """The names that Windows and Ruby on Rails, and programs like them, show to people, with the zone of each.

    Windows' names are of Unicode CLDR (windowsZones, territory 001). Those of no place, such as `UTC-02`, are left out.
    """
    windows = {name: zone_names().get(zone, "") for name, zone in get_global("windows_zone_mapping").items()}
    rails = (line.split("=") for line in _lines("rails_names.txt"))
    return {name: zone for name, zone in (*windows.items(), *rails) if zone}


def _rows(name: str) -> Iterator[list[str]]:
    return (line.split() for line in _lines(name))


def _lines(name: str) -> Iterator[str]:
    text = (files(__package__) / "data" / name).read_text("utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))
