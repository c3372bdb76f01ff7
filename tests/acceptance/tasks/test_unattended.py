"""A campaign that no one waits for: webhooks and events do the rest, on a real Prefect server with a worker."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from pydantic import SecretStr

from flireo_flows import CallLedger, FlireoCredentials
from flireo_flows.prefect_support.child_process import child_server
from flireo_flows.prefect_support.local_server import free_port
from flireo_flows.sandbox import SandboxSettings
from tests.support.flows.deployment import deploy_all, run_of, worker
from tests.support.flows.stage import ANNA, PEOPLE, POLICY, Stored, patiently
from tests.support.prefect_api import ask
from tests.support.sandbox.running import run_sandbox

SECRET = "whsec_of_the_demo_agent"


class Mailbox(list[str]):
    """What a person is told, by HTTP."""


@contextmanager
def mailbox() -> Iterator[tuple[str, Mailbox]]:
    """A server that takes notifications. Yields its address and what came."""
    box = Mailbox()

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", box
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("nothing_left")
def test_a_campaign_that_no_one_waits_for_is_collected_told_followed_up_and_exported(
    tmp_path: Path, at_prefect: str, stored: Stored
) -> None:
    project, port = tmp_path / "mine", free_port()
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    env = {"FLIREO_LEDGER_URL": ledger, "FLIREO_WEBHOOK_SECRET": SECRET, "PREFECT_API_URL": stored.url}
    hooks = f"http://127.0.0.1:{port}"
    settings = SandboxSettings(
        rate_limit=0, time_scale=10, webhook_url=f"{hooks}/webhooks/flireo", webhook_secret=SECRET
    )
    command = ["flireo_flows.cli", "webhooks", "--port", str(port)]
    with (
        run_sandbox(settings) as sandbox,
        mailbox() as (address, letters),
        child_server("the receiver", command, f"{hooks}/health", 120, tmp_path / "webhooks.log", **env),
    ):
        FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url).save("flireo", overwrite=True)
        CallLedger(url=SecretStr(ledger)).save("ledger", overwrite=True)
        hook = CustomWebhookNotificationBlock(
            name="team", url=address, json_data={"subject": "{{subject}}", "body": "{{body}}"}
        )
        hook.save("team", overwrite=True)
        deployments = deploy_all(project, stored.url, notify="custom-webhook/team")
        people = [f"{name},{phone}" for phone, name in PEOPLE.items()]
        (project / "leads.csv").write_text("\n".join(["name,phone", *people, ""]))

        with worker(project, stored.url, tmp_path / "worker.txt"):
            asked = {
                "leads": "leads.csv",
                "campaign": "unattended",
                "agent_id": "demo-agent",
                "policy": POLICY.model_dump(mode="json"),
            }
            called = run_of(stored, deployments["outbound-campaign"], asked)
            assert len(sandbox.placed_calls()) == len(PEOPLE)

            # Its process is gone. The reports come in, and set off the collector; the last one the export.
            results = project / "results" / "unattended" / "results.jsonl"
            exported = patiently(lambda: _completed(stored, deployments["export-results"]), 400)
            assert exported["parameters"]["campaign"] == "unattended"
            assert exported["auto_scheduled"] is False and called["id"] != exported["id"]
            rows = [json.loads(line) for line in results.read_text().splitlines()]
            assert {row["phone"]: row["state"] for row in rows} == dict.fromkeys(PEOPLE, "done")
            analysed = {row["phone"]: row["analysis"] for row in rows if row["analysis"]}
            of_sandbox = {
                made["caller_phone"]: made["analysis_result"]
                for made in sandbox.api.get("/calls").json()["calls"]
                if made["analysis_result"]
            }
            assert analysed == of_sandbox

            # Whoever booked nothing is followed up, with the call's data in the run's parameters.
            no = {phone for phone, said in of_sandbox.items() if said["appointment_booked"] is False}
            assert no, "nobody to follow up: the sandbox's seed has changed"
            runs = patiently(lambda: _if(len(no), _all_completed(stored, deployments["follow-up"])), 400)
            reported = [run["parameters"] for run in runs]
            assert all(json.loads(given["analysis"])["appointment_booked"] is False for given in reported)
            assert {given["outcome"] for given in reported} == {"answered"}
            notes = [json.loads(file.read_text()) for file in (project / "results/follow_ups").iterdir()]
            assert {note["phone"] for note in notes} == no
            assert not [phone for phone in PEOPLE if phone[1:] in json.dumps(reported)]

            # And a person is told when someone pauses it.
            deploy_env = {**os.environ, **env}
            _cli(project, deploy_env, "pause", "--campaign", "unattended", "--reason", f"{ANNA} complained")
            (letter,) = patiently(lambda: list(letters))
            assert "flireo.campaign.paused unattended" in letter and "complained" in letter
            assert ANNA[1:] not in letter
        assert sandbox.times_called(ANNA) == 1


def _cli(folder: Path, env: dict[str, str], *words: str) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "flireo_flows.cli", *words]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _all_completed(stored: Stored, deployment: str) -> list[dict[str, Any]]:
    mine = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
    runs: list[dict[str, Any]] = ask(stored.url, "POST", "flow_runs/filter", mine)
    failed = [run for run in runs if run["state"]["type"] in ("FAILED", "CRASHED")]
    assert not failed, [(run["name"], stored.log(run["id"])) for run in failed]
    return [run for run in runs if run["state"]["type"] == "COMPLETED"]


def _completed(stored: Stored, deployment: str) -> dict[str, Any] | None:
    return next(iter(_all_completed(stored, deployment)), None)


def _if(least: int, found: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return found if len(found) >= least else None
