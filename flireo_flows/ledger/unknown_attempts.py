"""Attempts whose call may or may not have been placed: their request got no usable answer, or their runner died.

Nothing calls such a lead again until its call is found, or complete readings of the call list prove that there is none.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select, update

from flireo_flows.ledger.attempts import attempt_of, has_owner, move, not_placed_in
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.intents import Attempt
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.suppressions import chunks
from flireo_flows.lifecycle.absence import Verdict, View, evidence_of, weigh
from flireo_flows.lifecycle.states import AttemptEvent, AttemptState, IdSource, LeadState, Reason
from flireo_flows.policy import CallingPolicy

REVIEWED_SECONDS: Final = 7200.0  # how long the call of an attempt that needs review is still looked for


class UnknownAttempts:
    """The unknown attempts of one campaign, and what the call list shows of them."""

    def __init__(self, campaign: CampaignLedger) -> None:
        self._database, self.campaign = campaign.database, campaign.name

    async def all(self) -> list[Attempt]:
        """Those whose call is worth looking for, oldest first.

        The call of one that needs review is looked for some hours more; after that only a report can settle it.
        """
        wanted = select(attempts).where(
            attempts.c.campaign == self.campaign,
            attempts.c.state == AttemptState.UNKNOWN,
            ~is_given_up(self._database.now()),
        )
        async with self._database.read() as db:
            return [attempt_of(row) for row in (await db.execute(wanted.order_by(attempts.c.id))).all()]

    async def are_due(self, read_before: float) -> bool:
        """Whether one of them was not weighed against a reading since `read_before` (Unix seconds)."""
        waiting = select(attempts.c.id).where(
            attempts.c.campaign == self.campaign,
            attempts.c.state == AttemptState.UNKNOWN,
            attempts.c.over_at.is_(None),
            (attempts.c.read_at.is_(None)) | (attempts.c.read_at <= read_before),
        )
        async with self._database.read() as db:
            return (await db.execute(waiting.limit(1))).first() is not None

    async def rivals(self, phones: Iterable[str], since: float) -> dict[str, int]:
        """How many attempts, of any campaign, may own a call to each number that has no owner yet."""
        unowned = [str(AttemptState.SENDING), str(AttemptState.UNKNOWN)]
        wanted = (
            select(attempts.c.phone, func.count())
            .where(attempts.c.state.in_(unowned), attempts.c.began_at >= since)
            .group_by(attempts.c.phone)
        )
        found: dict[str, int] = {}
        async with self._database.read() as db:
            for chunk in chunks(sorted(phones)):
                rows = (await db.execute(wanted.where(attempts.c.phone.in_(chunk)))).all()
                found |= {phone: count for phone, count in rows}
        return found

    async def adopt(self, attempt: Attempt, call_id: str) -> bool:
        """Give an attempt its call. False if the attempt moved meanwhile, or the call has an owner."""
        async with self._database.write(self.campaign) as db:
            if await has_owner(db, call_id):
                return False
            found = {"call_id": call_id, "id_source": IdSource.LIST, "reason": Reason.NONE, "detail": ""}
            return await move(db, attempt.id, AttemptEvent.FOUND, **found)

    async def add_alias(self, attempt_id: int, call_id: str) -> bool:
        """Keep that the list has a call under another id than we know it by. False if that id has an owner.

        Possible, never yet proved (contract section 19).
        """
        async with self._database.write(self.campaign) as db:
            if await has_owner(db, call_id):
                return False
            alias = update(attempts).where(attempts.c.id == attempt_id, attempts.c.report_id.is_(None))
            return bool((await db.execute(alias.values(report_id=call_id))).rowcount)

    async def weigh(self, attempt: Attempt, view: View, grace: float, policy: CallingPolicy) -> Verdict:
        """Write down what a reading of the list without the attempt's call shows, and what it proves.

        Args:
            attempt: An unknown one.
            view: What the reading showed.
            grace: Seconds that must lie between readings that prove something.
            policy: Decides what becomes of the lead once it is proved that its call was not placed.
        """
        async with self._database.write(self.campaign) as db:
            still = and_(attempts.c.id == attempt.id, attempts.c.state == AttemptState.UNKNOWN)
            row = (await db.execute(select(attempts).where(still))).first()
            if row is None:
                return Verdict.OPEN
            evidence, verdict = weigh(evidence_of(row), view, grace)
            await db.execute(update(attempts).where(still).values(asdict(evidence)))
            if verdict is Verdict.ABSENT:
                await move(db, attempt.id, AttemptEvent.ABSENT, reason=Reason.NOT_LISTED)
                again = LeadState.WAITING if policy.unknown == "try_again" else LeadState.REVIEW
                await not_placed_in(db, attempt, again, Reason.PROVED_NOT_PLACED, counts=1)
            return verdict

    async def review(self, attempt: Attempt, reason: Reason, detail: str = "") -> None:
        """Put a lead up for review while its attempt stays unknown: no run calls it again."""
        async with self._database.write(self.campaign) as db:
            still = update(attempts).where(
                attempts.c.id == attempt.id, attempts.c.state == AttemptState.UNKNOWN
            )
            since = func.coalesce(attempts.c.over_at, self._database.now())  # it is not looked for for ever
            if (await db.execute(still.values(reason=reason, detail=detail, over_at=since))).rowcount:
                await db.execute(
                    update(leads)
                    .where(leads.c.id == attempt.lead_id, leads.c.state == LeadState.CALLING)
                    .values(state=LeadState.REVIEW, reason=reason, detail=detail)
                )

    async def first_refused(self, since: float) -> float | None:
        """When the first request since a moment was sent that placed no call as far as we know; None for none."""
        refused = select(func.min(attempts.c.began_at)).where(
            attempts.c.campaign == self.campaign,
            attempts.c.state == AttemptState.NOT_PLACED,
            attempts.c.began_at > since,
        )
        async with self._database.read() as db:
            found: float | None = (await db.execute(refused)).scalar_one()
            return found

    async def refused(self, phones: Iterable[str]) -> list[Attempt]:
        """The last attempts of waiting leads with these numbers, where no call was placed as far as we know."""
        wanted = (
            select(attempts)
            .join(leads, and_(leads.c.id == attempts.c.lead_id, leads.c.tries == attempts.c.number))
            .where(
                leads.c.campaign == self.campaign,
                leads.c.state == LeadState.WAITING,
                attempts.c.state == AttemptState.NOT_PLACED,
            )
        )
        found: list[Attempt] = []
        async with self._database.read() as db:
            for chunk in chunks(sorted(phones)):
                rows = (await db.execute(wanted.where(leads.c.phone.in_(chunk)))).all()
                found += map(attempt_of, rows)
        return found

    async def review_refused(self, attempt: Attempt) -> None:
        """Put the waiting lead of a refused attempt up for review: a call to its number showed up all the same."""
        async with self._database.write(self.campaign) as db:
            mine = update(leads).where(leads.c.id == attempt.lead_id, leads.c.state == LeadState.WAITING)
            await db.execute(mine.values(state=LeadState.REVIEW, reason=Reason.CALL_APPEARED))


def is_given_up(now: float) -> ColumnElement[bool]:
    """Of an unknown attempt: that its lead has needed review for so long that its call will not show up."""
    calling = select(leads.c.id).where(leads.c.id == attempts.c.lead_id, leads.c.state == LeadState.CALLING)
    reviewed_for_long = and_(attempts.c.over_at.is_not(None), attempts.c.over_at <= now - REVIEWED_SECONDS)
    return and_(reviewed_for_long, ~calling.exists())
