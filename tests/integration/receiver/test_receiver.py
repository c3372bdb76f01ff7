"""What the receiver believes, what it stores, and what it answers."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flireo_flows.receiver.signature_check import LARGEST_BODY
from tests.support.receiver.relay import post, receiver, signed
from tests.support.sandbox.running import until

SECRET, OLD_SECRET = "whsec_new", "whsec_old"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def url(ledger: Path) -> Iterator[str]:
    with receiver(f"sqlite:///{ledger}", SECRET, OLD_SECRET) as running:
        yield running


def report(call_id: str = "call-1") -> bytes:
    call = {"id": call_id, "status": "ended", "customer": {"number": "+442079460001"}}
    return json.dumps(
        {"message": {"type": "end-of-call-report", "call": call, "summary": "They talked."}}
    ).encode()


def stored(ledger: Path) -> list[dict[str, Any]]:
    """The inbox, as another process sees it."""
    with sqlite3.connect(ledger) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM flireo_inbox ORDER BY id")]
    db.close()
    return rows


def health(url: str) -> dict[str, Any]:
    reported: dict[str, Any] = httpx.get(f"{url}/health", trust_env=False).json()
    return reported


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_a_signed_report_is_on_the_disk_before_it_is_answered(url: str, ledger: Path, secret: str) -> None:
    body = report()
    answer = post(url, body, signed(secret, body))
    (row,) = stored(ledger)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert (row["body"], row["state"], row["call_id"], row["deliveries"]) == (body, "waiting", "call-1", 1)
    assert health(url) == {"status": "ok", "stored": 1}


def test_what_comes_to_an_attempts_own_address_is_kept_under_its_reference(url: str, ledger: Path) -> None:
    body, reference = report(), "0123456789abcdef" * 2
    assert post(url, body, signed(SECRET, body), reference).status_code == 200
    assert post(url, body, {}, reference).status_code == 401
    assert [row["reference"] for row in stored(ledger)] == [reference]


def test_a_doubled_delivery_is_kept_once_and_counted(url: str, ledger: Path) -> None:
    body = report()
    for age in (0, 1):
        assert post(url, body, signed(SECRET, body, age)).status_code == 200
    assert [row["deliveries"] for row in stored(ledger)] == [2]
    assert health(url) == {"status": "ok", "stored": 1, "doubled": 1}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda: {}, id="nothing signed"),
        pytest.param(lambda: signed("whsec_forged", report()), id="another secret"),
        pytest.param(lambda: signed(SECRET, report("call-2")), id="another body"),
        pytest.param(lambda: signed(SECRET, report(), age=3600), id="an hour old"),
        pytest.param(lambda: signed(SECRET, report(), age=-3600), id="an hour ahead"),
        pytest.param(lambda: {**signed(SECRET, report()), "X-Webhook-Timestamp": "yesterday"}, id="no time"),
        pytest.param(lambda: {"X-Webhook-Timestamp": str(int(time.time()))}, id="no signature"),
    ],
)
def test_what_flireo_did_not_sign_just_now_is_refused_and_not_kept(
    url: str, ledger: Path, headers: Callable[[], dict[str, str]]
) -> None:
    answer = post(url, report(), headers())
    assert answer.status_code == 401
    assert answer.json()["error"]["code"].startswith("signature_")
    assert SECRET not in answer.text
    assert stored(ledger) == []


def test_what_no_one_can_read_is_kept_and_answered_400(url: str, ledger: Path) -> None:
    for body in (b"no json", b"[]", b'{"message": {"type": "end-of-call-report"}}'):
        answer = post(url, body, signed(SECRET, body))
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "unreadable"
    assert [row["state"] for row in stored(ledger)] == ["unreadable"] * 3
    assert all(row["reason"] for row in stored(ledger))


def test_a_body_over_the_limit_is_refused_before_it_is_kept(url: str, ledger: Path) -> None:
    body = b"x" * (LARGEST_BODY + 1)
    assert post(url, body, signed(SECRET, body)).status_code == 413
    assert stored(ledger) == []


def test_an_inbound_call_that_asks_for_its_agent_gets_the_saved_one(url: str) -> None:
    body = json.dumps({"message": {"type": "assistant-request", "call": {"id": "call-9"}}}).encode()
    answer = post(url, body, signed(SECRET, body, event="assistant-request"))
    assert (answer.status_code, answer.json()) == (200, {})


def test_what_cannot_be_stored_is_answered_503_so_that_it_may_come_again(url: str, ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("DROP TABLE flireo_inbox")
    db.close()
    body = report()
    answer = post(url, body, signed(SECRET, body))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "not_stored"
    assert str(ledger) not in answer.text


def test_the_health_shows_that_nothing_can_be_stored_until_something_can_again(ledger: Path) -> None:
    """As long as another process holds the ledger, which can be read all the same."""
    with receiver(f"sqlite:///{ledger}", SECRET, store_seconds=0.2) as url:

        def status() -> int:
            return httpx.get(f"{url}/health", trust_env=False, timeout=60).status_code

        other = sqlite3.connect(ledger, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert status() == 200  # no one wanted to store anything
        body = report()
        assert post(url, body, signed(SECRET, body)).status_code == 503
        assert status() == 503
        other.execute("ROLLBACK")
        other.close()
        until(lambda: status() == 200, 60)  # also without another delivery


def test_unsigned_deliveries_are_taken_only_if_a_setting_allows_it(ledger: Path) -> None:
    with receiver(f"sqlite:///{ledger}") as url:
        for headers in ({}, signed("", report()), signed(SECRET, report())):
            assert post(url, report(), headers).status_code == 401
        assert stored(ledger) == []
    with receiver(f"sqlite:///{ledger}", allow_unsigned=True) as url:
        assert post(url, report(), {}).status_code == 200
    assert len(stored(ledger)) == 1
    with receiver(f"sqlite:///{ledger}", SECRET, allow_unsigned=True) as url:
        assert post(url, report("call-2"), {}).status_code == 200
        assert post(url, report("call-3"), signed("whsec_forged", report("call-3"))).status_code == 401


def test_nothing_else_is_served(url: str) -> None:
    for path in ("/docs", "/openapi.json", "/", "/webhooks"):
        assert httpx.get(url + path, trust_env=False).status_code == 404
