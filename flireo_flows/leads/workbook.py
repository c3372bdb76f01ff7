"""Excel workbooks -> rows of cells as text. Needs the `excel` extra."""

import re
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat
from zipfile import BadZipFile

from flireo_flows.leads.text_file import LeadFileError, Row, read_bytes

SUFFIXES: Final = (".xlsx", ".xlsm")
TRUE: Final = ("1", "true", "on")  # as XML of workbooks writes it

# What openpyxl lets through when a file is cut short or is another zip; SyntaxError is broken XML, RuntimeError
# a zip with a password or with a compression that Python does not know.
DAMAGE: Final = (
    BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    OSError,
    SyntaxError,
    RuntimeError,
    expat.ExpatError,
)


def is_workbook(path: Path) -> bool:
    """Does the name say that this is an Excel workbook?"""
    return path.suffix.lower() in SUFFIXES


def read_workbook(
    path: Path, *, hidden_sheet: bool = True, passed_over: list[str] | None = None
) -> Iterator[Row]:
    """The rows of the first sheet that are not blank, as the sheet shows them where that matters.

    Rows are filled up to the width of the header, since a workbook does not store empty cells.

    Args:
        path: The workbook.
        hidden_sheet: Whether the first sheet is read even if it is hidden; else the first that is not.
        passed_over: Gets the names of hidden sheets before the one that is read.

    Raises:
        LeadFileError: Not a workbook, or the `excel` extra is not installed.
    """
    book = _open(path)
    width = 0
    try:
        sheet = book.worksheets[0]
        if not hidden_sheet:
            sheet = next((it for it in book.worksheets if it.sheet_state == "visible"), sheet)
        if passed_over is not None:
            passed_over += [it.title for it in book.worksheets[: book.worksheets.index(sheet)]]
        # Openpyxl forgets what is hidden when it streams.
        with book._archive.open(sheet._worksheet_path) as xml:
            hidden = hidden_rows(xml)
        sheet.reset_dimensions()  # some programs store a size that cuts rows off
        for line, row in enumerate(sheet.iter_rows(), start=1):
            cells = [as_text(cell.value, cell.number_format) for cell in row]
            if any(cells):
                width = width or len(cells)
                yield Row(line, cells + [""] * (width - len(cells)), line in hidden)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    finally:
        book.close()


def hidden_rows(xml: IO[bytes]) -> frozenset[int]:
    """Which rows of a sheet are hidden, by a filter, a group that is closed, a person, or a height of nothing.

    Args:
        xml: The sheet as the workbook stores it.

    Raises:
        ExpatError: It is no XML.
    """
    hidden: set[int] = set()
    row = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row
        if name.rpartition(":")[2] != "row":
            return
        row = int(attributes.get("r") or row + 1)
        if attributes.get("hidden") in TRUE or float(attributes.get("ht") or 1) == 0:
            hidden.add(row)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.ParseFile(xml)
    return frozenset(hidden)


def _open(path: Path) -> Any:  # openpyxl has no types
    if not read_bytes(path, 4).startswith(b"PK"):
        advice = "Save it as .xlsx without a password, or name it .csv if it is text."
        raise LeadFileError.at(path, "This is not an Excel workbook of the .xlsx kind.", advice)
    try:
        openpyxl = import_module("openpyxl")  # half a second, and an extra: only when a workbook is read
    except ImportError:
        advice = 'Run pip install "flireo-flows[excel]", or save the file as CSV.'
        raise LeadFileError.at(path, "Reading Excel files needs openpyxl.", advice) from None
    try:
        # From memory: openpyxl keeps the file open when the workbook turns out to be damaged.
        book = openpyxl.load_workbook(BytesIO(path.read_bytes()), read_only=True, data_only=True)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    if not book.worksheets:
        raise LeadFileError.at(
            path, "The workbook has no sheet with cells.", "Put the leads on the first sheet."
        )
    return book


def _damaged(path: Path, error: Exception) -> LeadFileError:
    advice = "Open it in Excel and save it again, or save it as CSV."
    if isinstance(error, RuntimeError):
        problem = "The workbook has a password, or is compressed in an unknown way."
        return LeadFileError.at(path, problem, f"{advice[:-1]}, without a password.")
    return LeadFileError.at(path, f"The workbook is damaged ({type(error).__name__}).", advice)


_ZEROS: Final = re.compile(r"""(?P<plus>"\+"|\\?\+)?(?P<digits>[0#]+)""")


def as_text(value: object, number_format: str = "General") -> str:
    """A cell as text.

    A number has lost the `+` and the zeros it was typed with. They are put back when the cell's format
    shows them (`0000000000`, `"+"0`); otherwise the default region has to make sense of it.
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return as_text(int(value), number_format)
        case int() if value >= 0 and (shown := _ZEROS.fullmatch(number_format)):
            return ("+" if shown["plus"] else "") + str(value).zfill(shown["digits"].count("0"))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value).strip()
