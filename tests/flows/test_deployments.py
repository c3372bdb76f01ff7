"""prefect.yaml: every deployment can be made, started by hand and by a schedule, and run by a worker."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import SecretStr

from flireo_flows import CallLedger, FlireoCredentials
from tests.flows.stage import POLICY, Stored, patiently
from tests.sandbox.running import RunningSandbox

PROJECT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_deployment_names_a_flow_and_parameters_that_fit_it(deployment: dict[str, Any]) -> None:
    flow = load_flow_from_entrypoint(str(PROJECT / deployment["entrypoint"]))
    schema = parameter_schema(flow).model_dump_for_openapi()
    given = deployment["parameters"]
    references = {
        name: value for name, value in given.items() if "$ref" in (value if isinstance(value, dict) else {})
    }
    for name, reference in references.items():
        # A reference takes the place of a block: its type is the one that the flow asks for.
        slug = reference["$ref"]["block_document_slug"].partition("/")[0]
        block = schema["properties"][name]["$ref"].rpartition("/")[2]
        assert schema["definitions"][block]["block_type_slug"] == slug
    plain = {name: value for name, value in given.items() if name not in references}
    required = set(schema["required"]) - set(references)
    jsonschema.validate(plain, {**schema, "required": sorted(required)})
    assert set(given) <= set(schema["properties"])


@pytest.mark.server
@pytest.mark.slow
def test_a_worker_runs_what_was_deployed_by_hand_and_by_schedule(
    tmp_path: Path, sandbox: RunningSandbox, stored: Stored
) -> None:
    project = tmp_path / "mine"
    _prefect(tmp_path, stored.url, "-m", "flireo_flows.cli", "init", str(project))
    FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url).save("flireo", overwrite=True)
    CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}")).save("ledger", overwrite=True)
    _prefect(
        project,
        stored.url,
        "-m",
        "prefect",
        "work-pool",
        "create",
        "flireo",
        "--type",
        "process",
        "--overwrite",
    )
    _prefect(project, stored.url, "-m", "prefect", "--no-prompt", "deploy", "--all")
    deployment = _call(stored.url, "GET", "deployments/name/outbound-campaign/outbound-campaign")

    by_hand = _call(stored.url, "GET", "deployments/name/call-operation/call-operation")

    with _worker(project, stored.url, tmp_path / "worker.txt"):
        # As the form sends it, with the answer as an artifact.
        asked = {"parameters": {"operation": "get_agent", "id": "demo-agent"}}
        run = _call(stored.url, "POST", f"deployments/{by_hand['id']}/create_flow_run", asked)
        _assert_completed(stored, run["id"])
        shown = patiently(lambda: stored.everything_of(run["id"])["artifacts"])
        assert '"name": "Sanne"' in shown[0]["data"]

        # In the deployment stand references to blocks; the hours are opened, for a test runs at night too.
        asked = {"parameters": {"policy": POLICY.model_dump(mode="json"), "campaign": "by hand"}}
        run = _call(stored.url, "POST", f"deployments/{deployment['id']}/create_flow_run", asked)
        _assert_completed(stored, run["id"])
        leads = len(sandbox.rings())
        assert leads > 40
        assert (project / "results" / "results.csv").is_file()

        # No worker waited for the calls: another run collects them, and a third one exports them.
        for name, asked in (
            ("collect-reports/collect-reports", {"patience_seconds": 200}),
            ("export-results/export-results", {"campaign": "by hand", "out": "exported"}),
        ):
            other = _call(stored.url, "GET", f"deployments/name/{name}")
            body = {"parameters": asked}
            run = _call(stored.url, "POST", f"deployments/{other['id']}/create_flow_run", body)
            _assert_completed(stored, run["id"])
        with (project / "exported" / "results.csv").open(encoding="utf-8", newline="") as file:
            results = list(csv.DictReader(file))
        assert len(results) > 40 and {row["state"] for row in results} <= {"done", "skipped", "review"}
        assert len(sandbox.rings()) == leads

        # So often that a slow machine does not miss it; the second run of the campaign rings nobody.
        schedule = {
            "schedule": {"interval": 20, "anchor_date": datetime.now(UTC).isoformat()},
            "active": True,
            "parameters": {"policy": POLICY.model_dump(mode="json"), "campaign": "by schedule"},
        }
        _call(stored.url, "POST", f"deployments/{deployment['id']}/schedules", [schedule])
        scheduled = patiently(lambda: _first_of_a_schedule(stored, deployment["id"]))
        _assert_completed(stored, scheduled)
        assert len(sandbox.rings()) == 2 * leads
    ours = {"deployments": {"name": {"any_": [deployment["name"] for deployment in DEPLOYMENTS]}}}
    for each in _call(stored.url, "POST", "deployments/filter", ours):
        _call(stored.url, "DELETE", f"deployments/{each['id']}")


def test_nobody_waits_and_results_are_collected_every_five_minutes() -> None:
    by_name = {deployment["name"]: deployment for deployment in DEPLOYMENTS}
    assert by_name["outbound-campaign"]["parameters"]["wait"] is False
    (schedule,) = by_name["collect-reports"]["schedules"]
    assert (schedule["interval"], schedule["active"]) == (300, True)


def _first_of_a_schedule(stored: Stored, deployment_id: str) -> str | None:
    mine = {"deployments": {"id": {"any_": [deployment_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
    runs = [run for run in stored._all("flow_runs", mine) if run["auto_scheduled"]]
    return str(runs[0]["id"]) if runs else None


def _assert_completed(stored: Stored, run_id: str) -> None:
    final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    patiently(lambda: stored.run(run_id)["state"]["type"] in final, 240)
    state = stored.run(run_id)["state"]
    assert state["type"] == "COMPLETED", (state, stored.log(run_id))


@contextmanager
def _worker(project: Path, url: str, log: Path) -> Iterator[None]:
    """A worker of the pool, that looks for work every second; it and its runs are gone afterwards."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "flireo"]
    env = {**os.environ, "PREFECT_API_URL": url, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with log.open("wb") as out:
        worker = subprocess.Popen(
            command, cwd=project, env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def _prefect(folder: Path, url: str, *arguments: str) -> None:
    env = {**os.environ, "PREFECT_API_URL": url}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _call(url: str, method: str, path: str, body: Any = None) -> Any:
    for _ in range(20):  # a busy server says 503, as its own clients know
        answer = httpx.request(method, f"{url}/{path}", json=body, trust_env=False, timeout=60)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        time.sleep(1)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None
