"""Of which country a row's number is, where it is written without one: its own cells, else the file's default."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from flireo_flows.leads.countries import Country, read_country
from flireo_flows.leads.format import LeadFormat
from flireo_flows.leads.lead import RejectCode
from flireo_flows.leads.phones import Refusal, read_number, tidy

Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True)
class Origin:
    """Of which country a row's number is.

    Attributes:
        region: ISO 3166-1 alpha-2; empty: unknown.
        code: Country calling code that the row itself gives; 0: none.
        is_missing: The file has a column for it, and the row leaves it empty.
    """

    region: str = ""
    code: int = 0
    is_missing: bool = False


def row_origin(columns: Mapping[Key, str], where: Sequence[Key], form: LeadFormat) -> Origin | Refusal:
    """The origin of one row's number.

    Args:
        columns: The row, by the name or the place of its columns.
        where: Those of countries and dialling codes.
        form: Says the default, and whether it holds for rows that name none.
    """
    cells = [cell for name in where if (cell := columns.get(name, ""))]
    if not cells:
        if where and not form.default_region_for_empty_country:
            return Origin(is_missing=True)
        return Origin(form.default_region)
    read = [read_country(cell) for cell in cells]
    if not all(read):
        return Refusal(
            RejectCode.INVALID_COUNTRY,
            "The country is no code or name such as NL, Netherlands or 31; if the column holds something else, let "
            "country_column or dialling_code_column be -.",
        )
    return _one_of([country for country in read if country])


def _one_of(countries: Sequence[Country]) -> Origin | Refusal:
    named = list(dict.fromkeys(country.region for country in countries if country.is_named))
    codes = {country.code for country in countries}
    if len(codes) > 1 or len(named) > 1:
        return Refusal(RejectCode.COUNTRY_CONFLICT, "The row gives two countries: correct one of the cells.")
    return Origin(named[0] if named else countries[0].region, codes.pop())


_CODE: Final = re.compile(r"\(?\s*([0-9]{1,6})\s*\)?")
_COUNTRY: Final = re.compile(r"\(?\s*(?:\+|00)\s*[1-9][0-9 -]{0,6}\)?")


def is_country_code(cell: str) -> bool:
    """Whether a cell of such a column holds the code of a country: `+31`, `0031`."""
    return bool(_COUNTRY.fullmatch(tidy(cell)))


def with_area(columns: Mapping[str, str], phone: str, area: str, origin: Origin) -> str | Refusal:
    """The text of a row's number, with the area code that stands beside it.

    A number that begins with `+`, `0` or that code needs none.

    Args:
        columns: The row.
        phone: Name of its phone column.
        area: Name of its column of area codes; empty: none.
        origin: Of which country the number is.
    """
    text, found = columns.get(phone, ""), _CODE.fullmatch(tidy(columns.get(area, "")))
    number = tidy(text).lstrip(" (")
    if not found or not number or number.startswith(("+", "0")):
        return text
    whole = f"{found[1]} {number}"
    if not isinstance(read_number(whole, origin.region, code=origin.code), Refusal):
        return whole
    if re.sub(r"[^0-9]", "", number).startswith(found[1].lstrip("0") or "0"):
        return text
    return Refusal(
        RejectCode.AMBIGUOUS_PHONE,
        "The row has an area code or prefix beside its number, and the two make no number: write the whole number in "
        "the phone column, or the country's code as +31 in the other.",
    )
