"""The receiver, which stores before it answers, against an empty route of the same server in the same run.

Signed reports of some 3 kB, no two alike, over connections that are kept alive, from another process. The empty
route is an ordinary one of FastAPI; a bare one of Starlette, which no one writes by hand, is measured beside it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, middle
from flireo_flows.prefect_support.child_process import child_server
from flireo_flows.prefect_support.local_server import free_port

CONNECTIONS: Final = 64
COUNT: Final = 2000  # requests a round
ROUNDS: Final = 9
SECRET: Final = "whsec_bench"


@dataclass(frozen=True, slots=True)
class Posted:
    """One round."""

    rate: float
    p99_ms: float


def receiving() -> list[Figure]:
    """Throughput over the empty route's, and the latency at half of it."""
    with _server() as port:
        for path in ("/empty", "/bare", "/webhooks/flireo"):
            _post(port, path, 500)  # no one is measured cold
        ratios, rates, bares = [], [], []
        for _ in range(ROUNDS):
            paths = ("/empty", "/webhooks/flireo", "/bare")
            empty, ours, bare = (_post(port, path).rate for path in paths)
            ratios.append(ours / empty)
            rates.append(ours)
            bares.append(ours / bare)
            print(
                f"  empty route {empty:.0f} requests/s (bare {bare:.0f}), receiver {ours:.0f} reports/s",
                flush=True,
            )
        half = middle(rates) / 2
        late, least = [], []
        for _ in range(ROUNDS):
            late.append(_post(port, "/webhooks/flireo", rate=half).p99_ms)
            least.append(_post(port, "/empty", rate=half).p99_ms)
            print(
                f"  p99 at {half:.0f}/s: receiver {late[-1]:.0f} ms, empty route {least[-1]:.0f} ms",
                flush=True,
            )
    return [
        Figure("reports stored per second, over an empty route", middle(ratios), 0.5, False,
               f"median of {ROUNDS}, {middle(rates):.0f}/s"),
        Figure("p99 latency at half that rate, ms", middle(late), 100, True,
               f"median of {ROUNDS}, at {half:.0f}/s; empty route {middle(least):.0f}"),
    ]  # fmt: skip


@contextmanager
def _server() -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        env = {"FLIREO_WEBHOOK_SECRET": SECRET, "FLIREO_LEDGER_URL": f"sqlite:///{home / 'ledger.db'}"}
        arguments = ["flireo_flows.cli", "webhooks", "--app", "benchmarks.receiving_app:receiver"]
        arguments += ["--port", str(port)]
        with child_server("receiver", arguments, f"http://127.0.0.1:{port}/health", 60, home / "log", **env):
            yield port


def _post(port: int, path: str, count: int = COUNT, rate: float = 0.0) -> Posted:
    words = [port, path, count, CONNECTIONS, rate, SECRET]
    command = [sys.executable, "-m", "benchmarks.posting", *map(str, words)]
    reported = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert reported["statuses"] == {"200": count}, reported["statuses"]
    latencies = sorted(reported["latencies"])
    return Posted(count / reported["seconds"], latencies[int(0.99 * len(latencies))] * 1000)
