"""How calls go, and what `GET /calls` shows of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from flireo_flows.sandbox import Dialect, SandboxOutcome, SandboxSettings
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, run_sandbox, until

FAST = 1000  # simulated seconds per second


def playing(outcome: SandboxOutcome | str, **settings: Any) -> SandboxSettings:
    """Every call goes like this."""
    return SandboxSettings(rate_limit=0, time_scale=FAST, outcome_weights={outcome: 1}, **settings)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox(playing("answered")) as running:
        yield running


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_answered_call_ends_with_a_transcript_a_summary_and_an_analysis(sandbox: RunningSandbox) -> None:
    call = sandbox.finished()
    check("get_call", sandbox.api.get(f"/calls/{call['id']}"))
    assert (call["status"], call["direction"], call["error"]) == ("ended", "outbound", None)
    assert call["end_reason"] in {"user_hangup", "assistant_hangup"}
    assert 20 <= call["duration_seconds"] <= 180
    assert moment(call["created_at"]) <= moment(call["started_at"]) <= moment(call["ended_at"])
    assert call["messages"][0] == {
        "role": "assistant",
        "content": "Goedemiddag, u spreekt met Sanne van Voorbeeld Wonen.",
    }
    assert call["summary"]
    analysis = until(lambda: sandbox.call(call["id"])["analysis_result"])
    assert analysis.keys() == {"appointment_booked", "interest", "sentiment", "callback_time"}
    assert analysis["interest"] in {"low", "medium", "high"}
    assert 1 <= analysis["sentiment"] <= 10


def test_a_call_passes_through_connecting_and_in_progress() -> None:
    slow = playing("answered", talk_seconds_min=30, talk_seconds_max=30)
    with run_sandbox(slow.model_copy(update={"time_scale": 30})) as sandbox:
        call_id = sandbox.place().json()["call_id"]
        assert sandbox.call(call_id)["status"] == "connecting"
        running = until(
            lambda: next((c for c in [sandbox.call(call_id)] if c["status"] == "in-progress"), None)
        )
        assert (running["ended_at"], running["duration_seconds"], running["messages"]) == (None, None, None)
        assert sandbox.health()["active_calls"] == 1
        assert sandbox.settle(call_id)["duration_seconds"] == 30
        assert sandbox.health()["active_calls"] == 0


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("no_answer", "failed", "no answer"),
        ("busy", "failed", "busy"),
        ("failed", "failed", "call could not be connected"),
        ("rejected", "rejected", "call rejected"),
    ],
)
def test_a_call_that_no_one_answers_has_no_start_and_no_words(outcome: str, status: str, error: str) -> None:
    with run_sandbox(playing(outcome)) as sandbox:
        call = sandbox.finished()
        check("get_call", sandbox.api.get(f"/calls/{call['id']}"))
        assert sandbox.api.get("/account").json()["minutes_balance"] == 1000
    assert (call["status"], call["error"], call["end_reason"]) == (status, error, outcome)
    assert (call["started_at"], call["duration_seconds"]) == (None, 0)
    assert (call["messages"], call["summary"], call["analysis_result"]) == (None, None, None)


@pytest.mark.parametrize(
    ("agent", "messages", "summary", "reason"),
    [
        ({}, 1, "Voicemail detected. No message left.", "voicemail"),
        ({"voicemail_message": "Bel ons terug."}, 2, "Voicemail detected. A message was left.", "voicemail"),
        ({"voicemail_detection": False}, 2, "A machine answered and no one spoke to us.", "silence_timeout"),
    ],
)
def test_a_voicemail_is_told_by_its_first_words(
    agent: dict[str, Any], messages: int, summary: str, reason: str
) -> None:
    with run_sandbox(playing("voicemail")) as sandbox:
        call = sandbox.finished(assistant_override=agent)
    assert (call["status"], call["end_reason"], call["summary"]) == ("ended", reason, summary)
    assert call["messages"][0]["role"] == "user"
    assert "voicemail" in call["messages"][0]["content"]
    assert len(call["messages"]) == messages


@pytest.mark.parametrize(("dialect", "status"), [("flireo", "ended"), ("hmsovereign", "transferred")])
def test_a_transferred_call_says_so_in_its_end_reason(dialect: Dialect, status: str) -> None:
    with run_sandbox(playing("transferred", dialect=dialect)) as sandbox:
        call = sandbox.finished()
    assert (call["status"], call["end_reason"]) == (status, "transferred")


@pytest.mark.parametrize(("dialect", "status"), [("flireo", "failed"), ("hmsovereign", "ended-with-error")])
def test_a_call_broken_off_by_the_platform_says_why(dialect: Dialect, status: str) -> None:
    with run_sandbox(playing("error", dialect=dialect)) as sandbox:
        call = sandbox.finished()
    assert (call["status"], call["error"]) == (status, "STT connection failed")
    assert call["started_at"]


def test_the_agents_longest_duration_cuts_a_call(sandbox: RunningSandbox) -> None:
    call = sandbox.finished(assistant_override={"max_duration_seconds": 5})
    assert (call["duration_seconds"], call["end_reason"]) == (5, "max_duration")


def test_a_call_costs_its_minutes_rounded_up() -> None:
    with run_sandbox(playing("answered", talk_seconds_min=61, talk_seconds_max=61)) as sandbox:
        sandbox.finished()
        account = sandbox.api.get("/account").json()
    assert (account["minutes_balance"], account["monthly_usage_minutes"]) == (998, 2)


def test_privacy_mode_keeps_the_words_of_a_call_out_of_the_list(sandbox: RunningSandbox) -> None:
    call_id = sandbox.place(assistant_override={"gdpr_mode": True}).json()["call_id"]
    call = until(lambda: next((c for c in [sandbox.call(call_id)] if c["analysis_result"]), None))
    assert (call["messages"], call["summary"]) == (None, None)


def _course(seed: int) -> list[tuple[Any, ...]]:
    """How a few calls went, without their ids and times."""
    settings = SandboxSettings(seed=seed, rate_limit=0, time_scale=FAST, report_delay_seconds=0)
    numbers = [f"+4477009002{n:02}" for n in range(12)]
    with run_sandbox(settings) as sandbox:
        ids = [sandbox.place(number).json()["call_id"] for number in numbers]
        calls = [sandbox.settle(call_id) for call_id in ids]
    kept = ("caller_phone", "status", "end_reason", "duration_seconds", "summary", "messages")
    return [tuple(call[name] for name in kept) for call in calls]


def test_the_same_seed_plays_the_same_calls() -> None:
    course = _course(7)
    assert course == _course(7)
    assert course != _course(8)
    assert len({call[2] for call in course}) > 1


def test_the_list_is_newest_first_and_comes_in_pages(sandbox: RunningSandbox) -> None:
    ids = [sandbox.place(number).json()["call_id"] for number in (ANNA, BEN, CARLA)]
    first = check("list_calls", sandbox.api.get("/calls", params={"limit": 2}))
    rest = check("list_calls", sandbox.api.get("/calls", params={"limit": 2, "offset": 2}))
    assert [call["id"] for call in first["calls"] + rest["calls"]] == ids[::-1]
    assert first["pagination"] == {"total": 3, "limit": 2, "offset": 0}
    assert rest["pagination"] == {"total": 3, "limit": 2, "offset": 2}
    assert sandbox.api.get("/calls", params={"limit": 5000}).json()["pagination"]["limit"] == 1000
    assert sandbox.api.get("/calls").json()["pagination"]["limit"] == 100


def test_the_list_can_be_of_one_status() -> None:
    settings = SandboxSettings(rate_limit=0, time_scale=FAST, outcomes={ANNA: "answered", BEN: "busy"})
    with run_sandbox(settings) as sandbox:
        answered, busy = sandbox.finished(ANNA), sandbox.finished(BEN)
        for status, call in [("ended", answered), ("failed", busy)]:
            page = sandbox.api.get("/calls", params={"status": status}).json()
            assert [one["id"] for one in page["calls"]] == [call["id"]]
            assert page["pagination"]["total"] == 1
        assert sandbox.api.get("/calls", params={"status": "connecting"}).json()["calls"] == []


def test_the_list_can_be_of_a_span_with_both_ends_in_it(sandbox: RunningSandbox) -> None:
    created = sandbox.call(sandbox.place().json()["call_id"])["created_at"]
    moment_after = (moment(created) + timedelta(milliseconds=1)).isoformat()
    moment_before = (moment(created) - timedelta(milliseconds=1)).isoformat()
    day, day_before = created[:10], (moment(created) - timedelta(days=1)).date().isoformat()
    for span, found in [
        ({"start_date": created, "end_date": created}, 1),
        ({"start_date": moment_after}, 0),
        ({"end_date": moment_before}, 0),
        ({"start_date": moment_before, "end_date": moment_after}, 1),
        ({"start_date": day, "end_date": day}, 1),
        ({"end_date": day_before}, 0),
    ]:
        assert len(sandbox.api.get("/calls", params=span).json()["calls"]) == found, span


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=²", "offset=-1", "start_date=soon", "end_date=2026-13-01"]
)
def test_a_list_that_cannot_be_asked_for_is_refused(sandbox: RunningSandbox, query: str) -> None:
    answer = sandbox.api.get(f"/calls?{query}")
    assert check("list_calls", answer)["error"]["code"] == "invalid_field"
    assert answer.status_code == 400


def test_an_offset_with_an_unquoted_plus_is_understood(sandbox: RunningSandbox) -> None:
    assert sandbox.api.get("/calls?start_date=2026-01-10T09:00:00+01:00").status_code == 200


def test_an_unknown_call_is_not_found(sandbox: RunningSandbox) -> None:
    assert check("get_call", sandbox.api.get("/calls/none"))["error"]["code"] == "not_found"


@pytest.fixture
def long_call() -> Iterator[tuple[RunningSandbox, str]]:
    """A call in progress that would last for an hour."""
    settings = playing("answered", talk_seconds_min=3600_000, talk_seconds_max=3600_000)
    with run_sandbox(settings) as sandbox:
        inline: dict[str, Any] = {"assistant_override": {"max_duration_seconds": 3600_000}}
        call_id = sandbox.place(**inline).json()["call_id"]
        until(lambda: sandbox.call(call_id)["status"] == "in-progress")
        yield sandbox, call_id


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ({"type": "end-call", "message": "Tot ziens."}, "api_end_call"),
        ({"type": "say", "content": "Tot ziens.", "end_after": True}, "api_end_call"),
        ({"type": "transfer", "destination": BEN, "message": "Tot ziens."}, "transferred"),
        (
            {"type": "transfer", "destination": "sip:desk@pbx.example.org", "message": "Tot ziens."},
            "transferred",
        ),
    ],
)
def test_a_command_can_end_a_call(
    long_call: tuple[RunningSandbox, str], command: dict[str, Any], reason: str
) -> None:
    sandbox, call_id = long_call
    answer = sandbox.api.post(f"/calls/{call_id}/control", json=command)
    assert check("control_call", answer)["success"] is True
    call = sandbox.settle(call_id)
    assert (call["status"], call["end_reason"]) == ("ended", reason)
    assert call["messages"][-1] == {"role": "assistant", "content": "Tot ziens."}
    assert call["duration_seconds"] < 3600
    late = sandbox.api.post(f"/calls/{call_id}/control", json={"type": "end-call"})
    assert check("control_call", late)["error"]["code"] == "call_not_active"


def test_what_an_agent_is_told_and_what_it_says_is_in_the_transcript(
    long_call: tuple[RunningSandbox, str],
) -> None:
    sandbox, call_id = long_call
    for command in (
        {"type": "inject-context", "content": "The van is late.", "trigger_response": False},
        {"type": "say", "content": "One moment please.", "end_after": False},
        {"type": "inject-context", "content": "It is here.", "trigger_response": True},
        {"type": "end-call", "message": "Goodbye."},
    ):
        assert sandbox.api.post(f"/calls/{call_id}/control", json=command).status_code == 200
    assert sandbox.settle(call_id)["messages"][-5:] == [
        {"role": "system", "content": "The van is late."},
        {"role": "assistant", "content": "One moment please."},
        {"role": "system", "content": "It is here."},
        {"role": "assistant", "content": "I have just been told: It is here."},
        {"role": "assistant", "content": "Goodbye."},
    ]


def test_a_command_before_the_answer_is_refused() -> None:
    with run_sandbox(playing("answered").model_copy(update={"time_scale": 1})) as sandbox:
        call_id = sandbox.place().json()["call_id"]
        early = sandbox.api.post(f"/calls/{call_id}/control", json={"type": "end-call"})
    assert (early.status_code, early.json()["error"]["code"]) == (400, "call_not_active")
    assert (early.headers["X-RateLimit-Limit"], early.headers["X-RateLimit-Remaining"]) == ("10", "9")


def test_a_call_takes_ten_commands_in_a_window(long_call: tuple[RunningSandbox, str]) -> None:
    sandbox, call_id = long_call
    command = {"type": "inject-context", "content": "The van is late.", "trigger_response": False}
    answers = [sandbox.api.post(f"/calls/{call_id}/control", json=command) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [
        *map(str, range(9, -1, -1)),
        "0",
    ]
    assert answers[10].headers["X-RateLimit-Limit"] == "10"
    assert "Retry-After" in answers[10].headers


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"type": "sing"},
        {"type": "say", "content": "x"},
        {"type": "inject-context", "content": "x"},
        {"type": "inject-context", "content": "x", "trigger_response": "yes"},
        {"type": "transfer"},
        {"type": "transfer", "destination": 5},
        {"type": "transfer", "destination": "the desk"},
        {"type": "end-call", "message": 5},
    ],
)
def test_a_command_that_is_not_right_is_refused(
    long_call: tuple[RunningSandbox, str], command: dict[str, Any]
) -> None:
    sandbox, call_id = long_call
    answer = sandbox.api.post(f"/calls/{call_id}/control", json=command)
    check("control_call", answer)
    assert answer.status_code == 400
