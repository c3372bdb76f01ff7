"""A do-not-call list is read whole or refused: a garbled line is a person who would be rung."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from flireo_flows.leads import LeadFileError, read_do_not_call

from .conftest import WriteFile

BOTH = {"+31201234501", "+442079460101"}


@pytest.mark.parametrize(
    "content",
    [
        "+31201234501\n+442079460101\n",
        "# kept by the front desk\n\n  # indented\n020-1234501  # asked in May\n+44 20 7946 0101\n",
        "phone\n0201234501\n+442079460101\n",
        "Do not ring\n0201234501\n+442079460101\n",
        "name;phone\nAnna;0201234501\nBen;+442079460101\n",
        "phone,since\n0201234501,2026-05-01\n+442079460101,\n",
        "phone,mobile\n0201234501,+442079460101\n",
        "phone,mobile\n0201234501,\n,+442079460101\n",
        "phone,customer\n0201234501,0201234599\n+442079460101,7\n",
        "0201234501,Anna\n+442079460101,Ben\n",
        "0201234501,+442079460101\n",
        '\ufeff"0201234501"\r\n"+442079460101"\r\n',
    ],
)
def test_lists_are_read_as_people_keep_them(file: WriteFile, content: str) -> None:
    assert read_do_not_call(file(content, "dnc.txt"), "nl") == BOTH


def test_numbers_of_a_kind_that_is_never_rung_may_be_on_the_list(file: WriteFile) -> None:
    assert read_do_not_call(file("0800 1234\n0201234501\n"), "NL") == {"+318001234", "+31201234501"}


@pytest.mark.parametrize("content", ["# nobody yet\n", "phone\n", "\n"])
def test_a_list_with_nobody_on_it_is_a_list(file: WriteFile, content: str) -> None:
    assert read_do_not_call(file(content)) == frozenset()


def test_a_workbook_is_a_list_too(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["telefoon"], [201234501], ["+44 20 7946 0101"]):
        book.active.append(row)
    book.save(tmp_path / "dnc.xlsx")
    assert read_do_not_call(tmp_path / "dnc.xlsx", "NL") == BOTH


@pytest.mark.parametrize(
    ("content", "region", "line", "says"),
    [
        ("+31201234501\n+3120123\n", "NL", 2, "line 2 holds no valid number. Mend or remove them"),
        ("+31201234501\nAnna\nBen\n", "NL", 2, "lines 2, 3 hold no valid number."),
        ("O201234501\n", "NL", 1, "line 1 holds no valid number."),
        ("# all\n\n020 1234501\n", "", 3, "set a default region"),
        ("phone,mobile\n0201234501,oops\n", "NL", 2, "line 2 holds"),
        ("phone,name\n,Anna\n", "NL", 2, "line 2 holds"),
        ("name,phone\nAnna\n", "NL", 2, "line 2 holds"),
        ("handy,0201234501\n", "NL", 1, "line 1 holds"),
        ("020-1234501 / 020-1234502\n", "NL", 1, "line 1 holds"),
        ("3.12012E+10\n", "NL", 1, "line 1 holds"),
        ("1233\n", "NL", 1, "line 1 holds"),
        ("x1\n" * 12, "NL", 1, "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more hold"),
        ("", "NL", 0, "The file is empty."),
        ('"0201234501\n', "NL", 1, "A quotation mark in this row is not closed"),
    ],
)
def test_one_garbled_line_refuses_the_list_and_is_named(
    file: WriteFile, content: str, region: str, line: int, says: str
) -> None:
    with pytest.raises(LeadFileError) as refused:
        read_do_not_call(file(content, "dnc.txt"), region)
    assert says in str(refused.value)
    assert refused.value.line == line


def test_a_region_that_does_not_exist_is_an_error_and_not_an_empty_list(file: WriteFile) -> None:
    with pytest.raises(ValidationError):
        read_do_not_call(file("0201234501\n"), "XX")
