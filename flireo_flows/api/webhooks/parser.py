"""Read the body of a webhook: whole, or at a glance. One odd field never costs the rest of it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter

from flireo_flows.api.webhooks.payload import (
    NOTHING,
    AssistantRequest,
    EndOfCallReport,
    EventType,
    KeyCase,
    Moment,
    Seconds,
    StatusUpdate,
    ToolCall,
    ToolCalls,
    TranscriptMessage,
    WebhookEvent,
    WebhookFormatError,
)

LONGEST_KEY: Final = 40  # characters of a key that is remembered; the platform's own are shorter
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

KINDS: Final[Mapping[str, type[WebhookEvent]]] = {
    EventType.ASSISTANT_REQUEST: AssistantRequest,
    EventType.TOOL_CALLS: ToolCalls,
    EventType.STATUS_UPDATE: StatusUpdate,
    EventType.END_OF_CALL_REPORT: EndOfCallReport,
}
# Fields of the message that every kind of event has.
_COMMON: Final = frozenset({"type", "timestamp", "call", "phone_number", "customer", "assistant"})
_TOOL_CALLS: Final = "tool_call_list"  # what the message calls `tool_calls`


def parse_event(body: bytes) -> WebhookEvent:
    """Read the body of a webhook. Check its signature first.

    Args:
        body: The raw bytes as received.

    Returns:
        An `AssistantRequest`, `ToolCalls`, `StatusUpdate` or `EndOfCallReport`; of a type yet unknown, a plain
        `WebhookEvent`, with all that is its own in `extra`.

    Raises:
        WebhookFormatError: It is not JSON, not `{"message": {...}}`, or has no type or call id.
    """
    message = _message_of(body)
    event_type = _required(message.get("type"), "message.type")
    kind = KINDS.get(event_type, WebhookEvent)
    own = {name: value for name, value in _own_fields(message).items() if name in kind.model_fields}
    return kind(type=event_type, **_common_fields(message), **own, extra=_set_aside(message, set(own)))


@dataclass(frozen=True, slots=True)
class Glance:
    """What is needed of a webhook to know whose it is, named as in `WebhookEvent`."""

    type: str
    call_id: str
    customer_number: str | None
    call_type: str | None
    metadata: Mapping[str, Any]
    timestamp: datetime | None
    started_at: datetime | None
    duration_seconds: int | None


def glance(body: bytes) -> Glance:
    """Read the few fields by which a webhook is filed: a fraction of the work of `parse_event`.

    Args:
        body: The raw bytes as received.

    Raises:
        WebhookFormatError: As `parse_event`, of the same bodies.
    """
    message = _message_of(body)
    event_type = _required(message.get("type"), "message.type")
    common, kind = _common_fields(message), KINDS.get(event_type, WebhookEvent)
    own = kind.model_fields
    number = common["customer_number"]
    return Glance(
        type=event_type,
        call_id=common["call_id"],
        customer_number=number if isinstance(number, str) else None,
        call_type=common["call_type"],
        metadata=common["metadata"],
        timestamp=_moment(common["timestamp"]),
        started_at=_moment(message.get("started_at")) if "started_at" in own else None,
        duration_seconds=_seconds(message.get("duration_seconds")) if "duration_seconds" in own else None,
    )


_read_moment: Final[Callable[[object], datetime | None]] = TypeAdapter(Moment).validate_python
_seconds: Final[Callable[[object], int | None]] = TypeAdapter(Seconds).validate_python


def _moment(value: object) -> datetime | None:
    return _read_moment(value) if value is not None else None


def _common_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    call = _snake(_record(message.get("call")))
    platform = _snake(_record(message.get("phone_number")))
    call_type = call.get("type")
    return {
        "call_id": _required(call.get("id"), "message.call.id"),
        "timestamp": message.get("timestamp"),
        "call_type": _snake_case(call_type) if isinstance(call_type, str) else None,
        "call_status": call.get("status"),
        "customer_number": _record(message.get("customer")).get("number"),
        "platform_number": platform.get("number"),
        "platform_name": platform.get("name"),
        "metadata": _record(_record(message.get("assistant")).get("metadata")),
    }


def _own_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that belongs to some kind of event."""
    analysis = message.get("analysis")
    return {
        **{name: message.get(name) for name in NOTHING},
        "analysis": analysis if isinstance(analysis, dict) else None,
        "messages": tuple(_messages(message.get("messages"))),
        "tool_calls": tuple(_tool_calls(message.get(_TOOL_CALLS))),
    }


def _set_aside(message: Mapping[str, Any], own: set[str]) -> dict[str, Any]:
    known = _COMMON | own | ({_TOOL_CALLS} if "tool_calls" in own else set())
    unknown = {name: value for name, value in message.items() if name not in known}
    analysis = message.get("analysis")
    if analysis is not None and not isinstance(analysis, dict):
        unknown["analysis"] = analysis
    return unknown


def key_case(body: bytes) -> KeyCase:
    """In which case the keys of a webhook came; camelCase, the earlier one, where nothing shows it.

    Args:
        body: One that `parse_event` can read.
    """
    message = _record(_record(json.loads(body)).get("message"))
    call_type = _record(message.get("call")).get("type")
    for name in (*message, call_type if isinstance(call_type, str) else ""):
        if "_" in name:
            return KeyCase.SNAKE
        if _HUMP.search(name):
            return KeyCase.CAMEL
    return KeyCase.CAMEL


def _message_of(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
        if b"\\u" in body or not _is_utf8(body):
            document = _storable(document)
    except (ValueError, RecursionError) as error:
        # `from None`: the parser's own exception carries the document.
        raise WebhookFormatError(f"the body is not JSON ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise WebhookFormatError("the body is not a JSON object")
    message = document.get("message")
    if not isinstance(message, dict):
        raise WebhookFormatError("the body has no object `message`")
    return _snake(message)


def _is_utf8(body: bytes) -> bool:
    """Whether it holds no half of a character; JSON may also come in UTF-16, and Python reads it."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    # Of UTF-16 every second byte of plain text is NUL, which UTF-8 would allow.
    return b"\0" not in body


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
        raise WebhookFormatError(f"`{name}` is missing or not text")
    return value


def _messages(value: object) -> list[TranscriptMessage]:
    read = (_record(item) for item in value) if isinstance(value, list) else ()
    return [
        TranscriptMessage(role=item["role"], content=item["content"])
        for item in read
        if isinstance(item.get("role"), str) and isinstance(item.get("content"), str)
    ]


def _tool_calls(value: object) -> list[ToolCall]:
    read = (_record(item) for item in value) if isinstance(value, list) else ()
    functions = ((item.get("id"), _record(item.get("function"))) for item in read)
    return [
        ToolCall(
            id=identity, name=_text(function.get("name")), arguments=_arguments(function.get("arguments"))
        )
        for identity, function in functions
        if isinstance(identity, str)
    ]


def _arguments(value: object) -> dict[str, Any]:
    """An object by the reference; models write it as text, which a server may pass on unread."""
    if isinstance(value, str):
        try:
            return _record(_storable(json.loads(value)))
        except (ValueError, RecursionError):
            return {}
    return _record(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _record(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _snake(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the keys of this level only: what lies in `analysis` or `metadata` is the user's own."""
    return {_snake_case(name): value for name, value in record.items()}


def _snake_case(name: str) -> str:
    return _spelled(name) if len(name) <= LONGEST_KEY else _HUMP.sub("_", name).lower()


@lru_cache(maxsize=512)
def _spelled(name: str) -> str:
    return _HUMP.sub("_", name).lower()
