"""What a lead's row asks for beside its number: agent, language, caller id, consent, a last moment."""

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """What the lead's row says of consent.

    Attributes:
        given: Whether it was given; None when the row does not say.
        given_at: When; aware; None when the row does not say.
        expires_at: The last moment on which it holds; aware; None when the row does not say.
    """

    given: bool | None = None
    given_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one row asks for; empty where it says nothing.

    Attributes:
        agent_id: The saved agent that calls this lead, instead of the campaign's.
        language: Language code (`nl`, `en-GB`), for templates, variants and inline agents.
        number_id: Id of the number to call from, instead of the campaign's.
        client: On whose behalf it is called; pools may keep numbers for a client.
        dial_before: Never call at or after it; aware.
        consent: What the row says of consent.
    """

    agent_id: str = ""
    language: str = ""
    number_id: str = ""
    client: str = ""
    dial_before: datetime | None = None
    consent: Consent = field(default_factory=Consent)

    def as_json(self) -> str:
        """As the ledger keeps it: only what was said, as ASCII JSON."""
        said = {
            "agent_id": self.agent_id,
            "language": self.language,
            "number_id": self.number_id,
            "client": self.client,
            "dial_before": _text(self.dial_before),
            "consent": self.consent.given,
            "consent_at": _text(self.consent.given_at),
            "consent_until": _text(self.consent.expires_at),
        }
        return json.dumps({key: value for key, value in said.items() if value not in ("", None)})

    @classmethod
    def from_json(cls, text: str) -> "Wishes":
        """What `as_json` wrote."""
        said = json.loads(text or "{}")
        return cls(
            agent_id=said.get("agent_id", ""),
            language=said.get("language", ""),
            number_id=said.get("number_id", ""),
            client=said.get("client", ""),
            dial_before=_moment(said.get("dial_before")),
            consent=Consent(
                said.get("consent"), _moment(said.get("consent_at")), _moment(said.get("consent_until"))
            ),
        )


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
