"""Faults: every kind, as the next so many requests and as a share, for all operations or for some."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from flireo_flows.sandbox import Dialect, SandboxSettings
from flireo_flows.sandbox.settings import ALTERING, BREAKING, BreakingSwitch
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, RunningSandbox, run_sandbox, until


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox(SandboxSettings(time_scale=1000)) as running:
        yield running


def outcome(ask: Callable[[], httpx.Response]) -> int:
    """The status of an answer; 0 if none came."""
    try:
        return ask().status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("too_many", 429),
        ("server_error", 500),
        ("unavailable", 503),
        ("html_error", 504),
        ("connection_lost", 0),
    ],
)
def test_a_fault_hits_the_next_so_many_requests_and_carries_none_of_them_out(
    sandbox: RunningSandbox, kind: str, status: int
) -> None:
    sandbox.faults(**{kind: {"next": 2}})
    assert [outcome(sandbox.place) for _ in range(3)] == [status, status, 200]
    assert sandbox.times_called(ANNA) == 1
    assert sandbox.requests() == {("POST /calls/outbound", status): 2, ("POST /calls/outbound", 200): 1}


@pytest.mark.parametrize("kind", ["server_error", "unavailable", "html_error", "connection_lost"])
def test_a_fault_can_come_after_the_request_was_carried_out(sandbox: RunningSandbox, kind: str) -> None:
    sandbox.faults(**{kind: {"next": 1, "carried_out": True}})
    assert outcome(sandbox.place) != 200
    assert sandbox.times_called(ANNA) == 1


def test_a_refused_request_is_never_carried_out(sandbox: RunningSandbox) -> None:
    answer = sandbox.surface.post("faults", json={"too_many": {"next": 1, "carried_out": True}})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "too_many.carried_out"


def test_a_burst_of_429_says_how_long_to_wait(sandbox: RunningSandbox) -> None:
    sandbox.faults(too_many={"next": 1})
    answer = sandbox.api.get("/account")
    assert check("get_organization", answer)["error"]["code"] == "rate_limit_exceeded"
    assert (answer.headers["Retry-After"], answer.headers["X-RateLimit-Remaining"]) == ("1", "0")
    assert answer.headers["X-RateLimit-Limit"] == "100"
    assert 0 <= int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 2


def test_errors_have_the_shape_of_the_dialect() -> None:
    for dialect, body in [
        (Dialect.FLIREO, {"error": {"code": "internal_error", "message": "Something went wrong"}}),
        (Dialect.HMSOVEREIGN, {"error": "Something went wrong"}),
    ]:
        settings = SandboxSettings(dialect=dialect, server_error=BreakingSwitch(next=1))
        with run_sandbox(settings) as sandbox:
            answer = sandbox.api.get("/account")
        assert (answer.status_code, answer.json()) == (500, body)


def test_a_gateways_error_is_html(sandbox: RunningSandbox) -> None:
    sandbox.faults(html_error={"next": 1})
    answer = sandbox.api.get("/calls")
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "text/html; charset=utf-8")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize("carried_out", [False, True])
def test_an_answer_can_fail_to_come_until_the_client_gives_up(
    sandbox: RunningSandbox, carried_out: bool
) -> None:
    sandbox.faults(timeout={"next": 1, "carried_out": carried_out})
    with pytest.raises(httpx.ReadTimeout):
        sandbox.api.post("/calls/outbound", json={"destination": ANNA, "agent_id": "demo-agent"}, timeout=0.2)
    until(lambda: sandbox.requests() == {("POST /calls/outbound", 0): 1})
    assert sandbox.times_called(ANNA) == carried_out


def test_a_client_that_never_gives_up_loses_the_connection_in_the_end(sandbox: RunningSandbox) -> None:
    sandbox.faults(timeout={"next": 1}, timeout_fault_seconds=0.2)
    began = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.api.get("/account", timeout=30)
    assert 0.2 <= time.monotonic() - began < 10


def test_a_fault_can_be_for_some_operations_only(sandbox: RunningSandbox) -> None:
    sandbox.faults(unavailable={"share": 1, "operations": ["get_call", "list_agents"]})
    statuses = [
        sandbox.api.get(path).status_code for path in ("/calls", "/calls/x", "/assistants", "/numbers")
    ]
    assert statuses == [200, 503, 503, 200]


def test_a_fault_for_an_operation_that_is_not_there_is_refused(sandbox: RunningSandbox) -> None:
    answer = sandbox.surface.post("faults", json={"timeout": {"next": 1, "operations": ["list_call"]}})
    assert answer.status_code == 400
    assert "there is no operation 'list_call'" in answer.json()["error"]["message"]
    assert sandbox.surface.get("faults").json()["timeout"]["next"] == 0


def _statuses(seed: int) -> list[int]:
    settings = SandboxSettings(seed=seed, rate_limit=0, unavailable=BreakingSwitch(share=0.5))
    with run_sandbox(settings) as sandbox:
        return [sandbox.api.get("/account").status_code for _ in range(30)]


def test_which_requests_a_share_hits_follows_from_the_seed() -> None:
    statuses = _statuses(1)
    assert statuses == _statuses(1)
    assert statuses != _statuses(2)
    assert 5 <= statuses.count(503) <= 25


def test_a_request_without_a_key_meets_no_fault(sandbox: RunningSandbox) -> None:
    sandbox.faults(server_error={"next": 1})
    assert httpx.get(f"{sandbox.base_url}/account", trust_env=False).status_code == 401
    assert sandbox.api.get("/account").status_code == 500


def test_enums_can_hold_what_nobody_knows(sandbox: RunningSandbox) -> None:
    call_id = sandbox.finished()["id"]
    sandbox.faults(unknown_enum={"next": 1, "operations": ["get_call"]})
    odd, call = sandbox.call(call_id), sandbox.call(call_id)
    assert {odd[name] for name in ("status", "direction", "end_reason")} == {"unheard-of"}
    assert odd["ended_at"] == call["ended_at"]
    assert call["status"] in {"ended", "failed", "rejected"}


def test_answers_can_have_fields_that_nobody_knows(sandbox: RunningSandbox) -> None:
    sandbox.faults(extra_fields={"next": 1})
    odd = check("list_agents", sandbox.api.get("/agents"))
    assert "x_unheard_of" in odd
    assert {"x_unheard_of", "id"} <= odd["agents"][0].keys()
    assert "x_unheard_of" in odd["agents"][0]["llm_config"]


def test_answers_can_lack_the_room_and_the_pagination(sandbox: RunningSandbox) -> None:
    sandbox.faults(no_room_name={"share": 1}, no_pagination={"share": 1})
    assert sandbox.place().json().keys() == {"success", "call_id", "status"}
    listed = sandbox.api.get("/calls").json()
    assert listed.keys() == {"calls"}
    assert "room_name" not in listed["calls"][0]
    sandbox.faults(no_room_name={}, no_pagination={})
    assert sandbox.api.get("/calls").json()["pagination"]["total"] == 1


def test_altered_answers_add_up_and_errors_stay_readable(sandbox: RunningSandbox) -> None:
    sandbox.faults(extra_fields={"share": 1}, no_pagination={"share": 1})
    assert sandbox.api.get("/calls").json().keys() == {"calls", "x_unheard_of"}
    assert sandbox.api.get("/calls/none").json()["error"]["code"] == "not_found"
    assert sandbox.api.get("/account").headers["X-RateLimit-Remaining"] == "97"


def test_every_kind_of_fault_has_a_switch_that_is_off(sandbox: RunningSandbox) -> None:
    faults: dict[str, Any] = sandbox.surface.get("faults").json()
    for kind in (*BREAKING, *ALTERING):
        assert (faults[kind]["next"], faults[kind]["share"], faults[kind]["operations"]) == (0, 0, [])
