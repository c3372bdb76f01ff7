"""Moves a call through its life: it rings, is answered or not, ends, is summarised, analysed and reported.

`connecting -> in-progress -> ended`, or `connecting -> failed | rejected` when no one answers. The summary
comes halfway between the end and the report, so for a while a call is over and has neither, as on the real
platform: a poller must wait for it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.agent_webhooks import AgentWebhooks
from flireo_flows.sandbox.call_content import analysis_of, messages_of, summary_of
from flireo_flows.sandbox.call_course import CallEnd
from flireo_flows.sandbox.clock import ScaledClock, Schedule
from flireo_flows.sandbox.delivery import Courier, OutgoingWebhook
from flireo_flows.sandbox.payloads import Body, end_of_call_report, status_update
from flireo_flows.sandbox.seeded_random import SeededRandom
from flireo_flows.sandbox.settings import Faults, ReportFate, SandboxOutcome, SandboxSettings
from flireo_flows.sandbox.store import SandboxCall, Store

_MESSAGES_FOR_AN_ANALYSIS: Final = 2  # the platform's default threshold (contract section 15.1)
_CONVERSATIONS: Final = frozenset({SandboxOutcome.ANSWERED, SandboxOutcome.TRANSFERRED})


class CallSimulator:
    """Moves calls along. Each step sets the next one in the schedule."""

    def __init__(
        self,
        settings: SandboxSettings,
        store: Store,
        clock: ScaledClock,
        schedule: Schedule,
        courier: Courier,
        faults: Faults,
        random: SeededRandom,
        agent_webhooks: AgentWebhooks,
    ) -> None:
        self._settings, self._store, self._clock, self._schedule = settings, store, clock, schedule
        self._courier, self._faults, self._random, self._agent_webhooks = (
            courier,
            faults,
            random,
            agent_webhooks,
        )

    def begin(self, call: SandboxCall) -> None:
        """Let a call that was just placed ring."""
        self.announce(call)
        self.let_ring(call)

    def announce(self, call: SandboxCall) -> None:
        """Count a call as active. An inbound call does not ring before it is known which agent answers."""
        self._store.active_calls += 1

    def let_ring(self, call: SandboxCall) -> None:
        """Let an announced call ordinal, as planned."""
        step = (
            partial(self._end_as_planned, call)
            if call.course.talk_seconds is None
            else partial(self._answer, call)
        )
        self._schedule.after(call.course.ring_seconds, step)

    def end(self, call: SandboxCall, ending: CallEnd, duration_seconds: float) -> None:
        """End a call now. One that is over stays as it ended."""
        if call.is_over:
            return
        call.status, call.end_reason, call.error = ending.status, ending.reason, ending.error
        call.duration_seconds = round(duration_seconds)
        call.ended_ms = call.updated_ms = self._clock.unix_ms()
        self._store.active_calls -= 1
        if call.started_ms is None:
            return
        self._store.charge(call.duration_seconds)
        call.messages = messages_of(call)
        if ending.webhook_status:
            self._tell_status(call, ending.webhook_status)
        self._schedule.after(self._report_delay(call) / 2, partial(self._summarise, call))

    def hang_up(self, call: SandboxCall, ending: CallEnd) -> None:
        """End a call that is being held now, for a control command."""
        self.end(call, ending, self._clock.simulated_since(call.answered_steady))

    def _answer(self, call: SandboxCall) -> None:
        call.status = "in-progress"
        call.started_ms = call.updated_ms = self._clock.unix_ms()
        call.answered_steady = self._clock.steady()
        self._tell_status(call, call.status)
        talk_seconds = call.course.talk_seconds or 0
        if call.course.outcome in _CONVERSATIONS:
            self._agent_webhooks.use_tools(call, talk_seconds, then=partial(self._end_if_due, call))
        self._schedule.after(talk_seconds, partial(self._end_as_planned, call))

    def _end_as_planned(self, call: SandboxCall) -> None:
        # A conversation waits for a tool's answer, which takes real time: at a high scale, most of it.
        call.end_is_due = True
        self._end_if_due(call)

    def _end_if_due(self, call: SandboxCall) -> None:
        if call.end_is_due and not call.tools_running:
            # The planned length, not the measured one: it is the same in every run of a seed.
            self.end(call, call.course.ending, call.course.talk_seconds or 0)

    def _report_delay(self, call: SandboxCall) -> float:
        slow = call.course.report is ReportFate.SLOW
        return self._settings.slow_report_seconds if slow else self._settings.report_delay_seconds

    def _summarise(self, call: SandboxCall) -> None:
        call.summary = summary_of(call)
        if self._settings.recordings:
            call.recording_url = f"https://recordings.example/{call.room_name}.mp3"
        call.updated_ms = self._clock.unix_ms()
        self._schedule.after(self._report_delay(call) / 2, partial(self._report, call))

    def _report(self, call: SandboxCall) -> None:
        schema = _schema_to_fill(call)
        if schema is not None:
            call.analysis = analysis_of(
                schema, call.course.mood, self._random, call.destination, call.ordinal
            )
        call.updated_ms = self._clock.unix_ms()
        body = end_of_call_report(call, call.updated_ms, self._settings)
        self._tell(call, EventType.END_OF_CALL_REPORT, body, "ended")

    def _tell_status(self, call: SandboxCall, status: str) -> None:
        body = status_update(call, status, self._clock.unix_ms(), self._settings)
        self._tell(call, EventType.STATUS_UPDATE, body, status)

    def _tell(self, call: SandboxCall, event: EventType, body: Body, status: str) -> None:
        url = call.agent.get("webhook_url")
        # What an agent without webhook_events gets is not documented: nothing, here, so that a client which
        # names its events works under either reading.
        named = url and event in (call.agent.get("webhook_events") or ())
        fate, is_report = call.course.report, event is EventType.END_OF_CALL_REPORT
        ready: list[OutgoingWebhook] = []
        if named:
            forged = is_report and fate is ReportFate.BAD_SIGNATURE
            webhook = OutgoingWebhook(str(url), call.agent.get("webhook_secret"), event.value, body, forged)
            ready = self._courier.counted(webhook, self._copies(call, event, status))
        if fate is ReportFate.OUT_OF_ORDER and not is_report:
            call.held_back = [*ready, *call.held_back]  # newest first
        elif fate is ReportFate.OUT_OF_ORDER:
            self._courier.send_in_order([*ready, *call.held_back])
        else:
            self._courier.send(ready)

    def _copies(self, call: SandboxCall, event: EventType, status: str) -> int:
        copies = self._faults.copies(self._random, call.destination, call.ordinal, event, status)
        if event is EventType.END_OF_CALL_REPORT and call.course.report is ReportFate.LOST:
            return 0
        if event is EventType.END_OF_CALL_REPORT and call.course.report is ReportFate.DUPLICATE:
            return max(2, copies)
        return copies


def _schema_to_fill(call: SandboxCall) -> Mapping[str, Any] | None:
    """The schema of the agent's analysis plan, if the plan says that this call is analysed."""
    plan = _record(call.agent.get("analysis_plan"))
    data_plan = _record(plan.get("structuredDataPlan", plan.get("structured_data_plan")))
    threshold = plan.get("minMessagesThreshold", plan.get("min_messages_threshold"))
    if call.course.report is ReportFate.NO_ANALYSIS or not data_plan.get("enabled"):
        return None
    enough = threshold if isinstance(threshold, int) else _MESSAGES_FOR_AN_ANALYSIS
    schema = data_plan.get("schema")
    return schema if isinstance(schema, Mapping) and len(call.messages or ()) >= enough else None


def _record(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
