"""Files as they arrive: encodings, delimiters, quotes, workbooks, and files that are none of these."""

import csv
import io
import pickle
import re
import sys
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.leads import Lead, LeadFileError, LeadFormat, Reject, RejectCode, check_file, read_leads
from flireo_flows.leads.lead_file import CHECKED_BYTES
from flireo_flows.leads.workbook import as_text
from tests.support.leads.fixtures import WriteFile
from tests.support.permissions import bound_by_permissions

NL = LeadFormat(default_region="NL")
ROWS = "name,phone,city\nZoë,020 1234501,Den Haag\nJosé,020 1234502,Liège\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-32"])
def test_usual_encodings_are_recognised(file: WriteFile, encoding: str) -> None:
    batch = read_leads(file(ROWS.encode(encoding)), NL)
    assert [lead.name for lead in batch.leads] == ["Zoë", "José"]
    assert batch.columns[0] == "name"


@pytest.mark.parametrize("encoding", ["cp850", "utf-16-le", "latin-1", "mac-roman"])
def test_other_encodings_are_read_when_named(file: WriteFile, encoding: str) -> None:
    batch = read_leads(file(ROWS.encode(encoding)), LeadFormat(default_region="NL", encoding=encoding))
    assert [lead.name for lead in batch.leads] == ["Zoë", "José"]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiters_are_counted_outside_quotes(file: WriteFile, sign: str) -> None:
    others = ",;\t|".replace(sign, "")
    text = f'"na{others}me"{sign}phone\n' + f'"{others * 3}"{sign}0201234501\n'
    batch = read_leads(file(text), NL)
    assert batch.columns == (f"na{others}me".strip(), "phone")
    assert len(batch.leads) == 1


def test_a_sign_in_the_header_alone_does_not_beat_the_delimiter_of_the_rows(file: WriteFile) -> None:
    batch = read_leads(file("phone;name (last, first, middle)\n0201234501;Anna\n0201234502;Ben\n"), NL)
    assert [lead.phone for lead in batch.leads] == ["+31201234501", "+31201234502"]


def test_a_file_of_one_column_needs_no_delimiter(file: WriteFile) -> None:
    assert len(read_leads(file("phone\n0201234501\n0201234502\n"), NL).leads) == 2


def test_a_named_delimiter_is_taken_at_its_word(file: WriteFile) -> None:
    batch = read_leads(
        file("phone|a,b,c\n0201234501|x,y,z\n"), LeadFormat(default_region="NL", delimiter="pipe")
    )
    assert batch.columns == ("phone", "a,b,c")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_counts_them(file: WriteFile, end: str) -> None:
    text = end.join(["phone,note", "", '0201234501,"two', 'lines"', "  ,", "0201234502,", "oops,", ""])
    batch = read_leads(file(text), NL)
    assert [lead.line for lead in batch.leads] == [3, 6]
    assert [reject.line for reject in batch.rejects] == [7]


def test_leads_keep_every_column_as_text(file: WriteFile) -> None:
    lead = read_leads(file("phone, postcode ,visits\n0201234501, 01234 ,007\n"), NL).leads[0]
    assert lead.columns == {"phone": "0201234501", "postcode": "01234", "visits": "007"}
    assert list(lead.columns) == ["phone", "postcode", "visits"]


def test_the_same_person_in_two_spellings_is_one_lead(file: WriteFile) -> None:
    batch = read_leads(file("name,tel\nAnna,020 1234501\nA.,+31 (0)20 123 45 01\n"), NL)
    assert [lead.name for lead in batch.leads] == ["Anna"]
    assert (batch.rejects[0].code, batch.rejects[0].message) == (
        RejectCode.DUPLICATE,
        "The same number stands on line 2.",
    )


def test_a_rejected_row_does_not_make_the_next_one_a_duplicate(file: WriteFile) -> None:
    batch = read_leads(file("tel,tz\n0201234501,Middle Earth\n0201234501,Europe/Amsterdam\n"), NL)
    assert [reject.code for reject in batch.rejects] == [RejectCode.INVALID_TIMEZONE]
    assert [lead.line for lead in batch.leads] == [3]


