"""`make bench`: every bound of the project, measured and compared in one run. Exit status 1 if one is missed."""

import asyncio
import statistics
import sys
from dataclasses import dataclass
from datetime import datetime

import httpx

from benchmarks.stage import CALLER, Stage, campaign, people, stage
from flireo_flows.api.calls import OutboundCall
from flireo_flows.calling.hands import CONNECTIONS
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.turns import Until

LEADS = 1000
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio and its bound."""

    what: str
    value: float
    bound: float
    at_most: bool
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        verdict = "ok" if self.holds else "MISSED"
        return f"{self.what:<58} {self.value:7.3f} {sign} {self.bound:<5g} {verdict:<7}{self.note}"


def requests_per_call(*, webhooks: bool) -> Figure:
    """Everything sent, over the calls that were finished, at 1,000 leads."""
    policy = CallingPolicy(calling_hours=None, max_concurrent_calls=200, poll_seconds=2)
    with stage(webhooks=webhooks, rate_limit=0, time_scale=30) as servers:
        ran = campaign(servers, LEADS, policy, Until.FINISHED)
        sent = sum(servers.requests().values())
    assert ran.left.is_finished and ran.left.total == LEADS
    how = "webhooks" if webhooks else "polling alone"
    bound = 1.01 if webhooks else 1.05
    return Figure(f"requests per finished call, {how}", sent / LEADS, bound, True, f"{sent} requests")


def dialling_rate() -> list[Figure]:
    """Calls over what the headers allow, from the first call to the last, over more than three windows."""
    limit, window = 100, 60.0  # the contract's own; this takes four minutes
    policy = CallingPolicy(calling_hours=None, max_concurrent_calls=1000, poll_seconds=10)
    with stage(rate_limit=limit, rate_window_seconds=window, time_scale=60) as servers:
        campaign(servers, 4 * limit, policy, Until.DIALLED)
        rate = _rate(servers)
        refused = sum(count for (_, status), count in servers.requests().items() if status == 429)
    return [
        Figure("dialling rate over the rate the headers allow", rate / (limit / window), 0.97, False),
        Figure("429 answers meanwhile", float(refused), 0, True),
    ]


def placed_per_second() -> Figure:
    """The engine with its ledger, against a bare httpx loop with as many connections, to the same sandbox.

    From the first call to the last, as the sandbox saw them.
    """
    policy = CallingPolicy(calling_hours=None, max_concurrent_calls=1000)
    ratios = []
    for _ in range(ROUNDS):
        with stage(rate_limit=0, time_scale=0.01) as servers:
            asyncio.run(_bare_loop(servers))
            bare = _rate(servers)
        with stage(rate_limit=0, time_scale=0.01) as servers:
            campaign(servers, LEADS, policy, Until.DIALLED)
            ours = _rate(servers)
        ratios.append(ours / bare)
        print(f"  bare loop {bare:.0f} calls/s, engine {ours:.0f} calls/s", flush=True)
    return Figure(
        "calls placed per second, over a bare httpx loop",
        statistics.median(ratios),
        0.7,
        False,
        f"median of {ROUNDS}",
    )


def _rate(servers: Stage) -> float:
    """Calls a second between the first and the last."""
    times = [datetime.fromisoformat(ring["created_at"]).timestamp() for ring in servers.rings()]
    return (len(times) - 1) / (max(times) - min(times))


async def _bare_loop(servers: Stage) -> None:
    """What anybody would write: no ledger, no rules, the same connections, none of them kept alive."""
    todo = people(LEADS)
    account = servers.account
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {account.api_key}"},
        limits=httpx.Limits(max_keepalive_connections=0),
    ) as http:

        async def hand() -> None:
            while todo:
                call = OutboundCall(
                    destination=todo.pop().phone, agent_id=CALLER.agent_id, number_id=CALLER.number_id
                )
                answer = await http.post(f"{account.url}/calls/outbound", json=call.as_body(account.dialect))
                assert answer.json()["call_id"]

        await asyncio.gather(*(hand() for _ in range(CONNECTIONS)))


def main() -> int:
    """Measure everything; say what holds."""
    figures: list[Figure] = []
    for measure in (
        lambda: [requests_per_call(webhooks=True)],
        lambda: [requests_per_call(webhooks=False)],
        dialling_rate,
        lambda: [placed_per_second()],
    ):
        for figure in measure():
            print(figure, flush=True)
            figures.append(figure)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
