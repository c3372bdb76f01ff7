"""A list of numbers that must not be called. It is read whole or not at all."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flireo_flows.leads.columns import AREA_NAMES, COUNTRY_NAMES, DIALLING_CODE_NAMES, PHONE_NAMES, recognised
from flireo_flows.leads.format import LeadFormat
from flireo_flows.leads.phones import Origin, Refusal, every_number, row_origin, tidy
from flireo_flows.leads.text_file import LeadFileError, Row, read_text, split_rows
from flireo_flows.leads.workbook import is_workbook, read_workbook
from flireo_flows.leads.yes_no import folded

_COMMENT_LINE: Final = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_COMMENT_BEHIND: Final = re.compile(r"\s+#.*$", re.DOTALL)


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
    return [place for place, cell in enumerate(first) if folded(cell) in known]


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


class DoNotCall(frozenset[str]):
    """Numbers that must not be called, E.164.

    Attributes:
        doubtful: Lines that may be several numbers; all of them are in the list.
    """

    doubtful: tuple[int, ...] = ()

    @property
    def in_words(self) -> str:
        """What a person should know of it; empty for nothing."""
        if not self.doubtful:
            return ""
        one = len(self.doubtful) == 1
        return (
            f"{_lines(self.doubtful).capitalize()} of the do-not-call list may be two numbers, for the + is missing: "
            f"neither is called. Write {'it' if one else 'them'} with + and the country code to free the other."
        )


def read_do_not_call(path: Path, default_region: str = "") -> DoNotCall:
    """Read a do-not-call list, as people keep it and as registries publish it: text, CSV or Excel, one number a row.

    `#` begins a comment. A header is optional. Under one with columns recognised as phone numbers, those count, and an
    area code beside them belongs to them; else the column does that holds numbers, wherever it stands, or two columns
    that make a number together, and any other cell that reads as a number. A row's own country goes before the
    default. What may be two numbers stands for both. A file of comments only is a list with no one on it.

    Args:
        path: The list.
        default_region: ISO 3166-1 alpha-2 of numbers without a country code; empty: none.

    Returns:
        The numbers in E.164, also those of kinds that are never called anyhow.

    Raises:
        LeadFileError: The file cannot be read, or a row holds no valid number. One garbled row refuses the
            list, since the person it means would otherwise be called.
        ValueError: The region does not exist.
    """
    form = LeadFormat(default_region=default_region, default_region_for_empty_country=True)
    rows = list(_rows(path))
    home = Origin(form.default_region)
    columns = list_columns([row.cells for row in rows], lambda text: _numbers(text, home))
    found = {row.line: _of_row(row.cells, columns, form) for row in rows[columns.header_rows :]}
    if garbled := [line for line, entry in found.items() if not entry.numbers]:
        raise _garbled(path, garbled, form.default_region)
    listed = DoNotCall(number for entry in found.values() for number in entry.numbers)
    listed.doubtful = tuple(line for line, entry in found.items() if entry.is_doubtful)
    return listed


def _rows(path: Path) -> Iterator[Row]:
    if is_workbook(path):
        return (row for row in read_workbook(path) if not row.cells[0].startswith("#"))
    # The line ends stay, so that lines keep their numbers.
    return split_rows(path, _COMMENT_LINE.sub("", read_text(path)))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one row holds: its numbers, none where it is garbled, and whether one text of it may be several."""

    numbers: frozenset[str] = frozenset()
    is_doubtful: bool = False


def _of_row(cells: Sequence[str], columns: ListColumns, form: LeadFormat) -> _Entry:
    origin = row_origin(dict(enumerate(cells)), columns.countries, form)
    if isinstance(origin, Refusal):
        return _Entry()
    required = [place for place in columns.phones if place < len(cells) and cells[place]]
    texts = [_required(cells, place, columns, origin) for place in required]
    if not texts or not all(texts):
        return _Entry()
    others = range(0 if columns.is_named else len(cells))
    extra = (_numbers(cells[it], origin) for it in others if it not in required and may_hold(cells, it))
    numbers = frozenset(number for found in (*texts, *extra) for number in found)
    return _Entry(numbers, any(len(found) > 1 for found in texts))


def _required(cells: Sequence[str], place: int, columns: ListColumns, origin: Origin) -> tuple[str, ...]:
    """The numbers of a cell that has to hold one, with the area code that belongs to it."""
    has_area = place == columns.phones[0] and 0 <= columns.area < len(cells) and bool(cells[columns.area])
    whole = _numbers(f"{tidy(cells[columns.area])} {tidy(cells[place])}", origin) if has_area else ()
    if whole and columns.is_named:  # by the header they belong together
        return whole
    return tuple(dict.fromkeys((*whole, *_numbers(cells[place], origin))))


def _numbers(text: str, origin: Origin) -> tuple[str, ...]:
    return every_number(_COMMENT_BEHIND.sub("", text), origin.region, code=origin.code)


def _garbled(path: Path, lines: Sequence[int], region: str) -> LeadFileError:
    where = f"{_lines(lines)} {'holds' if len(lines) == 1 else 'hold'}"
    advice = "Mend or remove them: someone on the list might be called otherwise."
    if not region:
        advice = "Begin each number with + and its country code, or set a default region; else remove them."
    return LeadFileError.at(path, f"In this do-not-call list, {where} no valid number.", advice, lines[0])


def _lines(lines: Sequence[int]) -> str:
    named = ", ".join(map(str, lines[:10])) + (f" and {len(lines) - 10} more" if len(lines) > 10 else "")
    return f"line {named}" if len(lines) == 1 else f"lines {named}"