def test_numbers_on_the_do_not_call_list_are_rejected_in_any_spelling(file: WriteFile) -> None:
    batch = read_leads(file("tel\n020-1234501\n020-1234502\n"), NL, do_not_call=["+31201234501"])
    assert [reject.code for reject in batch.rejects] == [RejectCode.DO_NOT_CALL]
    assert [lead.phone for lead in batch.leads] == ["+31201234502"]


def test_a_do_not_call_number_that_could_never_match_is_an_error(file: WriteFile) -> None:
    with pytest.raises(ValueError, match=r"1 do-not-call numbers are not in E\.164"):
        read_leads(file("tel\n0201234501\n"), NL, do_not_call=["0201234501"])


def test_a_row_with_too_many_cells_keeps_them_all(file: WriteFile) -> None:
    reject = read_leads(file("name,tel\nVos, Anna,0201234501\n"), NL).rejects[0]
    assert reject.code is RejectCode.TOO_MANY_CELLS
    assert reject.message.startswith("The row has 3 cells and the header 2: put a cell that holds")
    assert reject.columns == {"name": "Vos", "tel": "Anna", "(extra 1)": "0201234501"}


def test_a_row_with_too_few_cells_is_rejected_even_if_its_number_is_there(file: WriteFile) -> None:
    reject = read_leads(file("tel,name,city\n0201234501,Anna\n"), NL).rejects[0]
    assert reject.code is RejectCode.TOO_FEW_CELLS
    assert reject.message.startswith("The row has 2 cells and the header 3: add what is missing")
    assert reject.columns == {"tel": "0201234501", "name": "Anna"}


def test_empty_cells_behind_the_last_column_are_ignored(file: WriteFile) -> None:
    assert len(read_leads(file("tel,name\n0201234501,Anna,,,\n"), NL).leads) == 1


SWALLOWED = 'tel,name\n0201234501,"Anna\n0201234502,"Ben"\n'
LONG_CELL = 'tel,name\n0201234501,"' + "x" * 140_000


