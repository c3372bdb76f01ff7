"""Requests are the scarce thing: everything that was sent, over the calls that were finished."""

from typing import Final

from benchmarks.figures import Figure
from benchmarks.stage import campaign, stage
from flireo_flows.calling.run_loop import Until
from flireo_flows.policy import CallingPolicy

LEADS: Final = 1000


def requests() -> list[Figure]:
    """Requests a call, where webhooks tell how calls ended, and where only the call list does."""
    return [_requests("with webhooks", webhooks=True, bound=1.01), _requests("polling alone", False, 1.05)]


def _requests(how: str, webhooks: bool, bound: float) -> Figure:
    policy = CallingPolicy(calling_hours=None, max_concurrent_calls=200, poll_seconds=2)
    with stage(webhooks=webhooks, rate_limit=0, time_scale=30) as servers:
        ran = campaign(servers, LEADS, policy, Until.FINISHED)
        sent = sum(servers.requests().values())
    assert ran.left.is_finished, f"{ran.left} after {ran.stopped_by or ran.held_by}"
    return Figure(f"requests per finished call, {how}", sent / LEADS, bound, True, f"{sent} requests")
