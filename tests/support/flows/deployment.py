"""A project of its own at a Prefect server: deployed, loaded with automations, and run by a worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.flows.stage import Stored, patiently
from tests.support.prefect_api import ask

FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def deploy_all(project: Path, url: str, notify: str = "") -> dict[str, str]:
    """Write the template out and deploy it; with `notify`, load its automations. Ids of deployments by name."""
    run_python(project.parent, url, "-m", "flireo_flows.cli", "init", str(project))
    pool = ("work-pool", "create", "flireo", "--type", "process", "--overwrite")
    run_python(project, url, "-m", "prefect", *pool)
    run_python(project, url, "-m", "prefect", "--no-prompt", "deploy", "--all")
    if notify:
        run_python(project, url, "-m", "flireo_flows.cli", "automations", "--notify", notify)
    made: list[dict[str, Any]] = ask(url, "POST", "deployments/filter", {})
    return {it["name"]: it["id"] for it in made}


def undeploy(url: str) -> None:
    """Nothing of it is scheduled or set off any more."""
    for what in ("automations", "deployments"):
        for made in ask(url, "POST", f"{what}/filter", {}):
            ask(url, "DELETE", f"{what}/{made['id']}")


def run_of(stored: Stored, deployment: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Have a worker run a deployment, to its end."""
    path = f"deployments/{deployment}/create_flow_run"
    run: dict[str, Any] = ask(stored.url, "POST", path, {"parameters": parameters})
    assert_completed(stored, run["id"])
    return run


def assert_completed(stored: Stored, run_id: str) -> None:
    """Wait for the end of a run."""
    patiently(lambda: stored.run(run_id)["state"]["type"] in FINAL, 240)
    state = stored.run(run_id)["state"]
    assert state["type"] == "COMPLETED", (state, stored.log(run_id))


@contextmanager
def worker(project: Path, url: str, log: Path) -> Iterator[None]:
    """A worker of the pool, that looks for work every second; it and its runs are gone afterwards."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "flireo"]
    env = {**os.environ, "PREFECT_API_URL": url, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with log.open("wb") as out:
        running = subprocess.Popen(
            command, cwd=project, env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def run_python(folder: Path, url: str, *arguments: str, **more: str) -> None:
    """Run Python there, reporting to the server, with more in its environment; it must succeed."""
    env = {**os.environ, "PREFECT_API_URL": url, **more}
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
