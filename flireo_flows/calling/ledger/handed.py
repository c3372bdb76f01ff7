"""Leads that were handed to a campaign of Flireo's own: what the ledger knows of them, and writes."""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.calling.choice import LeadFacts
from flireo_flows.calling.ledger.attempts import move
from flireo_flows.calling.ledger.database import Database
from flireo_flows.calling.ledger.leads import GONE_FROM_FILE, chunks, stored
from flireo_flows.calling.ledger.reports import Expectations, Report, apply_report, close_without_report
from flireo_flows.calling.ledger.schema import (
    IS_OPEN,
    attempts,
    campaigns,
    do_not_call,
    handovers,
    leads,
    runners,
)
from flireo_flows.calling.ledger.suppressions import suppressed_in
from flireo_flows.calling.outcomes import Outcome
from flireo_flows.calling.policy import CallingPolicy, Deny, History, PolicyLead, decide
from flireo_flows.calling.states import AttemptState, CampaignState, Event, LeadState
from flireo_flows.leads.wishes import Wishes

PORTION: Final = 500  # rows a statement


@dataclass(frozen=True, slots=True)
class Handed:
    """One attempt that a campaign of Flireo's own makes, or may make.

    Attributes:
        id: Of the attempt.
        vendor_lead_id: Of the lead in Flireo's campaign; None while nobody knows whether it is there.
        call_id: Of its call; None while it was not rung.
        began_at: When the wish was committed, Unix seconds.
        silent_since: Since when it seems to be over without a word, Unix seconds; None while it does not.
    """

    id: int
    lead_id: int
    phone: str
    state: AttemptState
    vendor_lead_id: str | None
    call_id: str | None
    began_at: float
    silent_since: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lead that waits to be handed over."""

    lead_id: int
    line: int
    facts: LeadFacts


@dataclass(frozen=True, slots=True)
class Added:
    """What came of the one request that adds a lead.

    Attributes:
        event: `ACCEPTED`, `REFUSED` or `LOST`.
        vendor_lead_id: With `ACCEPTED`.
        reason: With the others, in words without a number.
        lead: What becomes of a lead that was refused.
        not_before: When a lead that waits again may be handed over again, Unix seconds.
    """

    attempt_id: int
    event: Event
    vendor_lead_id: str | None = None
    reason: str = ""
    lead: LeadState = LeadState.WAITING
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Open attempts of a campaign that was handed over.

    Attributes:
        unsettled: Those of which nobody knows yet whether Flireo's campaign has them.
        waiting: Those that it has and has not rung yet.
        running: Those that it rang, and whose result is not in yet.
    """

    unsettled: int
    waiting: int
    running: int


async def waiting_at_flireo(database: Database, phones: Collection[str]) -> dict[str, list[Handed]]:
    """Who of these waits in a campaign of Flireo's own to be rung, as far as we know, by our campaign's name.

    Args:
        database: The ledger.
        phones: E.164.
    """
    found: dict[str, list[Handed]] = {}
    async with database.read() as db:
        for chunk in chunks(sorted(phones)):
            wanted = _handed(attempts.c.campaign).where(attempts.c.phone.in_(chunk), _waits_at_flireo())
            for row in (await db.execute(wanted)).all():
                found.setdefault(row.campaign, []).append(_of(row))
    return found


