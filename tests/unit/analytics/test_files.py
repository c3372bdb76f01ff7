"""A file is whole or untouched, whatever the disk does."""

import pickle
from pathlib import Path

import pytest

from flireo_flows.analytics.files import ExportError, replacing
from flireo_flows.analytics.results import write_jsonl
from tests.support.analytics.people import Person
from tests.support.permissions import bound_by_permissions


def test_an_exception_while_writing_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("earlier")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half of a new one")
        raise KeyboardInterrupt
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_is_not_seen_before_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with replacing(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_text() == "new"


def test_a_missing_directory_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        write_jsonl([Person()], tmp_path / "nowhere" / "results.jsonl")
    assert str(caught.value) == (
        f"Could not write {tmp_path / 'nowhere' / 'results.jsonl'}: its directory does not exist; "
        "create the directory or choose another one."
    )


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("x")
    with pytest.raises(ExportError, match="a part of its path is a file"):
        write_jsonl([Person()], tmp_path / "leads.csv" / "results.jsonl")


def test_a_directory_of_the_same_name_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").mkdir()
    with pytest.raises(ExportError, match="a directory has its name"):
        write_jsonl([Person()], tmp_path / "results.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["results.jsonl"]


def test_a_directory_without_permission_is_named_with_a_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        refused = pytest.raises(ExportError, match="it may not be written; close it in other programs")
        with bound_by_permissions(), refused:
            write_jsonl([Person()], tmp_path / "results.jsonl")
    finally:
        tmp_path.chmod(0o700)


def test_an_export_error_survives_a_trip_to_another_process(tmp_path: Path) -> None:
    error = ExportError(tmp_path, "the disk is full", "free some space")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.path, twin.problem, twin.remedy, str(twin)) == (
        tmp_path,
        error.problem,
        error.remedy,
        str(error),
    )
