"""Who calls in, as far as the ledger knows: the newest lead of that number."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select

from flireo_flows.leads import Wishes
from flireo_flows.ledger import Database
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.suppressions import suppressed_in
from flireo_flows.script import LeadFacts

_NO_DIGIT: Final = re.compile(r"[^\d]")


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
        database: The ledger.
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
    digits = _NO_DIGIT.sub("", number).removeprefix("00")
    return f"+{digits}" if 7 <= len(digits) <= 15 else ""
