"""Rows and sheets that a workbook hides are not called unless someone asks for them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from flireo_flows.calling.plan_notes import reading_notes
from flireo_flows.leads import LeadFormat, read_do_not_call, read_leads
from flireo_flows.leads.workbook import hidden_rows

openpyxl = pytest.importorskip("openpyxl")
PHONES = [f"+3120123450{n}" for n in range(1, 6)]


def hide(*lines: int) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        for line in lines:
            sheet.row_dimensions[line].hidden = True

    return change


def filtered(sheet: Any) -> None:
    """As Excel saves a filter: the rows that do not match are hidden."""
    sheet.auto_filter.ref = "A1:B6"
    sheet.auto_filter.add_filter_column(1, ["open"])
    hide(3, 4)(sheet)


def grouped(sheet: Any) -> None:
    sheet.row_dimensions.group(5, 6, hidden=True)


def workbook(path: Path, change: Callable[[Any], None], cells: dict[int, str] | None = None) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["phone", "note"])
    for line, phone in enumerate(PHONES, start=2):
        sheet.append([phone, (cells or {}).get(line, "open")])
    change(sheet)
    book.save(path / "leads.xlsx")
    return path / "leads.xlsx"


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        (hide(), []),
        (hide(2), [2]),
        (hide(6), [6]),
        (hide(2, 3, 4, 5), [2, 3, 4, 5]),
        (hide(1), []),  # the header is one all the same
        (hide(1, 2), [2]),
        (hide(9), []),  # an empty row
        (filtered, [3, 4]),
        (grouped, [5, 6]),
    ],
)
def test_hidden_rows_are_left_out_and_counted(
    tmp_path: Path, change: Callable[[Any], None], left_out: list[int]
) -> None:
    path = workbook(tmp_path, change)
    batch = read_leads(path)
    assert [lead.line for lead in batch.leads] == [line for line in range(2, 7) if line not in left_out]
    assert batch.hidden == len(left_out)
    assert any("hidden" in note and str(batch.hidden) in note for note in reading_notes(batch)) == bool(
        left_out
    )
    everyone = read_leads(path, LeadFormat(read_hidden=True))
    assert [lead.phone for lead in everyone.leads] == PHONES
    assert list(reading_notes(everyone)) == []


def test_a_file_of_hidden_rows_only_calls_no_one(tmp_path: Path) -> None:
    batch = read_leads(workbook(tmp_path, hide(2, 3, 4, 5, 6)))
    assert (batch.leads, batch.hidden) == ((), 5)


def test_a_no_in_a_hidden_row_holds_for_its_number(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet.append([PHONES[0], "do not call"])
        hide(7)(sheet)

    path = workbook(tmp_path, change)
    batch = read_leads(path)
    assert batch.leads[0].wishes.consent.given is False
    assert batch.leads[1].wishes.consent.given is None


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_not_read_unless_asked_for(tmp_path: Path, state: str) -> None:
    book = openpyxl.Workbook()
    book.active.append(["phone"])
    book.active.append([PHONES[0]])
    book.active.sheet_state = state
    shown = book.create_sheet("Leads")
    shown.append(["phone"])
    shown.append([PHONES[1]])
    book.active = 1
    book.save(tmp_path / "leads.xlsx")
    batch = read_leads(tmp_path / "leads.xlsx")
    assert [lead.phone for lead in batch.leads] == [PHONES[1]]
    assert any("'Sheet'" in note and "--read-hidden" in note for note in reading_notes(batch))
    asked = read_leads(tmp_path / "leads.xlsx", LeadFormat(read_hidden=True))
    assert [lead.phone for lead in asked.leads] == [PHONES[0]]
    assert list(reading_notes(asked)) == []


def test_a_do_not_call_list_has_its_hidden_rows(tmp_path: Path) -> None:
    assert set(read_do_not_call(workbook(tmp_path, filtered))) == set(PHONES)


@pytest.mark.parametrize(
    ("xml", "hidden"),
    [
        ('<worksheet><sheetData><row r="2" hidden="1"/><row r="3"/></sheetData></worksheet>', {2}),
        ('<x:worksheet xmlns:x="y"><x:row r="4" hidden="true"/><x:row hidden="1"/></x:worksheet>', {4, 5}),
        ("<worksheet><row/><row hidden='1'/><row hidden='0'/><row ht='0'/></worksheet>", {2, 4}),
        ('<worksheet><cols><col hidden="1"/></cols><row r="2" hidden="false" ht="15"/></worksheet>', set()),
    ],
)
def test_rows_are_hidden_however_a_program_writes_it(xml: str, hidden: set[int]) -> None:
    assert hidden_rows(BytesIO(xml.encode())) == hidden
    assert hidden_rows(BytesIO(xml.encode("utf-16"))) == hidden
