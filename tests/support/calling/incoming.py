"""Reports and listed calls as Flireo writes them, and a campaign that receives them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from flireo_flows.api.calls import Call
from flireo_flows.ledger import AttemptBook, Database, Expectations, Inbox
from flireo_flows.ledger.call_reports import apply_report
from flireo_flows.ledger.messages import inbox_reason
from flireo_flows.ledger.report_matches import SETTLING_SECONDS
from flireo_flows.ledger.reports import Report, report_of_call
from flireo_flows.ledger.schema import attempts, inbox
from flireo_flows.policy import CallingPolicy
from tests.support.calling.campaign import ANNA, POLICY, Campaign

ANALYSED = Expectations(analysis=True, fewest_messages=2)
TALK = [{"role": "assistant", "content": "Hello?"}, {"role": "user", "content": "Hello."}]
ANALYSIS = {"interest": "high", "sentiment": 8}


def webhook(
    kind: str, call_id: str = "call-1", phone: str = ANNA, status: str = "ended", **more: Any
) -> bytes:
    """A webhook as the platform writes it (contract section 18.4)."""
    call = {"id": call_id, "type": more.pop("call_type", "outboundPhoneCall"), "status": status}
    message = {
        "type": kind,
        "timestamp": datetime.now(UTC).isoformat(),
        "call": call,
        "phoneNumber": {"number": "+31850835037"},
        "customer": {"number": phone},
        **more,
    }
    return json.dumps({"message": message}).encode()


def report(call_id: str = "call-1", phone: str = ANNA, **more: Any) -> bytes:
    """An end-of-call report, with all that one can hold."""
    reported = {
        "durationSeconds": 61,
        "summary": "Anna wants an offer.",
        "messages": TALK,
        "analysis": ANALYSIS,
    }
    return webhook("end-of-call-report", call_id, phone, **{**reported, **more})


def status_update(status: str, **more: Any) -> bytes:
    """A status update."""
    return webhook("status-update", status=status, **more)


def listed(call_id: str = "call-1", phone: str = ANNA, **fields: Any) -> Call:
    """A call as the list shows it: over, and talked in."""
    now = datetime.now(UTC).isoformat()
    ended = {"status": "ended", "end_reason": "user_hangup", "started_at": now, "ended_at": now}
    reported = {"duration_seconds": 61, "summary": "Anna wants an offer.", "messages": TALK}
    return Call.model_validate(
        {"id": call_id, "direction": "outbound", "caller_phone": phone, **ended, **reported, **fields}
    )


class Incoming:
    """A campaign and its inbox."""

    def __init__(self, database: Database, policy: CallingPolicy = POLICY) -> None:
        self.database, self.campaign = database, Campaign(database, policy=policy)
        self.inbox = Inbox(database)

    async def store(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.inbox.store(body)

    async def apply(self) -> tuple[int, int]:
        return await self.inbox.apply(self.campaign.name, self.campaign.policy, ANALYSED)

    async def receive(self, *bodies: bytes) -> tuple[int, int]:
        await self.store(*bodies)
        return await self.apply()

    async def settle(self) -> tuple[int, int]:
        """Apply what waits, some seconds later."""
        async with self.database.write() as db:
            earlier = inbox.c.received_at - SETTLING_SECONDS
            await db.execute(update(inbox).values(received_at=earlier))
        return await self.apply()

    async def read(self, call: Call, expects: Expectations = ANALYSED, later: float = 0.0) -> bool:
        """Read a call in the list."""
        return await self.apply_report(report_of_call(call), expects, later)

    async def apply_report(self, reported: Report, expects: Expectations, later: float) -> bool:
        now = self.database.now() + later
        async with self.database.write() as db:
            mine = select(attempts).where(attempts.c.call_id == reported.call_id)
            row = (await db.execute(mine)).one()
            return await apply_report(db, self.database, row, reported, self.campaign.policy, expects, now)

    async def states(self) -> list[tuple[str, str]]:
        async with self.database.read() as db:
            rows = await db.execute(
                select(inbox.c.state, inbox.c.reason, inbox.c.detail).order_by(inbox.c.id)
            )
            return [(row.state, inbox_reason(row.reason, row.detail)) for row in rows]

    async def result(self, phone: str = ANNA) -> Any:
        return (await self.campaign.results())[phone]


@pytest.fixture
def incoming(database: Database) -> Incoming:
    return Incoming(database)


@pytest.fixture
async def book(incoming: Incoming) -> AttemptBook:
    return await incoming.campaign.runner()
