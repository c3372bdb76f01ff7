"""Numbers as people type them into commands: what may be two numbers is asked about, and never guessed."""

import pytest

from tests.support.cli.shell import Shell

TWO = "4917604069012"  # +49 176 ..., or +49 4917 ...


@pytest.mark.parametrize(
    "text", ["+4917604069012", "004917604069012", "0176 04069012", "tel:+49 176 04069012"]
)
def test_a_number_that_is_one_is_suppressed(bare: Shell, text: str) -> None:
    assert "1 of 1 suppressed" in bare.here("suppress", text, "--default-region", "DE").out
    bare.write("leads.csv", "phone\n+4917604069012\n+494917604069012\n")
    planned = bare.here("plan", "leads.csv", "--campaign", "c", "--agent-id", "a", "--any-hour").out
    assert "1 to be called, 1 not" in planned


def test_a_list_suppresses_both_and_says_so(bare: Shell) -> None:
    bare.write("dnc.txt", f"{TWO}\n030 23125101\n")
    ended = bare.here("suppress", "--file", "dnc.txt", "--default-region", "DE")
    assert ended.status == 0, ended.err
    assert "Line 1 of the do-not-call list may be two numbers" in ended.out
    assert "3 of 3 suppressed" in ended.out


def test_a_published_list_is_suppressed_as_it_comes(bare: Shell) -> None:
    bare.write("dnc.csv", "212,5550100\n212,5550101\n")
    assert "2 of 2 suppressed" in bare.here("suppress", "--file", "dnc.csv", "--default-region", "US").out


@pytest.mark.parametrize(
    ("suppressed", "written"),
    [
        ("+54 11 2345 6789", "+54 9 11 2345 6789"),
        ("+54 9 11 2345 6789", "+54 11 2345 6789"),
        ("+52 1 55 1234 5678", "+52 55 1234 5678"),
        ("+55 11 8765-4321", "+55 11 98765-4321"),
        ("+39 6 12345678", "+39 06 12345678"),
        ("+229 97 12 34 56", "+229 01 97 12 34 56"),
    ],
)
def test_who_is_suppressed_in_another_spelling_is_not_called(
    bare: Shell, suppressed: str, written: str
) -> None:
    assert bare.here("suppress", suppressed).status == 0
    bare.write("leads.csv", f"phone\n{written}\n{suppressed}\n")
    planned = bare.here("plan", "leads.csv", "--campaign", "c", "--agent-id", "a", "--any-hour")
    assert "0 to be called, 2 not" in planned.out, planned.err
    assert "1 duplicate" in planned.out
    assert "1 do not call" in planned.out
    assert bare.here("forget", written).status == 0
    assert bare.here("unsuppress", suppressed).status != 0  # of who was forgotten
