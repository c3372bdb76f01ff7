"""The leads of a campaign: taken in from a file, counted, and what a run may still do for them."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from flireo_flows.leads import Lead
from flireo_flows.ledger.campaigns import register_in
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.people import link_in, linked
from flireo_flows.ledger.schema import IS_OPEN, attempts, leads
from flireo_flows.ledger.suppressions import add_in, forgotten_in
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import LeadState
from flireo_flows.policy import Rule

T = TypeVar("T")
RENEWED: Final = (  # from a newer file
    "destination",
    "name",
    "columns",
    "zones",
    "zone_source",
    "home_state",
    "postcode",
    "wishes",
    "batch",
    "line",
)
CHUNK: Final = 500  # rows a statement: SQLite takes 32,766 values, PostgreSQL's driver 32,767


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left to do for the leads of one file.

    Attributes:
        due: Waiting leads that may be asked about now.
        next_at: When the first of the other waiting ones may be, Unix seconds; None if there is none.
        sending: Attempts whose request may be on its way.
        unknown: Attempts of which it is not known whether they were placed.
        placed: Calls whose result is not in yet.
        live: Those of them that may still be on the phone.
        final: Leads that are done, skipped or in review.
        total: All leads of the file.
        blocked: Those of the waiting ones that wait for a call of another campaign to their number.
        next_free_at: As `next_at`, for the waiting ones that are not blocked.
    """

    due: int
    next_at: float | None
    sending: int
    unknown: int
    placed: int
    live: int
    final: int
    total: int
    blocked: int = 0
    next_free_at: float | None = None

    @classmethod
    def unseen(cls) -> "Outlook":
        """Before the first look: nothing is known to be due."""
        return cls(due=0, next_at=None, sending=0, unknown=0, placed=0, live=0, final=0, total=0)

    @property
    def is_finished(self) -> bool:
        """Every lead is final."""
        return self.final == self.total

    @property
    def has_waiting(self) -> bool:
        """There is a lead to call, now or later."""
        return bool(self.due) or self.next_at is not None


