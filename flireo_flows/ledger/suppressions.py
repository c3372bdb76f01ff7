"""Numbers that are never called, in whatever campaign: known by a digest under the ledger's own key."""

import hmac
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Row, and_, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import person_key, spellings
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.ledger.campaigns import DeclinedError, shown_in
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.schema import PSEUDONYM, do_not_call, leads, suppressions
from flireo_flows.lifecycle.states import LeadState, Reason, SuppressionSource
from flireo_flows.policy import Rule

T = TypeVar("T")
CHUNK: Final = 500  # rows a statement: SQLite takes 32,766 values, PostgreSQL's driver 32,767
# PostgreSQL's advisory lock under which suppressions are written: two campaigns that learn of the same people
# in another order would wait for each other's rows for ever.
SUPPRESSING: Final = 7_041_967_323
# Made once: it runs for every handful of leads, and making a statement costs as much as running it.
LISTED: Final = select(suppressions.c.digest, suppressions.c.source).where(
    suppressions.c.digest.in_(bindparam("digests", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One person who is never called.

    Attributes:
        phone: Masked; empty for who was forgotten.
        source: What it rests on: `person`, `outcome`, `analysis`, `unclear` (needs review) or
            `forgotten`.
        reason: In words.
        campaign: The campaign whose call taught it; empty when a person asked for it.
        at: Since when, Unix seconds of the ledger's clock.
    """

    phone: str
    source: str
    reason: str
    campaign: str
    at: float


def digest(key: bytes, phone: str) -> str:
    """HMAC-SHA-256 of a number, hexadecimal: there are so few numbers that a plain digest could be undone.

    Args:
        key: The ledger's own (`Database.key`).
        phone: E.164; every spelling of a number has the same digest.
    """
    return hmac.digest(key, person_key(phone).encode(), "sha256").hex()


async def suppressed_in(
    db: AsyncConnection, database: Database, phones: Collection[str]
) -> dict[str, SuppressionSource]:
    """Which of these are never to be called, and why (`person`, `outcome`, `analysis`, `forgotten`).

    What stands in the place of a forgotten person's number is never called either.
    """
    forgotten = {phone: SuppressionSource.FORGOTTEN for phone in phones if phone.startswith(PSEUDONYM)}
    by_digest: dict[str, list[str]] = {}
    for phone in phones:
        by_digest.setdefault(digest(database.key, phone), []).append(phone)
    found: dict[str, SuppressionSource] = {}
    for chunk in chunks(list(by_digest)):
        for row in (await db.execute(LISTED, {"digests": chunk})).all():
            found |= dict.fromkeys(by_digest[row.digest], SuppressionSource(row.source))
    return found | forgotten


async def forgotten_in(db: AsyncConnection, database: Database, phones: Collection[str]) -> set[str]:
    """Which of these numbers belong to people who were forgotten: nothing is to be written of them."""
    sources = await suppressed_in(db, database, phones)
    return {phone for phone, source in sources.items() if source == SuppressionSource.FORGOTTEN}


async def suppress_in(
    db: AsyncConnection,
    database: Database,
    phones: Sequence[str],
    source: str,
    reason: str,
    campaign: str,
    now: float,
) -> int:
    """Never call numbers again, in whatever campaign. The first suppression of a number counts.

    Args:
        phones: E.164.
        source: `person`, `outcome`, `analysis` or `unclear`.
        reason: In words.
        campaign: Whose call taught it; empty for none.
        now: Unix seconds of the ledger's clock.

    Returns:
        How many of them were not suppressed before.
    """
    if not phones:
        return 0
    if not database.is_sqlite:
        await db.execute(select(func.pg_advisory_xact_lock(SUPPRESSING)))
    made = 0
    for chunk in chunks(phones):
        fields = {"source": source, "reason": redact(reason), "campaign": campaign, "at": now}
        rows = [{"digest": digest(database.key, phone), "phone": phone, **fields} for phone in chunk]
        add = database.insert_into(suppressions)
        # What was unclear is settled by a plain answer; otherwise the first time counts.
        settled = {name: add.excluded[name] for name in ("phone", *fields)}
        is_settled = and_(
            suppressions.c.source == SuppressionSource.UNCLEAR,
            add.excluded.source != SuppressionSource.UNCLEAR,
        )
        new = add.values(rows).on_conflict_do_update(
            index_elements=["digest"], set_=settled, where=is_settled
        )
        made += len((await db.execute(new.returning(suppressions.c.digest))).all())
        await _skip(db, chunk)
    return made


async def _skip(db: AsyncConnection, phones: Sequence[str]) -> None:
    """Skip at once who waits. A row that another runner holds is left out: it decides with this in mind."""
    waiting = select(leads.c.id).where(leads.c.phone.in_(phones), leads.c.state == LeadState.WAITING)
    free = (await db.execute(waiting.with_for_update(skip_locked=True))).scalars().all()
    if free:
        skipped = update(leads).where(leads.c.id.in_(free), leads.c.state == LeadState.WAITING)
        await db.execute(skipped.values(state=LeadState.SKIPPED, reason=str(Rule.DO_NOT_CALL)))


async def _settle(db: AsyncConnection, phone: str) -> None:
    """Its own call's unclear answer was no no: the lead is done, as it was called. A retry would be a guess."""
    held = and_(
        leads.c.phone.in_(spellings(phone)),
        leads.c.state == LeadState.REVIEW,
        leads.c.reason == Reason.UNCLEAR_ANSWER,
    )
    await db.execute(update(leads).where(held).values(state=LeadState.DONE, reason=Reason.NONE, detail=""))


async def suppression_in(db: AsyncConnection, database: Database, phone: str) -> Suppression | None:
    """The suppression of one number; None when it is not suppressed."""
    mine = suppressions.c.digest == digest(database.key, phone)
    row = (await db.execute(select(suppressions).where(mine))).first()
    return _suppression(row) if row else None


class Suppressions:
    """The people that no campaign of a ledger calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def suppress(self, phones: Collection[str], reason: str) -> int:
        """Never call these numbers again, in whatever campaign, because a person asked for it.

        Args:
            phones: E.164.
            reason: In words.

        Returns:
            How many of them were not suppressed before.
        """
        made = 0
        for chunk in chunks(sorted(phones)):
            async with self._database.write() as db:
                now = self._database.now()
                made += await suppress_in(
                    db, self._database, chunk, SuppressionSource.PERSON, reason, "", now
                )
        return made

    async def lift(self, phone: str, *, even_forgotten: bool = False) -> Suppression:
        """Let a number be called again; the next run of a file that holds it asks again.

        A lead that is in review only because its own call's answer was unclear is done: it was called.

        Args:
            phone: E.164.
            even_forgotten: Also one of a person who asked to be forgotten.

        Raises:
            DeclinedError: It is not suppressed, or belongs to a person who was forgotten.
        """
        async with self._database.write() as db:
            found = await suppression_in(db, self._database, phone)
            if found is None:
                raise DeclinedError(f"{mask_phone(phone)} is not suppressed; there is nothing to lift.")
            if found.source == SuppressionSource.FORGOTTEN and not even_forgotten:
                raise DeclinedError(
                    f"{mask_phone(phone)} belongs to a person who was forgotten, and stays suppressed; only "
                    "if they ask to be called again, lift it with --even-forgotten."
                )
            mine = suppressions.c.digest == digest(self._database.key, phone)
            await db.execute(delete(suppressions).where(mine))
            if found.source == SuppressionSource.UNCLEAR:
                await _settle(db, phone)
        return found

    async def listed(self) -> list[Suppression]:
        """Everybody, oldest first, with masked numbers."""
        async with self._database.read() as db:
            ordered = select(suppressions).order_by(suppressions.c.at, suppressions.c.digest)
            found = [_suppression(row) for row in (await db.execute(ordered)).all()]
            shown = await shown_in(db, {one.campaign for one in found})
        return [replace(one, campaign=shown[one.campaign]) for one in found]


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """`rows` in pieces that one statement takes."""
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(mask_phone(row.phone), row.source, row.reason, row.campaign, row.at)


@dataclass(frozen=True, slots=True)
class CampaignList:
    """A campaign's do-not-call list.

    Attributes:
        numbers: How many numbers are on it.
        at: When a file last added some, Unix seconds of the ledger's clock; 0 where none did.
    """

    numbers: int = 0
    at: float = 0.0

    @property
    def in_words(self) -> str:
        """`do-not-call list of 12 numbers from 2026-11-30`; empty without a list."""
        if not self.numbers:
            return ""
        numbers = "1 number" if self.numbers == 1 else f"{self.numbers} numbers"
        return f"do-not-call list of {numbers} from {datetime.fromtimestamp(self.at, UTC):%Y-%m-%d}"


async def list_in(db: AsyncConnection, campaign: str) -> CampaignList:
    """The list of a campaign."""
    wanted = select(func.count(), func.max(do_not_call.c.at)).where(do_not_call.c.campaign == campaign)
    numbers, at = (await db.execute(wanted)).one()
    return CampaignList(numbers, at or 0.0)


async def add_in(db: AsyncConnection, campaign: CampaignLedger, phones: Collection[str]) -> int:
    """Add numbers to a campaign's list, and skip at once who waits. What a file brought before stays.

    Args:
        db: A transaction of `CampaignLedger.write()`.
        phones: E.164.

    Returns:
        How many were not on it before.
    """
    # Of who asked to be forgotten not even the number is written down again.
    forgotten = map(person_key, await forgotten_in(db, campaign.database, phones))
    kept = sorted(set(map(person_key, phones)) - set(forgotten))
    now, added = campaign.now(), 0
    for chunk in chunks(kept):
        rows = [{"campaign": campaign.name, "phone": phone, "at": now} for phone in chunk]
        add = campaign.database.insert_into(do_not_call)
        new = add.values(rows).on_conflict_do_nothing(index_elements=["campaign", "phone"])
        added += len((await db.execute(new.returning(do_not_call.c.phone))).all())
    listed = select(do_not_call.c.phone).where(do_not_call.c.campaign == campaign.name)
    await db.execute(
        update(leads)
        .where(leads.c.campaign == campaign.name, leads.c.state == LeadState.WAITING)
        .where(leads.c.phone.in_(listed))
        .values(state=LeadState.SKIPPED, reason=str(Rule.DO_NOT_CALL))
    )
    return added


async def clear_in(db: AsyncConnection, campaign: str) -> int:
    """Take every number off a campaign's list. Returns how many there were."""
    gone = await db.execute(delete(do_not_call).where(do_not_call.c.campaign == campaign))
    return gone.rowcount
