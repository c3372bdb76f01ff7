"""prefect.yaml: every deployment can be made, started by hand and by a schedule, and run by a worker."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from flireo_flows import CallLedger, FlireoCredentials
from flireo_flows.tasks.export import results_folder
from tests.support.calling.campaign import OTHERS_DO_NOT_COUNT
from tests.support.flows.deployment import deploy_all, run_of, worker
from tests.support.flows.stage import POLICY, Stored, patiently
from tests.support.prefect_api import ask
from tests.support.sandbox.running import RunningSandbox

NO_CAP = OTHERS_DO_NOT_COUNT.model_dump(mode="json")


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("nothing_left")
def test_a_worker_runs_what_was_deployed_by_hand_and_by_schedule(
    tmp_path: Path, sandbox: RunningSandbox, stored: Stored
) -> None:
    project = tmp_path / "mine"
    FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url).save("flireo", overwrite=True)
    ledger = CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    ledger.save("ledger", overwrite=True)
    made = deploy_all(project, stored.url)
    deployment = made["outbound-campaign"]

    with worker(project, stored.url, tmp_path / "worker.txt"):
        # As the form sends it, with the answer as an artifact.
        run = run_of(stored, made["call-operation"], {"operation": "get_agent", "id": "demo-agent"})
        shown = patiently(lambda: stored.everything_of(run["id"])["artifacts"])
        assert '"name": "Sanne"' in shown[0]["data"]

        # In the deployment stand references to blocks; the hours are opened, for a test runs at night too.
        sample = {
            "leads": "flows/leads.csv",
            "agent_id": "demo-agent",
            "lead_format": {"default_region": "NL"},
            "do_not_call": "flows/do_not_call.txt",
            # By hand and by schedule the same people are called within minutes.
            "policy": {**POLICY.model_dump(mode="json"), "other_campaigns": NO_CAP},
        }
        run_of(stored, deployment, {**sample, "campaign": "by hand"})
        leads = len(sandbox.placed_calls())
        assert leads > 40
        assert (project / results_folder(ledger, "by hand") / "results.csv").is_file()

        # No worker waits for the calls. Until someone collects them, no one else calls these people.
        run_of(stored, made["collect-reports"], {"patience_seconds": 200})

        # So often that a slow machine does not miss it; the second run of the campaign calls no one.
        schedule = {
            "schedule": {"interval": 30, "anchor_date": datetime.now(UTC).isoformat()},
            "active": True,
            "parameters": {**sample, "campaign": "by schedule"},
        }
        ask(stored.url, "POST", f"deployments/{deployment}/schedules", [schedule])
        patiently(lambda: _completed_of_a_schedule(stored, deployment), 240)
        assert len(sandbox.placed_calls()) == 2 * leads


def _completed_of_a_schedule(stored: Stored, deployment_id: str) -> bool:
    """Whether any run of the schedule went well. Only one runs at a time, and which of them waits is Prefect's."""
    mine = {"deployments": {"id": {"any_": [deployment_id]}}}
    runs = [run for run in stored._all("flow_runs", mine) if run["auto_scheduled"]]
    bad = [run for run in runs if run["state"]["type"] in ("FAILED", "CRASHED")]
    assert not bad, [(run["state"], stored.log(run["id"])) for run in bad]
    return any(run["state"]["type"] == "COMPLETED" for run in runs)
