"""Follow one CSV row to its POST, against the sandbox: which modules it passes, and how often it changes hands.

Run by `make trace`. The row goes through `read_leads`, the ledger and a run of the engine; a profiler sees every
call of a function of ours until the POST goes out. A function has the row *at hand* where one of its arguments, or the
dataclass whose method it is, holds the row's phone number.

- A *module* is passed where it has the row at hand, is called by a function that has it, or waits for one that has.
- A *hop* is a pair of modules of `script`, `policy`, `ledger` and `calling` of which the first calls the second, on the
  way to a function that has the row at hand; each pair counts once. Making a value (`__init__`), reading the file, and
  what `api` does with the request are not counted.
- An *object* is an instance of a class of `ledger` or `calling` with coroutines among its methods, one of which waits
  while a function of such a class has the lead at hand that the ledger already holds.

At commit 335d0d4 these were 58 modules, 24 hops and 6 objects.
"""

import asyncio
import dataclasses
import inspect
import sys
import tempfile
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, Final

import httpx

from flireo_flows.api.client import Account
from flireo_flows.calling.engine import RunSettings, run_campaign
from flireo_flows.calling.run_loop import Until
from flireo_flows.leads import read_leads
from flireo_flows.ledger import Database, LeadBook
from flireo_flows.policy import CallingPolicy
from flireo_flows.sandbox import SandboxSettings
from flireo_flows.script import Caller, Composer
from tests.support.sandbox.running import run_sandbox

ROOT: Final = "flireo_flows."
PHONE: Final = "+442079460001"  # of a range that Ofcom keeps for fiction
COUNTED: Final = ("script", "policy", "ledger", "calling")
LIMITS: Final = {"modules": 42, "hops": 14, "objects": 3}


def holds(value: Any, depth: int = 4) -> bool:
    """Whether a value holds the row's number, some levels deep."""
    if isinstance(value, str):
        return PHONE in value
    if isinstance(value, bytes):
        return PHONE.encode() in value
    if depth == 0 or value is None or isinstance(value, int | float | type):
        return False
    if isinstance(value, dict):
        return any(holds(item, depth - 1) for item in [*value.keys(), *value.values()][:100])
    if isinstance(value, list | tuple | set | frozenset):
        return any(holds(item, depth - 1) for item in list(value)[:50])
    if dataclasses.is_dataclass(value):
        return any(holds(getattr(value, field.name, None), depth - 1) for field in dataclasses.fields(value))
    if hasattr(value, "_mapping"):  # a row of the ledger
        return any(holds(item, depth - 1) for item in value)
    return False


class Trace:
    """What the profiler saw until the POST went out."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.hops: dict[tuple[str, str], None] = {}
        self.objects: dict[str, None] = {}
        self.is_over = False
        self._at_hand: dict[int, FrameType] = {}  # keeps the frames, so that no id is used again

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """For `sys.setprofile`."""
        if self.is_over or event != "call" or not _is_ours(frame):
            return
        if _has_at_hand(frame):
            self._at_hand[id(frame)] = frame
            self._record(frame)
        elif any(id(above) in self._at_hand for above in _stack(frame)):
            self.modules.add(_module(frame))

    def _record(self, frame: FrameType) -> None:
        stack = list(_stack(frame))
        self.modules.update(map(_module, stack))
        for below, above in pairwise(stack):
            pair = _module(above), _module(below)
            is_made = below.f_code.co_name == "__init__"
            if pair[0] != pair[1] and not is_made and all(module.split(".")[1] in COUNTED for module in pair):
                self.hops[pair] = None
        if not any(function.f_code.co_qualname.startswith("LeadBook.") for function in stack):
            self.objects.update(dict.fromkeys(name for function in stack if (name := _object_of(function))))


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_ours(frame: FrameType) -> bool:
    return _module(frame).startswith(ROOT) and not _module(frame).startswith(f"{ROOT}sandbox")


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those of ours that wait for it, innermost first."""
    while frame is not None:
        if _is_ours(frame):
            yield frame
        frame = frame.f_back


def _has_at_hand(frame: FrameType) -> bool:
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    here = [frame.f_locals.get(name) for name in names if name not in ("self", "cls")]
    owner = frame.f_locals.get("self") if "self" in names else None
    return any(map(holds, here)) or (dataclasses.is_dataclass(owner) and holds(owner, 3))


def _object_of(frame: FrameType) -> str:
    kind = type(frame.f_locals.get("self"))
    if not kind.__module__.startswith((f"{ROOT}ledger", f"{ROOT}calling")):
        return ""
    return kind.__name__ if any(map(inspect.iscoroutinefunction, vars(kind).values())) else ""


async def call_one(trace: Trace, base_url: str, folder: Path) -> None:
    """Read a file of one row, take it in, and run its campaign."""
    leads = folder / "leads.csv"
    leads.write_text(f"name,phone\nAnna Smith,{PHONE}\n")
    batch = read_leads(leads)
    policy = CallingPolicy(calling_hours=None)
    async with await Database.open(f"sqlite:///{folder}/ledger.db") as database:
        campaign = database.campaign("spring")
        name = await LeadBook(campaign).take_in(batch.leads)
        composer = Composer(Caller("demo-agent", "demo-number"))
        run = RunSettings(campaign, Account("key", base_url), name, composer, policy)
        await run_campaign(run, Until.DIALLED)


def trace_call() -> Trace:
    """Run one row to its POST."""
    trace = Trace()
    send = httpx.AsyncClient.send

    async def watched(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        trace.is_over = trace.is_over or (request.method == "POST" and request.url.path.endswith("/outbound"))
        return await send(self, request, **options)

    httpx.AsyncClient.send = watched  # type: ignore[method-assign]
    with run_sandbox(SandboxSettings(time_scale=100)) as sandbox, tempfile.TemporaryDirectory() as folder:
        try:
            threading.setprofile(trace.profile)
            sys.setprofile(trace.profile)
            asyncio.run(call_one(trace, sandbox.base_url, Path(folder)))
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            httpx.AsyncClient.send = send  # type: ignore[method-assign]
    if not trace.is_over:
        raise SystemExit("no POST went out")
    return trace


def main() -> int:
    """Print the way and the figures. 1 where a limit is missed."""
    trace = trace_call()
    if "-v" in sys.argv:
        print(
            "\n".join(sorted(trace.modules)), *(f"{here} -> {there}" for here, there in trace.hops), sep="\n"
        )
        print(*trace.objects)
    counts = {"modules": len(trace.modules), "hops": len(trace.hops), "objects": len(trace.objects)}
    for name, limit in LIMITS.items():
        verdict = "" if counts[name] <= limit else "  TOO MANY"
        print(f"{name + ' from a row to its POST':<36}{counts[name]:>4} of at most {limit:>3}{verdict}")
    return int(any(counts[name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
