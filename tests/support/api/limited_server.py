"""A rate-limited server and its clients in simulated time: a minute passes in milliseconds, and never by a clock."""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count

from flireo_flows.api.rate_limit import RateLimit

START = 1_760_000_000.0  # Unix seconds by our clock
STEP_SECONDS = 0.0005  # no sleep is shorter
HANDS = 16  # requests of one client on their way at once


@dataclass
class Window:
    """A window of the server.

    Attributes:
        ends: By our clock.
        taken: Requests let in.
    """

    ends: float
    taken: int = 0


@dataclass
class LimitedServer:
    """Counts requests in fixed windows, and reports them (contract section 3).

    Attributes:
        limit: Requests a window.
        seconds: Length of a window.
        phase: By how much the windows' edges miss the whole seconds; None if a window begins with a request.
        rounded: How the end of a window becomes whole seconds: `math.ceil` or `math.floor`.
        skew: Server's clock minus ours, seconds.
        dates: Whether answers have a Date header.
        refused: When requests were answered 429.
    """

    limit: int
    seconds: float
    phase: float | None = 0.0
    rounded: Callable[[float], int] = math.ceil
    skew: float = 0.0
    dates: bool = True
    windows: list[Window] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def answer(self, at: float) -> tuple[int, dict[str, str]]:
        """Status and headers for a request that arrives at a time of our clock."""
        window = self._window(at)
        is_let_in = window.taken < self.limit
        window.taken += is_let_in
        headers = {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.limit - window.taken)),
            "x-ratelimit-reset": str(self.rounded(window.ends + self.skew)),
        }
        if self.dates:
            headers["date"] = formatdate(math.floor(at + self.skew), usegmt=True)
        if is_let_in:
            return 200, headers
        self.refused.append(at)
        return 429, {**headers, "retry-after": str(max(1, math.ceil(window.ends - at)))}

    def _window(self, at: float) -> Window:
        if not self.windows or at >= self.windows[-1].ends:
            self.windows.append(Window(self._end(at)))
        return self.windows[-1]

    def _end(self, at: float) -> float:
        if self.phase is None:
            return at + self.seconds
        passed = math.floor((at - self.phase) / self.seconds)
        return (passed + 1) * self.seconds + self.phase

    def rate(self, first: int, last: int) -> float:
        """Requests let in from the beginning of one window to that of another, of those that are allowed."""
        begun = [window.ends - self.seconds for window in self.windows]
        allowed = (begun[last] - begun[first]) / self.seconds * self.limit
        return sum(window.taken for window in self.windows[first:last]) / allowed

    def use(self, until: float) -> list[int]:
        """Requests let in in each window that was there from beginning to end."""
        return [window.taken for window in self.windows[1:] if window.ends <= until]


Latency = Callable[[], float]


def constant(seconds: float) -> Latency:
    """There and back always take the same."""
    return lambda: seconds


STEADY = constant(0.05)


class Simulation:
    """Clients that send as much as `wait` lets them."""

    def __init__(self, server: LimitedServer, latency: Latency = STEADY) -> None:
        self.server, self._latency = server, latency
        self.now = START
        self.refused = 0  # requests of clients
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen so many seconds from now."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), act))

    def client(self, pacing: RateLimit, seconds: float = math.inf) -> None:
        """One more client, with a hunger that ends after so many seconds."""
        self.at(0, lambda: self._turn(pacing, self.now + seconds))

    def stranger(self, pause: Latency) -> None:
        """A client that follows no plan, and sends after each pause."""

        def go() -> None:
            self.server.answer(self.now)
            self.stranger(pause)

        self.at(pause(), go)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._due and self._due[0][0] < end:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self.now = end

    def _turn(self, pacing: RateLimit, until: float) -> None:
        if self.now >= until:
            return
        wait = pacing.wait(self.now) if pacing.in_flight < HANDS else 0.005
        if wait == 0:
            pacing.sent(self.now)
            self._travel(pacing)
        self.at(max(wait, STEP_SECONDS), lambda: self._turn(pacing, until))

    def _travel(self, pacing: RateLimit) -> None:
        way, sent_at = self._latency() / 2, self.now

        def arrive() -> None:
            status, headers = self.server.answer(self.now)
            self.refused += status == 429
            self.at(way, lambda: pacing.received(headers, status, sent_at, self.now))

        self.at(way, arrive)


def simulate(
    server: LimitedServer, windows: float, clients: Sequence[RateLimit], latency: Latency = STEADY
) -> list[int]:
    """Run some windows, and tell how many requests each of the whole ones let in."""
    simulation = Simulation(server, latency)
    for pacing in clients:
        simulation.client(pacing)
    simulation.run(windows * server.seconds)
    return server.use(until=simulation.now)
