"""What a new sandbox holds: an organization, one agent and one number, so that a first call just works."""

from typing import Any, Final

from flireo_flows.sandbox.clock import Clock, iso
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.store import ORGANIZATION_ID, Record, Store

DEMO_AGENT_ID: Final = "demo-agent"
DEMO_NUMBER_ID: Final = "demo-number"
DEMO_TRUNK_ID: Final = "demo-trunk"
DEMO_NUMBER: Final = "+31850835037"  # the reference's own sample number

# The reference names no defaults; these are the emulator's (contract section 6).
AGENT_DEFAULTS: Final[dict[str, Any]] = {
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


def seed_store(settings: SandboxSettings, clock: Clock) -> Store:
    """A store with the demo agent and number."""
    created = iso(round(clock.born * 1000))  # the same after a reset
    store = Store(minutes_balance=settings.minutes_balance)
    moments = {"created_at": created, "updated_at": created}
    store.agents[DEMO_AGENT_ID] = {**demo_agent(settings), "id": DEMO_AGENT_ID, **moments}
    store.numbers[DEMO_NUMBER_ID] = number_record(DEMO_NUMBER_ID, DEMO_NUMBER, created)
    store.numbers[DEMO_NUMBER_ID].update(name="Sandbox", agent_id=DEMO_AGENT_ID)
    # With a trunk, so that campaigns can ring from it.
    store.sip_trunks[DEMO_TRUNK_ID] = trunk_record(DEMO_TRUNK_ID, "Sandbox", "sip.example.org", created)
    store.numbers[DEMO_NUMBER_ID].update(transfer_trunk_id=DEMO_TRUNK_ID)
    return store


def demo_agent(settings: SandboxSettings) -> Record:
    """What the demo agent is like."""
    webhook = {"webhook_url": settings.webhook_url, "webhook_secret": settings.webhook_secret}
    return {**AGENT_DEFAULTS, **_SANNE, **webhook}


def number_record(number_id: str, phone_number: str, created: str) -> Record:
    """A number as it is when it was just registered."""
    return {
        "id": number_id,
        "phone_number": phone_number,
        "name": None,
        "agent_id": None,
        "transfer_trunk_id": None,
        "is_active": True,
        "created_at": created,
        "updated_at": created,
    }


def trunk_record(trunk_id: str, name: str, address: str, created: str) -> Record:
    """A SIP trunk as it is when nothing more is said of it."""
    return {
        "id": trunk_id,
        "org_id": ORGANIZATION_ID,
        "name": name,
        "provider": None,
        "address": address,
        "port": 5060,
        "transport": "udp",
        "auth_username": None,
        "is_active": True,
        "created_at": created,
        "updated_at": created,
    }
