"""Whatever is sent: never a 5xx, never kept unless it was signed, and kept as a dead letter if it cannot be read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flireo_flows.api.webhooks import EventType, WebhookFormatError, glance, parse_event
from tests.support.receiver.relay import inbox_of, receiver, signed

SECRET = "whsec_fuzz"
REPEATED = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

KNOWN = """
message type call id status customer number phoneNumber phone_number metadata assistant analysis messages
toolCallList tool_call_list function name arguments timestamp startedAt started_at durationSeconds role content
"""
names = st.sampled_from(KNOWN.split()) | st.text(max_size=5)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from([*EventType, "call-1", "+442079460001", "2026-01-01T00:00:00Z", "inboundPhoneCall"])
)  # fmt: skip
values: Any = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=20,
)
messages = st.fixed_dictionaries(
    {
        "type": st.sampled_from([*EventType, "new-event"]),
        "call": st.fixed_dictionaries({"id": st.text(max_size=9)}),
    },
    optional={
        name: values
        for name in (
            "timestamp",
            "customer",
            "phoneNumber",
            "toolCallList",
            "tool_call_list",
            "assistant",
            "analysis",
        )
    },
)
bodies = (
    st.binary(max_size=200)
    | values.map(lambda value: json.dumps(value).encode())
    | messages.map(lambda message: json.dumps({"message": message}).encode())
    | messages.map(
        lambda message: json.dumps({"message": message}, ensure_ascii=False).encode(errors="surrogatepass")
    )
    | messages.map(lambda message: json.dumps({"message": message}).encode("utf-16"))
)
# What a client is able to send at all.
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
header_names = st.sampled_from(
    ["X-Webhook-Timestamp", "X-Webhook-Signature", "X-Webhook-Event", "Content-Type", "X-Other"]
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    return f"sqlite:///{folder / 'ledger.db'}"


@pytest.fixture(scope="module")
def client(ledger: str) -> Iterator[httpx.Client]:
    with receiver(ledger, SECRET) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        yield http


def rows(ledger: str) -> dict[bytes, str]:
    return {row.body: row.state for row in inbox_of(ledger)}


@REPEATED
@given(body=bodies, headers=st.dictionaries(header_names, words, max_size=5), reference=st.text(max_size=8))
def test_nothing_unsigned_is_kept_and_nothing_breaks(
    client: httpx.Client, body: bytes, headers: dict[str, str], reference: str
) -> None:
    before = client.get("/health").json()
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    address = f"/webhooks/flireo/{reference.encode(errors='replace').hex()}"
    answer = client.post(address, content=body, headers=encoded)
    assert 400 <= answer.status_code < 500
    after = client.get("/health").json()
    kept = ("stored", "doubled", "unreadable", "unknown_event")
    assert [after.get(name) for name in kept] == [before.get(name) for name in kept]


@REPEATED
@given(body=bodies, event=words, kind=st.sampled_from(["application/json", "text/html", ""]))
def test_what_is_signed_is_kept_and_distinguished(
    client: httpx.Client, ledger: str, body: bytes, event: str, kind: str
) -> None:
    signature = signed(SECRET, body, event=event) | ({"Content-Type": kind} if kind else {})
    headers = [(name.encode(), value.encode("latin-1")) for name, value in signature.items()]
    answer = client.post("/webhooks/flireo", content=body, headers=headers)
    state = rows(ledger).get(body)
    if kind == "text/html":
        assert answer.status_code == 415
        return
    try:
        read = parse_event(body)
    except WebhookFormatError:
        assert (answer.status_code, state) == (400, "unreadable")
        return
    if read.type not in set(EventType):
        assert (answer.status_code, state) == (422, "unreadable")
    else:
        expected = "applied" if read.type == EventType.ASSISTANT_REQUEST else "waiting"
        assert (answer.status_code, state) == (200, expected)


@REPEATED
@given(body=bodies)
def test_a_glance_sees_what_the_whole_reading_sees(body: bytes) -> None:
    try:
        whole = parse_event(body)
    except WebhookFormatError as error:
        with pytest.raises(WebhookFormatError) as reported:
            glance(body)
        assert reported.value.reason == error.reason
        return
    seen = glance(body)
    for name in ("type", "call_id", "customer_number", "call_type", "metadata", "timestamp"):
        assert repr(getattr(seen, name)) == repr(getattr(whole, name))
    assert (seen.started_at, seen.duration_seconds) == (whole.started_at, whole.duration_seconds)
