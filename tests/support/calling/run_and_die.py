"""Run campaigns in processes that die, each at one step of the protocol: `python -m ... LEDGER SERVER LEADS`.

The code is the real one; around it stand hooks that send the process SIGKILL, which nothing can catch. The
processes are forked from one that has read all modules, for to read them costs more than all that follows.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final

import httpx
from sqlalchemy import event

from flireo_flows.api import client
from flireo_flows.calling.dialer import Dialer
from flireo_flows.calling.engine import RunSettings, run_campaign
from flireo_flows.calling.run_loop import Until
from flireo_flows.leads import Lead
from flireo_flows.ledger import AttemptBook, Database, call_reports
from flireo_flows.ledger import attempts as ledger_attempts
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import CALLER, Campaign, people

LEASE_SECONDS: Final = 6.0  # a little more than a runner needs to begin anything
POLICY: Final = CallingPolicy(
    calling_hours=None, max_concurrent_calls=100, reconcile_grace_seconds=1, poll_seconds=0.2
)


def die() -> None:
    """Without a word."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal may be a moment on its way, and nothing may happen in it


def die_before(owner: type | ModuleType, name: str) -> None:
    """Once a method is called."""
    setattr(owner, name, lambda *args, **kwargs: die())


def die_after(
    owner: type | ModuleType, name: str, says: Callable[[Any, Any], bool] = lambda args, result: True
) -> None:
    """Once a method is done, and its arguments and result are as they must be."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def hooked(*args: Any) -> Any:
        result = await original(*args)
        if says(args, result):
            die()
        return result

    setattr(owner, name, hooked)


def die_on_the_wire(step: str, received: Callable[[], bool]) -> None:
    """At an event of the connection by which a call is asked for, once the server has received so much."""
    original = client.goes_out

    def hooked(event: str) -> bool:
        if event.endswith(step):  # only a request for a call is watched
            while not received():  # blocks the event loop, so that no answer is read meanwhile
                time.sleep(0.01)
            die()
        return original(event)

    client.goes_out = hooked


def die_while_committing(database: Database) -> None:
    """While a commit is under way that writes an answer: before, in or after it, as it comes."""
    written = AttemptBook._record_accepted

    async def hooked(self: AttemptBook, db: Any, answers: Any) -> None:
        await written(self, db, answers)
        if answers:
            event.listen(
                database.engine.sync_engine, "commit", lambda _: threading.Thread(target=die).start()
            )

    AttemptBook._record_accepted = hooked  # type: ignore[method-assign]


def die_after_answers() -> None:
    """Once a transaction is committed that wrote answers, alone or with new attempts."""
    die_after(AttemptBook, "begin", lambda args, begun: bool(args[5]))
    die_after(AttemptBook, "record", lambda args, done: bool(args[1]))


def has_called(server: str, phone: str) -> bool:
    """Whether the server made a phone call."""
    rings = httpx.get(f"{server.removesuffix('/api/v1')}/sandbox/calls").raise_for_status().json()
    return any(ring["destination"] == phone for ring in rings)


STEPS: Final = (
    "before the intent",
    "before the intent is committed",
    "after the intent",
    "when the connection stands",
    "during the request",
    "after the answer",
    "before the answer is committed",
    "while the answer is committed",
    "after the answer is committed",
    "before a result is committed",
)


def prepare(step: str, database: Database, server: str, phone: str) -> None:
    """Have this process die at a step."""
    hooks: dict[str, Callable[[], None]] = {
        "before the intent": lambda: die_before(ledger_attempts, "begin_in"),
        "before the intent is committed": lambda: die_after(
            ledger_attempts, "begin_in", lambda args, begun: bool(begun.attempts)
        ),
        "after the intent": lambda: die_before(Dialer, "dial"),
        "when the connection stands": lambda: die_on_the_wire("send_request_headers.started", lambda: True),
        "during the request": lambda: die_on_the_wire(
            "receive_response_headers.started", lambda: has_called(server, phone)
        ),
        "after the answer": lambda: die_after(Dialer, "dial"),
        "before the answer is committed": lambda: die_after(
            AttemptBook, "_record_accepted", lambda args, done: bool(args[2])
        ),
        "while the answer is committed": lambda: die_while_committing(database),
        "after the answer is committed": die_after_answers,
        "before a result is committed": lambda: die_after(call_reports, "apply_report"),
    }
    hooks[step]()


def people_of(step: str, leads: int) -> list[Lead]:
    """Who is called by the campaign that dies at a step."""
    first = leads * STEPS.index(step)
    return people(first + leads)[first:]


async def run_and_die(step: str, ledger_url: str, server: str, leads: int) -> None:
    """Run one campaign until this process dies."""
    called = people_of(step, leads)
    async with await Database.open(ledger_url) as database:
        campaign = Campaign(database, server, name=step, policy=POLICY)
        await campaign.take_in(*called)
        prepare(step, database, server, called[0].phone)
        engine = RunSettings(
            database.campaign(campaign.name),
            campaign.account,
            campaign.batch,
            CALLER,
            POLICY,
            readiness=Readiness(),
            lease_seconds=LEASE_SECONDS,
        )
        await run_campaign(engine, Until.FINISHED)


def fork(step: str, ledger_url: str, server: str, leads: int) -> int:
    """A process for one step; its id."""
    process = os.fork()
    if process:
        return process
    asyncio.run(run_and_die(step, ledger_url, server, leads))
    os._exit(0)


def main(ledger_url: str, server: str, leads: int) -> None:
    """All steps at once, until all processes are dead."""
    processes = {fork(step, ledger_url, server, leads): step for step in STEPS}
    for process, step in processes.items():
        _, status = os.waitpid(process, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(f"it did not die {step}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
