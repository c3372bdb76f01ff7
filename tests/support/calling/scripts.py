"""Leads and scripts for tests of what is said."""

import json
from typing import Any, Final

from hypothesis import settings

from flireo_flows.api.fields import Dialect
from flireo_flows.leads import Wishes
from flireo_flows.script import Caller, Composer, LeadFacts, Script

SANNE: Final = LeadFacts(
    phone="+31201234501",
    name="Sanne de Wit",
    columns={
        "naam": "Sanne de Wit",
        "phone": "020-1234501",
        "City": "Utrecht",
        "product": "solar panels",
        "Appointment Day": "Monday",
        "note": "",
    },
)
patient = settings(deadline=None)  # how fast the machine is says nothing
CALLER: Final = Caller("a1", "n1")
INLINE: Final[dict[str, Any]] = {
    "first_message": "Hi {{ name }}!",
    "llm_config": {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "You sell {{ product }}."},
            {"role": "user", "content": "Ready?"},
        ],
    },
    "stt_config": {"provider": "deepgram", "model": "nova-3-general"},
    "tts_config": {"provider": "cartesia", "voice_id": "v1"},
    "max_duration_seconds": 300,
}


def inline(**changes: Any) -> str:
    """A one-time agent as JSON text."""
    return json.dumps({**INLINE, **changes})


def lead(number: int = 1, **wishes: Any) -> LeadFacts:
    """The n-th of ten thousand people whose number no subscriber has."""
    return LeadFacts(phone=f"+3120123{number:04d}", wishes=Wishes(**wishes))


def composer(dialect: Dialect = Dialect.FLIREO, caller: Caller = CALLER, **script: Any) -> Composer:
    """A composer of the campaign "spring"."""
    return Composer(caller, Script(**script), dialect, seed="spring")
