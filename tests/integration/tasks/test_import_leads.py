"""What a run imports: the leads that its script can call, and whose agents must be read first."""

from dataclasses import replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from flireo_flows.api.client import Account
from flireo_flows.api.fields import Dialect
from flireo_flows.leads import LeadFormat
from flireo_flows.ledger import Database, Views
from flireo_flows.prefect_support.async_bridge import run_async
from flireo_flows.script import Caller, Script, ScriptError
from flireo_flows.tasks.campaign import CampaignRun, Imported, import_leads
from tests.support.flows.stage import ANNA, BEN, POLICY

GREETING = Script(first_message="Hi {{ name }}, about your {{ product }}.")
INSTRUCTIONS = Script(system_message="Speak with {{ name }}.")


def later_account() -> Account:
    return Account("k", "", Dialect.HMSOVEREIGN)


@pytest.fixture
def run(tmp_path: Path) -> CampaignRun:
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    caller = Caller("demo-agent", "")
    return CampaignRun("spring", lambda: Account("k"), lambda: ledger, caller, policy=POLICY, out=tmp_path)


def imported(run: CampaignRun, *lines: str) -> Imported:
    """What the task makes of a file with these lines."""
    file = run.out / "leads.csv"
    file.write_text("\n".join(["name,phone,product", *lines, ""]))
    with disable_run_logger():
        return import_leads.fn(run, str(file), LeadFormat())


def phones(run: CampaignRun) -> list[str]:
    """Who was written into the ledger."""

    async def read() -> list[str]:
        async with await Database.open(run.ledger_url()) as database:
            return [result.phone for result in await Views(database).results(run.campaign)]

    return run_async(read)


def test_a_row_that_the_script_cannot_call_is_a_reject_and_not_in_the_ledger(run: CampaignRun) -> None:
    run = replace(run, script=GREETING)
    taken = imported(run, f"Anna,{ANNA},solar panels", f"Ben,{BEN},")
    assert (taken.rejects, phones(run)) == (1, [ANNA])
    assert BEN in taken.rejects_file.read_text()


def test_a_script_without_variables_takes_every_row(run: CampaignRun) -> None:
    assert imported(run, f"Anna,{ANNA},solar panels", f"Ben,{BEN},").rejects == 0
    assert phones(run) == [ANNA, BEN]


def test_agents_whose_instructions_calls_change_are_read_before_anyone_is_called(run: CampaignRun) -> None:
    later = replace(run, account=later_account)
    assert imported(replace(later, script=INSTRUCTIONS), f"Anna,{ANNA},").agents_to_read == {"demo-agent"}
    assert imported(later, f"Anna,{ANNA},").agents_to_read == frozenset()


def test_instructions_that_the_dialect_cannot_change_are_refused_before_anything_is_written(
    run: CampaignRun,
) -> None:
    with pytest.raises(ScriptError):
        imported(replace(run, script=INSTRUCTIONS), f"Anna,{ANNA},")
    assert not Path(run.ledger_url().removeprefix("sqlite:///")).exists() or phones(run) == []
