"""Of which country a row's number is, where it is written without one: its own cells, else the file's default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flireo_flows.leads.countries import Country, read_country
from flireo_flows.leads.format import LeadFormat
from flireo_flows.leads.lead import RejectCode
from flireo_flows.leads.phones import Refusal

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
