"""Post signed reports, each once: `python -m benchmarks.posting PORT PATH COUNT CONNECTIONS RATE SECRET`.

A process of its own, on sockets of its own, so that it costs less than what it measures. RATE is requests per
second, each due at its own moment however slow the ones before it were; 0 is as fast as answers come. Prints
JSON: seconds, statuses, and the latency of each request in seconds.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from uuid import uuid4

from flireo_flows.api.webhooks import EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from flireo_flows.prefect_support.child_process import exit_with_parent

TURN = "I would like to hear more about the offer, and what it costs a month, before I decide on it."


def report(number: int, run: str) -> bytes:
    """A report of a talk of a few minutes, as the platform writes it: some 3 kB."""
    turns = [{"role": ("assistant", "user")[turn % 2], "content": f"{turn} {TURN}"} for turn in range(18)]
    message = {
        "type": "end-of-call-report",
        "timestamp": "2026-01-15T12:00:00.000Z",
        "call": {"id": f"call-{run}-{number}", "type": "outboundPhoneCall", "status": "ended"},
        "phoneNumber": {"number": "+31850835037", "name": "Support"},
        "customer": {"number": f"+4420794{number % 100_000:05d}"},
        "durationSeconds": 143,
        "summary": f"They talked about the offer. {TURN}",
        "analysis": {"interest": "high", "appointment_booked": False, "reason": TURN, "sentiment": 8},
        "messages": turns,
    }
    return json.dumps({"message": message}, separators=(",", ":")).encode()


def request(path: str, body: bytes, secret: str) -> bytes:
    """The bytes of one request."""
    timestamp = int(time.time())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"User-Agent: HMS-Sovereign/1.0\r\n{EVENT_HEADER}: end-of-call-report\r\n"
        f"{TIMESTAMP_HEADER}: {timestamp}\r\n{SIGNATURE_HEADER}: {sign(secret, timestamp, body)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One that is kept alive, with one request at a time."""

    transport: asyncio.Transport
    answered: "asyncio.Future[int]"

    def __init__(self) -> None:
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, rest = self._seen.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if end and len(rest) >= length:
            self._seen = b""
            self.answered.set_result(int(head[9:12]))

    def send(self, content: bytes) -> "asyncio.Future[int]":
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(content)
        return self.answered


async def post(port: int, requests: list[bytes], connections: int, rate: float) -> dict[str, object]:
    """Post all of them."""
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    todo = iter(enumerate(requests))
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    began = time.perf_counter()

    async def one(line: Connection) -> None:
        for number, content in todo:
            due = began + number / rate if rate else time.perf_counter()
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            statuses[await line.send(content)] += 1
            latencies.append(time.perf_counter() - due)

    await asyncio.gather(*(one(line) for line in lines))
    return {"seconds": time.perf_counter() - began, "statuses": statuses, "latencies": latencies}


def main(port: int, path: str, count: int, connections: int, rate: float, secret: str) -> None:
    run = uuid4().hex[:8]
    requests = [request(path, report(number, run), secret) for number in range(count)]
    print(json.dumps(asyncio.run(post(port, requests, connections, rate))))


if __name__ == "__main__":
    exit_with_parent()
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), sys.argv[6])
