"""Numbers whose area code stands in a column of its own: without it, most are somebody else's."""

import re
from collections.abc import Mapping
from typing import Final

from flireo_flows.leads.lead import RejectCode
from flireo_flows.leads.number_origin import Origin
from flireo_flows.leads.phones import Refusal, read_number, tidy

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
