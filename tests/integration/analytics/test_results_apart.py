"""Sinks in a process or a run of their own."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.analytics.results import export_results, results_table
from tests.support.analytics.people import Person
from tests.support.analytics.read import read_csv, read_jsonl
from tests.support.analytics.strategies import ANALYSES, COLUMNS


@settings(deadline=None)
@given(st.lists(st.tuples(ANALYSES, COLUMNS), max_size=4))
def test_whatever_a_model_answers_is_written_and_can_be_read(
    leads: list[tuple[Mapping[str, object] | None, Mapping[str, str]]],
) -> None:
    people = [Person(analysis=analysis, columns=columns) for analysis, columns in leads]
    with TemporaryDirectory() as directory:
        written = export_results(people, Path(directory))
        assert written.parquet is not None
        rows, lines = read_csv(written.csv), read_jsonl(written.jsonl)
        parquet = pd.read_parquet(written.parquet)
    table = results_table(people)
    assert [len(row) for row in rows] == [len(table.columns)] * (len(people) + 1)
    pd.testing.assert_frame_equal(parquet, table, check_column_type=False)
    assert [(line["analysis"], line["columns"]) for line in lines] == leads


WITHOUT_PYARROW = """
import sys
from importlib.machinery import PathFinder
from pathlib import Path

class Finder:
    def find_spec(name, path=None, target=None):
        return None if name == "pyarrow" else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder

from flireo_flows.analytics.files import ExportError
from flireo_flows.analytics.results import export_results, write_parquet
from flireo_flows.analytics.results import results_table

print(export_results([], Path(sys.argv[1])).parquet)
try:
    write_parquet(results_table([]), Path("results.parquet"))
except ExportError as error:
    print(error)
"""


def test_without_pyarrow_the_two_other_files_are_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_PYARROW, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.splitlines() == [
        "None",
        "Could not write results.parquet: pyarrow is not installed; install flireo-flows[parquet].",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.jsonl"]
