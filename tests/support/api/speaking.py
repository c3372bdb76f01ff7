"""Both clients behind one face, so that what is said of one is said of the other."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient, Timeouts
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Operation

T = TypeVar("T")

KEY = "fl_test_correcthorsebattery"
ANNA = "+447700900001"  # a number that Ofcom keeps for fiction
RING_ANNA = OutboundCall(destination=ANNA, number_id="number-1", agent_id="agent-1")
PLACED = {"success": True, "call_id": "call-1", "room_name": "room-1", "status": "dialing"}
PATIENT = Timeouts(connect=30, read=30, call=30)  # for answers that come: no machine is so slow
HASTY = Timeouts(connect=30, read=0.2, call=0.2)  # for answers that never come


def account(url: str, timeouts: Timeouts = PATIENT, dialect: Dialect = Dialect.FLIREO) -> Account:
    """An account at a server of a test."""
    return Account(KEY, url, dialect, timeouts)


class Speaker(Protocol):
    """A client, whichever of the two."""

    def send(self, operation: Operation[T], before: float | None = None) -> T: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


MakesSpeaker = Callable[..., Speaker]


class AsyncSpeaker:
    """The async client with an event loop of its own, driven from ordinary code."""

    def __init__(self, account: Account, **others: Any) -> None:
        # With a loop factory the runner leaves the thread's own event loop alone.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.client = AsyncFlireoClient(account, **others)

    def send(self, operation: Operation[T], before: float | None = None) -> T:
        return self._runner.run(self.client.send(operation, before))

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(self.client.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self.client.__aexit__(kind, error, trace))
        self._runner.__exit__(kind, error, trace)


SPEAKERS: dict[str, MakesSpeaker] = {"FlireoClient": FlireoClient, "AsyncFlireoClient": AsyncSpeaker}
