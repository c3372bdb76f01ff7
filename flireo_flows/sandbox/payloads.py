"""Bodies of the webhooks, in the key case of the dialect.

Source: contract sections 18.4 to 18.7.
"""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from flireo_flows.api.fields import Dialect
from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.clock import iso, iso_or_none
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.store import SandboxCall

Body = dict[str, Any]


def status_update(call: SandboxCall, status: str, now_ms: int, settings: SandboxSettings) -> Body:
    """A call was answered, or has ended."""
    more: Body = {"error": call.error} if status == "ended-with-error" and call.error else {}
    if settings.dialect is Dialect.HMSOVEREIGN and call.end_reason:
        more["end_reason"] = call.end_reason
    return _body(EventType.STATUS_UPDATE, call, status, now_ms, settings, more)


def end_of_call_report(call: SandboxCall, now_ms: int, settings: SandboxSettings) -> Body:
    """Summary, transcript and, when one ran, analysis of a call that was answered."""
    more: Body = {
        "summary": call.summary or "",
        "messages": [] if call.agent.get("gdpr_mode") else call.messages or [],
        "duration_seconds": call.duration_seconds,
    }
    if call.analysis is not None:
        more["analysis"] = call.analysis
    if call.recording_url:
        more["recording_url"] = call.recording_url
    if settings.dialect is Dialect.HMSOVEREIGN:
        more["end_reason"] = call.end_reason
        more["started_at"] = iso_or_none(call.started_ms)
        more["ended_at"] = iso_or_none(call.ended_ms)
    return _body(EventType.END_OF_CALL_REPORT, call, "ended", now_ms, settings, more)


def assistant_request(call: SandboxCall, now_ms: int, settings: SandboxSettings) -> Body:
    """An inbound call: which configuration shall answer?"""
    return _body(EventType.ASSISTANT_REQUEST, call, "ringing", now_ms, settings, {})


def tool_calls(
    call: SandboxCall,
    call_id: str,
    name: str,
    arguments: Mapping[str, Any],
    now_ms: int,
    settings: SandboxSettings,
) -> Body:
    """The agent wants one function called. `call_id` is the tool call's own id."""
    function = {"name": name, "arguments": arguments}
    more = {"tool_call_list": [{"id": call_id, "type": "function", "function": function}]}
    return _body(EventType.TOOL_CALLS, call, "in-progress", now_ms, settings, more)


def _body(
    event: EventType, call: SandboxCall, status: str, now_ms: int, settings: SandboxSettings, more: Body
) -> Body:
    """A webhook's body: what all of them have, and more, by names in snake_case."""
    spelled = to_camel if settings.dialect is Dialect.FLIREO else str
    metadata = call.agent.get("metadata")
    message: Body = {
        "type": event.value,
        "timestamp": iso(now_ms),
        "call": {"id": call.id, "type": spelled(f"{call.direction}_phone_call"), "status": status},
        "phone_number": {"number": call.number["phone_number"], "name": call.number.get("name")},
        "customer": {"number": call.destination},
        **({"assistant": {"metadata": metadata}} if metadata and settings.echo_metadata else {}),
        **more,
    }
    return {"message": {spelled(name): value for name, value in message.items()}}
