"""Whoever only reads, or names a campaign that there is not, makes no ledger and changes none: it says so instead."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr

from flireo_flows import CallLedger, FlireoCredentials
from flireo_flows.ledger import NoLedgerError
from flireo_flows.tasks.campaign_control import cancel_campaign, pause_campaign, resume_campaign
from flireo_flows.tasks.collection import collect
from flireo_flows.tasks.export import export_campaign
from flireo_flows.tasks.follow_up import read_lead

TASKS: dict[str, Callable[[CallLedger], object]] = {
    "export_campaign": lambda ledger: export_campaign.fn(ledger, "nobody"),
    "read_lead": lambda ledger: read_lead.fn(ledger, 1),
    "pause_campaign": lambda ledger: pause_campaign.fn(ledger, "nobody"),
    "resume_campaign": lambda ledger: resume_campaign.fn(ledger, "nobody"),
    "cancel_campaign": lambda ledger: cancel_campaign.fn(ledger, "nobody"),
    "collect": lambda ledger: collect.fn(FlireoCredentials(api_key=SecretStr("k")), ledger, "nobody"),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_task_makes_no_ledger_either(tmp_path: Path, task: Callable[[CallLedger], object]) -> None:
    ledger = CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'none' / 'ledger.db'}"))
    with disable_run_logger(), pytest.raises(NoLedgerError, match="there is no ledger there"):
        task(ledger)
    assert not list(tmp_path.iterdir())


def test_a_schedule_that_collects_before_the_first_campaign_has_nothing_to_do(tmp_path: Path) -> None:
    ledger = CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    with disable_run_logger():
        summary = collect.fn(FlireoCredentials(api_key=SecretStr("k")), ledger)
    assert (summary.campaigns, summary.requests) == ((), 0)
    assert not list(tmp_path.iterdir())
