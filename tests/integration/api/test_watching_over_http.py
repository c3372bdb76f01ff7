"""A call is watched until it is over, at a sandbox."""

import asyncio
from typing import Any

from flireo_flows.api.calls import get_call
from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient
from flireo_flows.api.procedure import PollTiming, poll, run_procedure, run_procedure_async
from tests.support.faulty.server import answer, page, run_faulty


async def test_ordinary_and_async_code_hold_the_same_conversation_with_a_real_server() -> None:
    record = {"id": "c", "status": "in-progress"}
    script = [answer(200, record), page(502), answer(200, {**record, "status": "ended"})]

    def conversation() -> Any:
        return poll(
            get_call("c"), lambda call: call.is_over, PollTiming(20, 0.01), lambda call: f"call {call.status}"
        )

    received: dict[str, list[str]] = {"sync": [], "async": []}
    with run_faulty(script) as server, FlireoClient(Account("k", server.url)) as client:
        plain = await asyncio.to_thread(run_procedure, conversation(), client, received["sync"].append)
    with run_faulty(script) as server:
        async with AsyncFlireoClient(Account("k", server.url)) as aclient:
            awaited = await run_procedure_async(conversation(), aclient, received["async"].append)
    assert plain == awaited and plain.is_so
    assert received["sync"] == received["async"] == ["call in-progress", "call ended"]
