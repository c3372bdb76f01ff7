"""Four runners on one PostgreSQL against one of them.

Each answer is a second under way, as from a platform that places a call first, so one runner's connections are
what limits it. Where two cores are the limit instead, it says where their time goes.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure
from benchmarks.runner import Order, Report, run_all
from benchmarks.stage import Stage, stage, take_in
from flireo_flows.calling.dialer import CONNECTIONS
from flireo_flows.prefect_support.child_process import child_server
from flireo_flows.prefect_support.local_server import free_port
from tests.support.postgres import run_postgres

ANSWER_SECONDS: Final = 1.0
RUNNERS: Final = 4
TURNS: Final = 20  # calls on each connection


def several() -> list[Figure]:
    """Calls per second of four over those of one, and destinations that were called twice."""
    with run_postgres() as postgres:
        one, twice = _rate(1, postgres.fresh_database())
        four, again = _rate(RUNNERS, postgres.fresh_database())
    what = f"calls placed per second, {RUNNERS} runners on one PostgreSQL over 1"
    return [
        Figure(what, four / one, 2.5, False, f"{four:.0f} and {one:.0f} a second"),
        Figure("destinations called twice by them", float(twice + again), 0, True),
    ]


def _rate(runners: int, ledger: str) -> tuple[float, int]:
    """Calls per second from the first to the last, and destinations called twice."""
    leads = runners * CONNECTIONS * TURNS
    with stage(rate_limit=0, time_scale=0.01) as servers, _road(servers) as url:
        batch = take_in(ledger, leads)
        busy = _busy_seconds()
        reports = run_all([Order(ledger, url, batch=batch) for _ in range(runners)])
        busy = _busy_seconds() - busy
        called = [call["destination"] for call in servers.placed_calls()]
        times = servers.call_times()
    assert len(set(called)) == leads, f"{len(set(called))} of {leads} destinations were called"
    print(_where(runners, len(called), reports, busy), flush=True)
    return (len(times) - 1) / (times[-1] - times[0]), len(called) - len(set(called))


def _where(runners: int, calls: int, reports: list[Report], busy: float) -> str:
    """Where the time went, in milliseconds of a core for a call."""
    ours = sum(report.cpu_seconds for report in reports)
    seconds = max(report.seconds for report in reports)
    others = max(0.0, busy - ours)
    return (
        f"  {runners} runner(s): {calls} calls in {seconds:.1f} s; of a core {1e3 * ours / calls:.1f} ms a call "
        f"in the runners, {1e3 * others / calls:.1f} ms in database, sandbox, their start and all else"
    )


def _busy_seconds() -> float:
    """Seconds that all cores of this machine computed so far; 0 where the system does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _, _, *interrupts = stat.read_text().split("\n", 1)[0].split()[1:8]
    ticks = sum(map(int, (user, nice, system, *interrupts)))
    return ticks / 100  # by definition of the file, whatever the kernel's own clock


@contextmanager
def _road(servers: Stage) -> Iterator[str]:
    """Base URL of the sandbox, a while away."""
    port, to = str(free_port()), servers.sandbox.rpartition(":")[2]
    arguments = ["benchmarks.answering", port, to, str(ANSWER_SECONDS)]
    health = f"http://127.0.0.1:{port}/sandbox/health"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "road.log"
        with child_server("the road to the sandbox", arguments, health, 60, log, PYTHONPATH=str(Path.cwd())):
            yield f"http://127.0.0.1:{port}/api/v1"
