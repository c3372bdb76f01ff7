"""Webhooks: which are believed, and what they are read as."""

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flireo_flows.api.webhooks import (
    AssistantRequest,
    EndOfCallReport,
    EventType,
    KeyCase,
    SignatureError,
    SignatureProblem,
    StatusUpdate,
    ToolCall,
    ToolCalls,
    WebhookEvent,
    WebhookFormatError,
    key_case,
    parse_event,
    sign,
    verify,
)
from tests.support.document import openapi

# The test vector of contract section 18.2.
SECRET = "whsec_test_secret_12345"
BODY = b'{"test":true}'
NOW = 1_700_000_000
SIGNATURE = "sha256=b7875b4bd3cc6c5c1a4453189b5fa746880c17cb42258530a7355906dbc5ec1d"


def headers(signature: str | None = SIGNATURE, timestamp: str | None = str(NOW)) -> dict[str, str]:
    both = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": timestamp}
    return {name: value for name, value in both.items() if value is not None}


def test_the_contracts_test_vector_is_what_we_sign() -> None:
    assert sign(SECRET, NOW, BODY) == SIGNATURE


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE,
        SIGNATURE.removeprefix("sha256="),
        f" {SIGNATURE} ",
        f"sha256={SIGNATURE.removeprefix('sha256=').upper()}",
    ],
)
def test_a_signature_is_believed_with_and_without_its_prefix(signature: str) -> None:
    verify(BODY, headers(signature), [SECRET], NOW)


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_headers_are_found_in_any_case(change: Any) -> None:
    verify(BODY, {change(name): value for name, value in headers().items()}, [SECRET], NOW)


def test_either_secret_will_do_while_one_replaces_the_other() -> None:
    verify(BODY, headers(), ["whsec_new", SECRET], NOW)
    verify(BODY, headers(), [SECRET, "whsec_new"], NOW)


@pytest.mark.parametrize("seconds", [-300, -299.9, 0, 299.9, 300])
def test_a_clock_may_be_off_by_the_tolerance(seconds: float) -> None:
    verify(BODY, headers(), [SECRET], NOW + seconds)


@pytest.mark.parametrize(
    ("given", "secrets", "now", "problem"),
    [
        (headers(timestamp=None), [SECRET], NOW, SignatureProblem.MISSING_TIMESTAMP),
        (headers(timestamp=" "), [SECRET], NOW, SignatureProblem.MISSING_TIMESTAMP),
        (headers(timestamp="yesterday"), [SECRET], NOW, SignatureProblem.MALFORMED_TIMESTAMP),
        (headers(timestamp="1700000000.5"), [SECRET], NOW, SignatureProblem.MALFORMED_TIMESTAMP),
        (headers(timestamp="-1700000000"), [SECRET], NOW, SignatureProblem.MALFORMED_TIMESTAMP),
        (headers(timestamp="١٧٠٠٠٠٠٠٠٠"), [SECRET], NOW, SignatureProblem.MALFORMED_TIMESTAMP),
        (headers(timestamp="9" * 5000), [SECRET], NOW, SignatureProblem.MALFORMED_TIMESTAMP),
        (headers(timestamp="1700000000000"), [SECRET], NOW, SignatureProblem.MALFORMED_TIMESTAMP),
        (headers(), [SECRET], NOW + 301, SignatureProblem.STALE),
        (headers(), [SECRET], NOW + 300.001, SignatureProblem.STALE),
        (headers(), [SECRET], NOW - 300.001, SignatureProblem.STALE),
        (headers(), [SECRET], NOW - 301, SignatureProblem.STALE),
        (headers(signature=None), [SECRET], NOW, SignatureProblem.MISSING_SIGNATURE),
        (headers(signature=""), [SECRET], NOW, SignatureProblem.MISSING_SIGNATURE),
        (headers(), [], NOW, SignatureProblem.NO_SECRET),
        (headers(sign("", NOW, BODY)), [""], NOW, SignatureProblem.NO_SECRET),
        (headers(), ["whsec_other"], NOW, SignatureProblem.MISMATCH),
        (headers("  "), [SECRET], NOW, SignatureProblem.MISSING_SIGNATURE),
        (headers("sha256="), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers(f"sha256={SIGNATURE}"), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers(SIGNATURE.replace("sha256", "sha1")), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers(SIGNATURE[:-1]), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers(f"{SIGNATURE}0"), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers(SIGNATURE.replace("b787", "ｂ787")), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers("sha256=é"), [SECRET], NOW, SignatureProblem.MISMATCH),
        (headers(timestamp="01700000000"), [SECRET], NOW, SignatureProblem.MISMATCH),
    ],
)
def test_a_webhook_that_is_not_proven_is_refused_with_the_reason(
    given: dict[str, str], secrets: list[str], now: float, problem: SignatureProblem
) -> None:
    with pytest.raises(SignatureError) as refused:
        verify(BODY, given, secrets, now)
    assert refused.value.reason is problem
    assert str(refused.value) == problem.value
    assert pickle.loads(pickle.dumps(refused.value)).reason is problem


