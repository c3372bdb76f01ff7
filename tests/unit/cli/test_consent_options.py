"""The options that say what a column of consent means, at the command line and in a run no one watches."""

import csv
from pathlib import Path

import pytest

from tests.support.cli.shell import ANNA, BEN, CARLA, Ended, Shell

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
        (("--ignore-column", "GDPR consent", "--ignore-column", "TPS"), "3 to be called, 0 not"),
        (("--consent-column", "GDPR consent", "--ignore-column", "TPS"), "2 to be called, 1 not"),
        (("--consent-column", "gdpr_consent", "--opt-out-column", "TPS"), "1 to be called, 2 not"),
        (
            (
                "--opt-out-column",
                "TPS",
                "--opt-out-column",
                "Email Opt Out",
                "--ignore-column",
                "GDPR consent",
            ),
            "1 to be called, 2 not",
        ),
    ],
)
def test_an_option_settles_it(file: Shell, options: tuple[str, ...], lines: str) -> None:
    ran = plan(file, *options)
    assert ran.status == 0, ran.err
    assert lines in ran.out
    passed_over = "not about calls: 'Email Opt Out'" in " ".join(ran.out.split())
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
    ran = bare.here(*usual)
    assert "2 to be called" in ran.out, ran.err
    assert "1 hidden row is left out" in ran.out
    assert "3 to be called" in bare.here(*usual, "--read-hidden").out


def test_a_hidden_sheet_is_named(bare: Shell) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Old customers"
    for row in (["phone"], [ANNA]):
        book.active.append(row)
    book.active.sheet_state = "hidden"
    shown = book.create_sheet("Leads")
    for row in (["phone"], [BEN], [CARLA]):
        shown.append(row)
    book.active = 1
    book.save(bare.folder / "leads.xlsx")
    ran = plan_of(bare, "leads.xlsx")
    assert "2 to be called" in ran.out, ran.err
    assert "Not read, as the workbook hides it: sheet 'Old customers'" in " ".join(ran.out.split())


def plan_of(shell: Shell, name: str, *arguments: str) -> Ended:
    return shell.here("plan", name, "--campaign", "spring", "--agent-id", "demo-agent", *arguments)


@pytest.mark.parametrize(
    "header", ["Nie dzwonić", "Zgoda na kontakt", "Ring ikke", "Samtykke", "Lista Robinson", "Liste rouge"]
)
def test_a_no_in_another_language_is_asked_about(bare: Shell, header: str) -> None:
    (bare.folder / "leads.csv").write_text(f"phone,{header}\n{ANNA},tak\n{BEN},nie\n", "utf-8")
    refused = plan_of(bare, "leads.csv")
    assert refused.status == 1 and header in refused.complaint and "--opt-out-column" in refused.complaint
    consent = plan_of(bare, "leads.csv", "--consent-column", header)
    assert "1 to be called, 1 not" in consent.out, consent.err
    opted_out = plan_of(bare, "leads.csv", "--opt-out-column", header)
    assert "0 to be called, 2 not" in opted_out.out, opted_out.err  # "nie" is also the German never


def test_the_plan_names_why_a_zone_is_not_known_and_which_share_no_hour(bare: Shell) -> None:
    (bare.folder / "policy.yaml").write_text(
        'calling_hours: {start: "09:00", end: "16:00"}\n'  # Kaliningrad and Kamchatka are ten hours apart
    )
    (bare.folder / "leads.csv").write_text("phone\n+881612345678\n+79161234567\n")
    ran = plan_of(bare, "leads.csv", "--policy", "policy.yaml")
    words = " ".join(ran.out.split())
    assert "0 to be called, 2 not" in words, ran.err
    assert "1 zone unknown (line 2)" in words and "neither its number nor its row shows it" in words
    assert "go to review: the zones they may be in (such as Europe/Kaliningrad" in words
    assert "share no calling hour" in words and "+7916" not in words


def test_the_rules_of_states_hold_at_any_hour_and_that_is_said(bare: Shell) -> None:
    (bare.folder / "leads.csv").write_text("phone\n+16175550123\n")
    ran = plan_of(bare, "leads.csv", "--policy", "us", "--any-hour")
    words = " ".join(ran.out.split())
    assert "the rules of states (state_rules) hold all the same" in words and "US-MA" in words, ran.err
    (bare.folder / "policy.yaml").write_text("state_rules: []\n")
    ran = plan_of(bare, "leads.csv", "--policy", "policy.yaml", "--any-hour")
    assert "state_rules" not in ran.out
    assert all("(state_rules)" in bare.here(command, "--help").out for command in ("plan", "run"))
