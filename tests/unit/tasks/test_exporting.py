"""Where the results of campaigns go: each has a folder of its own, by whatever name it is called."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from pydantic import SecretStr

from flireo_flows import CallLedger
from flireo_flows.api.identity import name_key
from flireo_flows.tasks.export import folder_name, results_folder

names = some.text(string.ascii_letters + string.digits + " -_./\\:*é\u0301☎", min_size=1, max_size=80)


@pytest.fixture
def ledger(tmp_path: Path) -> CallLedger:
    """A ledger of no one yet."""
    return CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))


@pytest.mark.parametrize("name", ["demo", "spring-2026", "a", "0", "winter_sale"])
def test_a_plain_name_is_its_folders(name: str) -> None:
    assert folder_name(name) == name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Spring time", "spring-time"),
        ("by hand", "by-hand"),
        ("..", "campaign"),
        ("../../etc/passwd", "etc-passwd"),
        ("/", "campaign"),
        ("nul", "nul"),
        ("-", "campaign"),
        ("été", "été"),
        ("☎" * 80, "campaign"),
        ("漢" * 80, "漢" * 40),
        ("a\nb\0c", "a-b-c"),
        ("+44********01 3f0c9a1e", "44-01-3f0c9a1e"),
    ],
)
def test_any_other_name_keeps_what_every_system_takes_and_gets_a_digest(name: str, kept: str) -> None:
    assert re.fullmatch(rf"{re.escape(kept)}-[0-9a-f]{{12}}", folder_name(name))
    assert len(folder_name(name).encode()) < 200


@given(names, names)
@example("spring", "Spring")
@example("a b", "a-b")
@example("a/b", "a b")
@example("Spring", folder_name("Spring"))
@example("by hand", folder_name("by hand"))
def test_no_two_campaigns_share_a_folder_even_where_capitals_do_not_count(one: str, other: str) -> None:
    same_folder = folder_name(one).lower() == folder_name(other).lower()
    assert same_folder is (name_key(one) == name_key(other))  # spellings of one name share one
    assert Path("results", folder_name(one)).resolve().parent == Path("results").resolve()


def test_a_folder_that_is_given_is_taken_as_it_is(ledger: CallLedger) -> None:
    assert results_folder(ledger, "spring", "mine/all") == Path("mine/all")
    assert results_folder(ledger, "spring") == Path("results/spring")
    assert not Path(ledger.database_url().removeprefix("sqlite:///")).exists()
