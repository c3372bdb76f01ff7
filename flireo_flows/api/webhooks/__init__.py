"""Webhooks that Flireo sends: is it really Flireo, and what does it say?

Two steps, in this order: `verify` on the raw bytes, then `parse_event`. Neither reads a clock or the
environment, and neither puts a body, header or secret into an exception.

The platform has written its payloads with two sets of keys: camelCase until January 2026, snake_case
since. `WebhookEvent` and its four kinds are the one form that the rest of the package sees.
"""

from flireo_flows.api.webhooks.parser import Glance, glance, key_case, parse_event
from flireo_flows.api.webhooks.payload import (
    EVENT_HEADER,
    AssistantRequest,
    EndOfCallReport,
    EventType,
    KeyCase,
    StatusUpdate,
    ToolCall,
    ToolCalls,
    TranscriptMessage,
    WebhookEvent,
    WebhookFormatError,
)
from flireo_flows.api.webhooks.signature import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureError,
    SignatureProblem,
    sign,
    verify,
    verify_headers,
)

__all__ = [
    "EVENT_HEADER",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "AssistantRequest",
    "EndOfCallReport",
    "EventType",
    "Glance",
    "KeyCase",
    "SignatureError",
    "SignatureProblem",
    "StatusUpdate",
    "ToolCall",
    "ToolCalls",
    "TranscriptMessage",
    "WebhookEvent",
    "WebhookFormatError",
    "glance",
    "key_case",
    "parse_event",
    "sign",
    "verify",
    "verify_headers",
]
