"""From which number people are called: never a reseller's other client's, and where none is given it says so."""

import json

import pytest

from tests.support.cli.caller_numbers import ROWS, SCRIPT, USUAL
from tests.support.cli.shell import Shell

HEADERS = [
    "on_behalf_of",
    "On behalf of",
    "opdrachtgever",
    "Auftraggeber",
    "donneur d'ordre",
    "calling on behalf of",
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("number", [(), ("--number-id", "demo-number")])
def test_a_plan_warns_of_clients_without_a_number(bare: Shell, header: str, number: tuple[str, ...]) -> None:
    bare.write("leads.csv", f"name,phone,{header}\n{ROWS}")
    bare.write("script.yaml", SCRIPT)
    options = ("leads.csv", *USUAL, *number, "--script", "script.yaml")
    reported = bare.here("plan", *options).out
    assert "1 leads of 1 clients (on_behalf_of) go to review" in reported
    assert ("For 1 of 2 calls no number is given: Flireo picks one" in reported) is (not number)
    plan = json.loads(bare.here("plan", *options, "--json").out)
    assert [(call["line"], call["number_id"]) for call in plan["calls"]] == [
        (2, "demo-number"),
        (4, "demo-number" if number else ""),
    ]
    (skip,) = plan["skipped"]
    assert (skip["line"], skip["rule"]) == (3, "review") and "on_behalf_of" in skip["words"]


def test_a_plan_says_that_flireo_picks_the_number(bare: Shell) -> None:
    reported = bare.here("plan", "leads.csv", *USUAL).out
    assert "For 3 of 3 calls no number is given: Flireo picks one" in reported
    assert "no number is given" not in bare.here("plan", "leads.csv", *USUAL, "--number-id", "num-7").out
