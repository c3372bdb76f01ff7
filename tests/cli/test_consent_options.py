"""The options that say what a column of consent means, at the command line and in a run nobody watches."""

import csv
from pathlib import Path

import pytest

from tests.cli.shell import ANNA, BEN, CARLA, Ended, Shell

ROWS = [
    ("phone", "name", "GDPR consent", "TPS", "Email Opt Out"),
    (ANNA, "Anna", "yes", "no", "yes"),
    (BEN, "Ben", "no", "no", "no"),
    (CARLA, "Carla", "yes", "yes", "no"),
]


@pytest.fixture
def file(bare: Shell) -> Shell:
    with (bare.folder / "leads.csv").open("w", newline="") as out:
        csv.writer(out).writerows(ROWS)
    return bare


def plan(shell: Shell, *arguments: str | Path) -> Ended:
    return shell.here("plan", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", *arguments)


@pytest.mark.parametrize("command", ["plan", "run"])
def test_an_unclear_column_stops_every_command_that_reads_leads(file: Shell, command: str) -> None:
    refused = file.here(command, "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent")
    assert refused.status == 1
    for words in ("'GDPR consent', 'TPS'", "--opt-out-column", "--consent-column", "--ignore-column"):
        assert words in refused.complaint
    assert not (file.folder / "results").exists()


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (("--ignore-column", "GDPR consent", "--ignore-column", "TPS"), "3 to be rung, 0 not"),
        (("--consent-column", "GDPR consent", "--ignore-column", "TPS"), "2 to be rung, 1 not"),
        (("--consent-column", "gdpr_consent", "--opt-out-column", "TPS"), "1 to be rung, 2 not"),
        (
            (
                "--opt-out-column",
                "TPS",
                "--opt-out-column",
                "Email Opt Out",
                "--ignore-column",
                "GDPR consent",
            ),
            "1 to be rung, 2 not",
        ),
    ],
)
def test_an_option_settles_it(file: Shell, options: tuple[str, ...], lines: str) -> None:
    told = plan(file, *options)
    assert told.status == 0, told.err
    assert lines in told.out
    passed_over = "not about calls: 'Email Opt Out'" in " ".join(told.out.split())
    assert passed_over == ("Email Opt Out" not in options)


def test_a_column_that_is_not_there_is_a_slip(file: Shell) -> None:
    refused = plan(file, "--ignore-column", "TSP", "--ignore-column", "GDPR consent")
    assert refused.status == 1
    assert "There is no column 'TSP'" in refused.complaint


def test_hidden_rows_are_said_with_their_count(bare: Shell) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["phone"], [ANNA], [BEN], [CARLA]):
        book.active.append(row)
    book.active.row_dimensions[3].hidden = True
    book.save(bare.folder / "leads.xlsx")
    usual = ("plan", "leads.xlsx", "--campaign", "spring", "--agent-id", "demo-agent")
    told = bare.here(*usual)
    assert "2 to be rung" in told.out, told.err
    assert "1 hidden row is left out" in told.out
    assert "3 to be rung" in bare.here(*usual, "--read-hidden").out
