"""The engine with its ledger against a bare httpx loop with as many connections, to the same sandbox.

Calls per second from the first call to the last, as the sandbox saw them.
"""

import asyncio
from typing import Final

import httpx

from benchmarks.figures import Figure, middle
from benchmarks.stage import CALLER, Stage, campaign, people, stage
from flireo_flows.api.calls import OutboundCall
from flireo_flows.calling.dialer import CONNECTIONS
from flireo_flows.calling.run_loop import Until
from flireo_flows.policy import CallingPolicy

LEADS: Final = 1000
ROUNDS: Final = 5


def speed() -> list[Figure]:
    """Calls per second over the loop's."""
    ratios = []
    for _ in range(ROUNDS):
        bare, ours = _loop_rate(), _engine_rate()
        ratios.append(ours / bare)
        print(f"  bare loop {bare:.0f} calls/s, engine {ours:.0f} calls/s", flush=True)
    what = "calls placed per second, over a bare httpx loop"
    return [Figure(what, middle(ratios), 0.7, False, f"median of {ROUNDS}")]


def _loop_rate() -> float:
    with stage(rate_limit=0, time_scale=0.01) as servers:
        asyncio.run(_bare_loop(servers))
        return _rate(servers)


def _engine_rate() -> float:
    policy = CallingPolicy(calling_hours=None, max_concurrent_calls=1000)
    with stage(rate_limit=0, time_scale=0.01) as servers:
        campaign(servers, LEADS, policy, Until.DIALLED)
        return _rate(servers)


def _rate(servers: Stage) -> float:
    times = servers.call_times()
    return (len(times) - 1) / (times[-1] - times[0])


async def _bare_loop(servers: Stage) -> None:
    """What anyone would write: no ledger, no rules, the same connections, none of them kept alive."""
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