class HandedBook:
    """The handed-over leads of one campaign."""

    def __init__(self, database: Database, campaign: str) -> None:
        self._database, self.campaign = database, campaign

    # Flireo's campaign.

    async def claim(self, runner: str) -> bool:
        """Have this runner alone hand over; False while another one lives that does."""
        alive = select(runners.c.id).where(runners.c.lease_until > self._database.now())
        async with self._database.write(self.campaign) as db:
            row = await self._handover(db)
            others = alive.where(runners.c.id == row.runner, runners.c.id != runner)
            if (await db.execute(others)).first():
                return False
            await self._set(db, runner=runner)
            return True

    async def is_claimed_by(self, runner: str) -> bool:
        """Whether this runner's claim still stands: nobody took it over since, nor gave it back."""
        mine = select(handovers.c.runner).where(handovers.c.campaign == self.campaign)
        async with self._database.read() as db:
            return bool((await db.execute(mine)).scalar_one_or_none() == runner)

    async def release(self, runner: str) -> None:
        """Give up the claim."""
        mine = update(handovers).where(handovers.c.campaign == self.campaign, handovers.c.runner == runner)
        async with self._database.write(self.campaign) as db:
            await db.execute(mine.values(runner=""))

    async def vendor_campaign(self) -> str:
        """Id of Flireo's campaign; empty while none is known."""
        known = select(campaigns.c.vendor_campaign_id).where(campaigns.c.name == self.campaign)
        async with self._database.read() as db:
            return str((await db.execute(known)).scalar_one_or_none() or "")

    async def making_since(self) -> float | None:
        """Since when a request that makes Flireo's campaign may have arrived; None: there was none."""
        async with self._database.read() as db:
            wanted = select(handovers.c.making_since).where(handovers.c.campaign == self.campaign)
            return (await db.execute(wanted)).scalar_one_or_none()

    async def making(self, since: float | None) -> None:
        """Commit the wish to make Flireo's campaign before it is sent; None: it was refused."""
        async with self._database.write(self.campaign) as db:
            await self._set(db, making_since=since)

    async def remember(self, vendor_campaign_id: str) -> None:
        """Flireo's campaign is known from now on."""
        async with self._database.write(self.campaign) as db:
            known = update(campaigns).where(campaigns.c.name == self.campaign)
            values = {"vendor_campaign_id": vendor_campaign_id}
            if not (await db.execute(known.values(values))).rowcount:
                row = {"name": self.campaign, "state": CampaignState.OPEN, **values}
                await db.execute(insert(campaigns).values(row))
            await self._set(db, making_since=None)

    async def is_held(self) -> bool:
        """Whether we paused Flireo's campaign, so that we may resume it."""
        async with self._database.read() as db:
            wanted = select(handovers.c.is_held).where(handovers.c.campaign == self.campaign)
            return bool((await db.execute(wanted)).scalar_one_or_none())

    async def hold(self, is_held: bool) -> None:
        """Write down that we pause Flireo's campaign, before it is sent; or that it goes on."""
        async with self._database.write(self.campaign) as db:
            await self._set(db, is_held=is_held)

    # Its leads.

    async def zones(self, batch: str) -> list[tuple[str, ...]]:
        """The zones of everybody who is to be handed over, or was and is not rung yet: each set once."""
        wanted = select(leads.c.zones).where(
            leads.c.campaign == self.campaign,
            or_(
                and_(leads.c.batch == batch, leads.c.state == LeadState.WAITING),
                leads.c.state == LeadState.CALLING,
            ),
        )
        async with self._database.read() as db:
            return [tuple(zones.split()) for zones in (await db.execute(wanted.distinct())).scalars()]

    async def waiting(self, batch: str, after: int) -> list[Waiting]:
        """The next leads that wait, in the order of their ids.

        Args:
            batch: Only leads of this file.
            after: Id of the last one that was read; 0 begins.
        """
        wanted = (
            select(leads)
            .where(leads.c.campaign == self.campaign, leads.c.batch == batch, leads.c.id > after)
            .where(leads.c.state == LeadState.WAITING)
            .order_by(leads.c.id)
            .limit(PORTION)
        )
        async with self._database.read() as db:
            return [_waiting(row) for row in (await db.execute(wanted)).all()]

    async def set_aside(self, reasons: Sequence[tuple[int, str]]) -> None:
        """Put waiting leads up for review: their row has to be mended first."""
        async with self._database.write(self.campaign) as db:
            for lead_id, reason in reasons:
                await db.execute(
                    update(leads)
                    .where(leads.c.id == lead_id, leads.c.state == LeadState.WAITING)
                    .values(state=LeadState.REVIEW, reason=stored(reason))
                )

    async def figures(self) -> Figures:
        """How many attempts are open."""
        rung = or_(attempts.c.call_id.is_not(None), attempts.c.report_id.is_not(None))
        wanted = (
            select(attempts.c.state, rung.label("rung"), func.count().label("many"))
            .where(attempts.c.campaign == self.campaign, IS_OPEN)
            .group_by(attempts.c.state, rung)
        )
        async with self._database.read() as db:
            rows = (await db.execute(wanted)).all()
        placed = [row for row in rows if row.state == AttemptState.PLACED]
        return Figures(
            unsettled=sum(row.many for row in rows if row not in placed),
            waiting=sum(row.many for row in placed if not row.rung),
            running=sum(row.many for row in placed if row.rung),
        )

    async def was_dialled(self) -> bool:
        """Whether the campaign was dialled directly, which nothing of a hand-over would know about."""
        rung = select(attempts.c.id).where(
            attempts.c.campaign == self.campaign, attempts.c.state != AttemptState.NOT_PLACED
        )
        if await self.was_handed_over():
            return False
        async with self._database.read() as db:
            return (await db.execute(rung.limit(1))).first() is not None

    async def was_handed_over(self) -> bool:
        """Whether Flireo has a campaign for it, or may have: then it must not be dialled directly."""
        return bool(await self.vendor_campaign()) or await self.making_since() is not None

    async def open(self) -> list[Handed]:
        """Attempts that are not over, and those that a report ended before their call id was known."""
        wanted = or_(
            IS_OPEN,
            and_(
                attempts.c.state == AttemptState.ENDED,
                attempts.c.vendor_lead_id.is_not(None),
                attempts.c.call_id.is_(None),
                attempts.c.report_id.is_not(None),
            ),
        )
        async with self._database.read() as db:
            rows = (await db.execute(_handed().where(attempts.c.campaign == self.campaign, wanted))).all()
        return [_of(row) for row in rows]

    async def known_ids(self) -> set[str]:
        """Ids of all leads of Flireo's campaign that this ledger put there."""
        known = select(attempts.c.vendor_lead_id).where(
            attempts.c.campaign == self.campaign, attempts.c.vendor_lead_id.is_not(None)
        )
        async with self._database.read() as db:
            return set((await db.execute(known)).scalars())

    async def unwanted(
        self, batch: str, rules: CallingPolicy, refused: Callable[[Wishes], str]
    ) -> list[tuple[Handed, LeadState, str]]:
        """Who was handed over, is not rung, and must not be any more: what becomes of each, and why.

        Args:
            batch: The newest file; who is not in it waits.
            rules: By which everybody is decided about anew: a newer file may say something else of them.
            refused: What a row asks for and Flireo's campaign cannot do, in words; empty when there is nothing.
        """
        listed = exists().where(do_not_call.c.campaign == self.campaign, do_not_call.c.phone == leads.c.phone)
        told = (leads.c[name] for name in ("batch", "zones", "zone_source", "wishes"))
        used = (leads.c[name] for name in ("attempts", "outcome", "last_ended_at"))
        wanted = (
            _handed(*told, *used, listed.label("listed"))
            .join(leads, leads.c.id == attempts.c.lead_id)
            .where(attempts.c.campaign == self.campaign, _waits_at_flireo())
        )
        async with self._database.read() as db:
            rows = (await db.execute(wanted)).all()
            forbidden = await suppressed_in(db, self._database, [row.phone for row in rows])
        now = datetime.fromtimestamp(self._database.now(), UTC)
        found: list[tuple[Handed, LeadState, str]] = []
        for portion in chunks(rows):
            for row in portion:
                said_no = forbidden.get(row.phone) or ("file" if row.listed else "")
                denial = _denial(row, said_no, rules, refused, now)
                if denial is None and row.batch != batch:
                    denial = LeadState.WAITING, GONE_FROM_FILE
                if denial is not None:
                    found.append((_of(row), *denial))
            await asyncio.sleep(0)  # many leads take seconds, and the lease has to be renewed meanwhile
        return found

    async def record(self, answers: Sequence[Added]) -> None:
        """Write what came of requests that add leads."""
        async with self._database.write(self.campaign) as db:
            for answer in answers:
                told = {"vendor_lead_id": answer.vendor_lead_id} if answer.vendor_lead_id else {}
                reason = stored(answer.reason)
                if (
                    await move(db, answer.attempt_id, answer.event, reason=reason, **told)
                    and answer.event is Event.REFUSED
                ):
                    await _give_back(db, answer.attempt_id, answer.lead, reason, answer.not_before)

    async def found(self, attempt_id: int, vendor_lead_id: str) -> None:
        """A lead of which nobody knew whether it arrived is in Flireo's campaign."""
        async with self._database.write(self.campaign) as db:
            if not await move(db, attempt_id, Event.FOUND, vendor_lead_id=vendor_lead_id, reason=""):
                own = update(attempts).where(attempts.c.id == attempt_id, attempts.c.vendor_lead_id.is_(None))
                await db.execute(own.values(vendor_lead_id=vendor_lead_id))

    async def rang(self, calls: Sequence[tuple[int, str]]) -> None:
        """Flireo rang: the calls of attempts. A call that another attempt has is not taken from it."""
        async with self._database.write(self.campaign) as db:
            for attempt_id, call_id in calls:
                taken = select(attempts.c.id).where(attempts.c.call_id == call_id)
                if not (await db.execute(taken)).first():
                    own = update(attempts).where(attempts.c.id == attempt_id, attempts.c.call_id.is_(None))
                    await db.execute(own.values(call_id=call_id, asked_at=None))

    async def note_silence(self, attempt_id: int, since: float | None) -> None:
        """Keep since when an attempt seems to be over without a word, for whoever looks next; None: it is not."""
        async with self._database.write(self.campaign) as db:
            await db.execute(update(attempts).where(attempts.c.id == attempt_id).values(asked_at=since))

    async def drop(self, attempt_id: int, state: LeadState, reason: str) -> bool:
        """Flireo's campaign provably never rang a lead, and will not. False if there was a call after all."""
        async with self._database.write(self.campaign) as db:
            rung = or_(attempts.c.call_id.is_not(None), attempts.c.report_id.is_not(None))
            if (await db.execute(select(attempts.c.id).where(attempts.c.id == attempt_id, rung))).first():
                return False
            if not await move(db, attempt_id, Event.DROPPED, reason=reason):
                return False
            await _give_back(db, attempt_id, state, reason)
            return True

    async def report(
        self, attempt_ids: Sequence[tuple[int, Report]], policy: CallingPolicy, expects: Expectations
    ) -> None:
        """Write what is told of attempts."""
        now = self._database.now()
        async with self._database.write(self.campaign) as db:
            for attempt_id, report in attempt_ids:
                row = await _row(db, attempt_id)
                await apply_report(db, self._database, row, report, policy, expects, now)

    async def close(self, attempt_id: int, reason: str, policy: CallingPolicy) -> None:
        """End an attempt of which nothing more is heard; a person looks at the lead."""
        async with self._database.write(self.campaign) as db:
            row = await _row(db, attempt_id)
            if row.state == AttemptState.PLACED:
                await close_without_report(db, row, reason, policy, self._database.now())

    async def _handover(self, db: AsyncConnection) -> Row[Any]:
        mine = select(handovers).where(handovers.c.campaign == self.campaign)
        row = (await db.execute(mine)).first()
        if row is None:
            await db.execute(insert(handovers).values(campaign=self.campaign))
            row = (await db.execute(mine)).one()
        return row

    async def _set(self, db: AsyncConnection, **values: object) -> None:
        await self._handover(db)
        await db.execute(update(handovers).where(handovers.c.campaign == self.campaign).values(values))


