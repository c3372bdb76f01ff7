"""Numbers as people type them into commands: what may be two numbers is asked about, and never guessed."""

import pytest

from tests.support.cli.shell import Shell

TWO = "4917604069012"  # +49 176 ..., or +49 4917 ...
COMMANDS = {
    "suppress": ("suppress",),
    "unsuppress": ("unsuppress",),
    "forget": ("forget",),
    "why": ("why", "--campaign", "spring"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("text", "region"), [(TWO, "DE"), ("17604069012", "DE"), ("4752521234", "US")])
def test_a_number_that_may_be_two_is_asked_about(bare: Shell, command: str, text: str, region: str) -> None:
    ended = bare.here(*COMMANDS[command], text, "--default-region", region)
    assert ended.status != 0
    assert "may be two" in ended.complaint
    assert "with +" in ended.complaint
    assert text not in ended.out + ended.err
    assert not (bare.folder / "ledger.db").exists()  # nothing was done


def test_an_old_number_of_several_is_asked_about(bare: Shell) -> None:
    ended = bare.here("suppress", "+225 07 12 34 56")
    assert ended.status != 0
    assert "2021" in ended.complaint


def test_the_plan_says_which_lines_of_the_list_stand_for_two(bare: Shell) -> None:
    bare.write("dnc.txt", f"{TWO}\n")
    bare.write("leads.csv", "phone\n+4917604069012\n+494917604069012\n+493023125101\n")
    usual = (
        "plan",
        "leads.csv",
        "--campaign",
        "c",
        "--agent-id",
        "a",
        "--any-hour",
        "--default-region",
        "DE",
    )
    ended = bare.here(*usual, "--do-not-call", "dnc.txt")
    assert "1 to be called, 2 not" in ended.out, ended.err
    assert "Line 1 of the do-not-call list may be two numbers" in ended.out
