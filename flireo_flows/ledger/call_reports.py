"""What the call list, and calls asked for by their ids, write to the attempts of one campaign.

Each attempt is read again in the transaction that writes to it: a webhook may have reported its call meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.calls import Call
from flireo_flows.ledger.attempts import release_call_in
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.leads import chunks
from flireo_flows.ledger.reports import Expectations, apply_report, close_without_report, report_of_call
from flireo_flows.ledger.schema import attempts
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import AttemptState
from flireo_flows.policy import CallingPolicy


@dataclass(frozen=True, slots=True)
class CallReports:
    """Writes what calls report.

    Attributes:
        policy: Says when to stop waiting for more, whether a lead is called again, and what a call teaches.
    """

    campaign: CampaignLedger
    policy: CallingPolicy

    async def apply(
        self, reports: Mapping[int, Call], foreign: Mapping[int, Call], expects: Expectations
    ) -> set[int]:
        """Write what the calls of a page report.

        Args:
            reports: Calls that are over, by attempt.
            foreign: Calls of other attempts' or nobody's, by the attempt that has their id.
            expects: What is still to come after a call's end.

        Returns:
            Attempts that had the id of another call, and whose own call is looked for from now on.
        """
        now, disowned = self.campaign.now(), set[int]()
        async with self.campaign.write() as db:
            for row in await _read_again(db, [*reports, *foreign]):
                if row.id in reports:
                    report = report_of_call(reports[row.id])
                    await apply_report(db, self.campaign.database, row, report, self.policy, expects, now)
                # Not where the call is known by the id that a webhook gave beside it.
                elif foreign[row.id].id == row.call_id and await release_call_in(db, row, now):
                    disowned.add(row.id)
        return disowned

    async def write(self, attempt_id: int, call: Call, expects: Expectations, *, is_last: bool) -> None:
        """Write what a call that was asked for by its id reports, unless the attempt's result is in.

        Args:
            attempt_id: Of its attempt.
            call: One that is over.
            expects: What is still to come after a call's end.
            is_last: Whether the call was asked for because it should have been over for long.
        """
        now = self.campaign.now()
        async with self.campaign.write() as db:
            for row in await _read_placed(db, attempt_id):
                if await apply_report(
                    db, self.campaign.database, row, report_of_call(call), self.policy, expects, now
                ):
                    return
                again = {"asked_at": now} if is_last else {}  # its summary may still come
                mine = update(attempts).where(attempts.c.id == row.id)
                await db.execute(mine.values(fetched_at=now, **again))

    async def disown(self, attempt_id: int) -> None:
        """The call whose id a placed attempt has is another one; its own is looked for from now on."""
        async with self.campaign.write() as db:
            for row in await _read_placed(db, attempt_id):
                await release_call_in(db, row, self.campaign.now())

    async def close(self, attempt_id: int, reason: Reason, detail: str = "") -> None:
        """A call that should have been over for long reports nothing. The second time, its attempt ends for review."""
        now = self.campaign.now()
        async with self.campaign.write() as db:
            (row,) = await _read_again(db, [attempt_id])
            if row.asked_at is None:  # the ledger keeps it, for the next to ask may be another process
                first = update(attempts).where(attempts.c.id == row.id, attempts.c.asked_at.is_(None))
                await db.execute(first.values(asked_at=now))
            else:
                await close_without_report(db, row, reason, self.policy, now, detail)


async def _read_again(db: AsyncConnection, attempt_ids: Iterable[int]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for chunk in chunks(list(attempt_ids)):
        wanted = select(attempts).where(attempts.c.id.in_(chunk)).order_by(attempts.c.id)
        rows += (await db.execute(wanted)).all()
    return rows


async def _read_placed(db: AsyncConnection, attempt_id: int) -> list[Row[Any]]:
    return [row for row in await _read_again(db, [attempt_id]) if row.state == AttemptState.PLACED]
