"""A rejects file can be mended and sent again."""

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.leads import LeadFormat, Reject, RejectCode, read_leads, write_rejects
from tests.support.leads.fixtures import WriteFile

NL = LeadFormat(default_region="NL")
HOSTILE = """name,phone,note
Good,0201234501,
Bad,02012345,"a ""quoted"", note"
Formula,=1+1,@home
Wide,0201234502,one,two
Short,0201234503
Twice,+31201234501,"two
lines"
"""


def test_rejects_are_a_table_of_reasons_and_the_row_as_it_was(file: WriteFile, tmp_path: Path) -> None:
    batch = read_leads(file(HOSTILE), NL)
    write_rejects(batch.rejects, tmp_path / "rejects.csv", batch.columns)
    with open(tmp_path / "rejects.csv", encoding="utf-8-sig", newline="") as written:
        header, first, *others = csv.reader(written)
    assert header == ["reject_line", "reject_code", "reject_message", "name", "phone", "note", "(extra 1)"]
    assert first[:2] == ["3", "invalid_phone"]
    assert first[3:] == ["Bad", "02012345", 'a "quoted", note']
    codes = ["invalid_phone", "too_many_cells", "too_few_cells", "duplicate"]
    assert [row[1] for row in others] == codes


def test_rejects_sent_again_without_mending_are_rejected_again(file: WriteFile, tmp_path: Path) -> None:
    first = read_leads(file(HOSTILE), NL)
    write_rejects(first.rejects, tmp_path / "rejects.csv", first.columns)
    again = read_leads(tmp_path / "rejects.csv", NL)
    assert again.columns == first.columns
    # The duplicate's other row is not in this file, so it is a lead of its own here.
    assert [lead.name for lead in again.leads] == ["Twice"]
    assert [(r.code, r.columns) for r in again.rejects] == [(r.code, r.columns) for r in first.rejects[:-1]]


def test_a_mended_rejects_file_is_a_file_of_leads(file: WriteFile, tmp_path: Path) -> None:
    batch = read_leads(file("name,phone\nAnna,020123450\nVos, Ben,0201234502\n"), NL)
    path = tmp_path / "rejects.csv"
    write_rejects(batch.rejects, path, batch.columns)
    text = path.read_text("utf-8-sig")
    text = text.replace('"020123450"', '"0201234501"').replace(
        '"Vos","Ben","0201234502"', '"Ben","0201234502",""'
    )
    path.write_text(text, "utf-8")
    mended = read_leads(path, NL)
    assert [(lead.name, lead.phone) for lead in mended.leads] == [
        ("Anna", "+31201234501"),
        ("Ben", "+31201234502"),
    ]
    assert dict(mended.leads[0].columns) == {"name": "Anna", "phone": "0201234501"}


def test_without_rejects_the_file_has_a_header_only(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "yet.csv"
    write_rejects([], path, ("name", "phone"))
    assert path.read_text("utf-8-sig") == '"reject_line","reject_code","reject_message","name","phone"\n'
    write_rejects([], path)
    assert path.read_text("utf-8-sig") == '"reject_line","reject_code","reject_message"\n'


def test_only_the_owner_may_read_the_people_in_it(tmp_path: Path) -> None:
    write_rejects([], tmp_path / "rejects.csv")
    assert os.name == "nt" or (tmp_path / "rejects.csv").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("old")
    unwritable = Reject(2, RejectCode.INVALID_PHONE, "", {"name": "\ud800"})  # no encoding has this
    with pytest.raises(UnicodeEncodeError):
        write_rejects([unwritable], path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["rejects.csv"]


cells = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=15).map(
    str.strip
)


@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8), name=cells)
def test_rejects_written_and_read_back_keep_their_cells(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], name: str
) -> None:
    header = ("phone", f"note {name}".strip(), "last, column; |")
    rejects = [
        Reject(line, RejectCode.INVALID_PHONE, "Mend it.", dict(zip(header, ("oops", *row[1:]), strict=True)))
        for line, row in enumerate(rows, start=2)
    ]
    path = tmp_path_factory.getbasetemp() / "rejects.csv"
    write_rejects(rejects, path, header)
    # Whatever the second column is called, it says nothing about calls.
    again = read_leads(path, NL.model_copy(update={"ignore_columns": [header[1]]}))
    assert again.columns == header
    assert [reject.columns for reject in again.rejects] == [reject.columns for reject in rejects]
