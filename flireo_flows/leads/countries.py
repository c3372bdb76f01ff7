"""The country of a row, as files say it: an ISO code, a name, or a country calling code."""

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import phonenumbers
from phonenumbers.phonenumberutil import region_codes_for_country_code


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
    found = _CODE.fullmatch(
        re.sub(r"[.,]0$", "", text.strip().lstrip("'=").strip('"'))
    )  # 31.0, as figures are saved
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
    names = import_module("flireo_flows.leads.country_names")  # a moment to import, and most files say NL
    return str(names.region_named(text))
