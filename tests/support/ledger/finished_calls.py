"""Calls of a campaign that ended, and rules by which they mean something."""

from typing import Any

import pytest
from sqlalchemy import select

from flireo_flows.ledger import AttemptBook, Database, Expectations
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.lifecycle.outcomes import OutcomeRule
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA
from tests.support.calling.incoming import Incoming, listed

# Learns nothing by itself: each test says what a call teaches.
RETRIES = CallingPolicy(
    calling_hours=None,
    max_attempts=3,
    retry_delay_seconds=0,
    do_not_call_keys=[],
    do_not_call_words=False,
)


NOBODY: dict[str, Any] = {
    "status": "failed",
    "end_reason": None,
    "started_at": None,
    "duration_seconds": 0,
    "summary": None,
    "messages": None,
}


MACHINE = [
    {"role": "user", "content": "You have reached the voicemail."},
    {"role": "assistant", "content": "Hi."},
]


def with_rules(*rules: dict[str, Any], **fields: Any) -> CallingPolicy:
    """The policy with rules of its own."""
    return RETRIES.model_copy(
        update={"outcomes": [OutcomeRule.model_validate(rule) for rule in rules], **fields}
    )


async def finished_call(
    incoming: Incoming, book: AttemptBook, call_id: str = "call-1", phone: str = ANNA, **reported: Any
) -> None:
    """A call was placed, and the list shows how it ended."""
    await incoming.campaign.placed(book, call_id, phone)
    assert await incoming.read(listed(call_id, phone, **reported), Expectations(), later=9999)


async def everything(database: Database) -> list[Any]:
    """All rows of leads and attempts."""
    async with database.read() as db:
        return [(await db.execute(select(table).order_by(table.c.id))).all() for table in (leads, attempts)]


@pytest.fixture
async def trying(database: Database) -> tuple[Incoming, AttemptBook]:
    """A campaign that rings again after no answer."""
    incoming = Incoming(database, RETRIES)
    return incoming, await incoming.campaign.runner()
