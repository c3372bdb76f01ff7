"""How much of the allowed rate is dialled, over ten windows of the contract's own length.

A runner alone; two that share one key and know of each other only by the headers; and one whose limit changes
twice in mid-run. The three are measured side by side, each with a sandbox of its own, for they do little else
than wait. There are more leads than can be called. Calls count from the first one on; a poll is none.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from typing import Final

from benchmarks.figures import Figure
from benchmarks.runner import Order, run_all
from benchmarks.stage import Stage, stage

LIMIT: Final = 100  # the contract's own
WINDOW_SECONDS: Final = 60.0
WINDOWS: Final = 10
LIMITS: Final = ((3, 60), (6, 150))  # from which window on, and what
SETTLE_SECONDS: Final = 2.0  # a limit changes so long after a window began
START_SECONDS: Final = 10.0  # a runner's, before it makes its first call
PLENTY: Final = 2 * LIMIT * WINDOWS  # leads, more than a runner can call
BOUND: Final = 0.98

Changes = list[tuple[float, int]]  # when the limit changed, Unix seconds, and to what


def pace() -> list[Figure]:
    """Calls over what was allowed, and how often too much was asked."""
    measures: list[Callable[[Stage], Figure]] = [_alone, _shared, _changing]
    with ExitStack() as stack:
        stages = [
            stack.enter_context(stage(rate_limit=LIMIT, rate_window_seconds=WINDOW_SECONDS, time_scale=60))
            for _ in measures
        ]
        with ThreadPoolExecutor() as threads:
            figures = list(threads.map(lambda pair: pair[0](pair[1]), zip(measures, stages, strict=True)))
        refused = sum(_refused(servers) for servers in stages)
    return [*figures, Figure("429 answers in all of these", float(refused), 0, True)]


def _alone(servers: Stage) -> Figure:
    run_all([_order(servers, 0)])
    return _figure("dialling rate over the allowed rate, alone", servers, [])


def _shared(servers: Stage) -> Figure:
    run_all([_order(servers, 0), _order(servers, 1)])
    return _figure("dialling rate over the allowed rate, two sharing a key", servers, [])


def _changing(servers: Stage) -> Figure:
    changes: Changes = []
    ended = threading.Event()
    changer = threading.Thread(target=_change, args=(servers, changes, ended))
    changer.start()
    try:
        run_all([_order(servers, 0)])
    finally:
        ended.set()
        changer.join()
    return _figure("dialling rate over the allowed rate, limit changing", servers, changes)


def _order(servers: Stage, number: int) -> Order:
    """Each has a ledger of its own, as on machines that have nothing in common but the key."""
    return Order(
        f"{servers.ledger}-{number}",
        servers.account.url,
        first=number * PLENTY,
        leads=PLENTY,
        seconds=START_SECONDS + WINDOWS * WINDOW_SECONDS,
    )


def _change(servers: Stage, changes: Changes, ended: threading.Event) -> None:
    """Change the limit soon after a window has begun, so that what is allowed is plain."""
    while not (times := servers.call_times()) and not ended.wait(0.2):
        pass
    for window, limit in LIMITS:
        at = times[0] + window * WINDOW_SECONDS + SETTLE_SECONDS
        if ended.wait(max(0.0, at - time.time())):
            return
        servers.change(rate_limit=limit)
        changes.append((at, limit))


def _figure(what: str, servers: Stage, changes: Changes) -> Figure:
    """Of the calls of ten windows, counted from the first."""
    times = servers.call_times()
    first, last = times[0], times[0] + WINDOWS * WINDOW_SECONDS
    assert times[-1] >= last - WINDOW_SECONDS, "the runner stopped early"
    calls = sum(at < last for at in times)
    return Figure(what, calls / _allowed(first, last, changes), BOUND, False, f"{calls} calls")


def _allowed(first: float, last: float, changes: Changes) -> float:
    """Requests that were allowed between two moments, a limit counting from the beginning of its window."""
    edges = [(first, LIMIT), *((at - SETTLE_SECONDS, limit) for at, limit in changes), (last, 0)]
    return sum(limit * (end - at) / WINDOW_SECONDS for (at, limit), (end, _) in pairwise(edges))


def _refused(servers: Stage) -> int:
    return sum(count for (_, status), count in servers.requests().items() if status == 429)
