"""The life of a call: it rings, is answered or not, ends, is summed up, analysed and reported.

`connecting -> in-progress -> ended`, or `connecting -> failed | rejected` when nobody answers. The summary
comes halfway between the end and the report, so for a while a call is over and has neither, as on the real
platform: a poller must wait for it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.agent_webhooks import Talking
from flireo_flows.sandbox.analysis import analysis_of
from flireo_flows.sandbox.call_course import Ending
from flireo_flows.sandbox.clock import Clock
from flireo_flows.sandbox.delivery import Courier, Webhook
from flireo_flows.sandbox.faults import Faults
from flireo_flows.sandbox.payloads import Body, end_of_call_report, status_update
from flireo_flows.sandbox.schedule import Schedule
from flireo_flows.sandbox.seeded_random import Dice
from flireo_flows.sandbox.settings import Outcome, ReportFate, SandboxSettings
from flireo_flows.sandbox.store import Call, Store
from flireo_flows.sandbox.transcripts import messages_of, summary_of

_MESSAGES_FOR_AN_ANALYSIS: Final = 2  # the platform's default threshold (contract section 15.1)
_CONVERSATIONS: Final = frozenset({Outcome.ANSWERED, Outcome.TRANSFERRED})


class Life:
    """Moves calls along. Each step sets the next one in the schedule."""

    def __init__(
        self,
        settings: SandboxSettings,
        store: Store,
        clock: Clock,
        schedule: Schedule,
        courier: Courier,
        faults: Faults,
        dice: Dice,
        talking: Talking,
    ) -> None:
        self._settings, self._store, self._clock, self._schedule = settings, store, clock, schedule
        self._courier, self._faults, self._dice, self._talking = courier, faults, dice, talking

    def begin(self, call: Call) -> None:
        """Let a call that was just placed ring."""
        self.announce(call)
        self.let_ring(call)

    def announce(self, call: Call) -> None:
        """Count a call as active. One that rings in does not ring on before it is known who answers."""
        self._store.active_calls += 1

    def let_ring(self, call: Call) -> None:
        """Let an announced call ring, as planned."""
        step = (
            partial(self._end_as_planned, call)
            if call.plan.talk_seconds is None
            else partial(self._answer, call)
        )
        self._schedule.after(call.plan.ring_seconds, step)

    def end(self, call: Call, ending: Ending, duration_seconds: float) -> None:
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

    def hang_up(self, call: Call, ending: Ending) -> None:
        """End a call that is being held now, for a control command."""
        self.end(call, ending, self._clock.simulated_since(call.answered_steady))

    def _answer(self, call: Call) -> None:
        call.status = "in-progress"
        call.started_ms = call.updated_ms = self._clock.unix_ms()
        call.answered_steady = self._clock.steady()
        self._tell_status(call, call.status)
        talk_seconds = call.plan.talk_seconds or 0
        if call.plan.outcome in _CONVERSATIONS:
            self._talking.use_tools(call, talk_seconds, then=partial(self._end_if_due, call))
        self._schedule.after(talk_seconds, partial(self._end_as_planned, call))

    def _end_as_planned(self, call: Call) -> None:
        # A conversation waits for a tool's answer, which takes real time: at a high scale, most of it.
        call.end_is_due = True
        self._end_if_due(call)

    def _end_if_due(self, call: Call) -> None:
        if call.end_is_due and not call.tools_running:
            # The planned length, not the measured one: it is the same in every run of a seed.
            self.end(call, call.plan.ending, call.plan.talk_seconds or 0)

    def _report_delay(self, call: Call) -> float:
        slow = call.plan.report is ReportFate.SLOW
        return self._settings.slow_report_seconds if slow else self._settings.report_delay_seconds

    def _summarise(self, call: Call) -> None:
        call.summary = summary_of(call)
        if self._settings.recordings:
            call.recording_url = f"https://recordings.example/{call.room_name}.mp3"
        call.updated_ms = self._clock.unix_ms()
        self._schedule.after(self._report_delay(call) / 2, partial(self._report, call))

    def _report(self, call: Call) -> None:
        schema = _schema_to_fill(call)
        if schema is not None:
            call.analysis = analysis_of(schema, call.plan.mood, self._dice, call.destination, call.ring)
        call.updated_ms = self._clock.unix_ms()
        body = end_of_call_report(call, call.updated_ms, self._settings)
        self._tell(call, EventType.END_OF_CALL_REPORT, body, "ended")

    def _tell_status(self, call: Call, status: str) -> None:
        body = status_update(call, status, self._clock.unix_ms(), self._settings)
        self._tell(call, EventType.STATUS_UPDATE, body, status)

    def _tell(self, call: Call, event: EventType, body: Body, status: str) -> None:
        url = call.agent.get("webhook_url")
        # What an agent without webhook_events gets is not documented: nothing, here, so that a client which
        # names its events works under either reading.
        named = url and event in (call.agent.get("webhook_events") or ())
        fate, is_report = call.plan.report, event is EventType.END_OF_CALL_REPORT
        ready: list[Webhook] = []
        if named:
            forged = is_report and fate is ReportFate.BAD_SIGNATURE
            webhook = Webhook(str(url), call.agent.get("webhook_secret"), event.value, body, forged)
            ready = self._courier.counted(webhook, self._copies(call, event, status))
        if fate is ReportFate.OUT_OF_ORDER and not is_report:
            call.held_back = [*ready, *call.held_back]  # newest first
        elif fate is ReportFate.OUT_OF_ORDER:
            self._courier.send_in_order([*ready, *call.held_back])
        else:
            self._courier.send(ready)

    def _copies(self, call: Call, event: EventType, status: str) -> int:
        copies = self._faults.copies(self._dice, call.destination, call.ring, event, status)
        if event is EventType.END_OF_CALL_REPORT and call.plan.report is ReportFate.LOST:
            return 0
        if event is EventType.END_OF_CALL_REPORT and call.plan.report is ReportFate.DUPLICATE:
            return max(2, copies)
        return copies


def _schema_to_fill(call: Call) -> Mapping[str, Any] | None:
    """The schema of the agent's analysis plan, if the plan says that this call is analysed."""
    plan = _record(call.agent.get("analysis_plan"))
    data_plan = _record(plan.get("structuredDataPlan", plan.get("structured_data_plan")))
    threshold = plan.get("minMessagesThreshold", plan.get("min_messages_threshold"))
    if call.plan.report is ReportFate.NO_ANALYSIS or not data_plan.get("enabled"):
        return None
    enough = threshold if isinstance(threshold, int) else _MESSAGES_FOR_AN_ANALYSIS
    schema = data_plan.get("schema")
    return schema if isinstance(schema, Mapping) and len(call.messages or ()) >= enough else None


def _record(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
