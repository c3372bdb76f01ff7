"""Moves a call through its life: it rings, is answered or not, ends, is summarised, analysed and reported.

`connecting -> in-progress -> ended`, or `connecting -> failed | rejected` when no one answers. The summary
comes halfway between the end and the report, so for a while a call is over and has neither, as on the real
platform: a poller must wait for it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.agent_webhooks import mapping_of, use_tools
from flireo_flows.sandbox.call_content import analysis_of, messages_of, summary_of
from flireo_flows.sandbox.call_course import CallEnd
from flireo_flows.sandbox.delivery import OutgoingWebhook
from flireo_flows.sandbox.local_platform import Platform
from flireo_flows.sandbox.payloads import Body, end_of_call_report, status_update
from flireo_flows.sandbox.settings import ReportFate, SandboxOutcome
from flireo_flows.sandbox.store import SandboxCall

_MESSAGES_FOR_AN_ANALYSIS: Final = 2  # the platform's default threshold (contract section 15.1)
_CONVERSATIONS: Final = frozenset({SandboxOutcome.ANSWERED, SandboxOutcome.TRANSFERRED})


def begin(call: SandboxCall, platform: Platform) -> None:
    """Let a call that was just placed ring, as planned."""
    announce(call, platform)
    let_ring(call, platform)


def announce(call: SandboxCall, platform: Platform) -> None:
    """Count a call as active. An inbound call does not ring before it is known which agent answers."""
    platform.store.active_calls += 1


def let_ring(call: SandboxCall, platform: Platform) -> None:
    """Let an announced call ring until it is answered or given up, as planned."""
    step = (
        partial(_end_as_planned, call, platform)
        if call.course.talk_seconds is None
        else partial(_answer, call, platform)
    )
    platform.schedule.after(call.course.ring_seconds, step)


def end(call: SandboxCall, ending: CallEnd, duration_seconds: float, platform: Platform) -> None:
    """End a call now. One that is over stays as it ended."""
    if call.is_over:
        return
    call.status, call.end_reason, call.error = ending.status, ending.reason, ending.error
    call.duration_seconds = round(duration_seconds)
    call.ended_ms = call.updated_ms = platform.clock.unix_ms()
    platform.store.active_calls -= 1
    if call.started_ms is None:
        return
    platform.store.charge(call.duration_seconds)
    call.messages = messages_of(call)
    if ending.webhook_status:
        _send_status(call, ending.webhook_status, platform)
    platform.schedule.after(_report_delay(call, platform) / 2, partial(_summarise, call, platform))


def hang_up(call: SandboxCall, ending: CallEnd, platform: Platform) -> None:
    """End a call that is being held now, for a control command."""
    end(call, ending, platform.clock.simulated_since(call.answered_steady), platform)


def _answer(call: SandboxCall, platform: Platform) -> None:
    call.status = "in-progress"
    call.started_ms = call.updated_ms = platform.clock.unix_ms()
    call.answered_steady = platform.clock.steady()
    _send_status(call, call.status, platform)
    talk_seconds = call.course.talk_seconds or 0
    if call.course.outcome in _CONVERSATIONS:
        use_tools(call, talk_seconds, platform, then=partial(_end_if_due, call, platform))
    platform.schedule.after(talk_seconds, partial(_end_as_planned, call, platform))


def _end_as_planned(call: SandboxCall, platform: Platform) -> None:
    # A conversation waits for a tool's answer, which takes real time: at a high scale, most of it.
    call.end_is_due = True
    _end_if_due(call, platform)


def _end_if_due(call: SandboxCall, platform: Platform) -> None:
    if call.end_is_due and not call.tools_running:
        # The planned length, not the measured one: it is the same in every run of a seed.
        end(call, call.course.ending, call.course.talk_seconds or 0, platform)


def _report_delay(call: SandboxCall, platform: Platform) -> float:
    slow = call.course.report is ReportFate.SLOW
    return platform.settings.slow_report_seconds if slow else platform.settings.report_delay_seconds


def _summarise(call: SandboxCall, platform: Platform) -> None:
    call.summary = summary_of(call)
    if platform.settings.recordings:
        call.recording_url = f"https://recordings.example/{call.room_name}.mp3"
    call.updated_ms = platform.clock.unix_ms()
    platform.schedule.after(_report_delay(call, platform) / 2, partial(_report, call, platform))


def _report(call: SandboxCall, platform: Platform) -> None:
    schema = _schema_to_fill(call)
    if schema is not None:
        call.analysis = analysis_of(schema, call.course.mood, platform.random, call.destination, call.ordinal)
    call.updated_ms = platform.clock.unix_ms()
    body = end_of_call_report(call, call.updated_ms, platform.settings)
    _send(call, EventType.END_OF_CALL_REPORT, body, "ended", platform)


def _send_status(call: SandboxCall, status: str, platform: Platform) -> None:
    body = status_update(call, status, platform.clock.unix_ms(), platform.settings)
    _send(call, EventType.STATUS_UPDATE, body, status, platform)


def _send(call: SandboxCall, event: EventType, body: Body, status: str, platform: Platform) -> None:
    url = call.agent.get("webhook_url")
    # What an agent without webhook_events gets is not documented: nothing, here, so that a client which
    # names its events works under either reading.
    named = url and event in (call.agent.get("webhook_events") or ())
    fate, is_report = call.course.report, event is EventType.END_OF_CALL_REPORT
    ready: list[OutgoingWebhook] = []
    if named:
        forged = is_report and fate is ReportFate.BAD_SIGNATURE
        webhook = OutgoingWebhook(str(url), call.agent.get("webhook_secret"), event.value, body, forged)
        ready = platform.courier.counted(webhook, _copies(call, event, status, platform))
    if fate is not ReportFate.OUT_OF_ORDER:
        platform.courier.send(ready)
    elif is_report:
        platform.courier.send([*ready, *call.held_back], in_order=True)
    else:
        call.held_back = [*ready, *call.held_back]  # newest first


def _copies(call: SandboxCall, event: EventType, status: str, platform: Platform) -> int:
    copies = platform.faults.copies(platform.random, call.destination, call.ordinal, event, status)
    if event is EventType.END_OF_CALL_REPORT:
        if call.course.report is ReportFate.LOST:
            return 0
        if call.course.report is ReportFate.DUPLICATE:
            return max(2, copies)
    return copies


def _schema_to_fill(call: SandboxCall) -> Mapping[str, Any] | None:
    """The schema of the agent's analysis plan, if the plan wants this call analysed."""
    plan = mapping_of(call.agent.get("analysis_plan"))
    data_plan = mapping_of(plan.get("structuredDataPlan", plan.get("structured_data_plan")))
    threshold = plan.get("minMessagesThreshold", plan.get("min_messages_threshold"))
    if call.course.report is ReportFate.NO_ANALYSIS or not data_plan.get("enabled"):
        return None
    enough = threshold if isinstance(threshold, int) else _MESSAGES_FOR_AN_ANALYSIS
    schema = data_plan.get("schema")
    return schema if isinstance(schema, Mapping) and len(call.messages or ()) >= enough else None
