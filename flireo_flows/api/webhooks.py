"""Webhooks that Flireo sends: is it really Flireo, and what does it say?

Two steps, in this order: `verify` on the raw bytes, then `parse_event`. Neither reads a clock or the
environment, and neither puts a body, header or secret into an exception.

The platform has written its payloads with two sets of keys: camelCase until January 2026, snake_case
since. `WebhookEvent` is the one form that the rest of the package sees.
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

__all__ = [
    "EVENT_HEADER",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "EventType",
    "Message",
    "SignatureError",
    "SignatureProblem",
    "ToolCall",
    "UnreadableEvent",
    "WebhookEvent",
    "parse_event",
    "sign",
    "verify",
]

EVENT_HEADER: Final = "X-Webhook-Event"
TIMESTAMP_HEADER: Final = "X-Webhook-Timestamp"
SIGNATURE_HEADER: Final = "X-Webhook-Signature"

_PREFIX: Final = "sha256="
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class SignatureProblem(StrEnum):
    """Why a webhook is not believed. The value is safe to log."""

    MISSING_TIMESTAMP = "the timestamp header is missing"
    MALFORMED_TIMESTAMP = "the timestamp is not in Unix seconds"
    STALE = "the timestamp is too far from now"
    MISSING_SIGNATURE = "the signature header is missing"
    NO_SECRET = "no secret is configured to check it with"  # noqa: S105 - a sentence, not a secret
    MISMATCH = "the signature matches no secret"


class SignatureError(Exception):
    """The webhook is not proven to come from Flireo. Answer 401 and read no further."""

    def __init__(self, reason: SignatureProblem) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return self.reason.value


class UnreadableEvent(ValueError):
    """The body is no webhook of Flireo. The reason names what is missing, and quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class EventType(StrEnum):
    """The four events of the reference. `WebhookEvent.type` is open text: the vendor may add to them."""

    ASSISTANT_REQUEST = "assistant-request"
    TOOL_CALLS = "tool-calls"
    STATUS_UPDATE = "status-update"
    END_OF_CALL_REPORT = "end-of-call-report"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `X-Webhook-Signature` for a body.

    Args:
        secret: The agent's `webhook_secret`.
        timestamp: Unix seconds, as sent in `X-Webhook-Timestamp`.
        body: The raw bytes that are sent.

    Source: API reference, "Webhooks", signature verification.
    """
    return _PREFIX + _digest(secret, str(timestamp), body)


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: Sequence[str],
    now: float,
    tolerance_seconds: float = 300,
) -> None:
    """Raise unless one of the secrets signed these bytes, recently.

    Args:
        body: The raw bytes as received: JSON that was read and written again has another signature.
        headers: Of the request; names in any case.
        secrets: All that are valid now. Keep two while a secret is being replaced.
        now: Unix seconds.
        tolerance_seconds: Largest age, and largest lead of the sender's clock. The vendor's own is 300.

    Raises:
        SignatureError: With the reason; the first that applies.
    """
    found = {name.lower(): value for name, value in headers.items()}
    timestamp = _fresh_timestamp(found.get(TIMESTAMP_HEADER.lower()), now, tolerance_seconds)
    signature = (found.get(SIGNATURE_HEADER.lower()) or "").strip()
    if not signature:
        raise SignatureError(SignatureProblem.MISSING_SIGNATURE)
    usable = [secret for secret in secrets if secret]  # an empty secret is one that anybody can sign with
    if not usable:
        raise SignatureError(SignatureProblem.NO_SECRET)
    # The prefix is in the later documentation only, so a signature counts with and without it.
    given = signature.removeprefix(_PREFIX).lower().encode()
    # A list, not a generator: how long the check takes must not tell which secret matched.
    matches = [hmac.compare_digest(_digest(secret, timestamp, body).encode(), given) for secret in usable]
    if not any(matches):
        raise SignatureError(SignatureProblem.MISMATCH)


def _fresh_timestamp(header: str | None, now: float, tolerance_seconds: float) -> str:
    timestamp = (header or "").strip()
    if not timestamp:
        raise SignatureError(SignatureProblem.MISSING_TIMESTAMP)
    if not _UNIX_SECONDS.fullmatch(timestamp):
        raise SignatureError(SignatureProblem.MALFORMED_TIMESTAMP)
    if abs(now - int(timestamp)) > tolerance_seconds:
        raise SignatureError(SignatureProblem.STALE)
    return timestamp


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _or_none(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """A field that cannot be read is absent: one odd field must not cost the whole report."""
    try:
        return handler(value)
    except ValidationError:
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _whole(value: object) -> object:
    return round(value) if isinstance(value, float) and math.isfinite(value) else value


_Text = Annotated[str | None, WrapValidator(_or_none)]
_WholeSeconds = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
_Seconds = Annotated[_WholeSeconds | None, WrapValidator(_or_none)]
_Moment = Annotated[Annotated[datetime, AfterValidator(_in_utc)] | None, WrapValidator(_or_none)]


class Message(BaseModel):
    """One utterance of the transcript. `role` is open: `user`, `assistant`, later `system`."""

    model_config = ConfigDict(frozen=True)

    role: str
    content: str


class ToolCall(BaseModel):
    """One function that the agent wants called."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class WebhookEvent(BaseModel):
    """Any webhook of Flireo, with the same names whichever key case it came in.

    Only `type` and `call_id` are certain. A field that was absent, or not of its type, is None or empty.

    Attributes:
        type: One of `EventType`, or something newer.
        timestamp: When the platform made the event, UTC.
        call_type: Always snake_case, e.g. `outbound_phone_call`.
        call_status: `ringing`, `in-progress`, `ended`, `ended-with-error` or something newer.
        platform_number: Our side of the call; `customer_number` is the other party.
        duration_seconds: Of the conversation; end-of-call-report only.
        analysis: As the model wrote it. Check it against your own schema: keys may be missing, extra or of
            another type. None when no analysis ran.
        metadata: Your own record from the agent's configuration, where the platform echoes it.
        extra: Fields of the message that this class does not know or could not read, in snake_case.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    call_id: str
    timestamp: _Moment = None
    call_type: _Text = None
    call_status: _Text = None
    customer_number: _Text = None
    platform_number: _Text = None
    platform_name: _Text = None
    duration_seconds: _Seconds = None
    summary: _Text = None
    analysis: dict[str, Any] | None = None
    messages: tuple[Message, ...] = ()
    recording_url: _Text = None
    end_reason: _Text = None
    error: _Text = None
    started_at: _Moment = None
    ended_at: _Moment = None
    tool_calls: tuple[ToolCall, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)


# Fields of the message that have the same name and a plain value in WebhookEvent.
_PLAIN: Final = (
    "timestamp",
    "duration_seconds",
    "summary",
    "recording_url",
    "end_reason",
    "error",
    "started_at",
    "ended_at",
)
_KNOWN: Final = frozenset(
    {
        *_PLAIN,
        "type",
        "call",
        "phone_number",
        "customer",
        "assistant",
        "analysis",
        "messages",
        "tool_call_list",
    }
)


def parse_event(body: bytes) -> WebhookEvent:
    """Read the body of a webhook. Check its signature first.

    Args:
        body: The raw bytes as received.

    Raises:
        UnreadableEvent: It is not JSON, not `{"message": {...}}`, or has no type or call id.
    """
    message = _message_of(body)
    call = _snake(_record(message.get("call")))
    assistant = _record(message.get("assistant"))
    platform = _snake(_record(message.get("phone_number")))
    analysis = message.get("analysis")
    call_type = call.get("type")
    return WebhookEvent(
        type=_required(message.get("type"), "message.type"),
        call_id=_required(call.get("id"), "message.call.id"),
        call_type=_snake_case(call_type) if isinstance(call_type, str) else None,
        call_status=call.get("status"),
        customer_number=_record(message.get("customer")).get("number"),
        platform_number=platform.get("number"),
        platform_name=platform.get("name"),
        analysis=analysis if isinstance(analysis, dict) else None,
        messages=tuple(_messages(message.get("messages"))),
        tool_calls=tuple(_tool_calls(message.get("tool_call_list"))),
        metadata=_record(assistant.get("metadata")),
        extra=_set_aside(message),
        **{name: message.get(name) for name in _PLAIN},
    )


def _message_of(body: bytes) -> dict[str, Any]:
    try:
        document = _storable(json.loads(body))
    except (ValueError, RecursionError) as error:
        # `from None`: the parser's own exception carries the document.
        raise UnreadableEvent(f"the body is not JSON ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise UnreadableEvent("the body is not a JSON object")
    message = document.get("message")
    if not isinstance(message, dict):
        raise UnreadableEvent("the body has no object `message`")
    return _snake(message)


def _storable(value: Any) -> Any:
    """The same, in text that every database takes: JSON can spell NUL and halves of characters."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value


