"""The engine against a Prefect task per call, side by side.

Both are flows on one Prefect server as `prefect server start` runs it, call the same people at the same sandbox,
with as many connections. The time is what a user waits: from the call of the flow until everyone was called, its
process has ended, and Prefect shows how each task run ended. The baseline is what anyone would write:
`create_outbound_call.submit` for each lead, then wait for all. The engine's flow also reads the file of leads and
writes it into the ledger.

A server tuned as `flireo_flows.prefect_support.local_server` tunes it, to record task runs by the hundred, is less of a
burden on the same cores, and there the baseline is two to three times as fast.

Run as `python -m benchmarks.in_prefect engine|tasks SANDBOX_URL LEADS_FILE`, it is one of the flows in a process of
its own, and prints the seconds it took.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.figures import Figure, middle
from benchmarks.stage import CALLER, Stage, people, stage
from flireo_flows.prefect_support.child_process import child_server
from flireo_flows.prefect_support.local_server import START_SECONDS, free_port

LEADS: Final = 1000  # so many that what every run costs once weighs little
ROUNDS: Final = 3
WAYS: Final = ("tasks", "engine")
SHOWN_SECONDS: Final = 600.0  # that Prefect may take to show task runs


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds from the call of a flow ...

    Attributes:
        calls: ... of which passed between the first call and the last.
        returned: ... to its return.
        shown: ... until its process has ended and Prefect shows every task run as completed.
    """

    dialled: float
    returned: float
    shown: float

    def __str__(self) -> str:
        return (
            f"dialled in {self.dialled:.1f} s, flow in {self.returned:.1f} s, all shown in {self.shown:.1f} s"
        )


def in_prefect() -> list[Figure]:
    """Seconds of the baseline over seconds of the engine."""
    shown: list[float] = []
    returned: list[float] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        with plain_prefect_server(home) as url:
            for turn in range(ROUNDS + 1):  # the first one warms up
                tasks, engine = (_run(way, LEADS if turn else LEADS // 20, url, home) for way in WAYS)
                if turn:
                    print(f"  a task per call: {tasks}\n  the engine: {engine}", flush=True)
                    shown.append(tasks.shown / engine.shown)
                    returned.append(tasks.returned / engine.returned)
    note = f"median of {ROUNDS}; {middle(returned):.1f} to the return of the flow"
    return [Figure("calls per second in Prefect, over a task per call", middle(shown), 5, False, note)]


@contextmanager
def plain_prefect_server(home: Path) -> Iterator[str]:
    """A server as `prefect server start` runs it, with nothing tuned. Yields the URL of its API."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/api"
    env = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    arguments = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    with child_server(
        "the Prefect server", arguments, f"{url}/health", START_SECONDS, home / "server.log", **env
    ):
        yield url


def _run(way: str, count: int, prefect_url: str, home: Path) -> Took:
    """One flow in a process of its own."""
    leads = home / "leads.csv"
    rows = (f"{lead.phone},Europe/London" for lead in people(count))
    leads.write_text("\n".join(["phone,zone", *rows, ""]))
    with stage(rate_limit=0, time_scale=0.01) as servers:
        env = {"PREFECT_API_URL": prefect_url, "PREFECT_HOME": str(home), "PREFECT_LOGGING_LEVEL": "WARNING"}
        reported = subprocess.run(
            [sys.executable, "-m", "benchmarks.in_prefect", way, servers.account.url, str(leads)],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        ran = json.loads(reported.splitlines()[-1])
        _await_completed(prefect_url, ran["flow_run_id"], count if way == "tasks" else 2)
        shown = time.time() - ran["began"]
        _check(servers, count)
        return Took(_ringing_seconds(servers), ran["seconds"], shown)


def _await_completed(url: str, flow_run_id: str, task_runs: int) -> None:
    """Until Prefect shows so many completed task runs of a flow run."""
    completed = {
        "flow_runs": {"id": {"any_": [flow_run_id]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    end = time.monotonic() + SHOWN_SECONDS
    while httpx.post(f"{url}/task_runs/count", json=completed, timeout=30).json() < task_runs:
        assert time.monotonic() < end, "Prefect did not show all task runs in time"
        time.sleep(0.2)


def _check(servers: Stage, count: int) -> None:
    called = [call["destination"] for call in servers.placed_calls()]
    assert len(called) == len(set(called)) == count, f"{len(called)} calls, {len(set(called))} destinations"


def _ringing_seconds(servers: Stage) -> float:
    times = servers.call_times()
    return max(times) - min(times)


def _tasks(credentials: Any, leads: Path) -> Callable[[], str]:
    """A flow with a task per call."""
    from prefect import flow  # noqa: PLC0415 - only the child needs it
    from prefect.runtime import flow_run  # noqa: PLC0415
    from prefect.task_runners import ThreadPoolTaskRunner  # noqa: PLC0415

    from flireo_flows.api.calls import OutboundCall  # noqa: PLC0415
    from flireo_flows.calling.dialer import CONNECTIONS  # noqa: PLC0415
    from flireo_flows.tasks import create_outbound_call  # noqa: PLC0415

    phones = leads.read_text().split()[1:]
    calls = [
        OutboundCall(destination=row.split(",")[0], agent_id=CALLER.agent_id, number_id=CALLER.number_id)
        for row in phones
    ]

    # Any: the decorator wants the runner of any future, and this one is of its own kind.
    runner: Any = ThreadPoolTaskRunner(max_workers=CONNECTIONS)

    @flow(task_runner=runner)
    def a_task_per_call() -> str:
        futures = [create_outbound_call.submit(credentials, call) for call in calls]
        for future in futures:
            future.result()
        return str(flow_run.id)

    return a_task_per_call


def _engine(credentials: Any, leads: Path) -> Callable[[], str]:
    """A flow with two tasks, of which one drives the engine."""
    from prefect import flow  # noqa: PLC0415
    from prefect.runtime import flow_run  # noqa: PLC0415
    from pydantic import SecretStr  # noqa: PLC0415

    from flireo_flows.blocks import CallLedger  # noqa: PLC0415
    from flireo_flows.leads import LeadFormat  # noqa: PLC0415
    from flireo_flows.policy import CallingPolicy  # noqa: PLC0415
    from flireo_flows.tasks.campaign import CampaignRun, call_leads, import_leads  # noqa: PLC0415

    with tempfile.NamedTemporaryFile(suffix=".db", delete=False, dir=leads.parent) as ledger:
        run = CampaignRun(
            campaign="bench",
            account=credentials.account,
            ledger_url=CallLedger(url=SecretStr(f"sqlite:///{ledger.name}")).database_url,
            caller=CALLER,
            policy=CallingPolicy(calling_hours=None, max_concurrent_calls=1000),
            out=leads.parent / "results",
        )

    @flow
    def the_engine() -> str:
        call_leads(run, import_leads(run, str(leads), LeadFormat()))
        return str(flow_run.id)

    return the_engine


def main(way: str, url: str, leads: str) -> None:
    """In the child: run one flow."""
    from pydantic import SecretStr  # noqa: PLC0415

    from flireo_flows.blocks import FlireoCredentials  # noqa: PLC0415

    credentials = FlireoCredentials(api_key=SecretStr("fl_test_bench"), base_url=url)
    flow = {"tasks": _tasks, "engine": _engine}[way](credentials, Path(leads))
    began = time.time()
    flow_run_id = flow()
    print(json.dumps({"began": began, "seconds": time.time() - began, "flow_run_id": flow_run_id}))


if __name__ == "__main__":
    main(*sys.argv[1:])
