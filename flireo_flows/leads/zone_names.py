"""Names of time zones as people, CRMs and calendars write them -> IANA names of places; and the tables of `zone_data`.

`EST`, `GMT`, `UTC+1` and the like name no place: whether there is summer time cannot be known, so they are refused.
Each table is read once; its first lines name its source.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from flireo_flows.leads.yes_no import folded


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
    text = (files(__package__) / "zone_data" / name).read_text("utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


@dataclass(frozen=True, slots=True)
class ZoneRefusal:
    """Why a text is no time zone of a place, and what to write instead."""

    message: str


# What people mean most often by an abbreviation, to be shown as advice and never used.
_ADVICE: Final = {
    word: zone
    for zone, words in {
        "America/New_York": "est edt et est5edt eastern easterntime",
        "America/Chicago": "cst cdt ct cst6cdt central centraltime",
        "America/Denver": "mst mdt mt mst7mdt mountain mountaintime",
        "America/Los_Angeles": "pst pdt pt pst8pdt pacific pacifictime",
        "America/Anchorage": "akst akdt akt",
        "Pacific/Honolulu": "hst hast hdt",
        "America/Halifax": "ast adt",
        "Europe/London": "gmt bst utc uct zulu z greenwich universal wet west etcutc etcgmt",
        "Europe/Amsterdam": "cet cest met mest mez mesz hec",
        "Europe/Helsinki": "eet eest",
        "Europe/Moscow": "msk",
        "Asia/Kolkata": "ist",
        "Asia/Tokyo": "jst",
        "Australia/Sydney": "aest aedt aet",
    }.items()
    for word in words.split()
}
_PLACES: Final = "africa america antarctica arctic asia atlantic australia europe indian pacific"
_CONTINENTS: Final = frozenset(_PLACES.split())
_SLASH: Final = re.compile(r"_?slash_?", re.IGNORECASE)  # HubSpot: america_slash_new_york
_SIGN: Final = re.compile(r"_(?:hyphen|dash)_", re.IGNORECASE)
_OFFSET: Final = re.compile(
    r"^(?:\((?:GMT|UTC)\s*[+\-−±]?[0-9:.]*\)|(?:GMT|UTC)\s*[+\-−±][0-9:.]+)\s*", re.IGNORECASE
)
# Europe/Amsterdam (CET)
_BEHIND: Final = re.compile(r"\s*\((?:(?:GMT|UTC)\s*[+\-−±]?[0-9:.]*|[A-Z]{3,5})\)$")
# As Windows calls it half of the year.
_SUMMER: Final = re.compile(r" (?:daylight|summer) time$", re.IGNORECASE)
# Salesforce: Eastern Time (America/New_York)
_INNER: Final = re.compile(r"\(([A-Za-z]+/[A-Za-z0-9_/+-]+)\)$")
_OPENED: Final = re.compile(r"[A-Za-z]+(?:/[A-Za-z0-9_+-]+){1,2}")


@lru_cache(maxsize=4096)
def read_zone(text: str) -> tuple[str, ...] | ZoneRefusal:
    """Every zone that a text names: one, or all those of a list of cities.

    Args:
        text: `Europe/Amsterdam`, an older name (`Asia/Calcutta`), another case, a space for the underscore, HubSpot's
            `america_slash_new_york`, Windows' `W. Europe Standard Time`, Rails' `Eastern Time (US & Canada)`, or
            `(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna`.
    """
    plain = text.strip().replace("&amp;", "&")
    inner = _INNER.search(plain)
    bare = _BEHIND.sub("", _OFFSET.sub("", plain))
    place = inner.group(1) if inner else bare.replace("\\", "/")
    found = _place(place) or _shown(bare) or _shown(_SUMMER.sub(" Standard Time", bare))
    if found and all(is_zone(name) for name in found):
        return found
    # `folded` with the slash: `posix/EST5EDT` is no abbreviation, and gets the advice that fits all.
    advice = _ADVICE.get(folded(plain), "Europe/Amsterdam")
    return ZoneRefusal(
        f"The time zone names no place, so its summer time is not known: write the name of a place, such as {advice}."
    )


def _place(text: str) -> tuple[str, ...]:
    """The zone of an IANA name, old or new, in whatever case."""
    key = folded(_SIGN.sub("-", _SLASH.sub("/", text)), keep="/")
    if key in _by_key():
        return (_by_key()[key],)
    # A zone that is younger than our table; the case must then be the right one.
    if _OPENED.fullmatch(text) and key.partition("/")[0] in _CONTINENTS and _opens(text):
        return (text,)
    return ()


def _shown(text: str) -> tuple[str, ...]:
    """The zones of a name that a program shows to people."""
    named = [text] if folded(text) in _by_shown_name() else re.split(r"[,;]", text)
    found = [_by_shown_name().get(folded(name), "") for name in named]
    return tuple(dict.fromkeys(found)) if all(found) else ()


@lru_cache(maxsize=1)
def _by_key() -> Mapping[str, str]:
    return {folded(name, keep="/"): now for name, now in zone_names().items()}


@lru_cache(maxsize=1)
def _by_shown_name() -> Mapping[str, str]:
    return {folded(name): zone for name, zone in shown_names().items()}


def current_name(name: str) -> str:
    """The name that a zone has now: phonenumbers has `Asia/Calcutta`, newer systems only `Asia/Kolkata`."""
    return zone_names().get(name, name)


def is_zone(name: str) -> bool:
    """Is this the IANA name of a time zone of a place, and can this computer open it?"""
    known = name in zone_names() or name.partition("/")[0].casefold() in _CONTINENTS
    return known and _opens(name)


@lru_cache(maxsize=2048)
def _opens(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        return False
    return True
