"""All that exists in a sandbox: one organization with its agents, numbers and calls, in memory."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from flireo_flows.sandbox.call_course import CallCourse
from flireo_flows.sandbox.clock import ScaledClock, iso, iso_or_none
from flireo_flows.sandbox.delivery import OutgoingWebhook
from flireo_flows.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from flireo_flows.sandbox.campaigns import SandboxCampaign  # which imports calls from here

Record = dict[str, Any]  # a resource as the API writes it

ORGANIZATION_ID: Final = "550e8400-e29b-41d4-a716-446655440000"

OVER: Final = frozenset({"ended", "failed", "rejected", "transferred", "ended-with-error"})


@dataclass(slots=True, eq=False)
class SandboxCall:
    """One call, from the request that placed it to its report.

    Attributes:
        agent: The configuration it runs with: the saved agent under its overrides, or an inline one.
        course: How it goes unless a control command changes it.
        ordinal: Which call to this destination it is, from 1.
        said: What control commands added to the transcript, in order.
        tool_notes: What tools added to the transcript, in order.
        answered_steady: `ScaledClock.steady` when it was answered.
        held_back: Webhooks that wait for the report, for it is to come first.
        direction: In an inbound call `destination` is the caller.
    """

    id: str
    destination: str
    number: Record
    agent: Mapping[str, Any]
    agent_id: str | None
    course: CallCourse
    ordinal: int
    created_ms: int
    room_name: str
    status: str = "connecting"
    end_reason: str | None = None
    error: str | None = None
    started_ms: int | None = None
    answered_steady: float = 0.0
    ended_ms: int | None = None
    updated_ms: int = 0
    duration_seconds: int | None = None
    summary: str | None = None
    analysis: Record | None = None
    messages: list[Record] | None = None
    said: list[Record] = field(default_factory=list)
    tool_notes: list[Record] = field(default_factory=list)
    tools_running: int = 0
    end_is_due: bool = False  # as planned, but for a tool that has not answered yet
    held_back: list[OutgoingWebhook] = field(default_factory=list)
    direction: str = "outbound"
    recording_url: str | None = None

    @property
    def is_over(self) -> bool:
        """No more will happen in it, though its summary and analysis may still come."""
        return self.status in OVER

    def as_record(self) -> Record:
        """As `GET /calls/{id}` shows it."""
        # In gdpr_mode the words of a call are in its webhooks only (contract section 17.4).
        private = bool(self.agent.get("gdpr_mode"))
        return {
            "id": self.id,
            "caller_phone": self.destination,
            "assistant_phone": self.number["phone_number"],
            "status": self.status,
            "direction": self.direction,
            "end_reason": self.end_reason,
            "error": self.error,
            "started_at": iso_or_none(self.started_ms),
            "ended_at": iso_or_none(self.ended_ms),
            "duration_seconds": self.duration_seconds,
            "summary": None if private else self.summary,
            "analysis_result": self.analysis,
            "messages": None if private else self.messages,
            "room_name": self.room_name,
            "recording_url": None if private else self.recording_url,
            "agent_id": self.agent_id,
            "number_id": self.number["id"],
            "agent_name": self.agent.get("name"),
            "business_name": self.agent.get("business_name"),
            "phone_number": self.number["phone_number"],
            "created_at": iso(self.created_ms),
            "updated_at": iso(max(self.updated_ms, self.created_ms)),
        }


class CallLog:
    """Every call in the order it was placed, found by id and by time."""

    def __init__(self) -> None:
        self._in_order: list[SandboxCall] = []
        self._by_id: dict[str, SandboxCall] = {}
        self._rings: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()  # POSTs for a destination, placed or not

    def __iter__(self) -> Iterator[SandboxCall]:
        return iter(self._in_order)

    def next_call(self, destination: str) -> int:
        """Which call to this destination comes next, from 1. Counts it."""
        self._rings[destination] += 1
        return self._rings[destination]

    def next_request(self, destination: str) -> int:
        """Which request for this destination comes next, from 1. Counts it."""
        self._requests[destination] += 1
        return self._requests[destination]

    def add(self, call: SandboxCall) -> None:
        """Record a call that was just placed."""
        self._in_order.append(call)
        self._by_id[call.id] = call

    def get(self, call_id: str) -> SandboxCall | None:
        """The call of an id."""
        return self._by_id.get(call_id)

    def newest_first(
        self, since_ms: int | None, until_ms: int | None, status: str | None
    ) -> list[SandboxCall]:
        """Calls created in a span, both ends included, in the order of `GET /calls`."""
        first = 0 if since_ms is None else bisect_left(self._in_order, since_ms, key=attrgetter("created_ms"))
        behind = (
            None if until_ms is None else bisect_right(self._in_order, until_ms, key=attrgetter("created_ms"))
        )
        calls = self._in_order[first:behind][::-1]
        return calls if status is None else [call for call in calls if call.status == status]


@dataclass(slots=True)
class Store:
    """The organization and what it owns.

    Attributes:
        minutes_balance: Prepaid minutes left.
        active_calls: Calls that are not over.
    """

    minutes_balance: float
    organization_id: str = ORGANIZATION_ID
    organization_name: str = "Sandbox"
    active_calls: int = 0
    agents: dict[str, Record] = field(default_factory=dict)
    numbers: dict[str, Record] = field(default_factory=dict)
    calls: CallLog = field(default_factory=CallLog)
    tool_templates: dict[str, Record] = field(default_factory=dict)
    analysis_templates: dict[str, Record] = field(default_factory=dict)
    sip_trunks: dict[str, Record] = field(default_factory=dict)
    byok_keys: dict[str, str] = field(default_factory=dict)  # vault id by provider; the keys are not kept
    domain: Record | None = None
    campaigns: dict[str, "SandboxCampaign"] = field(default_factory=dict)

    def charge(self, duration_seconds: int) -> None:
        """Take a call's minutes from the balance."""
        self.minutes_balance -= minutes_of(duration_seconds)


