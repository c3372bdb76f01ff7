"""A sandbox over real HTTP, for any test: `with run_sandbox(settings) as sandbox: ...`."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from flireo_flows.sandbox import SandboxSettings
from flireo_flows.sandbox.server import make_server
from flireo_flows.sandbox.state import Contents
from tests.support.web_server import PromptServer

T = TypeVar("T")

# Numbers that Ofcom keeps for fiction.
ANNA = "+447700900001"
BEN = "+447700900002"
CARLA = "+447700900003"


@dataclass
class RunningSandbox:
    """A sandbox that listens.

    Attributes:
        url: Without the API's prefix.
        api: A client of the API with a key.
    """

    url: str
    api: httpx.Client
    surface: httpx.Client = field(repr=False)

    @property
    def base_url(self) -> str:
        """Base URL of the API, as a client is configured with it."""
        return f"{self.url}/api/v1"

    def placed_calls(self) -> list[dict[str, Any]]:
        """Every outbound call that was placed, oldest first."""
        calls: list[dict[str, Any]] = self._get("calls")
        return calls

    def times_called(self, destination: str) -> int:
        """How many calls were placed to a number."""
        return Counter(call["destination"] for call in self.placed_calls())[destination]

    def requests(self) -> dict[tuple[str, int], int]:
        """Requests by `("GET /calls", status)`; status 0 is an answer that was lost."""
        return {(row["route"], row["status"]): row["count"] for row in self._get("requests")}

    def health(self) -> dict[str, Any]:
        """Active calls, and the fate of webhooks."""
        health: dict[str, Any] = self._get("health")
        return health

    def faults(self, **changes: Any) -> None:
        """Change faults by name, e.g. `lose_next_answers=1`, `server_error={"next": 2}`."""
        self._post("faults", changes)

    def call_in(self, caller: str = ANNA, **fields: Any) -> str:
        """Simulate an inbound call to the demo number; returns its id."""
        answer = self.surface.post("inbound", json={"from": caller, "number_id": "demo-number", **fields})
        call_id: str = answer.raise_for_status().json()["call_id"]
        return call_id

    def exchanges(self, call_id: str) -> list[dict[str, Any]]:
        """Webhooks of a call whose answer matters, and the answers."""
        exchanges: list[dict[str, Any]] = self._get(f"exchanges?call_id={call_id.replace('+', '%2B')}")
        return exchanges

    def state(self) -> dict[str, Any]:
        """The present state, as a file holds it."""
        state: dict[str, Any] = self._get("state")
        return state

    def reset(self) -> None:
        """Go back to the beginning."""
        self._post("reset", {})

    def settings(self, **changes: Any) -> None:
        """Change settings by name, e.g. `minutes_balance=0`."""
        self._post("settings", changes)

    def place(self, destination: str = ANNA, **fields: Any) -> httpx.Response:
        """Ask for a call with the demo agent."""
        body = {"destination": destination, "number_id": "demo-number", "agent_id": "demo-agent", **fields}
        return self.api.post("/calls/outbound", json=body)

    def call(self, call_id: str) -> dict[str, Any]:
        """A call as the API shows it."""
        answer = self.api.get(f"/calls/{call_id.replace('+', '%2B')}")
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    def finished(self, destination: str = ANNA, **fields: Any) -> dict[str, Any]:
        """Place a call, and look it up once it is over: see `settle`."""
        return self.settle(self.place(destination, **fields).json()["call_id"])

    def settle(self, call_id: str) -> dict[str, Any]:
        """Wait until a call is over and, if it was answered, summarised. Its analysis may still come."""
        return until(lambda: _settled(self.call(call_id)))

    def _get(self, path: str) -> Any:
        return self.surface.get(path).raise_for_status().json()

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self.surface.post(path, json=body).raise_for_status()


def _settled(call: dict[str, Any]) -> dict[str, Any] | None:
    if call["ended_at"] is None:
        return None
    return call if call["started_at"] is None or call["summary"] else None


def until(find: Callable[[], T | None], seconds: float = 10) -> T:
    """What `find` finds, as soon as it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen in time")


@contextmanager
def run_sandbox(
    settings: SandboxSettings | None = None, key: str = "sandbox-key", contents: Contents | None = None
) -> Iterator[RunningSandbox]:
    """A sandbox in a thread of this process, on a port that is free.

    Args:
        settings: By default no rate limit, and a simulated minute in 60 ms.
        key: That `RunningSandbox.api` sends.
        contents: What the organization owns; by default the demo agent and number.
    """
    settings = settings or SandboxSettings(rate_limit=0, time_scale=1000)
    server = PromptServer(make_server(settings, port=0, contents=contents).config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        with (
            _client(f"{url}/api/v1", Authorization=f"Bearer {key}") as api,
            _client(f"{url}/sandbox") as surface,
        ):
            yield RunningSandbox(url, api, surface)
    finally:
        server.stop()
        thread.join()


def _client(url: str, **headers: str) -> httpx.Client:
    # verify=False: there is no TLS here, and reading the certificates of the world takes 50 ms a client.
    return httpx.Client(base_url=url, headers=headers, trust_env=False, verify=False)
