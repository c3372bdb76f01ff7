"""`flireo-flows plan`: what a person reads, what is saved, and what is refused in a sentence."""

import json
from pathlib import Path

import pytest

from tests.support.cli.shell import PEOPLE, Ended, Shell


def planned(shell: Shell, *arguments: str | Path, **env: str) -> Ended:
    """Plan the campaign `spring` here, with the demo agent."""
    usual = ("plan", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent")
    return shell.here(*usual, *arguments, **env)


def test_rows_are_limited_and_the_json_has_them_all(bare: Shell) -> None:
    ran = planned(bare, "--rows", "1")
    assert ran.status == 0, ran.err
    assert "2 more are not shown here" in ran.out
    held = json.loads(planned(bare, "--json").out)
    assert [call["line"] for call in held["calls"]] == [2, 3, 4]
    assert held["campaign"] == "spring"
    assert not any(phone in json.dumps(held) for phone in PEOPLE)


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (("--policy", "nowhere.yaml"), {}, "nowhere.yaml"),
        (("--script", "bad.yaml"), {}, "there is no such field"),
        (("--do-not-call", "leads.csv", "--default-region", "XX"), {}, "--default-region"),
        (("--save", "leads.csv/plan.json"), {}, "cannot be written"),
        ((), {"FLIREO_DIALECT": "other"}, "FLIREO_DIALECT must be flireo or hmsovereign"),
        ((), {"FLIREO_LEDGER_URL": "mysql://x/y"}, "this kind of database is not supported"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    bare: Shell, arguments: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    bare.write("bad.yaml", "frist_message: Hi\n")
    refused = planned(bare, *arguments, **env)
    assert refused.status == 1
    assert said in refused.complaint


def test_wrong_usage_has_status_2(bare: Shell) -> None:
    assert bare.here("plan", "leads.csv").status == 2
    assert planned(bare, "--requests-per-minute", "0").status == 2
    for name in ("", " ", "x" * 81):
        refused = bare.here("plan", "leads.csv", "--campaign", name)
        assert refused.status == 2
        assert "1 to 80 characters" in refused.err