def minutes_of(duration_seconds: int) -> int:
    """The minutes that are charged for a call: part of a minute counts as a whole one."""
    return -(-duration_seconds // 60)


def new_id() -> str:
    """An id that no other sandbox gives out.

    Not from the seed: a ledger outlives sandboxes, and must never meet one id for two calls.
    """
    return str(uuid4())


def domain_record(name: str, resend_id: str, created: str) -> Record:
    """A domain that was just set up at Resend."""
    return {
        "id": new_id(),
        "org_id": ORGANIZATION_ID,
        "domain_name": name,
        "resend_domain_id": resend_id,
        "status": "not_started",
        "region": "eu-west-1",
        "records": [],
        "created_at": created,
        "updated_at": created,
        "verified_at": None,
    }


DEMO_AGENT_ID: Final = "demo-agent"
DEMO_NUMBER_ID: Final = "demo-number"
DEMO_TRUNK_ID: Final = "demo-trunk"
DEMO_NUMBER: Final = "+31850835037"  # the reference's own sample number

# What a record has where it was not given. The reference names no defaults; these are the emulator's.
DEFAULTS: Final[Mapping[str, Record]] = {
    "agents": {
        "business_name": None,
        "notification_email": None,
        "first_message": None,
        "is_active": True,
        "max_duration_seconds": None,
        "autonomous_silence_handling": True,
        "silence_timeout_seconds": 8,
        "voicemail_detection": False,
        "voicemail_message": None,
        "gdpr_mode": False,
        "webhook_url": None,
        "webhook_secret": None,
        "webhook_events": None,
        "analysis_plan": None,
        "stt_config": {"provider": "deepgram", "model": "nova-3-general", "language": "nl"},
        "llm_config": {"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.7},
        "tts_config": {"provider": "elevenlabs", "voice_id": "default"},
    },
    "numbers": {"name": None, "agent_id": None, "transfer_trunk_id": None, "is_active": True},
    "tool_templates": {"org_id": ORGANIZATION_ID, "description": None},
    "analysis_templates": {
        "org_id": ORGANIZATION_ID,
        "description": None,
        "system_prompt": "You extract data from the transcript of a phone call.",
        "user_prompt": "Transcript: {{transcript}}",
    },
    "sip_trunks": {
        "org_id": ORGANIZATION_ID,
        "provider": None,
        "port": 5060,
        "transport": "udp",
        "auth_username": None,
        "is_active": True,
    },
}

_SANNE: Final[dict[str, Any]] = {
    "name": "Sanne",
    "business_name": "Voorbeeld Wonen",
    "first_message": "Goedemiddag, u spreekt met Sanne van Voorbeeld Wonen.",
    "max_duration_seconds": 600,
    "voicemail_detection": True,
    "webhook_events": ["status-update", "end-of-call-report"],
    "analysis_plan": {
        "structuredDataPlan": {
            "enabled": True,
            "schema": {
                "type": "object",
                "properties": {
                    "appointment_booked": {"type": "boolean"},
                    "interest": {"type": "string", "enum": ["low", "medium", "high"]},
                    "sentiment": {"type": "integer", "minimum": 1, "maximum": 10},
                    "callback_time": {"type": "string"},
                },
                "required": ["appointment_booked", "interest", "sentiment"],
            },
        },
        "minMessagesThreshold": 2,
    },
}


def seed_store(settings: SandboxSettings, clock: ScaledClock) -> Store:
    """A store with the demo agent and number, and a trunk so that campaigns can call from it."""
    created = iso(round(clock.born * 1000))  # the same after a reset
    moments = {"created_at": created, "updated_at": created}
    demo: dict[str, tuple[str, Record]] = {
        "agents": (DEMO_AGENT_ID, demo_agent(settings)),
        "sip_trunks": (DEMO_TRUNK_ID, {"name": "Sandbox", "address": "sip.example.org"}),
        "numbers": (
            DEMO_NUMBER_ID,
            {
                "phone_number": DEMO_NUMBER,
                "name": "Sandbox",
                "agent_id": DEMO_AGENT_ID,
                "transfer_trunk_id": DEMO_TRUNK_ID,
            },
        ),
    }
    store = Store(minutes_balance=settings.minutes_balance)
    for section, (identity, fields) in demo.items():
        getattr(store, section)[identity] = {**DEFAULTS[section], **fields, "id": identity, **moments}
    return store


def demo_agent(settings: SandboxSettings) -> Record:
    """What makes the demo agent."""
    return {**_SANNE, "webhook_url": settings.webhook_url, "webhook_secret": settings.webhook_secret}
