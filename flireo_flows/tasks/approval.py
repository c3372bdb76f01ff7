"""A person approves a plan in the Prefect UI while the flow run waits.

The run is paused, not suspended: a suspended run gives its worker back, but exists only for deployments, ends not
before its next task, begins again from the top when it is resumed (the plan would be made again, at another hour and
perhaps of another file), and a resumption that comes too early is lost. What was approved must be what is run, so
the process waits, for a bounded time, with the plan in its hands.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.exceptions import FlowPauseTimeout, PrefectException
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field

from flireo_flows.tasks.plan import Planned

POLL_SECONDS: Final = 2
# A pause that Prefect itself ends makes a failed run of it, so it is ended before; this is for a lost connection.
MARGIN_SECONDS: Final = 60


class Approval(RunInput):
    """A person's answer to a plan."""

    approved: bool = Field(default=False, title="Call these people", description="Off calls no one.")
    approved_by: str = Field(default="", max_length=200, title="Your name", description="Kept in the log.")
    note: str = Field(default="", max_length=2000, title="Note", description="Kept in the log.")


def ask_approval(planned: Planned, timeout_seconds: int) -> Approval | None:
    """Pause the flow run until a person approved the plan or refused it.

    Args:
        planned: What is to be approved; shown beside the form.
        timeout_seconds: How long to wait; then no one is called.

    Returns:
        The person's answer; None when there was none in time.
    """
    logger = get_run_logger()
    form = Approval.with_initial_data(description=planned.text)
    try:
        with _giving_up(timeout_seconds) as gave_up:
            # Under the name of this plan: Prefect repeats an earlier answer when a run is retried, and that was about
            # the plan of then.
            answer = pause_flow_run(
                wait_for_input=form,
                timeout=timeout_seconds + MARGIN_SECONDS,
                poll_interval=POLL_SECONDS,
                key=planned.digest,
            )
    except FlowPauseTimeout:
        return None
    if gave_up.is_set():
        return None
    logger.info(
        "Plan %s was %s by %s%s",
        planned.digest,
        "approved" if answer.approved else "refused",
        answer.approved_by or "a person who gave no name",
        f": {answer.note}" if answer.note else ".",
    )
    return answer


@contextmanager
def _giving_up(seconds: float) -> Iterator[threading.Event]:
    """Resume the run with a no when the time is up. The event shows that the no was ours: Prefect takes one answer."""
    gave_up = threading.Event()
    run_id = UUID(flow_run.get_id())

    def give_up() -> None:
        try:
            with get_client(sync_client=True) as client:
                taken = client.resume_flow_run(run_id, run_input={"approved": False})
        except (httpx.HTTPError, PrefectException):
            return  # then the pause ends by itself, a little later
        if taken.status == "ACCEPT":
            gave_up.set()

    timer = threading.Timer(seconds, copy_context().run, [give_up])  # it must know the same server
    timer.daemon = True
    timer.start()
    try:
        yield gave_up
    finally:
        timer.cancel()
        timer.join()
