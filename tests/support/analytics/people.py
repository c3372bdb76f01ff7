"""Results to test with. Numbers are from the range Ofcom keeps for fiction."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flireo_flows.ledger import LeadResult

MONDAY = datetime(2026, 8, 17, 9, 0, tzinfo=UTC)
FIRST_NAMES = ("Anna", "Bram", "Chiara", "Dirk", "Elif", "Femke", "Giulia", "Hamza")
LAST_NAMES = ("Jansen", "Whitcombe", "Okafor", "Lindqvist", "Moreau", "Haddad", "Kowalski")


@dataclass(frozen=True, slots=True)
class Person(LeadResult):
    """A result as the ledger would give it."""

    phone: str = "+447700900001"
    name: str = "Anna Jansen"
    state: str = "done"
    reason: str = ""
    outcome: str = "answered"
    attempts: int = 1
    call_id: str = "call-1"
    duration_seconds: int | None = 61
    summary: str = "Would like to be called again."
    analysis: Mapping[str, object] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime | None = MONDAY
    ended_at: datetime | None = MONDAY + timedelta(seconds=61)


NOT_RUNG = Person(
    state="waiting",
    reason="outside_hours",
    outcome="",
    attempts=0,
    call_id="",
    duration_seconds=None,
    summary="",
    started_at=None,
    ended_at=None,
)


def campaign(leads: int, seed: int = 1) -> list[Person]:
    """A campaign as it may come out, the same for the same seed."""
    chance = random.Random(seed)
    return [_lead(chance, number) for number in range(leads)]


def _lead(chance: random.Random, number: int) -> Person:
    who: dict[str, Any] = {
        "phone": f"+447700{900000 + number % 1000}",
        "name": f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}",
        "columns": {"city": chance.choice(("Utrecht", "Gent", "Lille")), "customer": f"C{number:05}"},
    }
    if chance.random() < 0.15:
        return _uncalled(chance, who)
    outcome = chance.choices(
        ("answered", "voicemail", "no_answer", "busy", "failed", "rejected", "transferred", "unknown"),
        (52, 14, 20, 4, 2, 2, 5, 1),
    )[0]
    talked = outcome in {"answered", "transferred"}
    seconds = round(chance.lognormvariate(4.6, 0.6)) if talked else chance.randrange(30)
    began = MONDAY + timedelta(seconds=number * 40)
    return Person(
        **who,
        state="review" if outcome == "unknown" else "done",
        reason="outcome_unknown" if outcome == "unknown" else "",
        outcome=outcome,
        attempts=chance.choice((1, 1, 1, 2, 3)),
        call_id=f"call-{number}",
        duration_seconds=seconds,
        summary="The lead was asked about the offer." if talked else "",
        analysis=_analysis(chance, who["name"]) if talked and chance.random() < 0.94 else None,
        started_at=began,
        ended_at=began + timedelta(seconds=seconds),
    )


def _uncalled(chance: random.Random, who: dict[str, Any]) -> Person:
    state, reason = chance.choice(
        (
            ("waiting", "outside_hours"),
            ("waiting", "outside_hours"),
            ("waiting", "too_soon_after_last_attempt"),
            ("skipped", "do_not_call"),
            ("skipped", "no_consent"),
            ("skipped", "attempts_used_up"),
            ("review", "zone_unknown"),
        )
    )
    nothing: dict[str, Any] = {
        "outcome": "",
        "attempts": 0,
        "call_id": "",
        "duration_seconds": None,
        "summary": "",
    }
    return Person(**who, state=state, reason=reason, **nothing, started_at=None, ended_at=None)


def _analysis(chance: random.Random, name: str) -> dict[str, object]:
    return {
        "appointment": chance.random() < 0.31,
        "interest": chance.choices(("high", "some", "none", "asked_to_be_called_back"), (3, 5, 4, 1))[0],
        "budget_eur": chance.choice((None, 250, 400, 1200, 3500.5)),
        "satisfaction": chance.randint(1, 10),
        "objections": chance.sample(("price", "timing", "has a supplier", "no need"), chance.randint(0, 2)),
        "contact": {"decision_maker": chance.random() < 0.6, "spoke_to": name},
        "next_step": f"Ring {name} back on {chance.randrange(10**6)}",
    }
