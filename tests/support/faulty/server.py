"""A server on this machine that answers as its script says, also badly: `with run_faulty(script) as server: ...`.

It speaks just enough HTTP/1.1 for httpx, byte by byte, so that it can stop anywhere: in the middle of a
body, before the first byte, or with a reset. It notes every request that reached it whole.
"""

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

NEVER: Final = 3600.0  # seconds; far beyond the timeout of any test


class Then(Enum):
    """What becomes of the connection after an answer."""

    KEEP = auto()  # it waits for the next request
    CLOSE = auto()  # closed in order (FIN)
    RESET = auto()  # torn down (RST)


@dataclass(frozen=True)
class Act:
    """What the server does with one request: wait, send these bytes, and then do this to the connection."""

    sends: bytes = b""
    after: float = 0.0  # seconds
    then: Then = Then.KEEP


@dataclass(frozen=True)
class Request:
    """A request that arrived whole.

    Attributes:
        target: Path and query as they were sent, still percent-encoded.
        headers: Names in lower case.
        connection: Number of the connection it came by, from 1.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


# One act for all requests, one for each (the last stays), or a function that chooses.
Script = Act | Sequence[Act] | Callable[[Request], Act]


def answer(status: int = 200, body: object = None, headers: Mapping[str, str] | None = None) -> Act:
    """A proper answer in JSON; with `body` None it has no body."""
    content = b"" if body is None else json.dumps(body).encode()
    return Act(_message(status, content, "application/json", headers or {}))


def page(status: int, html: str = "<html><h1>Bad gateway</h1></html>") -> Act:
    """An answer in HTML, as a gateway gives."""
    return Act(_message(status, html.encode(), "text/html", {}))


def limited(retry_after: str | None = "1") -> Act:
    """429."""
    error = {"error": {"code": "rate_limit_exceeded", "message": "Too many requests"}}
    return answer(429, error, {} if retry_after is None else {"Retry-After": retry_after})


def lost() -> Act:
    """The request is read, and the connection is closed without a byte."""
    return Act(then=Then.CLOSE)


def reset() -> Act:
    """The request is read, and the connection is torn down."""
    return Act(then=Then.RESET)


def silent() -> Act:
    """The request is read, and nothing ever comes."""
    return Act(after=NEVER)


def garbage() -> Act:
    """Bytes that are no HTTP."""
    return Act(b"\x16\x03\x01 this is no HTTP\r\n\r\n", then=Then.CLOSE)


def cut(act: Act, missing: int = 5) -> Act:
    """A proper answer whose last bytes do not come."""
    return Act(act.sends[: len(act.sends) - missing], act.after, Then.CLOSE)


def closing(act: Act) -> Act:
    """The same, and then the connection is closed without a word of warning."""
    return Act(act.sends, act.after, Then.CLOSE)


def slow(act: Act, seconds: float) -> Act:
    """The same, later."""
    return Act(act.sends, seconds, act.then)


def _message(status: int, content: bytes, kind: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    if status != HTTPStatus.NO_CONTENT:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass
class FaultyServer:
    """A server that listens.

    Attributes:
        url: Without a path, e.g. `http://127.0.0.1:49152`.
        requests: Those that arrived whole, in the order of their arrival. It is complete once the `with`
            block of `run_faulty` is left, and so is best asserted on after it.
    """

    url: str
    requests: list[Request] = field(default_factory=list)

    def count(self, method: str) -> int:
        """How many requests of a method arrived."""
        return Counter(request.method for request in self.requests)[method]

    @property
    def connections(self) -> list[int]:
        """The connection that each request came by."""
        return [request.connection for request in self.requests]


@contextmanager
def run_faulty(script: Script) -> Iterator[FaultyServer]:
    """A server in threads of this process, on a port that is free.

    Args:
        script: One act for every request, one act for each (the last one stays), or a function from the
            request to the act.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultyServer(_url(listener))
        stage = _Stage(server, _chooser(script, server), listener)
        stage.accepting.start()
        try:
            yield server
        finally:
            stage.close()


@contextmanager
def closed_port() -> Iterator[str]:
    """The URL of a port where no one listens: connections are refused."""
    with socket.socket() as taken:  # bound, so that no one else gets it, and not listening
        taken.bind(("127.0.0.1", 0))
        yield _url(taken)


def _url(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


def _chooser(script: Script, server: FaultyServer) -> Callable[[Request], Act]:
    if isinstance(script, Act):
        return lambda request: script
    if isinstance(script, Sequence):
        return lambda request: script[min(len(server.requests), len(script)) - 1]
    return script


class _Stage:
    """The threads of a server: one that accepts, and one a connection."""

    def __init__(
        self, server: FaultyServer, choose: Callable[[Request], Act], listener: socket.socket
    ) -> None:
        self.server, self.choose, self.listener = server, choose, listener
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self._connections: list[tuple[threading.Thread, socket.socket]] = []
        self._closing = threading.Event()
        self._last: tuple[str, int] | None = None
        self._turn = threading.Lock()

    def close(self) -> None:
        """Serve what has arrived already, then stop."""
        self._closing.set()
        with socket.socket() as last:  # behind all that wait to be accepted
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()
            last.connect(self.listener.getsockname())
            self.accepting.join()
        for thread, wire in self._connections:
            with suppress(OSError):  # it is closed already
                wire.shutdown(socket.SHUT_RD)  # what has arrived can still be read
            thread.join()

    def _accept(self) -> None:
        while True:
            wire, peer = self.listener.accept()
            if peer == self._last:
                wire.close()
                return
            number = len(self._connections) + 1
            thread = threading.Thread(target=self._serve, args=(wire, number), daemon=True)
            self._connections.append((thread, wire))
            thread.start()

    def _serve(self, wire: socket.socket, number: int) -> None:
        with wire, suppress(OSError):  # the other side may be gone at any moment
            while (request := self._read(wire, number)) is not None:
                with self._turn:
                    self.server.requests.append(request)
                    act = self.choose(request)
                if self._perform(wire, act) is not Then.KEEP:
                    return

    def _perform(self, wire: socket.socket, act: Act) -> Then:
        if self._closing.wait(act.after) and act.after:
            return Then.CLOSE
        wire.sendall(act.sends)
        if act.then is Then.RESET:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return act.then

    def _read(self, wire: socket.socket, number: int) -> Request | None:
        """The next request; None when the connection is over."""
        arrived = b""
        while b"\r\n\r\n" not in arrived:
            if not (some := wire.recv(65536)):
                return None
            arrived += some
        head, _, body = arrived.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        while len(body) < int(headers.get("content-length", "0")):
            if not (some := wire.recv(65536)):
                return None
            body += some
        return Request(method, target, headers, body, number)
