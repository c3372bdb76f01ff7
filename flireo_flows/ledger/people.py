"""Which numbers are one person's, and who may decide about a person now.

A file may say it: its rows share an id of the person. Nothing else makes two numbers one person, names least of all.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import ARRAY, String, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import person_key
from flireo_flows.leads import Lead
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.schema import people

LINKING: Final = 7_041_967_324  # key of PostgreSQL's advisory lock under which numbers are linked
DECIDING: Final = 704_197  # first key of the locks of people; the hash of the person is the second
CHUNK: Final = 500  # values a statement
ID_COLUMNS: Final = ("personid", "contactid", "customerid", "externalid")  # the first that a row fills counts
NO_ID: Final = frozenset({"", "0", "-", "n/a", "na", "none", "null", "unknown"})
MOST_NUMBERS: Final = 5  # an id that more numbers share is no person's: of an import, or of a company

_MINE, _THEIRS = people.alias("mine"), people.alias("theirs")
# Made once: making a statement costs as much as running it.
NUMBERS: Final = (
    select(_MINE.c.phone, _THEIRS.c.phone.label("other"))
    .join(_THEIRS, _THEIRS.c.person == _MINE.c.person)
    .where(_MINE.c.phone.in_(bindparam("phones", expanding=True)))
    .order_by(_THEIRS.c.phone)
)


def linked(leads: Iterable[Lead]) -> list[frozenset[str]]:
    """The numbers of each person who has several in a file, by the id of the person in its rows."""
    numbers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for lead in leads:
        if key := _person_id(lead.columns):
            numbers[key].add(person_key(lead.phone))
    return [frozenset(phones) for phones in numbers.values() if 1 < len(phones) <= MOST_NUMBERS]


async def link_in(db: AsyncConnection, groups: Sequence[Collection[str]]) -> None:
    """Keep that the numbers of each group are one person's, and those already known to be theirs.

    Args:
        db: A transaction that may write.
        groups: Numbers, E.164.
    """
    if groups and db.dialect.name != "sqlite":
        await db.execute(select(func.pg_advisory_xact_lock(LINKING)))
    insert = insert_sqlite if db.dialect.name == "sqlite" else insert_postgresql
    for phones in groups:
        known = select(people.c.person).where(people.c.phone.in_(phones)).distinct()
        persons = sorted((await db.execute(known)).scalars())
        person = persons[0] if persons else uuid.uuid4().hex
        if persons[1:]:
            same = update(people).where(people.c.person.in_(persons[1:]))
            await db.execute(same.values(person=person))
        rows = [{"phone": phone, "person": person} for phone in sorted(phones)]
        await db.execute(insert(people).on_conflict_do_nothing(index_elements=["phone"]), rows)


async def numbers_in(db: AsyncConnection, phones: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """All numbers of the persons whose several numbers are known, by each number that is asked for."""
    numbers: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(phones), CHUNK):
        asked = {"phones": phones[start : start + CHUNK]}
        for phone, other in (await db.execute(NUMBERS, asked)).all():
            numbers[phone] = (*numbers.get(phone, ()), other)
    return numbers


async def lock_people_in(
    db: AsyncConnection, database: Database, phones: Sequence[str], numbers: Mapping[str, tuple[str, ...]]
) -> None:
    """Wait until no other campaign decides about these people; they wait for us until the transaction ends.

    SQLite has one writer anyway. PostgreSQL would let two campaigns count a person's calls at the same moment, and
    then both call: the calls of each would be unseen by the other.

    Args:
        db: A transaction of `Database.write(campaign)`.
        database: Its ledger.
        phones: E.164.
        numbers: What `numbers_in` gave for them.
    """
    if database.is_sqlite:
        return
    keys = sorted({numbers[phone][0] if phone in numbers else phone for phone in phones})
    hashed = (
        select(func.hashtext(func.unnest(literal(keys, ARRAY(String)))).label("key"))
        .distinct()
        .order_by("key")
        .subquery()
    )
    # In the order of the keys that are locked, in every transaction: else two of them could wait for each other.
    await db.execute(select(func.pg_advisory_xact_lock(DECIDING, hashed.c.key)))


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
