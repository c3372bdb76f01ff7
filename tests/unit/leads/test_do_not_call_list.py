"""A do-not-call list is read whole or refused: a garbled line is a person who would be called."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from flireo_flows.leads import LeadFileError, RejectCode, read_do_not_call, read_leads
from tests.support.leads.fixtures import WriteFile

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
    assert set(read_do_not_call(file(content, "dnc.txt"), "nl")) == BOTH


def test_numbers_of_a_kind_that_is_never_called_may_be_on_the_list(file: WriteFile) -> None:
    assert set(read_do_not_call(file("0800 1234\n0201234501\n"), "NL")) == {"+318001234", "+31201234501"}


@pytest.mark.parametrize("content", ["# nobody yet\n", "phone\n", "\n"])
def test_a_list_with_no_one_on_it_is_a_list(file: WriteFile, content: str) -> None:
    assert read_do_not_call(file(content)) == frozenset()


def test_a_workbook_is_a_list_too(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["telefoon"], [201234501], ["+44 20 7946 0101"]):
        book.active.append(row)
    book.save(tmp_path / "dnc.xlsx")
    assert set(read_do_not_call(tmp_path / "dnc.xlsx", "NL")) == BOTH


@pytest.mark.parametrize(
    ("content", "region", "line", "words"),
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
    file: WriteFile, content: str, region: str, line: int, words: str
) -> None:
    with pytest.raises(LeadFileError) as refused:
        read_do_not_call(file(content, "dnc.txt"), region)
    assert words in str(refused.value)
    assert refused.value.line == line


def test_a_region_that_does_not_exist_is_an_error_and_not_an_empty_list(file: WriteFile) -> None:
    with pytest.raises(ValidationError):
        read_do_not_call(file("0201234501\n"), "XX")


US = {"+12125550100", "+12125550101"}


@pytest.mark.parametrize(
    "content",
    [
        "212,5550100\n212,5550101\n",
        "area code,phone number\n212,5550100\n212,5550101\n",
        "AreaCode;PhoneNumber\n212;555-0100\n212;555-0101\n",
        "212\t5550100\n212\t5550101\n",
        "(212),555-0100\n(212),555-0101\n",
        "212,5550100,20260101,A\n212,5550101,20260102,A\n",
        "1,212,5550100\n1,212,5550101\n",
        '="212",="5550100"\n="212",="5550101"\n',
        '="2125550100"\n="2125550101"\n',
        '"=""2125550100"""\n"=""2125550101"""\n',
        "2125550100\n2125550101\n",
        "(212) 555-0100\r\n(212) 555-0101\r\n",
        "Anna,212-555-0100\nBen,212-555-0101\n",
        "1;Anna;+1 212 555 0100;2026-05-01\n2;Ben;+1 212 555 0101;2026-05-02\n",
        "since,number\n2026-05-01,2125550100\n2026-05-02,2125550101\n",
        "Phone 1,Phone 2\n2125550100,2125550101\n",
        "# as published\nphone\n# May\n2125550100\n2125550101 # asked twice\n",
        "2,125,550,100\n".replace(",", "'") + "2125550101\n",
        '"2,125,550,100"\n"2,125,550,101"\n',
        "p:+12125550100\np:+12125550101\n",
        "phone;country\n212 555 0100;USA\n212 555 0101;1\n",
        "country code,phone\n1,2125550100\nUS,2125550101\n",
    ],
)
def test_lists_are_read_as_they_are_published(file: WriteFile, content: str) -> None:
    assert set(read_do_not_call(file(content, "dnc.csv"), "US")) == US


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_lists_are_read_in_the_encodings_of_spreadsheets(file: WriteFile, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    listed = file(f"{mark}Téléphone\n212,5550100\n".replace("212,", "212").encode(encoding), "dnc.csv")
    assert set(read_do_not_call(listed, "US")) == {"+12125550100"}


@pytest.mark.parametrize(
    ("rows", "region", "expected"),
    [
        ([[212, 5550100], [212, 5550101]], "US", US),
        ([["Area Code", "Number"], [212, 5550100], [212, 5550101]], "US", US),
        ([["# kept by the front desk"], ["2125550100"], [2125550101]], "US", US),
        (
            [["name", "Telefoonnummer"], ["Anna", "020 1234501"], ["Ben", 201234502]],
            "NL",
            {"+31201234501", "+31201234502"},
        ),
        ([["Vorwahl", "Rufnummer"], ["030", "23125101"]], "DE", {"+493023125101"}),
        (
            [["Land", "Telefon"], ["DE", "030 23125101"], ["Nederland", "020 1234501"]],
            "AT",
            {"+493023125101", "+31201234501"},
        ),
    ],
)
def test_workbooks_are_read_as_text_is(
    tmp_path: Path, rows: list[list[object]], region: str, expected: set[str]
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "dnc.xlsx")
    assert set(read_do_not_call(tmp_path / "dnc.xlsx", region)) == expected


@pytest.mark.parametrize(
    ("content", "region", "expected", "lines"),
    [
        (
            "4917604069012\n030 23125101\n",
            "DE",
            {"+4917604069012", "+494917604069012", "+493023125101"},
            (1,),
        ),
        ("phone\n4752521234\n", "US", {"+14752521234", "+4752521234"}, (2,)),
        ("475,2521234\n212,5550100\n", "US", {"+14752521234", "+4752521234", "+12125550100"}, (1,)),
        # Without a header nobody knows whether 30 is an area code or a count.
        ("30,23125101\n30,23125102\n", "DE", {"+493023125101", "+493023125102"}, (1, 2)),
    ],
)
def test_of_what_may_be_two_numbers_neither_is_called(
    file: WriteFile, content: str, region: str, expected: set[str], lines: tuple[int, ...]
) -> None:
    listed = read_do_not_call(file(content, "dnc.csv"), region)
    assert expected <= listed
    assert listed.doubtful == lines
    assert f"ine{'s' if len(lines) > 1 else ''} {lines[0]}" in listed.in_words
    assert not any(number[1:] in listed.in_words for number in listed)


def test_an_old_number_stands_for_all_that_it_may_have_become(file: WriteFile) -> None:
    listed = read_do_not_call(file("+225 07 12 34 56\n+52 1 55 1234 5678\n+229 97 12 34 56\n"))
    assert {"+2250707123456", "+2250507123456", "+525512345678", "+2290197123456"} <= listed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("212,5550100\n212,555010\n", "line 2 holds"),
        ("area code,phone\n212,5550100\n,5550101\n", "line 3 holds"),
        ("Anna,212-555-0100\nBen,212-555-01\n", "line 2 holds"),
        ("212,5550100\n,\n212,oops\n", "line 3 holds"),
        ("phone,country\n2125550100,Narnia\n", "line 2 holds"),
    ],
)
def test_a_published_list_with_a_garbled_line_is_refused_too(
    file: WriteFile, content: str, words: str
) -> None:
    with pytest.raises(LeadFileError) as refused:
        read_do_not_call(file(content, "dnc.csv"), "US")
    assert words in str(refused.value)


def test_who_is_on_the_list_in_another_spelling_is_no_lead(file: WriteFile) -> None:
    listed = read_do_not_call(
        file("+541123456789\n+52 1 55 1234 5678\n+55 11 8765-4321\n+39 6 12345678\n", "dnc.txt")
    )
    leads = file("phone\n+5491123456789\n+525512345678\n+5511987654321\n+390612345678\n+31201234501\n")
    batch = read_leads(leads, do_not_call=listed)
    assert [lead.phone for lead in batch.leads] == ["+31201234501"]
    assert {reject.code for reject in batch.rejects} == {RejectCode.DO_NOT_CALL}