def test_one_changed_byte_of_the_body_is_a_mismatch() -> None:
    with pytest.raises(SignatureError, match="matches no secret"):
        verify(BODY + b" ", headers(), [SECRET], NOW)


def event(**message: Any) -> bytes:
    call = {"id": "call-1", "type": "outboundPhoneCall", "status": "ended"}
    return json.dumps({"message": {"type": "end-of-call-report", "call": call, **message}}).encode()


CAMEL = event(
    timestamp="2026-01-10T09:02:31.000Z",
    phoneNumber={"number": "+31850835037", "name": "Intake"},
    customer={"number": "+447700900001"},
    durationSeconds=117,
    summary="Fine.",
    messages=[{"role": "assistant", "content": "Hello."}],
    analysis={"appointmentBooked": True},
    recordingUrl="https://example.org/1.wav",
    endReason="user_hangup",
    assistant={"metadata": {"ownKey": 1}},
)
SNAKE = event(
    timestamp="2026-01-10T10:02:31+01:00",
    call={"id": "call-1", "type": "outbound_phone_call", "status": "ended"},
    phone_number={"number": "+31850835037", "name": "Intake"},
    customer={"number": "+447700900001"},
    duration_seconds=117,
    summary="Fine.",
    messages=[{"role": "assistant", "content": "Hello."}],
    analysis={"appointmentBooked": True},
    recording_url="https://example.org/1.wav",
    end_reason="user_hangup",
    assistant={"metadata": {"ownKey": 1}},
)


def test_both_key_cases_are_read_as_the_same_event() -> None:
    report = parse_event(CAMEL)
    assert report == parse_event(SNAKE)
    assert report.type == EventType.END_OF_CALL_REPORT
    assert report.timestamp == datetime(2026, 1, 10, 9, 2, 31, tzinfo=UTC)
    assert (report.call_id, report.call_type, report.call_status) == (
        "call-1",
        "outbound_phone_call",
        "ended",
    )
    assert (report.customer_number, report.platform_number) == ("+447700900001", "+31850835037")
    assert (report.duration_seconds, report.summary, report.end_reason) == (117, "Fine.", "user_hangup")
    assert [message.content for message in report.messages] == ["Hello."]
    assert report.recording_url == "https://example.org/1.wav"


def test_keys_that_are_the_users_own_keep_their_spelling() -> None:
    report = parse_event(CAMEL)
    assert report.analysis == {"appointmentBooked": True}
    assert report.metadata == {"ownKey": 1}


def _examples() -> list[Any]:
    bodies = (event["post"]["requestBody"]["content"] for event in openapi()["webhooks"].values())
    return [
        pytest.param(example["value"], id=f"{example['value']['message']['type']}-{name}")
        for content in bodies
        for name, example in content["application/json"]["examples"].items()
    ]


def in_snake_case(body: dict[str, Any]) -> dict[str, Any]:
    """An example as the later server writes it."""
    renamed = {
        "phoneNumber": "phone_number",
        "toolCallList": "tool_call_list",
        "durationSeconds": "duration_seconds",
        "recordingUrl": "recording_url",
    }
    message = {renamed.get(name, name): value for name, value in body["message"].items()}
    kinds = {"inboundPhoneCall": "inbound_phone_call", "outboundPhoneCall": "outbound_phone_call"}
    kind = message["call"]["type"]
    return {"message": {**message, "call": {**message["call"], "type": kinds.get(kind, kind)}}}


