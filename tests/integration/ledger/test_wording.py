"""Code never decides by the wording of a message: with every message reworded, it decides the same."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.ledger.rewording import Reworder
from tests.support.postgres import Postgres

PROJECT = Path(__file__).parents[3]


def played(how: str, url: str) -> dict[str, Any]:
    """What a process did with a campaign in which most messages are made."""
    command = [sys.executable, "-m", "tests.support.ledger.every_message", how, url]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(first: str, second: str) -> None:
    """Play it twice, and compare."""
    plain, reworded = played("as_it_is", first), played("reworded", second)
    assert plain["data"] == reworded["data"]
    # And the words are others: those of our own.
    changed = set(plain["words"]).isdisjoint(it for it in reworded["words"] if "~flireo_flows" in it)
    assert changed and sum("~flireo_flows" in it for it in reworded["words"]) > 40
    assert not any("~flireo_flows" in it for it in plain["words"])


def test_with_every_message_reworded_the_same_is_decided(tmp_path: Path) -> None:
    check(f"sqlite:///{tmp_path}/plain.db", f"sqlite:///{tmp_path}/reworded.db")


@pytest.mark.postgres
def test_with_every_message_reworded_the_same_is_decided_in_postgresql(postgres: Postgres) -> None:
    check(postgres.fresh_database(), postgres.fresh_database())


def test_a_text_that_is_compared_with_another_one_is_never_equal_to_it() -> None:
    body = 'return "not called: yes", f"not called: {1}", "code", "SELECT it FROM there"'
    source = f'def told():\n    """It was not called."""\n    {body}'
    there: dict[str, Any] = {}
    exec(compile(Reworder("here").visit(ast.parse(source)), "here", "exec"), there)
    first, second, code, sql = there["told"]()
    assert first not in second and not second.startswith("not called") and first != "not called: yes"
    assert (code, sql, there["told"].__doc__) == ("code", "SELECT it FROM there", "It was not called.")
