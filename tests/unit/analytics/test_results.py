"""The three files: what is in them, and that any analysis can be written and read again."""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flireo_flows.analytics.files import ExportError
from flireo_flows.analytics.results import (
    export_results,
    guarded,
    results_table,
    write_csv,
    write_jsonl,
    write_parquet,
)
from tests.support.analytics.people import Person, campaign
from tests.support.analytics.read import read_csv, read_jsonl


def test_an_export_is_three_files_with_a_row_a_lead(tmp_path: Path) -> None:
    written = export_results(campaign(30), tmp_path / "not" / "there yet")
    assert written.rows == 30
    assert written.parquet is not None
    assert len(read_csv(written.csv)) == 31
    assert len(read_jsonl(written.jsonl)) == 30
    assert pq.read_table(written.parquet).num_rows == 30
    assert sorted(path.name for path in written.csv.parent.iterdir()) == [
        "results.csv",
        "results.jsonl",
        "results.parquet",
    ]


def test_no_leads_are_exported_as_a_header_and_no_rows(tmp_path: Path) -> None:
    written = export_results([], tmp_path)
    assert written.parquet is not None
    assert written.csv.read_bytes().startswith(b"phone,name,state,outcome,attempts")
    assert len(read_csv(written.csv)) == 1
    assert written.jsonl.read_bytes() == b""
    assert pq.read_schema(written.parquet).field("duration_seconds").type == pa.int64()


def test_json_lines_hold_the_exact_record(tmp_path: Path) -> None:
    person = Person(name="Zoë", analysis={"a": {"b": [1, None]}}, columns={"x": "=1+1"}, summary="=2+2")
    write_jsonl([person], tmp_path / "results.jsonl")
    assert read_jsonl(tmp_path / "results.jsonl") == [
        {
            "phone": "+447700900001",
            "name": "Zoë",
            "state": "done",
            "reason": "",
            "outcome": "answered",
            "attempts": 1,
            "call_id": "call-1",
            "duration_seconds": 61,
            "started_at": "2026-08-17T09:00:00+00:00",
            "ended_at": "2026-08-17T09:01:01+00:00",
            "summary": "=2+2",
            "analysis": {"a": {"b": [1, None]}},
            "columns": {"x": "=1+1"},
        }
    ]
    assert "Zoë".encode() in (tmp_path / "results.jsonl").read_bytes()


def test_what_json_does_not_have_is_written_as_text(tmp_path: Path) -> None:
    write_jsonl([Person(analysis={"a": [math.nan, math.inf], "b": -math.inf})], tmp_path / "x")
    assert read_jsonl(tmp_path / "x")[0]["analysis"] == {"a": ["NaN", "Infinity"], "b": "-Infinity"}


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "+1+1", "-1+cmd|x"]
)
def test_what_a_spreadsheet_may_run_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["+31612345678-1", "+", "-", "- as a list", "+31612345678\n", "-٣", "+1e5+A1"]
)
def test_what_only_begins_like_a_number_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["", "plain", "a=b", "'=1", "+447700900001", "+44 7700 900001", "-5", "+1.5", "-3,75", "-1e-9", "5-6"],
)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


def test_headers_and_cells_of_the_csv_are_guarded_and_quoted(tmp_path: Path) -> None:
    person = Person(
        name="=HYPERLINK(1)",
        summary='He said "no",\r\nthen',
        analysis={"yes": True, "low": -3},
        columns={"@x": "y"},
    )
    write_csv(results_table([person]), tmp_path / "results.csv")
    header, row = read_csv(tmp_path / "results.csv")
    cells = dict(zip(header, row, strict=True))
    assert cells["phone"] == "+447700900001"
    assert cells["name"] == "'=HYPERLINK(1)"
    assert cells["summary"] == 'He said "no",\r\nthen'
    assert (cells["analysis.yes"], cells["analysis.low"]) == ("true", "-3")
    assert cells["'@x"] == "y"
    assert b'"He said ""no"",\r\nthen"' in (tmp_path / "results.csv").read_bytes()


def test_parquet_types_do_not_depend_on_the_values(tmp_path: Path) -> None:
    write_parquet(results_table([Person(analysis={"a": None, "b": True, "c": 1, "d": 0.5})]), tmp_path / "x")
    schema = pq.read_schema(tmp_path / "x")
    assert [schema.field(f"analysis.{key}").type for key in "abcd"] == [
        pa.string(),
        pa.bool_(),
        pa.int64(),
        pa.float64(),
    ]


def test_an_export_into_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ExportError, match="a file has the name of the directory; move that file away"):
        export_results([Person()], tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"