@pytest.mark.parametrize("spell", [dict, in_snake_case], ids=["camelCase", "snake_case"])
@pytest.mark.parametrize("body", _examples())
def test_every_example_of_the_contract_is_read(
    body: dict[str, Any], spell: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    read = parse_event(json.dumps(spell(body)).encode())
    message = in_snake_case(body)["message"]
    assert type(read) is KINDS[message["type"]]
    assert (read.type, read.call_id) == (message["type"], message["call"]["id"])
    assert (read.call_type or "").endswith("bound_phone_call")
    assert read.call_status == message["call"]["status"]
    assert read.customer_number == message["customer"]["number"]
    assert (read.platform_number, read.platform_name) == ("+31201234567", "Intake line")
    assert read.error == message.get("error")
    assert read.analysis == message.get("analysis")
    assert read.duration_seconds == message.get("duration_seconds")
    assert read.summary == message.get("summary")
    assert [one.model_dump() for one in read.messages] == message.get("messages", [])
    assert [call.name for call in read.tool_calls] == ["lookup_tenant"] * ("tool_call_list" in message)
    assert read.metadata == message.get("assistant", {}).get("metadata", {})
    assert read.extra == {}


KINDS: dict[str, type[WebhookEvent]] = {
    "assistant-request": AssistantRequest,
    "tool-calls": ToolCalls,
    "status-update": StatusUpdate,
    "end-of-call-report": EndOfCallReport,
}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (AssistantRequest, set()),
        (ToolCalls, {"tool_calls"}),
        (StatusUpdate, {"error", "end_reason"}),
        (
            EndOfCallReport,
            {
                "duration_seconds",
                "summary",
                "analysis",
                "messages",
                "recording_url",
                "end_reason",
                "error",
                "started_at",
                "ended_at",
            },
        ),
    ],
)
def test_a_kind_of_event_has_the_fields_of_its_section(kind: type[WebhookEvent], fields: set[str]) -> None:
    assert set(kind.model_fields) - set(WebhookEvent.model_fields) == fields


def test_a_field_of_another_kind_is_kept_aside_and_reads_as_nothing() -> None:
    update = parse_event(event(type="status-update", durationSeconds=5, summary="Fine.", endReason="silence"))
    assert isinstance(update, StatusUpdate)
    assert update.end_reason == "silence"
    assert (update.duration_seconds, update.summary, update.messages) == (None, None, ())
    assert update.extra == {"duration_seconds": 5, "summary": "Fine."}
    assert not hasattr(update, "no_such_field")
    assert pickle.loads(pickle.dumps(update)) == update


def test_a_tool_call_carries_its_arguments_as_they_are() -> None:
    call = {
        "id": "tool-1",
        "type": "function",
        "function": {"name": "look_up", "arguments": {"lastName": "A"}},
    }
    for key in ("toolCallList", "tool_call_list"):
        asked = parse_event(event(type="tool-calls", **{key: [call, {"id": 5}, None]}))
        assert isinstance(asked, ToolCalls)
        assert asked.tool_calls == (ToolCall(id="tool-1", name="look_up", arguments={"lastName": "A"}),)


@pytest.mark.parametrize("analysis", [None, "interested", 5, [], ["a"]])
def test_an_analysis_that_is_no_object_does_not_cost_the_report(analysis: object) -> None:
    report = parse_event(event(analysis=analysis, summary="Fine."))
    assert (report.analysis, report.summary) == (None, "Fine.")
    assert report.extra.get("analysis") == analysis


@pytest.mark.parametrize("analysis", [{}, {"sentiment": "ten"}, {"new": [1, {"deep": None}]}, {"": 1}])
def test_keys_of_an_analysis_may_be_anything(analysis: dict[str, Any]) -> None:
    assert parse_event(event(analysis=analysis)).analysis == analysis