def _handed(*more: Any) -> Any:
    columns = ("id", "lead_id", "phone", "state", "vendor_lead_id", "call_id", "began_at", "asked_at")
    return select(*(attempts.c[name] for name in columns), *more).order_by(attempts.c.id)


def _waits_at_flireo() -> ColumnElement[bool]:
    """Of an attempt: Flireo's campaign has its lead, and did not ring it yet as far as we know."""
    return and_(
        attempts.c.state == AttemptState.PLACED,
        attempts.c.vendor_lead_id.is_not(None),
        attempts.c.call_id.is_(None),
        attempts.c.report_id.is_(None),
    )


def _denial(
    row: Row[Any], said_no: str, rules: CallingPolicy, refused: Callable[[Wishes], str], now: datetime
) -> tuple[LeadState, str] | None:
    """What becomes of a lead that may not be rung as its row is now, and why; None where it may."""
    wishes = Wishes.from_json(row.wishes)
    zones = tuple(row.zones.split())
    lead = PolicyLead(row.phone, zones, row.zone_source, wishes.consent, wishes.dial_before)
    ended = row.last_ended_at
    history = History(
        do_not_call=said_no,
        attempts=row.attempts,
        last_outcome=Outcome(row.outcome) if row.attempts and row.outcome else None,
        last_ended_at=datetime.fromtimestamp(ended, UTC) if ended is not None else None,
    )
    verdict = decide(lead, now, rules, history)
    if isinstance(verdict, Deny):
        return (LeadState.SKIPPED if verdict.until is None else LeadState.WAITING), str(verdict.reason)
    if asked := refused(wishes):
        return LeadState.SKIPPED, f"its row asks for {asked}, which a campaign of Flireo's own cannot do"
    return None


def _of(row: Row[Any]) -> Handed:
    return Handed(
        row.id,
        row.lead_id,
        row.phone,
        AttemptState(row.state),
        row.vendor_lead_id,
        row.call_id,
        row.began_at,
        row.asked_at,
    )


def _waiting(row: Row[Any]) -> Waiting:
    wishes = Wishes.from_json(row.wishes)
    facts = LeadFacts(row.phone, row.name, json.loads(row.columns), wishes, row.number_id, row.variant)
    return Waiting(row.id, row.line, facts)


async def _row(db: AsyncConnection, attempt_id: int) -> Row[Any]:
    return (await db.execute(select(attempts).where(attempts.c.id == attempt_id))).one()


async def _give_back(
    db: AsyncConnection, attempt_id: int, state: LeadState, reason: str, not_before: float = 0.0
) -> None:
    """Nobody was rung by an attempt: its lead waits again, or does not."""
    lead = select(attempts.c.lead_id).where(attempts.c.id == attempt_id).scalar_subquery()
    calling = update(leads).where(leads.c.id == lead, leads.c.state == LeadState.CALLING)
    await db.execute(calling.values(state=state, reason=reason, not_before=not_before))