class LeadBook:
    """The leads of one campaign."""

    def __init__(self, campaign: CampaignLedger) -> None:
        self._ledger, self._database, self.campaign = campaign, campaign.database, campaign.name

    async def take_in(self, batch: Sequence[Lead]) -> str:
        """Write the leads of a file; those the campaign has keep their state. Running it again changes nothing.

        Returns:
            A name of exactly this set of people. A run of this file calls only leads of it, so whoever
            is taken out of the file is not called any more.

        Raises:
            CampaignNameError: The campaign's name is none.
        """
        name = batch_name(batch)
        upsert = insert_sqlite(leads) if self._database.is_sqlite else insert_postgresql(leads)
        renewed = {column: upsert.excluded[column] for column in RENEWED}
        statement = upsert.on_conflict_do_update(index_elements=["campaign", "phone"], set_=renewed)
        async with self._database.write(self.campaign) as db:
            await register_in(db, self._ledger.given)
        for chunk in chunks(batch):
            async with self._database.write(self.campaign) as db:
                # Of who asked to be forgotten nothing is written down again; no one may call them anyway.
                forgotten = await forgotten_in(db, self._database, [lead.phone for lead in chunk])
                rows = [self._row(lead, name) for lead in chunk if lead.phone not in forgotten]
                if rows:
                    await db.execute(statement, rows)
        await self._link(batch)
        await self._reconsider(name)
        return name

    async def _link(self, batch: Sequence[Lead]) -> None:
        """Keep which numbers of the file are one person's."""
        if not (groups := linked(batch)):
            return
        async with self._database.write(self.campaign) as db:
            forgotten = await forgotten_in(db, self._database, [phone for group in groups for phone in group])
            await link_in(db, [group - forgotten for group in groups if len(group - forgotten) > 1])

    async def forbid(self, phones: Collection[str]) -> int:
        """Add numbers to the campaign's do-not-call list; those of earlier files stay. Returns how many are new."""
        async with self._database.write(self.campaign) as db:
            await register_in(db, self._ledger.given)
            return await add_in(db, self._ledger, phones)

    async def outlook(self, batch: str, now: float) -> Outlook:
        """What is left to do for the leads of one file."""
        waiting = leads.c.state == LeadState.WAITING
        later = and_(waiting, leads.c.not_before > now)
        is_blocked = and_(later, leads.c.reason == str(Rule.ALREADY_RINGING))
        # One pass: a look is taken twice a second, and a file may have a hundred thousand leads.
        states = select(
            leads.c.state,
            func.count(),
            func.sum(case((and_(waiting, leads.c.not_before <= now), 1), else_=0)),
            func.min(case((later, leads.c.not_before))),
            func.sum(case((is_blocked, 1), else_=0)),
            func.min(case((and_(later, leads.c.reason != str(Rule.ALREADY_RINGING)), leads.c.not_before))),
        ).where(leads.c.campaign == self.campaign, leads.c.batch == batch)
        async with self._database.read() as db:
            rows = (await db.execute(states.group_by(leads.c.state))).all()
            open_ = {row[0]: row[1:] for row in (await db.execute(self._open_attempts(batch))).all()}
        counts = {row[0]: row[1] for row in rows}
        total = sum(counts.values())
        return Outlook(
            due=sum(row[2] for row in rows),
            next_at=next((row[3] for row in rows if row[3] is not None), None),
            sending=open_.get("sending", (0, 0))[0],
            unknown=open_.get("unknown", (0, 0))[0],
            placed=open_.get("placed", (0, 0))[0],
            live=sum(live for _, live in open_.values()),
            final=total - counts.get(LeadState.WAITING, 0) - counts.get(LeadState.CALLING, 0),
            total=total,
            blocked=sum(row[4] for row in rows),
            next_free_at=next((row[5] for row in rows if row[5] is not None), None),
        )

    async def _reconsider(self, batch: str) -> None:
        """Ask again about every lead that was not called: the policy or the list may have changed since.

        Who was taken out of the file waits with that as the reason.
        """
        fresh = update(leads).where(
            leads.c.campaign == self.campaign,
            leads.c.batch == batch,
            or_(
                leads.c.state.in_([LeadState.WAITING, LeadState.SKIPPED]),
                and_(leads.c.state == LeadState.REVIEW, leads.c.reason == Reason.NO_SHARED_HOURS),
            ),
        )
        # Who is being called now has the reason from now on, for when the call ends and they would wait again.
        others = (LeadState.WAITING, LeadState.CALLING)
        gone = update(leads).where(
            leads.c.campaign == self.campaign, leads.c.batch != batch, leads.c.state.in_(others)
        )
        back = update(leads).where(
            leads.c.campaign == self.campaign,
            leads.c.batch == batch,
            leads.c.state == LeadState.CALLING,
            leads.c.reason == Reason.NOT_IN_NEWEST_FILE,
        )
        async with self._database.write(self.campaign) as db:
            await db.execute(
                fresh.values(state=LeadState.WAITING, not_before=0.0, reason=Reason.NONE, detail="")
            )
            await db.execute(gone.values(reason=Reason.NOT_IN_NEWEST_FILE))
            await db.execute(back.values(reason=Reason.NONE))

    def _open_attempts(self, batch: str) -> Select[Any]:
        """By state: how many there are, and how many of them may still be on the phone."""
        return (
            select(
                attempts.c.state,
                func.count(),
                func.sum(case((attempts.c.over_at.is_(None), 1), else_=0)),
            )
            .join(leads, leads.c.id == attempts.c.lead_id)
            .where(
                attempts.c.campaign == self.campaign,
                IS_OPEN,
                leads.c.batch == batch,
                leads.c.state == LeadState.CALLING,  # not those a person looks at
            )
            .group_by(attempts.c.state)
        )

    def _row(self, lead: Lead, batch: str) -> dict[str, object]:
        return {
            "campaign": self.campaign,
            "phone": lead.phone,
            "destination": lead.phone,
            "name": stored(lead.name),
            "columns": json.dumps(dict(lead.columns), ensure_ascii=True),
            "zones": " ".join(lead.zones),
            "zone_source": lead.zone_source,
            "home_state": stored(lead.state),
            "postcode": stored(lead.postcode),
            "wishes": lead.wishes.as_json(),
            "batch": batch,
            "line": lead.line,
            "state": LeadState.WAITING,
            "not_before": 0.0,
        }


def batch_name(batch: Sequence[Lead]) -> str:
    """A name of exactly this set of people, whatever their order."""
    digest = hashlib.sha256("\n".join(sorted(lead.phone for lead in batch)).encode())
    return digest.hexdigest()[:16]


def chunks(rows: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """`rows` in pieces that one statement takes."""
    rest = iter(rows)
    while chunk := tuple(islice(rest, CHUNK)):
        yield chunk


def stored(text: str) -> str:
    """A text as both databases take it: PostgreSQL refuses NUL, and neither takes half a character."""
    return text.encode(errors="replace").decode().replace("\x00", "")


_OPEN_CALL: Final = str(Rule.ALREADY_RINGING)


async def blocking_campaigns(campaign: CampaignLedger, batch: str) -> list[str]:
    """The other campaigns whose open calls hold leads of a file back, by name."""
    here = campaign.name
    wanted = (
        select(attempts.c.campaign)
        .join(leads, leads.c.phone == attempts.c.phone)
        .where(_is_blocked(here, batch), attempts.c.campaign != here, IS_OPEN)
        .distinct()
        .order_by(attempts.c.campaign)
    )
    async with campaign.read() as db:
        return list((await db.execute(wanted)).scalars())


async def ask_again(campaign: CampaignLedger, batch: str) -> None:
    """Make the leads due that were held back, as it may be known by now that the other call has ended."""
    here = campaign.name
    async with campaign.database.write(here) as db:
        await db.execute(update(leads).where(_is_blocked(here, batch)).values(not_before=campaign.now()))


def _is_blocked(campaign: str, batch: str) -> ColumnElement[bool]:
    return and_(
        leads.c.campaign == campaign,
        leads.c.batch == batch,
        leads.c.state == LeadState.WAITING,
        leads.c.reason == _OPEN_CALL,
    )
