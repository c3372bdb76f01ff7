"""A flow whose results would lie where no one looks ends with a sentence before it calls anyone."""

from pathlib import Path
from typing import Any

import pytest
from prefect.flows import load_flow_from_entrypoint

from flireo_flows.analytics import ExportError
from flireo_flows.leads import LeadFormat
from flireo_flows.script import Caller
from flireo_flows.tasks.campaign import CampaignRun, import_leads
from flireo_flows.tasks.export import export_campaign
from tests.support.flows.stage import Stage
from tests.unit.cli.test_refused_places import ADDRESSES

PROJECT = Path(__file__).parents[3]


def flow_of(name: str) -> Any:
    return load_flow_from_entrypoint(str(PROJECT / "flows" / f"{name}.py:{name}"))


@pytest.mark.server
@pytest.mark.parametrize("address", ADDRESSES[::4])
@pytest.mark.parametrize("name", ["outbound_campaign", "plan_campaign", "export_results"])
def test_a_flow_is_refused(stage: Stage, name: str, address: str) -> None:
    flow = flow_of(name)
    given = {
        key: value
        for key, value in stage.parameters(out=address).items()
        if key in flow.parameters.properties
    }
    with pytest.raises(ExportError, match="only folders of this machine are written"):
        flow(**given)
    assert stage.sandbox.requests() == {}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("kind", [str, Path])
def test_so_is_a_run_of_your_own(stage: Stage, address: str, kind: type[Any]) -> None:
    ledger = stage.parameters()["ledger"]
    run = CampaignRun(
        "spring", stage.credentials.account, ledger.database_url, Caller("demo-agent"), out=kind(address)
    )
    with pytest.raises(ExportError, match="only folders of this machine are written") as refused:
        import_leads.fn(run, stage.parameters()["leads"], LeadFormat())
    assert "hush" not in str(refused.value)
    with pytest.raises(ExportError):
        export_campaign.fn(ledger, "spring", Path(address))