def _required(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise UnreadableEvent(f"`{name}` is missing or not text")
    return value


def _messages(value: object) -> list[Message]:
    read = (_record(item) for item in value) if isinstance(value, list) else ()
    return [
        Message(role=item["role"], content=item["content"])
        for item in read
        if isinstance(item.get("role"), str) and isinstance(item.get("content"), str)
    ]


def _tool_calls(value: object) -> list[ToolCall]:
    read = (_record(item) for item in value) if isinstance(value, list) else ()
    functions = ((item.get("id"), _record(item.get("function"))) for item in read)
    return [
        ToolCall(id=identity, name=function["name"], arguments=_record(function.get("arguments")))
        for identity, function in functions
        if isinstance(identity, str) and isinstance(function.get("name"), str)
    ]


def _set_aside(message: Mapping[str, Any]) -> dict[str, Any]:
    unknown = {name: value for name, value in message.items() if name not in _KNOWN}
    analysis = message.get("analysis")
    if analysis is not None and not isinstance(analysis, dict):
        unknown["analysis"] = analysis
    return unknown


def _record(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _snake(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the keys of this level only: what lies in `analysis` or `metadata` is the user's own."""
    return {_snake_case(name): value for name, value in record.items()}


def _snake_case(name: str) -> str:
    return _HUMP.sub("_", name).lower()
