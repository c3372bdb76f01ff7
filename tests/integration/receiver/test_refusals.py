"""What is refused, with which status, and how it is counted. Only what Flireo signed is ever kept."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from flireo_flows.api.webhooks import EventType
from flireo_flows.ledger.inbox import Delivery
from flireo_flows.ledger.messages import inbox_reason
from flireo_flows.receiver.endpoint import WebhookEndpoint
from flireo_flows.receiver.metrics import Metrics
from flireo_flows.receiver.signature_check import (
    LARGEST_BODY,
    MOST_DISCARDED,
    BodyReader,
    RequestRefusedError,
)
from flireo_flows.receiver.storage import Storage
from tests.support.calling.incoming import report, webhook
from tests.support.receiver.relay import inbox_of, receiver, served, signed

SECRETS = ("whsec_of_one_agent", "whsec_of_another", "whsec_of_another_before")
BODY = report()


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def url(ledger: str) -> Iterator[str]:
    with receiver(ledger, *SECRETS) as running:
        yield running


def send(url: str, body: bytes, headers: dict[str, str], method: str = "POST") -> httpx.Response:
    address = f"{url}/webhooks/flireo"
    return httpx.request(method, address, content=body, headers=headers, trust_env=False, timeout=60)


def counted(url: str, event: str, outcome: str) -> float:
    """How often it was counted in the metrics."""
    line = f'flireo_webhook_deliveries_total{{event="{event}",outcome="{outcome}"}} '
    reported = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return next((float(it.removeprefix(line)) for it in reported if it.startswith(line)), 0.0)


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


STAMP, SIGNATURE = "X-Webhook-Timestamp", "X-Webhook-Signature"


def begun(headers: dict[str, str], length: int) -> bytes:
    """The head of a request, as it goes over the wire."""
    lines = (f"{name}: {value}" for name, value in {**headers, "Host": "x", "Content-Length": length}.items())
    return "\r\n".join(["POST /webhooks/flireo HTTP/1.1", *lines, "", ""]).encode()


def good() -> dict[str, str]:
    """Signed now: a session of tests takes longer than a signature holds."""
    return signed(SECRETS[0], BODY)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (lambda: without(good(), STAMP), 401, "signature_missing_timestamp"),
        (lambda: {**good(), STAMP: "yesterday"}, 401, "signature_malformed_timestamp"),
        (lambda: {**good(), STAMP: "1.5"}, 401, "signature_malformed_timestamp"),
        (lambda: signed(SECRETS[0], BODY, age=302), 401, "signature_stale"),
        (lambda: signed(SECRETS[0], BODY, age=-3600), 401, "signature_stale"),
        (lambda: without(good(), SIGNATURE), 401, "signature_missing_signature"),
        (lambda: {**good(), SIGNATURE: "sha256="}, 401, "signature_mismatch"),
        (lambda: {**good(), SIGNATURE: "\xff" * 10}, 401, "signature_mismatch"),
        (lambda: signed("whsec_forged", BODY), 401, "signature_mismatch"),
        (lambda: signed(SECRETS[0], BODY + b" "), 401, "signature_mismatch"),
        (lambda: {**good(), "Content-Type": "text/plain"}, 415, "wrong_content_type"),
        (lambda: {**good(), "Content-Type": "multipart/form-data; boundary=x"}, 415, "wrong_content_type"),
    ],
)
def test_what_is_not_proven_is_refused_counted_and_not_kept(
    url: str, ledger: str, headers: Callable[[], dict[str, str]], status: int, code: str
) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers().items()]
    answer = httpx.post(f"{url}/webhooks/flireo", content=BODY, headers=encoded, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not any(secret in answer.text for secret in SECRETS)
    assert inbox_of(ledger) == []
    assert counted(url, "unproven", code) == 1


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json", ""]
)
@pytest.mark.parametrize("secret", SECRETS)
def test_any_secret_may_have_signed_and_json_may_be_called_so(url: str, secret: str, kind: str) -> None:
    headers = signed(secret, BODY) | ({"Content-Type": kind} if kind else {})
    assert send(url, BODY, headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "event", "status", "code"),
    [
        (b"", "unreadable", 400, "unreadable"),
        (b"{", "unreadable", 400, "unreadable"),
        (b'{"message": 5}', "unreadable", 400, "unreadable"),
        (
            json.dumps({"message": {"type": "status-update", "call": {}}}).encode(),
            "unreadable",
            400,
            "unreadable",
        ),
        (webhook("call-transferred"), "unknown", 422, "unknown_event"),
        (webhook("+442079460001"), "unknown", 422, "unknown_event"),
    ],
)
def test_what_is_signed_and_cannot_be_read_is_a_dead_letter(
    url: str, ledger: str, body: bytes, event: str, status: int, code: str
) -> None:
    answer = send(url, body, signed(SECRETS[0], body))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    (row,) = inbox_of(ledger)
    assert (row.state, row.body) == ("unreadable", body)
    words = inbox_reason(row.reason, row.detail)
    assert words == answer.json()["error"]["message"]
    assert "2079460001" not in words
    assert counted(url, event, code) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_answered_with_the_one_to_use(url: str, ledger: str, method: str) -> None:
    answer = send(url, BODY, good(), method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert inbox_of(ledger) == []
    assert counted(url, "unproven", "wrong_method") == 1


def test_a_body_over_the_limit_is_thrown_away_and_one_far_over_it_not_even_read(
    url: str, ledger: str
) -> None:
    body = b"x" * (LARGEST_BODY + 1)
    assert send(url, body, signed(SECRETS[0], body)).status_code == 413

    def pieces() -> Iterator[bytes]:  # without a length
        yield from (b"x" * 1_000_000 for _ in range(LARGEST_BODY // 1_000_000 + 1))

    chunked = httpx.post(
        f"{url}/webhooks/flireo", content=pieces(), headers=good(), trust_env=False, timeout=60
    )
    assert chunked.status_code == 413

    host, port = urlsplit(url).hostname, urlsplit(url).port
    with socket.create_connection((host, port), timeout=60) as raw:
        head = f"POST /webhooks/flireo HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST_DISCARDED + 1}\r\n\r\n"
        raw.sendall(head.encode())  # and not a byte of the body
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")
    assert inbox_of(ledger) == []
    assert counted(url, "unproven", "too_large") == 3


def test_a_sender_that_goes_away_costs_no_one_anything(url: str, ledger: str) -> None:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    with socket.create_connection((host, port), timeout=60) as raw:
        raw.sendall(begun(good(), 100) + b"half")
    assert send(url, BODY, signed(SECRETS[0], BODY)).status_code == 200
    assert [row.body for row in inbox_of(ledger)] == [BODY]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (lambda: without(good(), STAMP), "signature_missing_timestamp"),
        (lambda: without(good(), SIGNATURE), "signature_missing_signature"),
        (lambda: signed(SECRETS[0], BODY, age=302), "signature_stale"),
    ],
)
def test_what_no_body_could_prove_is_refused_before_the_body_comes(
    url: str, headers: Callable[[], dict[str, str]], code: str
) -> None:
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=60) as raw:
        raw.sendall(begun(headers(), LARGEST_BODY))  # and not a byte of the body
        assert raw.recv(100).startswith(b"HTTP/1.1 401 ")
    assert counted(url, "unproven", code) == 1


def test_a_body_that_does_not_come_is_not_waited_for(ledger: str) -> None:
    metrics = Metrics()
    storage = Storage(ledger, 60, metrics.wrote)
    endpoint = WebhookEndpoint(storage, metrics, SECRETS, False, {}, bodies=BodyReader(seconds=0.2))
    with (
        served(Starlette(routes=[Route("/webhooks/flireo", endpoint)])) as url,
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=60) as raw,
    ):
        raw.sendall(begun(good(), 100) + b"half")
        assert raw.recv(100).startswith(b"HTTP/1.1 408 ")
        while raw.recv(1000):
            pass  # until the server hangs up
    assert metrics.outcomes == {"too_slow": 1}


async def test_no_more_of_unfinished_bodies_is_held_than_there_is_room_for() -> None:
    bodies = BodyReader(seconds=60, most=100)

    def sender(*pieces: bytes, is_whole: bool = True) -> Callable[[], Awaitable[dict[str, Any]]]:
        left = [
            {"type": "http.request", "body": piece, "more_body": not is_whole or number < len(pieces)}
            for number, piece in enumerate(pieces, 1)
        ]

        async def receive() -> dict[str, Any]:
            return left.pop(0) if left else await asyncio.Future()

        return receive

    slow = [asyncio.create_task(bodies.read(sender(b"x" * 40, is_whole=False))) for _ in "12"]
    await asyncio.sleep(0)
    assert await bodies.read(sender(b"y" * 1000)) == b"y" * 1000  # in one piece: it is not held
    assert await bodies.read(sender(b"y" * 10, b"z" * 10)) == b"y" * 10 + b"z" * 10
    with pytest.raises(RequestRefusedError) as refused:
        await bodies.read(sender(b"y" * 10, b"z" * 11))
    assert (refused.value.status, refused.value.code) == (503, "too_busy")
    slow[0].cancel()
    await asyncio.gather(slow[0], return_exceptions=True)
    assert await bodies.read(sender(b"y" * 30, b"z" * 30)) == b"y" * 30 + b"z" * 30
    slow[1].cancel()


def test_the_signed_body_counts_where_the_header_differs(url: str, ledger: str) -> None:
    headers = signed(SECRETS[0], BODY, event="assistant-request")
    assert send(url, BODY, headers).json() == {"received": True}
    assert [row.state for row in inbox_of(ledger)] == ["waiting"]
    assert "flireo_webhook_header_mismatches_total 1.0" in httpx.get(f"{url}/metrics", trust_env=False).text


@pytest.mark.parametrize(
    "odd",
    [
        {"timestamp": "0001-01-01T00:00:00+01:00"},
        {"startedAt": "9999-12-31T23:59:59-05:00"},
        {"durationSeconds": 10**400},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_a_figure_that_cannot_be_reckoned_with_costs_only_itself(
    url: str, ledger: str, odd: dict[str, Any]
) -> None:
    body = report(**odd)
    assert send(url, body, signed(SECRETS[0], body)).status_code == 200
    assert [(row.state, row.body) for row in inbox_of(ledger)] == [("waiting", body)]


def test_a_fault_of_the_receivers_own_is_counted_and_shows_nothing_of_the_body(
    ledger: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(delivery: Delivery, deadline: float) -> dict[str, Any]:
        raise ValueError(delivery.body)

    metrics = Metrics()
    storage = Storage(ledger, 60, metrics.wrote)
    endpoint = WebhookEndpoint(storage, metrics, SECRETS, False, {EventType.END_OF_CALL_REPORT: (60, fail)})
    with served(Starlette(routes=[Route("/webhooks/flireo", endpoint)])) as url:
        answer = send(url, BODY, good())
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "failed")
    assert metrics.outcomes == {"failed": 1}
    assert "a delivery failed: ValueError" in caplog.text
    assert "Anna" not in answer.text + caplog.text
