"""Options that say how a file of leads writes its numbers."""

import pytest

from tests.support.cli.shell import Shell

PLAN = ("--campaign", "spring", "--agent-id", "demo-agent", "--any-hour")


def planned(bare: Shell, rows: str, *options: str) -> str:
    """What `plan` prints of a file."""
    ended = bare.here("plan", bare.write("leads.csv", rows), *PLAN, *options)
    assert ended.status == 0, ended.err
    return ended.out


def test_a_number_that_lost_its_plus_is_not_called_and_the_plan_says_why(bare: Shell) -> None:
    out = planned(bare, "name;phone\nJan;4917604069012\nEva;0176 04069013\n", "--default-region", "DE")
    assert "1 to be called, 1 not" in out
    assert "1 ambiguous phone (line 2)" in out
    assert "numbers_without_plus" in out


@pytest.mark.parametrize("how", ["national", "international"])
def test_an_option_says_what_numbers_without_plus_are(bare: Shell, how: str) -> None:
    rows = "name;phone\nJan;4917604069012\n"
    out = planned(bare, rows, "--default-region", "DE", "--numbers-without-plus", how)
    assert "1 to be called, 0 not" in out


def test_a_country_column_is_read_named_or_left_alone(bare: Shell) -> None:
    rows = "phone,land\n030 23125101,DE\n020 1234501,\n"
    assert "1 to be called, 1 not" in planned(bare, rows, "--default-region", "NL")
    empty = ("--default-region", "NL", "--default-region-for-empty-country")
    assert "2 to be called, 0 not" in planned(bare, rows, *empty)
    none = ("--default-region", "DE", "--country-column", "-")
    assert "2 to be called, 0 not" in planned(bare, rows, *none)
    named = "phone,where,prefix\n030 23125101,DE,\n020 1234501,,+31\n"
    columns = ("--country-column", "where", "--dialling-code-column", "prefix")
    assert "2 to be called, 0 not" in planned(bare, named, *columns)


def test_toll_free_numbers_are_called_only_where_an_option_says_so(bare: Shell) -> None:
    rows = "phone\n+31 800 1234\n+31 88 123 4567\n"
    out = planned(bare, rows)
    assert "1 to be called, 1 not" in out
    assert "1 row holds a toll-free number" in out
    assert "--call-kinds toll_free" in out
    assert "2 to be called, 0 not" in planned(bare, rows, "--call-kinds", "toll_free")
    assert "2 to be called, 0 not" in planned(
        bare, rows, "--call-kinds", "pager", "--call-kinds", "toll_free"
    )


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--default-region", "XX", "--default-region: not a two-letter"),
        ("--country-column", "nowhere", "country_column"),
        ("--dialling-code-column", "nowhere", "dialling_code_column"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(bare: Shell, option: str, value: str, says: str) -> None:
    bare.write("leads.csv", "phone\n+31201234501\n")
    ended = bare.here("plan", "leads.csv", *PLAN, option, value)
    assert ended.status != 0
    assert says in ended.complaint


def test_numbers_of_an_old_plan_are_called_in_todays_form_and_the_plan_says_so(bare: Shell) -> None:
    out = planned(bare, "phone\n+52 1 55 1234 5678\n+229 97 12 34 56\n+225 07 12 34 56\n")
    assert "2 to be called, 1 not" in out
    assert "1 number (line 2) is written as in Mexico before 2019" in out
    assert "1 number (line 3) is written as in Benin before 2024" in out
    assert "2021" in out
