"""Which columns of a do-not-call list hold the numbers: by their header, else by what stands in them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flireo_flows.leads.columns import (
    AREA_NAMES,
    COUNTRY_NAMES,
    DIALLING_CODE_NAMES,
    PHONE_NAMES,
    plain_name,
    recognised,
)
from flireo_flows.leads.phones import tidy

COUNTRIES: Final = COUNTRY_NAMES | DIALLING_CODE_NAMES
SAMPLE: Final = 500  # rows that are looked at to find the columns; each row is read by them afterwards

Reads = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class ListColumns:
    """Where the numbers of a list stand.

    Attributes:
        header_rows: 1 where the first row is a header, else 0.
        phones: Places of the columns in which a number has to stand, the first being 0.
        area: Place of the area code that belongs to the first of them; -1: none.
        countries: Places of countries and dialling codes.
        is_named: A header names the phone columns, so no other cell counts.
    """

    header_rows: int
    phones: tuple[int, ...]
    area: int = -1
    countries: tuple[int, ...] = ()
    is_named: bool = False


def list_columns(rows: Sequence[Sequence[str]], reads: Reads) -> ListColumns:
    """Find the columns.

    Args:
        rows: The cells of every row.
        reads: Gives the numbers that a text may be.
    """
    if not rows:
        return ListColumns(0, (0,))
    header_rows = _header_rows(rows[0], reads)
    if named := _named(rows[0], header_rows):
        return named
    return _by_content(rows[header_rows:][:SAMPLE], header_rows, reads)


def _header_rows(first: Sequence[str], reads: Reads) -> int:
    """1 for a header: a row without any digit, lest a garbled number pass for one, or one of known names."""
    if not any(character.isnumeric() for cell in first for character in cell):
        return 1
    return int(bool(_phones(first)) and not any(reads(cell) for cell in first))


def _named(first: Sequence[str], header_rows: int) -> ListColumns | None:
    if not (phones := _phones(first)):
        return None
    areas = _places(first, AREA_NAMES | {"area"})
    countries = _places(first, COUNTRIES)
    area = areas[0] if len(areas) == 1 else -1
    return ListColumns(header_rows, tuple(phones), area, tuple(countries), is_named=True)


def _phones(first: Sequence[str]) -> list[int]:
    """Places of the cells that name a phone column; `Phone 1` and `Phone 2` are two."""
    names = [re.sub(r"[\s_-]*[0-9]+$", "", cell) for cell in first]
    known = recognised(names, PHONE_NAMES)
    return [place for place, name in enumerate(names) if name in known]


def _places(first: Sequence[str], known: frozenset[str]) -> list[int]:
    return [place for place, cell in enumerate(first) if plain_name(cell) in known]


def _by_content(rows: Sequence[Sequence[str]], header_rows: int, reads: Reads) -> ListColumns:
    width = max((len(row) for row in rows), default=1)
    singles = [
        sum(may_hold(row, place) and bool(reads(row[place])) for row in rows) for place in range(width)
    ]
    pairs = [
        sum(bool(pair(row, place)) and bool(reads(pair(row, place))) for row in rows)
        for place in range(width)
    ]
    best = max(range(width), key=lambda place: (singles[place], -place))
    beside = max(range(width), key=lambda place: (pairs[place], -place))
    # Two columns that make a number in every row, of which the second alone may be one too: both count.
    if pairs[beside] > singles[best] or 0 < pairs[beside] == len(rows):
        return ListColumns(header_rows, (beside + 1,), beside)
    return ListColumns(header_rows, (best,))


_DATE: Final = re.compile(r"(?:19|20)[0-9]{2}[-/.]?[0-9]{2}[-/.]?[0-9]{2}(?:[T ].*)?")
_AREA: Final = re.compile(r"\(?\+?[0-9]{1,6}\)?")
_REST: Final = re.compile(r"[0-9][0-9 ./-]{2,11}")


def may_hold(row: Sequence[str], place: int) -> bool:
    """Whether a cell is there and is no date, such as that of a registration."""
    return place < len(row) and bool(row[place]) and not _DATE.fullmatch(row[place])


def pair(row: Sequence[str], place: int) -> str:
    """The text that an area code and the number in the next cell make; empty where they cannot be these."""
    if place + 1 >= len(row):
        return ""
    area, rest = tidy(row[place]), tidy(row[place + 1])
    return f"{area} {rest}" if _AREA.fullmatch(area) and _REST.fullmatch(rest) else ""
