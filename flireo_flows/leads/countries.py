"""The country of a row, as files write it: an ISO code, a country calling code, or a name.

Names are those of CLDR (Unicode) by way of Babel: in the usual languages, and in each country's own.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import phonenumbers
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from phonenumbers.phonenumberutil import region_codes_for_country_code

from flireo_flows.leads.yes_no import folded


@dataclass(frozen=True, slots=True)
class Country:
    """The country of a row.

    Attributes:
        region: ISO 3166-1 alpha-2 of a country that has the code: the country itself where a name or an ISO code gave
            it, else the code's main one.
        code: Country calling code.
        is_named: A name or an ISO code gave the region.
    """

    region: str
    code: int
    is_named: bool = False


def read_country(text: str) -> Country | None:
    """Read a cell such as `NL`, `NLD`, `Netherlands`, `Pays-Bas`, `31`, `+31`, `0031`. None: it is no country."""
    return _by_code(text) or _by_region(_region_of(text)) or _twice_told(text)


_TWICE: Final = re.compile(
    r"(.+?)\s*[(\[]\s*([^()\[\]]+?)\s*[)\]]|(.+?)\s+[-–/]\s+(.+)|([^+]+?)\s*(\+[0-9 ]+)|\(?(\+[0-9]+)\)?\s+([^0-9]+)"
)


def _twice_told(text: str) -> Country | None:
    """`Netherlands (NL)`, `United States (+1)`, `DE - Germany`: a country where both parts are, and the same."""
    found = _TWICE.fullmatch(text.strip())
    if not found:
        return None
    one, other = (read_country(part) for part in found.groups() if part)
    if not one or not other or one.code != other.code:
        return None
    named = [country for country in (one, other) if country.is_named]
    return named[0] if len({country.region for country in named}) == 1 else None


_CODE: Final = re.compile(
    r"\(?(?:\+|00)?\s*\(?([1-9][0-9]{0,2})\)?(?:\s*\(0\))?|(?:\+|00)?(1)[\s-]?\(?[2-9][0-9]{2}\)?"
)


def _by_code(text: str) -> Country | None:
    # 31.0, as figures are saved.
    found = _CODE.fullmatch(re.sub(r"[.,]0$", "", text.strip().lstrip("'=").strip('"')))
    code = int(found[1] or found[2]) if found else 0
    regions = region_codes_for_country_code(code) if code else ()
    return Country(regions[0], code) if regions and regions[0] in phonenumbers.SUPPORTED_REGIONS else None


def _by_region(region: str) -> Country | None:
    code = phonenumbers.country_code_for_region(region)
    return Country(region, code, is_named=True) if code else None


def _region_of(text: str) -> str:
    letters = text.strip().upper()
    if letters in phonenumbers.SUPPORTED_REGIONS:
        return letters
    return region_named(text)


# In which every country is known by name; beside them each country's own languages.
LANGUAGES: Final = ("en", "nl", "de", "fr", "es", "it", "pt", "pl", "tr", "sv", "da", "nb", "fi")
# What people write, and CLDR has not as a name.
_ALSO: Final = {
    "GB": "uk|u.k.|england|scotland|wales|northern ireland|great britain|united kingdom of great britain and northern "
    "ireland|britain|engeland|groot-brittannië|großbritannien|grande-bretagne|gran bretaña|gran bretagna|grã-bretanha",
    "US": "usa|u.s.|u.s.a.|us of a|united states of america|america|verenigde staten van amerika|vs|vereinigte staaten "
    "von amerika|états-unis d'amérique|estados unidos de américa|stati uniti d'america|ee.uu.|eeuu|eua",
    "NL": "netherlands, the|netherlands (the)|netherlands (kingdom of the)|koninkrijk der nederlanden|"
    "holland|the netherlands|kingdom of the netherlands|de nederlanden|die niederlande|les pays-bas|olanda",
    "DE": "brd|bundesrepublik deutschland|federal republic of germany|bondsrepubliek duitsland",
    "CZ": "czech republic|the czech republic|tsjechische republiek|tschechische republik|république tchèque|"
    "república checa|repubblica ceca|česká republika",
    "TR": "turkey|turkiye|republic of turkey|turkije",
    "AT": "oesterreich",
    "BA": "bosnia and herzegovina|bosnia|bosnië|bosnien",
    "IE": "republic of ireland|eire",
    "MX": "méjico",
    "AE": "uae|u.a.e.|vae",
    "RU": "russian federation|russische federatie|russische föderation|fédération de russie",
    "KR": "republic of korea|korea, republic of|korea (south)|korea, south",
    "KP": "democratic people's republic of korea|korea, north",
    "CI": "ivory coast|elfenbeinküste|costa de marfil|costa d'avorio|costa do marfim",
    "MK": "macedonia",
    "SZ": "swaziland",
    "CV": "cape verde",
    "MM": "burma|myanmar",
    "HK": "hong kong|hongkong",
    "MO": "macau|macao",
    "PS": "palestine|state of palestine",
    "VA": "vatican|holy see",
    "VN": "viet nam",
    "TW": "taiwan, province of china",
    "MD": "republic of moldova|moldova, republic of",
    "IR": "islamic republic of iran|iran, islamic republic of",
    "SY": "syrian arab republic",
    "TZ": "united republic of tanzania|tanzania, united republic of",
    "VE": "bolivarian republic of venezuela|venezuela, bolivarian republic of",
    "BO": "plurinational state of bolivia|bolivia, plurinational state of",
    "LA": "lao people's democratic republic",
    "BN": "brunei darussalam",
    "CD": "democratic republic of the congo|dr congo|drc|congo, the democratic republic of the",
    "CG": "republic of the congo",
    "XK": "kosovo",
}
_UNSURE: Final = ("congo", "korea")  # there are two of each


def region_named(name: str) -> str:
    """ISO 3166-1 alpha-2 of a country by its name or its alpha-3 code; empty for what is none, or may be two."""
    plain = _plain(name)
    return _names().get(plain) or _own_names().get(plain, "")


@cache
def _names() -> dict[str, str]:
    """Region by ISO alpha-3 code, and by name in the usual languages."""
    found: dict[str, set[str]] = {}
    for alias, regions in get_global("territory_aliases").items():
        # NLD, and UK for GB; of what is no more, such as SU, none, for it became several.
        if alias.isalpha() and len(regions) == 1:
            found.setdefault(_plain(alias), set()).add(regions[0])
    for region in phonenumbers.SUPPORTED_REGIONS:
        for language in LANGUAGES:
            found.setdefault(_name(region, language), set()).add(region)
    for region, names in _ALSO.items():
        found.update({_plain(name): {region} for name in names.split("|")})
    for name in _UNSURE:
        found.pop(name, None)
    return _certain(found)


@cache
def _own_names() -> dict[str, str]:
    """Region by its name in its own official languages."""
    found: dict[str, set[str]] = {}
    spoken = get_global("territory_languages")
    for region in phonenumbers.SUPPORTED_REGIONS:
        for language, about in spoken.get(region, {}).items():
            if about["official_status"]:
                found.setdefault(_name(region, language), set()).add(region)
    return _certain(found)


def _certain(found: dict[str, set[str]]) -> dict[str, str]:
    """Without the names that two countries have, which are read as neither."""
    return {name: next(iter(regions)) for name, regions in found.items() if name and len(regions) == 1}


def _name(region: str, language: str) -> str:
    try:
        return _plain(Locale.parse(language).territories.get(region, ""))
    except (UnknownLocaleError, ValueError):  # CLDR knows of the language, and not how it calls countries
        return ""


def _plain(name: str) -> str:
    return folded(name).removeprefix("the")
