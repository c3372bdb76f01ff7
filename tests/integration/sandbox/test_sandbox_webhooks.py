"""Webhooks as the sandbox sends them: signed, in the dialect's case, and as faulty as asked."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from flireo_flows.api.webhooks import SignatureError, WebhookEvent, parse_event, verify
from flireo_flows.sandbox import Dialect, SandboxSettings
from tests.support.sandbox.contract import check_webhook
from tests.support.sandbox.running import ANNA, RunningSandbox, run_sandbox, until
from tests.support.sandbox.webhook_mailbox import Received, Receiver, run_receiver

SECRET = "whsec_of_a_test"
STORY = [("status-update", "in-progress"), ("status-update", "ended"), ("end-of-call-report", "ended")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as running:
        yield running


def sending(receiver: Receiver, outcome: str = "answered", **settings: Any) -> SandboxSettings:
    """Webhooks go to the receiver; every call goes like this."""
    return SandboxSettings(
        rate_limit=0,
        time_scale=1000,
        outcome_weights={outcome: 1},
        webhook_url=receiver.url,
        webhook_secret=SECRET,
        **settings,
    )


def received(receiver: Receiver, count: int) -> list[Received]:
    """What came, once so many have; in the order of the story."""
    until(lambda: len(receiver.received) >= count)
    return sorted(receiver.received, key=lambda webhook: STORY.index(webhook.what))


def test_an_answered_call_tells_its_story_in_three_signed_webhooks(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver)) as sandbox:
        call = sandbox.finished()
        story = received(receiver, 3)
        call = sandbox.call(call["id"])
        until(
            lambda: sandbox.health()["webhooks"] == {"delivered": 3, "failed": 0, "dropped": 0, "doubled": 0}
        )
    assert [webhook.what for webhook in story] == STORY
    for webhook in story:
        verify(webhook.body, webhook.headers, [SECRET], time.time())
        check_webhook({"message": webhook.message})
        assert webhook.headers["X-Webhook-Event"] == webhook.message["type"]
        assert webhook.headers["User-Agent"] == "HMS-Sovereign/1.0"
    report = parse_event(story[2].body)
    assert (report.call_id, report.customer_number) == (call["id"], ANNA)
    assert (report.platform_number, report.platform_name) == ("+31850835037", "Sandbox")
    assert (report.duration_seconds, report.summary) == (call["duration_seconds"], call["summary"])
    assert report.analysis == call["analysis_result"]
    assert [message.model_dump() for message in report.messages] == call["messages"]


def _report(receiver: Receiver, dialect: str, **agent: Any) -> tuple[dict[str, Any], WebhookEvent]:
    """The report of a call: its keys as sent, and as read."""
    with run_sandbox(sending(receiver, dialect=dialect, seed=3)) as sandbox:
        sandbox.finished(**agent)
        report = received(receiver, 3)[2]
    receiver.received.clear()
    return report.message, parse_event(report.body)


def test_both_dialects_say_the_same_in_their_own_case(receiver: Receiver) -> None:
    camel, of_flireo = _report(receiver, "flireo")
    snake, of_hmsovereign = _report(receiver, "hmsovereign")
    assert {"phoneNumber", "durationSeconds"} <= camel.keys()
    assert camel["call"]["type"] == "outboundPhoneCall"
    assert {"phone_number", "duration_seconds", "end_reason"} <= snake.keys()
    assert snake["call"]["type"] == "outbound_phone_call"
    own = {"call_id", "timestamp", "end_reason", "started_at", "ended_at"}
    assert of_flireo.model_dump(exclude=own) == of_hmsovereign.model_dump(exclude=own)


def test_metadata_comes_back_unless_switched_off(receiver: Receiver) -> None:
    override: dict[str, Any] = {"assistant_override": {"metadata": {"reference": "R-1", "camelCase": 1}}}
    _, report = _report(receiver, "flireo", **override)
    assert report.metadata == {"reference": "R-1", "camelCase": 1}
    with run_sandbox(sending(receiver, echo_metadata=False)) as sandbox:
        sandbox.finished(**override)
        assert {parse_event(webhook.body).metadata == {} for webhook in received(receiver, 3)} == {True}


@pytest.mark.parametrize("outcome", ["no_answer", "busy", "failed", "rejected"])
def test_a_call_that_no_one_answers_sends_no_webhook(receiver: Receiver, outcome: str) -> None:
    with run_sandbox(sending(receiver, outcome)) as sandbox:
        sandbox.finished()
        assert sum(sandbox.health()["webhooks"].values()) == 0
    assert receiver.received == []


@pytest.mark.parametrize("dialect", Dialect)
def test_a_broken_call_is_told_as_ended_with_error(receiver: Receiver, dialect: Dialect) -> None:
    with run_sandbox(sending(receiver, "error", dialect=dialect)) as sandbox:
        sandbox.finished()
        until(lambda: len(receiver.received) >= 3)
    events = {(event.type, event.call_status): event for event in map(_parsed, receiver.received)}
    assert events["status-update", "ended-with-error"].error == "STT connection failed"
    assert ("end-of-call-report", "ended") in events


def _parsed(webhook: Received) -> WebhookEvent:
    return parse_event(webhook.body)


def test_only_the_events_that_an_agent_names_are_sent(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver)) as sandbox:
        sandbox.finished(assistant_override={"webhook_events": ["end-of-call-report"]})
        received(receiver, 1)
        sandbox.finished(assistant_override={"webhook_events": None})
        until(lambda: sandbox.health()["webhooks"]["delivered"] == 1)
    assert [webhook.what for webhook in receiver.received] == STORY[2:]


def test_without_a_secret_a_webhook_is_not_signed(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver)) as sandbox:
        sandbox.finished(assistant_override={"webhook_secret": None})
        story = received(receiver, 3)
    assert all("X-Webhook-Signature" not in webhook.headers for webhook in story)


def test_too_short_a_transcript_is_not_analysed(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver, "voicemail")) as sandbox:
        sandbox.finished()
        report = received(receiver, 3)[2]
    assert "analysis" not in report.message
    assert report.message["summary"].startswith("Voicemail detected.")


def test_webhooks_can_be_dropped(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver, webhook_drop_share=1)) as sandbox:
        sandbox.finished()
        until(lambda: sandbox.health()["webhooks"]["dropped"] == 3)
    assert receiver.received == []


def test_webhooks_can_come_twice(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver, webhook_double_share=1)) as sandbox:
        sandbox.finished()
        received(receiver, 6)
    assert Counter(webhook.what for webhook in receiver.received) == dict.fromkeys(STORY, 2)


def _delivered_of(receiver: Receiver, sandbox: RunningSandbox, calls: int) -> Counter[str]:
    ids = {sandbox.place(f"+4477009003{n:02}").json()["call_id"]: n for n in range(calls)}
    for call_id in ids:
        sandbox.settle(call_id)
    until(lambda: sum(_fates(sandbox).values()) >= 3 * calls)
    return Counter(f"{ids[webhook.message['call']['id']]} {webhook.what}" for webhook in receiver.received)


def _fates(sandbox: RunningSandbox) -> dict[str, int]:
    counts = sandbox.health()["webhooks"]
    return {"once": counts["delivered"] - counts["doubled"], "never": counts["dropped"]}


def test_which_webhooks_are_dropped_follows_from_the_seed(receiver: Receiver) -> None:
    runs = []
    for _ in range(2):
        with run_sandbox(sending(receiver, webhook_drop_share=0.4, webhook_double_share=0.2)) as sandbox:
            runs.append(_delivered_of(receiver, sandbox, calls=8))
        receiver.received.clear()
    assert runs[0] == runs[1]
    assert 0 < len(runs[0]) < 24


def test_a_webhook_that_fails_is_counted_and_not_sent_again(receiver: Receiver) -> None:
    receiver.status = 500
    with run_sandbox(sending(receiver)) as sandbox:
        sandbox.finished()
        until(lambda: sandbox.health()["webhooks"]["failed"] == 3)
        sandbox.finished(assistant_override={"webhook_url": "http://127.0.0.1:1/"})
        until(lambda: sandbox.health()["webhooks"]["failed"] == 6)
        sandbox.finished(assistant_override={"webhook_url": "mailto:nobody@example.org"})
        until(lambda: sandbox.health()["webhooks"]["failed"] == 9)
    assert len(receiver.received) == 3


def _with_fate(receiver: Receiver, fate: str, **settings: Any) -> SandboxSettings:
    return sending(receiver, reports={ANNA: fate}, **settings)


def test_a_report_can_be_lost_and_the_list_still_tells(receiver: Receiver) -> None:
    with run_sandbox(_with_fate(receiver, "lost")) as sandbox:
        call_id = sandbox.finished()["id"]
        until(lambda: sandbox.health()["webhooks"]["dropped"] == 1)
        until(lambda: sandbox.call(call_id)["analysis_result"])
        until(lambda: len(receiver.received) == 2)
    assert sorted(webhook.what for webhook in receiver.received) == sorted(STORY[:2])


def test_a_report_can_come_twice(receiver: Receiver) -> None:
    with run_sandbox(_with_fate(receiver, "duplicate")) as sandbox:
        sandbox.finished()
        story = received(receiver, 4)
        assert sandbox.health()["webhooks"]["doubled"] == 1
    assert [webhook.what for webhook in story] == [*STORY, STORY[2]]
    assert story[2].body == story[3].body


def test_a_report_can_come_without_an_analysis(receiver: Receiver) -> None:
    with run_sandbox(_with_fate(receiver, "no_analysis")) as sandbox:
        call_id = sandbox.finished()["id"]
        report = received(receiver, 3)[2]
        assert sandbox.call(call_id)["analysis_result"] is None
    assert "analysis" not in report.message
    assert report.message["summary"]


def test_a_report_can_be_slow(receiver: Receiver) -> None:
    with run_sandbox(_with_fate(receiver, "slow", slow_report_seconds=1000)) as sandbox:
        call_id = sandbox.place().json()["call_id"]
        until(lambda: sandbox.call(call_id)["ended_at"])
        ended = time.monotonic()
        assert sandbox.call(call_id)["summary"] is None
        received(receiver, 3)
    assert time.monotonic() - ended > 0.5


def test_events_can_come_out_of_order(receiver: Receiver) -> None:
    with run_sandbox(_with_fate(receiver, "out_of_order")) as sandbox:
        sandbox.finished()
        received(receiver, 3)
    assert [webhook.what for webhook in receiver.received] == STORY[::-1]
    events = [parse_event(webhook.body) for webhook in receiver.received]
    moments = [event.timestamp for event in events if event.timestamp]
    assert len(moments) == 3 and moments == sorted(moments, reverse=True)  # each was made in its time
    for webhook in receiver.received:
        verify(webhook.body, webhook.headers, [SECRET], time.time())


def test_a_report_can_have_a_signature_that_is_wrong(receiver: Receiver) -> None:
    with run_sandbox(_with_fate(receiver, "bad_signature")) as sandbox:
        sandbox.finished()
        *updates, report = received(receiver, 3)
    for webhook in updates:
        verify(webhook.body, webhook.headers, [SECRET], time.time())
    with pytest.raises(SignatureError, match="matches no secret"):
        verify(report.body, report.headers, [SECRET], time.time())


def test_each_call_takes_the_next_fate_of_its_script_and_the_last_repeats(receiver: Receiver) -> None:
    settings = sending(receiver, reports={ANNA: ["lost", "normal"]})
    with run_sandbox(settings) as sandbox:
        ids = [sandbox.finished()["id"] for _ in range(3)]
        until(lambda: len(receiver.received) == 8)
    assert {webhook.message["call"]["id"] for webhook in receiver.of("end-of-call-report")} == set(ids[1:])


def test_fates_can_have_weights_and_leave_how_the_call_goes_alone(receiver: Receiver) -> None:
    settings = sending(receiver, "transferred", report_weights={"lost": 1, "duplicate": 1})
    with run_sandbox(settings) as sandbox:
        calls = [sandbox.finished(f"+4477009004{n:02}") for n in range(8)]
        until(lambda: (counts := sandbox.health()["webhooks"])["dropped"] + counts["doubled"] == 8)
        counts = sandbox.health()["webhooks"]
    assert {call["end_reason"] for call in calls} == {"transferred"}
    assert 0 < counts["dropped"] < 8


@pytest.mark.parametrize(("dialect", "key"), [("flireo", "recordingUrl"), ("hmsovereign", "recording_url")])
def test_a_recording_is_told_of_if_there_are_any(receiver: Receiver, dialect: Dialect, key: str) -> None:
    with run_sandbox(sending(receiver, dialect=dialect, recordings=True)) as sandbox:
        call = sandbox.finished()
        report = received(receiver, 3)[2]
    assert report.message[key] == call["recording_url"]
    assert parse_event(report.body).recording_url == call["recording_url"] != ""


def test_in_privacy_mode_the_report_has_a_summary_and_an_analysis_but_no_words(receiver: Receiver) -> None:
    with run_sandbox(sending(receiver, recordings=True)) as sandbox:
        call_id = sandbox.place(assistant_override={"gdpr_mode": True}).json()["call_id"]
        report = received(receiver, 3)[2]
        call = sandbox.call(call_id)
    assert (report.message["messages"], bool(report.message["summary"])) == ([], True)
    assert report.message["analysis"] == call["analysis_result"]
    assert (call["messages"], call["summary"], call["recording_url"]) == (None, None, None)
