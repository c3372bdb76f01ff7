"""A webhook receiver that keeps all it is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One webhook as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """What it says."""
        message: dict[str, Any] = json.loads(self.body)["message"]
        return message

    @property
    def what(self) -> tuple[str, str]:
        """Type and call status."""
        return self.message["type"], self.message["call"]["status"]


class Receiver(ThreadingHTTPServer):
    """Answers 204 to everything, or another status if set so.

    Attributes:
        answers: Bodies by event, to answer with 200; None: no answer until the test is over.
    """

    daemon_threads = True
    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recorder)
        self.received: list[Received] = []
        self.answers: dict[str, Any] = {}
        self.over = threading.Event()

    def of(self, event: str) -> list[Received]:
        """What came of one event, oldest first."""
        return [webhook for webhook in self.received if webhook.message["type"] == event]

    @property
    def url(self) -> str:
        """Where to send webhooks."""
        return f"http://127.0.0.1:{self.server_port}/hooks"


class _Recorder(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(received := Received(dict(self.headers), body))
        event = received.message["type"]
        if event not in self.server.answers:
            self.send_response(self.server.status)
            return self.end_headers()
        answer = self.server.answers[event]
        if answer is None:
            self.server.over.wait()
            return None
        written = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """A receiver in a thread, on a port that is free."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            receiver.shutdown()
            thread.join()
