"""The leads of a campaign: taken in from a file, counted, and what a run may still do for them."""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import person_key
from flireo_flows.leads import Lead
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.schema import IS_OPEN, attempts, leads, people
from flireo_flows.ledger.suppressions import add_in, chunks, forgotten_in
from flireo_flows.lifecycle.states import LeadState, Reason
from flireo_flows.policy import Rule

RENEWED: Final = (  # from a newer file
    *("destination", "name", "columns", "zones", "zone_source", "home_state", "postcode", "wishes"),
    *("batch", "line"),
)
LINKING: Final = 7_041_967_324  # key of PostgreSQL's advisory lock under which numbers are linked
# Rows that share the id of a person hold that person's numbers. Nothing else makes two numbers one person, names least.
ID_COLUMNS: Final = ("personid", "contactid", "customerid", "externalid")  # the first that a row fills counts
NO_ID: Final = frozenset({"", "0", "-", "n/a", "na", "none", "null", "unknown"})
MOST_NUMBERS: Final = 5  # an id that more numbers share is no person's: of an import, or of a company


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
        upsert = self._database.insert_into(leads)
        renewed = {column: upsert.excluded[column] for column in RENEWED}
        statement = upsert.on_conflict_do_update(index_elements=["campaign", "phone"], set_=renewed)
        async with self._database.write(self.campaign) as db:
            await self._ledger.register(db)
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
            await link_in(
                db, self._database, [group - forgotten for group in groups if len(group - forgotten) > 1]
            )

    async def forbid(self, phones: Collection[str]) -> int:
        """Add numbers to the campaign's do-not-call list; those of earlier files stay. Returns how many are new."""
        async with self._database.write(self.campaign) as db:
            await self._ledger.register(db)
            return await add_in(db, self._ledger, phones)

    async def outlook(self, batch: str, now: float) -> Outlook:
        """What is left to do for the leads of one file."""
        waiting = leads.c.state == LeadState.WAITING
        later = and_(waiting, leads.c.not_before > now)
        is_blocked = and_(later, leads.c.reason == Rule.ALREADY_RINGING)
        # One pass: a look is taken twice a second, and a file may have a hundred thousand leads.
        states = select(
            leads.c.state,
            func.count(),
            func.sum(case((and_(waiting, leads.c.not_before <= now), 1), else_=0)),
            func.min(case((later, leads.c.not_before))),
            func.sum(case((is_blocked, 1), else_=0)),
            func.min(case((and_(later, leads.c.reason != Rule.ALREADY_RINGING), leads.c.not_before))),
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
            select(attempts.c.state, func.count(), func.sum(case((attempts.c.over_at.is_(None), 1), else_=0)))
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


def linked(leads: Iterable[Lead]) -> list[frozenset[str]]:
    """The numbers of each person who has several in a file, by the id of the person in its rows."""
    numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for lead in leads:
        if key := _person_id(lead.columns):
            numbers[key].add(person_key(lead.phone))
    return [frozenset(phones) for phones in numbers.values() if 1 < len(phones) <= MOST_NUMBERS]


async def link_in(db: AsyncConnection, database: Database, groups: Sequence[Collection[str]]) -> None:
    """Keep that the numbers of each group are one person's, and those already known to be theirs.

    Args:
        groups: Numbers, E.164.
    """
    if groups and not database.is_sqlite:
        await db.execute(select(func.pg_advisory_xact_lock(LINKING)))
    for phones in groups:
        known = select(people.c.person).where(people.c.phone.in_(phones)).distinct()
        persons = sorted((await db.execute(known)).scalars())
        person = persons[0] if persons else uuid.uuid4().hex
        if persons[1:]:
            same = update(people).where(people.c.person.in_(persons[1:]))
            await db.execute(same.values(person=person))
        rows = [{"phone": phone, "person": person} for phone in sorted(phones)]
        await db.execute(database.insert_into(people).on_conflict_do_nothing(index_elements=["phone"]), rows)


@lru_cache(maxsize=512)
def _bare(header: str) -> str:
    return "".join(character for character in header.casefold() if character.isalnum())


def _person_id(columns: Mapping[str, str]) -> tuple[str, str] | None:
    """Which column names the person, and how; None where the row has no such column, or an empty cell."""
    found: dict[str, str] = {}
    for header, cell in columns.items():
        if (name := _bare(header)) in ID_COLUMNS and (value := cell.strip().casefold()) not in NO_ID:
            found.setdefault(name, value)
    return next(((name, found[name]) for name in ID_COLUMNS if name in found), None)


def batch_name(batch: Sequence[Lead]) -> str:
    """A name of exactly this set of people, whatever their order."""
    digest = hashlib.sha256("\n".join(sorted(lead.phone for lead in batch)).encode())
    return digest.hexdigest()[:16]


def stored(text: str) -> str:
    """A text as both databases take it: PostgreSQL refuses NUL, and neither takes half a character."""
    return text.encode(errors="replace").decode().replace("\x00", "")


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
        leads.c.reason == Rule.ALREADY_RINGING,
    )