@pytest.mark.parametrize(
    ("content", "form", "words", "line"),
    [
        (b"", NL, "The file is empty. Export it again.", 0),
        (b" \n;;\n", NL, "holds only blank lines", 0),
        (b"\xef\xbb\xbf", NL, "holds only blank lines", 0),
        (b"name,phone\n", NL, "There are no rows below the header. Put one person on each row.", 0),
        (b"name,phone\n,\n", NL, "There are no rows below the header.", 0),
        (
            b"PK\x03\x04rest",
            NL,
            "This is an Excel workbook or a zip archive, not a text file. Name it .xlsx",
            0,
        ),
        (b"%PDF-1.7", NL, "This is a PDF, not a text file. Export the table as CSV.", 0),
        (b"\xd0\xcf\x11\xe0\xa1", NL, "an old or protected Excel workbook", 0),
        (b"\x1f\x8b\x08", NL, "a gzip archive, not a text file. Unpack it first.", 0),
        (b"phone\n\x00\x01\x02", NL, "This is a binary file, not text.", 0),
        (ROWS.encode("utf-16-le"), NL, "name the encoding if it is UTF-16", 0),
        (ROWS.encode(), LeadFormat(encoding="klingon"), "The encoding 'klingon' is unknown. Choose auto", 0),
        (ROWS.encode(), LeadFormat(encoding="base64"), "The encoding 'base64' is unknown.", 0),
        (ROWS.encode("cp1252"), LeadFormat(encoding="utf-8"), "Byte 18 (from 0) is not utf-8 text. Save", 2),
        (ROWS.encode() + b"Andr\xe9,1,2\n", NL, "is not utf-8 text. Save the file as UTF-8", 4),
        (b"phone\n\xff\x81", NL, "Byte 7 (from 0) is not cp1252 text. Save the file as UTF-8, or name", 2),
        (ROWS.encode(), LeadFormat(encoding="undefined"), "The file is not undefined text.", 0),
        (SWALLOWED.encode(), NL, "not closed, or has text right behind it. Close it, or write", 2),
        (b'tel,name\n0201234501,"Anna\n', NL, "A quotation mark in this row is not closed", 2),
        (LONG_CELL.encode(), NL, "A cell is longer than 131,072 characters; is a quotation mark open?", 2),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_with_a_next_step(
    file: WriteFile, content: bytes, form: LeadFormat, words: str, line: int
) -> None:
    path = file(content)
    for read in (read_leads, check_file):
        with pytest.raises(LeadFileError) as refused:
            read(path, form)
        assert words in str(refused.value)
        assert str(refused.value).startswith("leads.csv")
        assert refused.value.line == line


def test_a_missing_file_is_reported_with_the_folder_that_was_searched(tmp_path: Path) -> None:
    with pytest.raises(
        LeadFileError, match=r"gone\.csv: There is no such file in /.*Check the name"
    ) as refused:
        check_file(tmp_path / "gone.csv")
    assert str(tmp_path) in refused.value.problem


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(LeadFileError, match=r"This is a folder\. Name a file in it\."):
        check_file(tmp_path)


def test_a_file_without_permission_is_reported(file: WriteFile) -> None:
    path = file(ROWS)
    path.chmod(0)
    refused = pytest.raises(LeadFileError, match=r"may not read the file\. Change its permissions\.")
    with bound_by_permissions(), refused:
        check_file(path)


def test_any_other_trouble_with_a_file_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(LeadFileError, match="The file cannot be read"):
        check_file(tmp_path / ("long" * 100))


def test_the_error_survives_a_trip_to_another_process() -> None:
    error = LeadFileError("leads.csv", "It is odd.", "Mend it.", line=3)
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == "leads.csv, line 3: It is odd. Mend it."
    assert (copy.file, copy.problem, copy.advice, copy.line) == ("leads.csv", "It is odd.", "Mend it.", 3)


def test_a_check_reads_only_the_beginning(file: WriteFile) -> None:
    good = "phone,näme\n0201234501,Zoë\n".encode()
    long = good + "ë".encode() * CHECKED_BYTES + b"\n\x00"
    check_file(file(long, "odd.csv"), NL)  # the cut goes through an ë, at one of these two lengths
    check_file(file(b" " + long, "even.csv"), NL)
    with pytest.raises(LeadFileError):
        read_leads(file(long), NL)


def test_a_check_accepts_a_good_file(file: WriteFile) -> None:
    check_file(file(ROWS), NL)


def test_a_workbook_is_read_as_it_shows_its_cells(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["name", "phone", "since", "vip"])
    sheet.append(["Text", "+31 20 1234501", date(2026, 5, 1), True])
    sheet.append(["Lost zero", 201234502, 3.5, None])
    sheet.append([])
    sheet.append(["No plus", 31201234503.0])
    sheet.append(["Shown zero", 201234504])
    sheet["B6"].number_format = "0000000000"
    book.save(tmp_path / "leads.xlsx")
    batch = read_leads(tmp_path / "leads.xlsx", NL)
    assert [lead.phone[-2:] for lead in batch.leads] == ["01", "02", "03", "04"]
    assert [lead.line for lead in batch.leads] == [2, 3, 5, 6]
    assert batch.leads[0].columns["since"] == "2026-05-01"
    assert batch.leads[0].columns["vip"] == "TRUE"
    assert batch.leads[2].columns == {"name": "No plus", "phone": "31201234503", "since": "", "vip": ""}
    assert batch.leads[3].columns["phone"] == "0201234504"
    without_region = read_leads(tmp_path / "leads.xlsx")
    assert [reject.code for reject in without_region.rejects] == [RejectCode.NO_COUNTRY] * 3
    check_file(tmp_path / "leads.xlsx", NL)


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (None, "General", ""),
        (" Anna ", "General", "Anna"),
        (False, "General", "FALSE"),
        (31201234501, "General", "31201234501"),
        (31201234501.0, "0", "31201234501"),
        (31201234501, '"+"0', "+31201234501"),
        (31201234501, "+0", "+31201234501"),
        (31201234501, "\\+#", "+31201234501"),
        (201234501, "0000000000", "0201234501"),
        (-5, "0000", "-5"),
        (2.5, "General", "2.5"),
        (datetime.fromisoformat("2026-05-01"), "General", "2026-05-01"),
        (datetime.fromisoformat("2026-05-01 09:30"), "General", "2026-05-01 09:30:00"),
        (time(9, 30), "General", "09:30:00"),
    ],
)
def test_a_cell_becomes_the_text_that_a_person_sees(value: object, number_format: str, text: str) -> None:
    assert as_text(value, number_format) == text


