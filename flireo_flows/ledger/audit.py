"""Why was, or was not, this person called? Everything the ledger knows of one lead; and of a number that calls in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import digits, spellings
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.leads import Wishes
from flireo_flows.ledger.campaigns import Standing, require_campaign, standing_in
from flireo_flows.ledger.database import Database, from_row
from flireo_flows.ledger.messages import attempt_reason, lead_reason
from flireo_flows.ledger.schema import attempts, decisions, do_not_call, leads
from flireo_flows.ledger.suppressions import Suppression, suppressed_in, suppression_in
from flireo_flows.script import LeadFacts


@dataclass(frozen=True, slots=True)
class LeadAudit:
    """The lead as it stands. Times are Unix seconds of the ledger's clock.

    Attributes:
        zones: IANA names of every time zone the person may be in.
        zone_source: Where they come from, as `Lead.zone_source` writes it.
        not_before: When it may be asked about again, if it waits.
        line: Of its file.
    """

    state: str
    reason: str
    outcome: str
    attempts: int
    zones: tuple[str, ...]
    zone_source: str
    not_before: float
    line: int


@dataclass(frozen=True, slots=True)
class AttemptAudit:
    """One try. Times are Unix seconds of the ledger's clock."""

    number: int
    state: str
    began_at: float
    over_at: float | None
    outcome: str
    reason: str
    end_reason: str
    duration_seconds: int | None
    call_id: str
    agent_id: str
    number_id: str
    variant: str


@dataclass(frozen=True, slots=True)
class DecisionAudit:
    """One decision, and how often it was made again for the same reason.

    Attributes:
        number: Of the attempt it allowed; None where it denied.
        rule: What denied; empty when all allowed.
        until: When it is worth asking again, Unix seconds; None for never under that policy.
        inputs: What the rules looked at.
        policy: Version of the policy.
        first_at: When it was made first, Unix seconds.
        last_at: When it was made last, Unix seconds.
    """

    number: int | None
    allowed: bool
    rule: str
    until: float | None
    inputs: Mapping[str, Any]
    policy: str
    first_at: float
    last_at: float
    times: int


@dataclass(frozen=True, slots=True)
class CampaignAudit:
    """Why this person was, or was not, called.

    Attributes:
        standing: How the campaign stands as a whole.
        suppression: Why the number is never called, in whatever campaign; None when it is not suppressed.
        on_file: Whether it is on the campaign's own do-not-call list.
        lead: None when the campaign does not know the number.
        attempts: In order.
        decisions: In order.
        now: When this was read, Unix seconds of the ledger's clock.
    """

    campaign: str
    standing: Standing
    suppression: Suppression | None
    on_file: bool
    lead: LeadAudit | None
    attempts: tuple[AttemptAudit, ...]
    decisions: tuple[DecisionAudit, ...]
    now: float


async def audit_lead(database: Database, phone: str, campaign: str) -> CampaignAudit:
    """Everything a campaign knows of a number.

    Args:
        phone: E.164.
        campaign: Its name.

    Raises:
        DeclinedError: There is no such campaign.
    """
    async with database.read() as db:
        shown = await require_campaign(db, campaign, database.where)
        mine = select(leads).where(leads.c.campaign == campaign, leads.c.phone == phone)
        lead = (await db.execute(mine)).first()
        forbidden = select(do_not_call.c.phone).where(
            do_not_call.c.campaign == campaign, do_not_call.c.phone == phone
        )
        return CampaignAudit(
            campaign=shown,
            standing=await standing_in(db, campaign),
            suppression=await suppression_in(db, database, phone),
            on_file=(await db.execute(forbidden)).first() is not None,
            lead=_lead_audit(lead) if lead else None,
            attempts=await _attempts(db, lead.id, phone) if lead else (),
            decisions=await _decisions(db, lead.id) if lead else (),
            now=database.now(),
        )


async def _attempts(db: AsyncConnection, lead_id: int, phone: str) -> tuple[AttemptAudit, ...]:
    mine = select(attempts).where(attempts.c.lead_id == lead_id).order_by(attempts.c.number)
    return tuple(
        from_row(
            AttemptAudit,
            row,
            reason=redact(attempt_reason(row)),
            end_reason=redact(row.end_reason),
            call_id=_masked(row.call_id or "", phone),
        )
        for row in (await db.execute(mine)).all()
    )


async def _decisions(db: AsyncConnection, lead_id: int) -> tuple[DecisionAudit, ...]:
    mine = select(decisions).where(decisions.c.lead_id == lead_id).order_by(decisions.c.id)
    rows = (await db.execute(mine)).all()
    return tuple(from_row(DecisionAudit, row, inputs=json.loads(row.inputs)) for row in rows)


def _lead_audit(row: Row[Any]) -> LeadAudit:
    return from_row(LeadAudit, row, reason=redact(lead_reason(row)), zones=tuple(row.zones.split()))


def _masked(call_id: str, phone: str) -> str:
    """A call id without the number, from which some are made, in any of its spellings."""
    for plain in (one.lstrip("+") for one in sorted(spellings(phone))):
        call_id = call_id.replace(plain, mask_phone(plain))
    return call_id


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A lead whose number calls in.

    Attributes:
        phone: E.164.
        name: As written in the file of leads.
        columns: The row of the file.
        campaign: The campaign in which they were called last, or are to be.
        is_suppressed: They are never to be called again; it is yours to say whether they want to be recognised.
        outcome: Of the last call to them; empty if there was none.
        summary: Of that call; empty if there is none.
        called_at: When it began; None if there was none.
    """

    phone: str = field(repr=False)
    name: str = field(repr=False)
    columns: Mapping[str, str] = field(repr=False)
    campaign: str
    is_suppressed: bool
    outcome: str
    summary: str = field(repr=False)
    called_at: datetime | None
    facts: LeadFacts = field(repr=False)


async def find_caller(database: Database, number: str) -> KnownCaller | None:
    """The lead of a number, in whatever campaign; the one who was called last.

    Args:
        number: As the platform wrote it; E.164 as a rule.

    Returns:
        None if the ledger does not know them, as when they were forgotten.
    """
    phone = _e164(number)
    newest = (
        select(leads, attempts.c.began_at, attempts.c.summary)
        .outerjoin(attempts, (attempts.c.lead_id == leads.c.id) & (attempts.c.number == leads.c.tries))
        .where(leads.c.phone == phone)
        .order_by(func.coalesce(attempts.c.began_at, 0.0).desc(), leads.c.id.desc())
        .limit(1)
    )
    async with database.read() as db:
        row = (await db.execute(newest)).first() if phone else None
        if row is None:
            return None
        suppressed = bool(await suppressed_in(db, database, [phone]))
    columns = json.loads(row.columns)
    return KnownCaller(
        phone=phone,
        name=row.name,
        columns=columns,
        campaign=row.campaign,
        is_suppressed=suppressed,
        outcome=row.outcome,
        summary=row.summary or "",
        called_at=datetime.fromtimestamp(row.began_at, UTC) if row.began_at is not None else None,
        facts=LeadFacts(phone, row.name, columns, Wishes.from_json(row.wishes)),
    )


def _e164(number: str) -> str:
    """With its plus, whether it came as `+31 6...`, `0031 6...` or `316...`; empty for what is no number."""
    plain = digits(number)
    return f"+{plain}" if 7 <= len(plain) <= 15 else ""
