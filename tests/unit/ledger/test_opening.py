"""A ledger opens, or says in one sentence what is wrong with it and what to do."""

import pickle
from pathlib import Path

import pytest

from tests.support.ledger.refusals import SECRET, refusal


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "this is no database URL"),
        ("leads.db", "this is no database URL"),
        (f"postgresql//anna:{SECRET}@db/ledger", "this is no database URL"),
        (f"postgresql://anna:{SECRET}@db:port/ledger", "this is no database URL"),
        (f"postgresql://anna:{SECRET}/ledger", "ledger postgresql://...: this is no database URL"),
        (f"mysql://anna:{SECRET}@db/ledger", "ledger mysql: this kind of database is not supported"),
        ("sqlite://", "a ledger in memory forgets who was called"),
        ("sqlite:///:memory:", "a ledger in memory forgets who was called"),
        ("sqlite:///file::memory:?uri=true", "a ledger in memory forgets who was called"),
        ("sqlite:///file:ledger?mode=memory&uri=true", "a ledger in memory forgets who was called"),
    ],
)
async def test_a_url_that_is_no_ledger_is_refused_with_what_to_write_instead(url: str, says: str) -> None:
    error = await refusal(url)
    assert says in str(error)
    assert "Use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE (FLIREO_LEDGER_URL)" in str(error)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = await refusal(f"sqlite:///{tmp_path}/file/ledger.db")
    assert "its folder cannot be made" in str(error)
    assert f"{tmp_path}/file/ledger.db" in str(error)


async def test_the_error_survives_a_trip_to_another_process() -> None:
    error = await refusal("leads.db")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
