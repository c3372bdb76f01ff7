"""Commands to a running call, at a sandbox."""

import time
from collections.abc import Iterator

import pytest

from flireo_flows.api import errors
from flireo_flows.api.calls import get_call
from flireo_flows.api.client import Account, FlireoClient
from flireo_flows.api.control import (
    end_call,
    inject_context,
    say,
    transfer_call,
)
from tests.support.api.examples import long_call
from tests.support.api.speaking import ANNA, KEY, SPEAKERS, MakesSpeaker, account
from tests.support.faulty.server import answer, run_faulty
from tests.support.sandbox.running import RunningSandbox, run_sandbox, until

CALL = "call-_+447700900001_abc"


@pytest.mark.parametrize("status", [200, 429])
def test_the_limit_of_a_calls_commands_is_not_taken_for_the_keys(status: int) -> None:
    soon = str(int(time.time()) + 40)
    keys = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "50", "X-RateLimit-Reset": soon}
    calls = {**keys, "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "0", "Retry-After": "30"}
    with (
        run_faulty([answer(200, {"id": CALL}, keys), answer(status, {}, calls)]) as server,
        FlireoClient(account(server.url)) as client,
    ):
        client.send(get_call(CALL))
        if status == 200:
            client.send(say(CALL, "Hi."))
        else:
            with pytest.raises(errors.RateLimited):
                client.send(say(CALL, "Hi."), before=time.time() + 10)
        pacing = client.pacing
        assert (pacing.limit, pacing.remaining, pacing.in_flight, pacing.blocked_until) == (100, 49, 0, 0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox() as running:
        yield running


@pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())
def test_a_running_call_obeys_and_one_that_is_over_does_not(
    speaker: MakesSpeaker, sandbox: RunningSandbox
) -> None:
    call_id = long_call(sandbox)
    with speaker(Account(KEY, sandbox.base_url)) as client:
        for operation in (
            say(call_id, "One moment."),
            inject_context(call_id, "VIP"),
            end_call(call_id, "Bye."),
        ):
            assert client.send(operation).success
        until(lambda: sandbox.call(call_id)["ended_at"])
        with pytest.raises(errors.BadRequest) as refused:
            client.send(transfer_call(call_id, ANNA))
    assert refused.value.operation == "control_call"
    assert ANNA not in str(refused.value)
