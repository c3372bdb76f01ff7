"""From which number people are called: never a reseller's other client's, and where none is given it says so."""

import pytest

from tests.support.cli.caller_numbers import ROWS, SCRIPT, USUAL
from tests.support.cli.shell import ANNA, BEN, CARLA, Shell
from tests.support.sandbox.running import RunningSandbox


@pytest.mark.slow
def test_a_client_without_a_number_goes_to_review_and_is_not_called(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    shell.write("leads.csv", f"name,phone,on_behalf_of\n{ROWS}")
    shell.write("script.yaml", SCRIPT)
    ended = shell("run", "leads.csv", *USUAL, "--script", "script.yaml", "--number-id", "demo-number")
    assert ended.status == 0, ended.err
    assert {call["destination"] for call in sandbox.placed_calls()} == {ANNA, CARLA}
    row = shell.results()[BEN]
    assert row["state"] == "review" and "no number belongs to this row's client" in row["reason"]
