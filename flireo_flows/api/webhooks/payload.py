"""What a webhook contains: the four payloads, in either key case (contract sections 18.4 to 18.7)."""

import math
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

EVENT_HEADER: Final = "X-Webhook-Event"
LONGEST: Final = 2**31 - 1  # seconds; a figure beyond it is no duration, and beyond what can be reckoned with


class WebhookFormatError(ValueError):
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


def _or_none(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """A field that cannot be read is absent: one odd field must not cost the whole report."""
    try:
        return handler(value)
    except ValidationError:
        return None


def _in_utc(moment: datetime) -> datetime:
    # What a program writes that has no date ("0001-01-01", "9999-12-31"); some zones cannot even say it.
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError("no year in which anyone is called")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _whole(value: object) -> object:
    return round(value) if isinstance(value, float) and math.isfinite(value) else value


_Text = Annotated[str | None, WrapValidator(_or_none)]
_WholeSeconds = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=LONGEST)]
Seconds = Annotated[_WholeSeconds | None, WrapValidator(_or_none)]
Moment = Annotated[Annotated[datetime, AfterValidator(_in_utc)] | None, WrapValidator(_or_none)]


class KeyCase(StrEnum):
    """How the platform spelled the keys of a payload: an answer is spelled likewise."""

    CAMEL = "camelCase"
    SNAKE = "snake_case"


class TranscriptMessage(BaseModel, frozen=True):
    """One utterance of the transcript. `role` is open: `user`, `assistant`, later `system`."""

    role: str
    content: str


class ToolCall(BaseModel, frozen=True):
    """One function that the agent wants called. The name is empty if none was sent: its id still wants an answer."""

    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class WebhookEvent(BaseModel, frozen=True):
    """Any webhook of Flireo, with the same names whichever key case it came in.

    Only `type` and `call_id` are certain. A field that was absent, or not of its type, is None or empty. So is
    one that belongs to another kind of event, so that code that takes all kinds need not distinguish them.

    Attributes:
        type: One of `EventType`, or something newer.
        timestamp: When the platform made the event, UTC.
        call_type: Always snake_case, e.g. `outbound_phone_call`.
        call_status: `ringing`, `in-progress`, `ended`, `ended-with-error` or something newer.
        platform_number: Our side of the call; `customer_number` is the other party.
        metadata: Your own record from the agent's configuration, where the platform echoes it.
        extra: Fields of the message that this kind does not know or could not read, in snake_case.
    """

    type: str
    call_id: str
    timestamp: Moment = None
    call_type: _Text = None
    call_status: _Text = None
    customer_number: _Text = None
    platform_number: _Text = None
    platform_name: _Text = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)

    if TYPE_CHECKING:  # they are fields of the kinds below; any event may be asked for them
        duration_seconds: int | None = None
        summary: str | None = None
        analysis: dict[str, Any] | None = None
        messages: tuple[TranscriptMessage, ...] = ()
        recording_url: str | None = None
        end_reason: str | None = None
        error: str | None = None
        started_at: datetime | None = None
        ended_at: datetime | None = None
        tool_calls: tuple[ToolCall, ...] = ()

    else:

        def __getattr__(self, name: str) -> Any:
            return NOTHING[name] if name in NOTHING else super().__getattr__(name)


class AssistantRequest(WebhookEvent):
    """An inbound call: which configuration answers it? Wants an answer within 5 s (contract section 18.4)."""


class ToolCalls(WebhookEvent):
    """The agent wants functions called, and waits up to 10 s for what they give (contract section 18.5)."""

    tool_calls: tuple[ToolCall, ...] = ()


class StatusUpdate(WebhookEvent):
    """A call was answered or has ended (contract section 18.6).

    Attributes:
        error: Why it ended, of an `ended-with-error`.
        end_reason: Once it has ended; on later servers.
    """

    error: _Text = None
    end_reason: _Text = None


class EndOfCallReport(WebhookEvent):
    """What became of a call (contract section 18.7).

    Attributes:
        duration_seconds: Of the conversation.
        analysis: As the model wrote it. Check it against your own schema: keys may be missing, extra or of
            another type. None when no analysis ran.
        recording_url: If it was recorded.
        end_reason: On later servers; so are `started_at` and `ended_at`.
        error: In no source, and read where it comes.
    """

    duration_seconds: Seconds = None
    summary: _Text = None
    analysis: dict[str, Any] | None = None
    messages: tuple[TranscriptMessage, ...] = ()
    recording_url: _Text = None
    end_reason: _Text = None
    error: _Text = None
    started_at: Moment = None
    ended_at: Moment = None


# What belongs to some kinds of event only, and what the others have when they are asked for it.
NOTHING: Final[Mapping[str, Any]] = {
    name: field.default
    for kind in (ToolCalls, StatusUpdate, EndOfCallReport)
    for name, field in kind.model_fields.items()
    if name not in WebhookEvent.model_fields
}
