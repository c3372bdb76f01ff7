"""Keys and rate limits."""

import time

import httpx
import pytest

from flireo_flows.sandbox import Dialect, SandboxSettings
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import run_sandbox


def _get(base_url: str, authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return httpx.get(f"{base_url}/account", headers=headers, trust_env=False, verify=False)


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic abc", "Bearer wrong"])
def test_a_request_without_a_known_key_is_refused(authorization: str | None) -> None:
    with run_sandbox(SandboxSettings(api_keys=frozenset({"right"}))) as sandbox:
        answer = _get(sandbox.base_url, authorization)
    assert check("get_organization", answer) == {
        "error": "Unauthorized",
        "message": "Invalid or missing API key",
    }
    assert answer.status_code == 401
    assert answer.headers["X-RateLimit-Limit"] == "100"


def test_any_key_that_is_not_empty_will_do_by_default() -> None:
    with run_sandbox() as sandbox:
        assert _get(sandbox.base_url, "Bearer whatever").status_code == 200
        assert _get(sandbox.base_url, "Bearer").status_code == 401


@pytest.mark.parametrize("dialect", Dialect)
def test_a_key_can_be_revoked_while_the_sandbox_runs(dialect: Dialect) -> None:
    with run_sandbox(SandboxSettings(dialect=dialect)) as sandbox:
        assert sandbox.api.get("/account").status_code == 200
        sandbox.settings(revoked_keys=["sandbox-key"])
        answer = sandbox.api.get("/account")
    check("get_organization", answer)
    assert answer.status_code == 401
    assert "revoked" in answer.text


def test_every_answer_says_how_many_requests_are_left() -> None:
    before = time.time()
    with run_sandbox(SandboxSettings(rate_limit=100)) as sandbox:
        answers = [sandbox.api.get(path) for path in ("/account", "/agents/nobody", "/calls")]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["99", "98", "97"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"100"}
    (reset,) = {int(answer.headers["X-RateLimit-Reset"]) for answer in answers}
    assert before + 60 <= reset <= time.time() + 61


def test_one_request_too_many_is_429_and_says_how_long_to_wait() -> None:
    with run_sandbox(SandboxSettings(rate_limit=2)) as sandbox:
        answers = [sandbox.api.get("/account") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    body = check("get_organization", answers[2])
    assert body["error"]["code"] == "rate_limit_exceeded"
    assert answers[2].headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60


def test_waiting_for_retry_after_is_enough() -> None:
    with run_sandbox(SandboxSettings(rate_limit=1, rate_window_seconds=0.5)) as sandbox:
        # The first two may fall on both sides of a window's end.
        answers = (sandbox.api.get("/account") for _ in range(1000))
        refused = next(answer for answer in answers if answer.status_code == 429)
        time.sleep(int(refused.headers["Retry-After"]))
        assert sandbox.api.get("/account").status_code == 200


def test_each_key_has_a_window_of_its_own() -> None:
    with run_sandbox(SandboxSettings(rate_limit=1)) as sandbox:
        assert _get(sandbox.base_url, "Bearer one").status_code == 200
        assert _get(sandbox.base_url, "Bearer two").status_code == 200
        assert _get(sandbox.base_url, "Bearer two").status_code == 429


def test_without_a_limit_there_are_no_headers() -> None:
    with run_sandbox(SandboxSettings(rate_limit=0)) as sandbox:
        answers = [sandbox.api.get("/account") for _ in range(150)]
    assert {answer.status_code for answer in answers} == {200}
    assert not [name for name in answers[0].headers if name.startswith("x-ratelimit")]


def test_the_control_surface_needs_no_key_and_counts_against_no_limit() -> None:
    with run_sandbox(SandboxSettings(rate_limit=1)) as sandbox:
        for _ in range(5):
            assert sandbox.health()["status"] == "ok"
        assert sandbox.api.get("/account").status_code == 200
        assert sandbox.api.get("/account").status_code == 429
        assert sandbox.requests() == {("GET /account", 200): 1, ("GET /account", 429): 1}
