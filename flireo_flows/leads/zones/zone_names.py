"""Names of time zones as people, CRMs and calendars write them -> IANA names of places.

`EST`, `GMT`, `UTC+1` and the like name no place: whether there is summer time cannot be known, so they are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flireo_flows.leads.zones.zone_tables import folded, shown_names, zone_names


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
_BEHIND: Final = re.compile(
    r"\s*\((?:(?:GMT|UTC)\s*[+\-−±]?[0-9:.]*|[A-Z]{3,5})\)$"
)  # Europe/Amsterdam (CET)
_SUMMER: Final = re.compile(
    r" (?:daylight|summer) time$", re.IGNORECASE
)  # as Windows calls it half of the year
_INNER: Final = re.compile(
    r"\(([A-Za-z]+/[A-Za-z0-9_/+-]+)\)$"
)  # Salesforce: Eastern Time (America/New_York)
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