@pytest.mark.parametrize(
    ("field", "value", "read_as", "result"),
    [
        ("durationSeconds", "117", "duration_seconds", 117),
        ("durationSeconds", 116.6, "duration_seconds", 117),
        ("durationSeconds", "long", "duration_seconds", None),
        ("durationSeconds", -1, "duration_seconds", None),
        ("summary", 5, "summary", None),
        pytest.param("durationSeconds", 10**400, "duration_seconds", None, id="endless"),
        ("timestamp", "soon", "timestamp", None),
        ("timestamp", "0001-01-01T00:00:00Z", "timestamp", None),
        ("timestamp", "0001-01-01T00:00:00+01:00", "timestamp", None),
        ("startedAt", "9999-12-31T23:59:59-05:00", "started_at", None),
        ("endedAt", "9999-12-31T23:59:59-14:00", "ended_at", None),
        ("timestamp", "2026-01-10T09:00:00", "timestamp", datetime(2026, 1, 10, 9, tzinfo=UTC)),
        ("messages", "none", "messages", ()),
        ("messages", [None, {"role": "user"}, {"role": 1, "content": "x"}], "messages", ()),
        ("customer", "+447700900001", "customer_number", None),
        ("phoneNumber", None, "platform_number", None),
        ("assistant", [], "metadata", {}),
    ],
)
def test_a_field_that_cannot_be_read_is_absent(
    field: str, value: object, read_as: str, result: object
) -> None:
    assert getattr(parse_event(event(**{field: value})), read_as) == result


def test_text_comes_out_as_text_that_a_database_takes() -> None:
    report = parse_event(event(summary="a\0b\ud800c 👋", analysis={"k\ud800": ["\0"]}))
    assert (report.summary, report.analysis) == ("ab?c 👋", {"k?": [""]})


def test_durations_that_json_does_not_know_are_absent() -> None:
    for number in (b"NaN", b"Infinity", b"1e999"):
        body = event(durationSeconds=0).replace(b'"durationSeconds": 0', b'"durationSeconds": ' + number)
        assert parse_event(body).duration_seconds is None


def test_unknown_fields_are_kept_aside() -> None:
    assert parse_event(event(newField={"innerKey": 1})).extra == {"new_field": {"innerKey": 1}}


def test_an_event_of_a_kind_yet_unknown_is_read() -> None:
    read = parse_event(event(type="call-recorded", recordingUrl="https://example.org/1.wav"))
    assert (type(read), read.type) == (WebhookEvent, "call-recorded")
    assert (read.recording_url, read.extra) == (None, {"recording_url": "https://example.org/1.wav"})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "no object `message`"),
        (b'{"message": "hello"}', "no object `message`"),
        (b'{"message": {"call": {"id": "call-1"}}}', "`message.type` is missing"),
        (b'{"message": {"type": "status-update"}}', "`message.call.id` is missing"),
        (event(call={"id": 5}), "`message.call.id` is missing"),
        (event(call=None), "`message.call.id` is missing"),
        (event(type="\0"), "`message.type` is missing"),
    ],
)
def test_a_body_that_is_no_webhook_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(WebhookFormatError, match=reason) as refused:
        parse_event(body)
    assert pickle.loads(pickle.dumps(refused.value)).reason == refused.value.reason


def test_a_refusal_quotes_nothing_of_the_body() -> None:
    with pytest.raises(WebhookFormatError) as refused:
        parse_event(b'{"message": "+447700900001"')
    assert "447700900001" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_tool_call_without_a_name_is_kept_for_its_id_and_arguments_as_text_are_read() -> None:
    calls = [
        {"id": "tool-1", "function": {"name": 5}},
        {"id": "tool-2", "function": {"name": "look_up", "arguments": '{"lastName": "A"}'}},
        {"id": "tool-3", "function": {"name": "look_up", "arguments": "{"}},
        {"id": "tool-4", "function": {"name": "look_up", "arguments": "[1]"}},
    ]
    asked = parse_event(event(type="tool-calls", toolCallList=calls))
    assert [(call.name, call.arguments) for call in asked.tool_calls] == [
        ("", {}),
        ("look_up", {"lastName": "A"}),
        ("look_up", {}),
        ("look_up", {}),
    ]


@pytest.mark.parametrize(
    ("message", "case"),
    [
        ({"toolCallList": []}, KeyCase.CAMEL),
        ({"phone_number": {}}, KeyCase.SNAKE),
        ({"call": {"id": "c", "type": "inboundPhoneCall"}}, KeyCase.CAMEL),
        ({"call": {"id": "c", "type": "inbound_phone_call"}}, KeyCase.SNAKE),
        ({"call": {"id": "c"}}, KeyCase.CAMEL),
        ({"call": 5}, KeyCase.CAMEL),
    ],
)
def test_in_which_case_a_payload_came_is_seen(message: dict[str, Any], case: KeyCase) -> None:
    assert key_case(json.dumps({"message": {"type": "status-update", **message}}).encode()) is case
