"""Plans to make in a test."""

from datetime import UTC, datetime

from flireo_flows.calling.dry_run import make_plan
from flireo_flows.calling.plan import Plan, PlanRequest
from flireo_flows.leads import Lead, LeadBatch, Reject
from flireo_flows.ledger.past import Past
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Caller, Composer, Script
from tests.support.calling.campaign import ANNA, BEN, CARLA

MONDAY = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
GREETING = Script(first_message="Hi {{ name }} from {{ city }}, this is an AI.")


def lead_of(phone: str, name: str, line: int, city: str = "Leeds", **fields: object) -> Lead:
    """A lead of a file with three columns."""
    columns = {"name": name, "phone": phone, "city": city}
    zones = fields.pop("zones", ("Europe/London",))
    return Lead(phone, name, columns, zones, line, **fields)  # type: ignore[arg-type]


THREE = (lead_of(ANNA, "Anna", 2), lead_of(BEN, "Ben", 3), lead_of(CARLA, "Carla", 4))


def wanted(
    script: Script = GREETING,
    policy: CallingPolicy | None = None,
    number: str = "number-1",
) -> PlanRequest:
    """What a run of `spring` is asked to do."""
    composer = Composer(Caller("agent-1", number), script, seed="spring")
    return PlanRequest("spring", policy or CallingPolicy(), composer)


def plan(
    *leads: Lead, rejects: tuple[Reject, ...] = (), asked: PlanRequest | None = None, past: Past | None = None
) -> Plan:
    """A plan of these people."""
    return make_plan(
        LeadBatch(leads, rejects, ("name", "phone", "city")), asked or wanted(), past or Past(), MONDAY
    )
