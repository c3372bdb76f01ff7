"""A list of numbers that must not be rung. It is read whole or not at all."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from flireo_flows.leads.columns import PHONE_NAMES, recognised
from flireo_flows.leads.errors import LeadFileError
from flireo_flows.leads.format import LeadFormat
from flireo_flows.leads.phones import Refusal, read_number
from flireo_flows.leads.text import Row, read_text, split_rows
from flireo_flows.leads.workbook import is_workbook, read_workbook

_COMMENT_LINE: Final = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_COMMENT_BEHIND: Final = re.compile(r"\s+#.*$", re.DOTALL)


def read_do_not_call(path: Path, default_region: str = "") -> frozenset[str]:
    """Read a do-not-call list: text, CSV or Excel, one number a row.

    `#` begins a comment. A header is optional. Under one with columns recognised as phone numbers, those
    count; else the first column does, and any other cell that reads as a number. A file of comments only
    is a list with nobody on it.

    Args:
        path: The list.
        default_region: ISO 3166-1 alpha-2 of numbers without a country code; empty: none.

    Returns:
        The numbers in E.164, also those of kinds that are never rung anyhow.

    Raises:
        LeadFileError: The file cannot be read, or a row holds no valid number. One garbled row refuses the
            list, since the person it means would otherwise be rung.
        ValueError: The region does not exist.
    """
    region = LeadFormat(default_region=default_region).default_region
    rows = list(_rows(path))
    phone_places = _phone_places(rows[0].cells) if rows else []
    people = rows[_header_rows(rows) :]
    numbers = {row.line: _numbers(row.cells, phone_places, region) for row in people}
    if garbled := [line for line, found in numbers.items() if not found]:
        raise _garbled(path, garbled, region)
    return frozenset().union(*numbers.values())


def _rows(path: Path) -> Iterator[Row]:
    if is_workbook(path):
        return read_workbook(path)
    # The line ends stay, so that lines keep their numbers.
    return split_rows(path, _COMMENT_LINE.sub("", read_text(path)))


def _phone_places(first: Sequence[str]) -> list[int]:
    names = recognised(first, PHONE_NAMES)
    return [place for place, cell in enumerate(first) if cell in names]


def _header_rows(rows: Sequence[Row]) -> int:
    """1 when the first row is a header: one without any digit, lest a garbled number pass for one."""
    return int(bool(rows) and not any(c.isnumeric() for cell in rows[0].cells for c in cell))


def _numbers(cells: Sequence[str], phone_places: Sequence[int], region: str) -> frozenset[str]:
    """The numbers of a row; none at all when a cell that should hold one does not."""
    required = {place for place in phone_places if place < len(cells) and cells[place]}
    if not phone_places:
        required = {0}
    found: set[str] = set()
    for place, cell in enumerate(cells):
        if phone_places and place not in required:
            continue
        number = read_number(_COMMENT_BEHIND.sub("", cell), region)
        if not isinstance(number, Refusal):
            found.add(number.e164)
        elif place in required:
            return frozenset()
    return frozenset(found)


def _garbled(path: Path, lines: Sequence[int], region: str) -> LeadFileError:
    named = ", ".join(map(str, lines[:10])) + (f" and {len(lines) - 10} more" if len(lines) > 10 else "")
    where = f"line {named} holds" if len(lines) == 1 else f"lines {named} hold"
    advice = "Mend or remove them: somebody on the list might be rung otherwise."
    if not region:
        advice = "Begin each number with + and its country code, or set a default region; else remove them."
    return LeadFileError.at(path, f"In this do-not-call list, {where} no valid number.", advice, lines[0])
