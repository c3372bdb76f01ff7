"""Bytes -> text -> rows of cells, for CSV and its relatives."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from flireo_flows.leads.format import Delimiter


class LeadFileError(Exception):
    """A file of leads is unusable: what is wrong, where, and what to do. Holds no phone number.

    Attributes:
        file: Name of the file, without its folder.
        problem: What is wrong, one sentence.
        advice: What to do about it, one sentence.
        line: Line of the file, the first being 1; 0 when no line is to blame.
    """

    def __init__(self, file: str, problem: str, advice: str, line: int = 0) -> None:
        self.file, self.problem, self.advice, self.line = file, problem, advice, line
        super().__init__(file, problem, advice, line)  # unpickling calls us with these

    @classmethod
    def at(cls, path: Path, problem: str, advice: str, line: int = 0) -> "LeadFileError":
        """The error for a path, of which only the name is kept."""
        return cls(path.name or str(path), problem, advice, line)

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {self.problem} {self.advice}"


class Row(NamedTuple):
    """A row that is not blank: the line it begins on (the first is 1) and its cells, without outer spaces.

    `is_hidden` is whether a workbook hides it, as by a filter.
    """

    line: int
    cells: list[str]
    is_hidden: bool = False


DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_FILES: Final = (
    (
        b"PK\x03\x04",
        "an Excel workbook or a zip archive",
        "Name it .xlsx if it is a workbook, else unpack it.",
    ),
    (b"%PDF", "a PDF", "Export the table as CSV."),
    (
        b"\xd0\xcf\x11\xe0",
        "an old or protected Excel workbook",
        "Save it as .xlsx or CSV without a password.",
    ),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
)
_SUGGESTED: Final = "Save the file as UTF-8, or name its encoding: cp1252, latin-1, cp850, utf-16 ..."


def read_bytes(path: Path, limit: int = -1) -> bytes:
    """At most `limit` bytes of a file (-1: all of it).

    Raises:
        LeadFileError: Missing, a folder, unreadable or empty.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit)
    except FileNotFoundError:
        problem = f"There is no such file in {path.absolute().parent}."
        raise LeadFileError.at(path, problem, "Check the name and the folder.") from None
    except IsADirectoryError:
        raise LeadFileError.at(path, "This is a folder.", "Name a file in it.") from None
    except PermissionError:
        problem = "This user may not read the file."
        raise LeadFileError.at(path, problem, "Change its permissions.") from None
    except OSError as error:
        problem = f"The file cannot be read ({error.strerror})."
        raise LeadFileError.at(path, problem, "Copy it to a local disk and try again.") from error
    if not content:
        raise LeadFileError.at(path, "The file is empty.", "Export it again.")
    return content


def read_text(path: Path, encoding: str = "auto", limit: int = -1) -> str:
    """Decode a file: by its byte order mark, else by `encoding`; auto is UTF-8, else cp1252.

    Nothing is guessed: on short texts, detectors were seen to take cp1252 for cp775.

    Raises:
        LeadFileError: See `read_bytes`; also an unknown encoding, undecodable bytes, or no text at all.
    """
    content = read_bytes(path, limit)
    for magic, kind, advice in _OTHER_FILES:
        if content.startswith(magic):
            raise LeadFileError.at(path, f"This is {kind}, not a text file.", advice)
    text = _decode(path, content, encoding.strip() or "auto", cut=len(content) == limit)
    if "\0" in text:
        advice = "Export it as CSV in UTF-8, or name the encoding if it is UTF-16 without a byte order mark."
        raise LeadFileError.at(path, "This is a binary file, not text.", advice)
    return text.removeprefix("\ufeff")


def _decode(path: Path, content: bytes, encoding: str, *, cut: bool) -> str:
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    if marked:
        return _decode_as(path, content, marked, cut=cut)
    if encoding.lower() != "auto":
        return _decode_as(path, content, encoding, cut=cut)
    try:
        return _decode_as(path, content, "utf-8", cut=cut)
    except LeadFileError:
        if _is_damaged_utf8(content):
            raise
        return _decode_as(path, content, "cp1252", cut=cut)


def _is_damaged_utf8(content: bytes) -> bool:
    """Does more of it make sense as UTF-8 than not? As cp1252, each name with an accent would be garbled."""
    text = content.decode("utf-8", "replace")
    damage = text.count("\ufffd")
    return sum(not character.isascii() for character in text) > 2 * damage


def _decode_as(path: Path, content: bytes, encoding: str, *, cut: bool) -> str:
    try:
        return content.decode(encoding)
    except LookupError:
        problem = f"The encoding {encoding!r} is unknown."
        raise LeadFileError.at(
            path, problem, "Choose auto, utf-8, cp1252, latin-1, cp850 or utf-16."
        ) from None
    except UnicodeDecodeError as error:
        # Reading only the beginning may cut the last character in two: it has at most 4 bytes.
        if cut and error.start >= len(content) - 4:
            return _decode_as(path, content[: error.start], encoding, cut=False)
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"Byte {error.start} (from 0) is not {encoding} text."
        raise LeadFileError.at(path, problem, _SUGGESTED, line) from None
    except UnicodeError:  # codecs such as idna, which are not made for files
        raise LeadFileError.at(path, f"The file is not {encoding} text.", _SUGGESTED) from None


def split_rows(path: Path, text: str, delimiter: Delimiter = "auto") -> Iterator[Row]:
    """The rows of a text that are not blank.

    Raises:
        LeadFileError: A quotation mark that is not closed, or a cell too long to be one. Where rows begin
            is then unknown, so no row behind it can be trusted.
    """
    sign = find_delimiter(text) if delimiter == "auto" else DELIMITERS[delimiter]
    lines = io.StringIO(text, newline="")
    # strict: a stray quotation mark would otherwise swallow rows, that is people, without a word.
    rows = csv.reader(lines, delimiter=sign, strict=True, skipinitialspace=True)
    line, start = 1, 0
    try:
        for raw in rows:
            cells = [cell.strip() for cell in raw]
            if any(cells):
                yield Row(line, cells)
            line, start = rows.line_num + 1, lines.tell()
    except csv.Error:
        raise _broken(path, line, lines.tell() - start) from None


def _broken(path: Path, line: int, read: int) -> LeadFileError:
    """The error of a row of which so many characters were read."""
    advice = 'Close it, or write a quotation mark inside a quoted cell twice ("").'
    if read > csv.field_size_limit():
        problem = f"A cell is longer than {csv.field_size_limit():,} characters; is a quotation mark open?"
    else:
        problem = "A quotation mark in this row is not closed, or has text right behind it."
    return LeadFileError.at(path, problem, advice, line)


_QUOTED: Final = re.compile(r'"[^"]*"')
_SAMPLE: Final = 65_536  # characters


def find_delimiter(text: str) -> str:
    """Count `, ; tab |` outside quotes in the header and 20 rows; a file of one column gets the comma.

    The sign wins that the most rows have as often as the header, then the one the header has most.
    Own code, because `csv.Sniffer` fails on one column and others take `+` for a delimiter.
    """
    bare = _QUOTED.sub("q", text[:_SAMPLE])
    lines = [line for line in bare.splitlines() if line.strip()][:21]

    def fitness(sign: str) -> tuple[int, int]:
        count = lines[0].count(sign)
        return (sum(line.count(sign) == count for line in lines), count)

    candidates = [sign for sign in DELIMITERS.values() if lines and sign in lines[0]]
    return max(candidates, key=fitness, default=",")