def test_without_the_extra_the_error_names_what_to_install(
    tmp_path: Path, file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(LeadFileError, match=r'pip install "flireo-flows\[excel\]", or save the file as CSV'):
        check_file(file(b"PK\x03\x04", "leads.xlsx"))


def test_text_under_the_name_of_a_workbook_is_refused(file: WriteFile) -> None:
    with pytest.raises(LeadFileError, match=r"not an Excel workbook.*name it \.csv"):
        check_file(file(ROWS, "leads.xlsx"))


def test_a_damaged_workbook_is_refused_wherever_it_is_cut(tmp_path: Path, file: WriteFile) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    book.save(tmp_path / "whole.xlsx")
    whole = (tmp_path / "whole.xlsx").read_bytes()
    for end in (10, len(whole) // 2, len(whole) - 10):
        with pytest.raises(LeadFileError, match=r"The workbook is damaged.*save it again"):
            check_file(file(whole[:end], "cut.xlsx"))


@pytest.mark.parametrize(
    ("local", "central", "value"),
    [
        pytest.param(6, 8, 1, id="a password"),
        pytest.param(8, 10, 99, id="a compression of its own"),
    ],
)
def test_a_workbook_that_cannot_be_unpacked_is_refused(
    tmp_path: Path, file: WriteFile, local: int, central: int, value: int
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    book.save(tmp_path / "whole.xlsx")
    whole = bytearray((tmp_path / "whole.xlsx").read_bytes())
    # In the headers of a zip: of each file in it, and of its table of contents.
    for mark, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        for found in re.finditer(re.escape(mark), bytes(whole)):
            whole[found.start() + place] = value
    with pytest.raises(LeadFileError, match=r"has a password, or is compressed.*without a password"):
        check_file(file(bytes(whole), "sealed.xlsx"))


def test_a_workbook_whose_sheet_is_broken_is_refused(tmp_path: Path) -> None:
    import zipfile

    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    book.save(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "b.xlsx", "w") as broken,
    ):
        for name in whole.namelist():
            broken.writestr(name, b"<worksheet><sheetData><row>" if "sheet1" in name else whole.read(name))
    with pytest.raises(LeadFileError, match="The workbook is damaged"):
        check_file(tmp_path / "b.xlsx")


cells = st.text(alphabet=st.sampled_from('ab,;\t|"\n\r é0123456789+=@#'), max_size=12)
tables = st.lists(st.lists(cells, min_size=1, max_size=5), max_size=12)


@given(table=tables, sign=st.sampled_from([",", ";", "\t", "|"]))
def test_every_row_that_is_not_blank_becomes_one_lead_or_one_reject(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], sign: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign, quoting=csv.QUOTE_ALL)
    writer.writerows([["phone", "name", "note"], *table])
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_bytes(text.getvalue().encode())
    filled = [row for row in table if any(cell.strip() for cell in row)]
    try:
        batch = read_leads(path, NL)
    except LeadFileError as error:
        assert not filled, error
        return
    assert len(batch.leads) + len(batch.rejects) == len(filled)
    both: list[Lead | Reject] = [*batch.leads, *batch.rejects]
    read = sorted(both, key=lambda row: row.line)
    for row, raw in zip(read, filled, strict=True):
        assert [cell for cell in row.columns.values() if cell] == [
            cell.strip() for cell in raw if cell.strip()
        ]


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"phone,x\n{text}".encode()))
def test_any_bytes_are_read_or_refused_with_the_one_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        batch = read_leads(path, NL)
    except LeadFileError as error:
        assert error.problem.endswith((".", "?"))
        assert error.advice
    else:
        assert batch.leads or batch.rejects
