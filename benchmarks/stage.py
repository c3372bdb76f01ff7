"""The servers of a benchmark, each a process of its own, and a campaign run on them."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from flireo_flows.api.client import Account
from flireo_flows.calling.engine import RunResult, RunSettings, run_campaign
from flireo_flows.calling.run_loop import Until
from flireo_flows.leads import Lead
from flireo_flows.ledger import Database, LeadBook
from flireo_flows.policy import CallingPolicy
from flireo_flows.prefect_support.child_process import child_server
from flireo_flows.prefect_support.local_server import free_port
from flireo_flows.script import Caller, Composer

CALLER = Caller("demo-agent", "demo-number")
COMPOSER = Composer(CALLER)


@dataclass(frozen=True, slots=True)
class Stage:
    """A sandbox, perhaps a receiver, and a ledger file."""

    sandbox: str
    ledger: str

    @property
    def account(self) -> Account:
        return Account("fl_test_bench", f"{self.sandbox}/api/v1")

    def requests(self) -> Counter[tuple[str, int]]:
        """Requests the sandbox counted, by route and status."""
        rows = httpx.get(f"{self.sandbox}/sandbox/requests", timeout=30).json()
        return Counter({(row["route"], row["status"]): row["count"] for row in rows})

    def placed_calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = httpx.get(f"{self.sandbox}/sandbox/calls", timeout=30).json()
        return calls

    def call_times(self) -> list[float]:
        """When calls were placed, Unix seconds, in order."""
        return sorted(datetime.fromisoformat(call["created_at"]).timestamp() for call in self.placed_calls())

    def change(self, **settings: float) -> None:
        """Change settings of the sandbox while it runs."""
        httpx.post(f"{self.sandbox}/sandbox/settings", json=settings, timeout=30).raise_for_status()


@contextmanager
def stage(*, webhooks: bool = False, **options: float) -> Iterator[Stage]:
    """Start the servers.

    Args:
        webhooks: Whether a receiver runs, and the sandbox sends to it.
        options: Of `flireo-flows sandbox`.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        ledger = f"sqlite:///{home / 'ledger.db'}"
        env = {"FLIREO_WEBHOOK_SECRET": "whsec_bench", "FLIREO_LEDGER_URL": ledger}
        sandbox, hooks = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        arguments = ["flireo_flows.cli", "sandbox", "--port", sandbox.rpartition(":")[2]]
        for name, value in {"minutes_balance": 1e9, **options}.items():
            arguments += [f"--{name.replace('_', '-')}", f"{value:g}"]
        if webhooks:
            listen = ["flireo_flows.cli", "webhooks", "--port", hooks.rpartition(":")[2]]
            stack.enter_context(
                child_server("receiver", listen, f"{hooks}/health", 60, home / "hooks.log", **env)
            )
            arguments += ["--webhook-url", f"{hooks}/webhooks/flireo"]
        health = f"{sandbox}/sandbox/health"
        stack.enter_context(child_server("sandbox", arguments, health, 60, home / "sandbox.log", **env))
        yield Stage(sandbox, ledger)


def people(count: int, first: int = 0) -> list[Lead]:
    """So many leads, all in one zone, up to 100,000; others from another first one."""
    return [
        Lead(phone=f"+4420794{number:05d}", zones=("Europe/London",), line=number + 2)
        for number in range(first, first + count)
    ]


def take_in(ledger: str, count: int) -> str:
    """Write so many leads into a ledger. Returns the name of the set of them."""

    async def write() -> str:
        async with await Database.open(ledger) as database:
            return await LeadBook(database.campaign("bench")).take_in(people(count))

    return asyncio.run(write())


def campaign(stage: Stage, count: int, policy: CallingPolicy, until: Until) -> RunResult:
    """Call so many leads with the engine, as a step of the flow does."""

    async def run() -> RunResult:
        async with await Database.open(stage.ledger) as database:
            batch = await LeadBook(database.campaign("bench")).take_in(people(count))
            engine = RunSettings(database.campaign("bench"), stage.account, batch, COMPOSER, policy)
            return await run_campaign(engine, until)

    return asyncio.run(run())
