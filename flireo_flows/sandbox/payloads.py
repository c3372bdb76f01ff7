"""Bodies of the webhooks, in the key case of the dialect.

Source: contract sections 18.4 to 18.7.
"""

from collections.abc import Mapping
from typing import Any

from flireo_flows.api.fields import Dialect
from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.clock import iso, iso_or_none
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.store import SandboxCall

Body = dict[str, Any]


def status_update(call: SandboxCall, status: str, now_ms: int, settings: SandboxSettings) -> Body:
    """A call was answered, or has ended."""
    message = _common(EventType.STATUS_UPDATE, call, status, now_ms, settings)
    if status == "ended-with-error" and call.error:
        message["error"] = call.error
    if settings.dialect is Dialect.HMSOVEREIGN and call.end_reason:
        message["end_reason"] = call.end_reason
    return {"message": message}


def end_of_call_report(call: SandboxCall, now_ms: int, settings: SandboxSettings) -> Body:
    """Summary, transcript and, when one ran, analysis of a call that was answered."""
    message = _common(EventType.END_OF_CALL_REPORT, call, "ended", now_ms, settings)
    message["summary"] = call.summary or ""
    message["messages"] = [] if call.agent.get("gdpr_mode") else call.messages or []
    if call.analysis is not None:
        message["analysis"] = call.analysis
    if call.recording_url:
        message["recordingUrl" if settings.dialect is Dialect.FLIREO else "recording_url"] = (
            call.recording_url
        )
    if settings.dialect is Dialect.FLIREO:
        message["durationSeconds"] = call.duration_seconds
    else:
        message["duration_seconds"] = call.duration_seconds
        message["end_reason"] = call.end_reason
        message["started_at"] = iso_or_none(call.started_ms)
        message["ended_at"] = iso_or_none(call.ended_ms)
    return {"message": message}


def assistant_request(call: SandboxCall, now_ms: int, settings: SandboxSettings) -> Body:
    """An inbound call: which configuration shall answer?"""
    return {"message": _common(EventType.ASSISTANT_REQUEST, call, "ringing", now_ms, settings)}


def tool_calls(
    call: SandboxCall,
    call_id: str,
    name: str,
    arguments: Mapping[str, Any],
    now_ms: int,
    settings: SandboxSettings,
) -> Body:
    """The agent wants one function called. `call_id` is the tool call's own id."""
    message = _common(EventType.TOOL_CALLS, call, "in-progress", now_ms, settings)
    key = "toolCallList" if settings.dialect is Dialect.FLIREO else "tool_call_list"
    function = {"name": name, "arguments": arguments}
    message[key] = [{"id": call_id, "type": "function", "function": function}]
    return {"message": message}


def _common(event: EventType, call: SandboxCall, status: str, now_ms: int, settings: SandboxSettings) -> Body:
    camel = settings.dialect is Dialect.FLIREO
    kind = f"{call.direction}PhoneCall" if camel else f"{call.direction}_phone_call"
    platform = {"number": call.number["phone_number"], "name": call.number.get("name")}
    message: Body = {
        "type": event.value,
        "timestamp": iso(now_ms),
        "call": {"id": call.id, "type": kind, "status": status},
        "phoneNumber" if camel else "phone_number": platform,
        "customer": {"number": call.destination},
    }
    metadata = call.agent.get("metadata")
    if metadata and settings.echo_metadata:
        message["assistant"] = {"metadata": metadata}
    return message
