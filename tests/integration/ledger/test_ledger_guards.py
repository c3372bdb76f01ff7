"""The database itself refuses what the tables in `states` do not name, and what would falsify the record."""

from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, update
from sqlalchemy.exc import IntegrityError

from flireo_flows.ledger import Database
from flireo_flows.ledger.schema import PSEUDONYM, attempts, leads
from flireo_flows.lifecycle.states import LEAD_MOVES, MOVES, AttemptState, LeadState
from tests.support.calling.campaign import ANNA, BEN, people

LEGAL: dict[Any, set[Any]] = {
    attempts: {(state, target) for state, moves in MOVES.items() for target in moves.values()},
    leads: {(state, target) for state, targets in LEAD_MOVES.items() for target in targets},
}


def lead(phone: str = ANNA, **values: Any) -> dict[str, Any]:
    """A lead as it stands in the ledger."""
    return {"campaign": "campaign", "phone": phone, "batch": "batch", "state": LeadState.WAITING, **values}


def attempt(lead_id: int, phone: str = ANNA, **values: Any) -> dict[str, Any]:
    """An attempt as it stands in the ledger."""
    first = {"lead_id": lead_id, "campaign": "campaign", "phone": phone, "number": 1}
    return {**first, "state": AttemptState.ENDED, "runner": "runner", "began_at": 0.0, **values}


async def written(database: Database, table: Table, row: dict[str, Any]) -> int:
    async with database.write() as db:
        made = await db.execute(insert(table).values(row).returning(table.c.id))
        return int(made.scalar_one())


async def refuses(database: Database, statement: Any) -> bool:
    """Whether the database refuses a statement."""
    try:
        async with database.write() as db:
            await db.execute(statement)
    except IntegrityError as error:
        assert "the ledger" in str(error)
        return True
    return False


async def moves_of(database: Database, table: Table, states: type[StrEnum]) -> set[tuple[str, str]]:
    """Every change of a state that the database lets happen."""
    pairs = list(product(states, states))
    persons = people(len(pairs))
    async with database.write() as db:
        rows = list(zip(pairs, persons, strict=True))
        await db.execute(
            insert(leads),
            [lead(person.phone, state=state if table is leads else "waiting") for (state, _), person in rows],
        )
        if table is attempts:
            await db.execute(
                insert(attempts),
                [
                    attempt(number, person.phone, state=state)
                    for number, ((state, _), person) in enumerate(rows, 1)
                ],
            )
    return {
        (state, target)
        for (state, target), person in rows
        if not await refuses(
            database, update(table).where(table.c.phone == person.phone).values(state=target)
        )
    }


@pytest.mark.parametrize("table", [attempts, leads], ids=str)
async def test_every_move_that_is_not_in_the_table_is_refused(database: Database, table: Table) -> None:
    states = AttemptState if table is attempts else LeadState
    moved = await moves_of(database, table, states)
    assert moved == LEGAL[table] | {(state, state) for state in states}


async def test_no_attempt_is_deleted(database: Database) -> None:
    id_ = await written(database, leads, lead())
    await written(database, attempts, attempt(id_))
    assert await refuses(database, delete(attempts))


async def test_a_call_that_has_an_id_was_placed(database: Database) -> None:
    id_ = await written(database, leads, lead())
    await written(database, attempts, attempt(id_, state=AttemptState.PLACED, call_id="call-1"))
    assert await refuses(database, update(attempts).values(state=AttemptState.NOT_PLACED))


@pytest.mark.parametrize(
    "values",
    [{"lead_id": 2}, {"campaign": "another"}, {"phone": BEN}, {"number": 2}, {"phone": ""}],
    ids=str,
)
async def test_an_attempt_stays_that_of_its_lead(database: Database, values: dict[str, Any]) -> None:
    first = await written(database, leads, lead())
    second = await written(database, leads, lead(BEN))
    assert (first, second) == (1, 2)
    await written(database, attempts, attempt(first))
    assert await refuses(database, update(attempts).values(values))


@pytest.mark.parametrize("values", [{"campaign": "another"}, {"phone": BEN}], ids=str)
async def test_a_lead_stays_the_same_person(database: Database, values: dict[str, Any]) -> None:
    await written(database, leads, lead())
    assert await refuses(database, update(leads).values(values))


@pytest.mark.parametrize("column", ["call_id", "report_id", "reference"])
async def test_what_names_a_call_never_changes(database: Database, column: str) -> None:
    id_ = await written(database, leads, lead())
    await written(database, attempts, attempt(id_))
    assert not await refuses(database, update(attempts).values({column: "one"}))
    assert not await refuses(database, update(attempts).values({column: "one", "detail": "again"}))
    for other in ("another", None):
        assert await refuses(database, update(attempts).values({column: other}))


async def test_who_is_forgotten_may_lose_their_number(database: Database) -> None:
    id_ = await written(database, leads, lead())
    await written(database, attempts, attempt(id_, call_id="call-_+447700900001"))
    nameless = {"phone": f"{PSEUDONYM}12", "call_id": f"{PSEUDONYM}34"}
    assert not await refuses(database, update(attempts).values(nameless))
    assert not await refuses(database, update(leads).values(phone=f"{PSEUDONYM}12"))


async def test_a_refusal_shows_no_number(database: Database) -> None:
    id_ = await written(database, leads, lead())
    await written(database, attempts, attempt(id_))
    with pytest.raises(IntegrityError) as refused:
        async with database.write() as db:
            await db.execute(update(attempts).values(phone=BEN))
    assert "refuses to give an attempt to another lead" in str(refused.value)
    assert ANNA not in str(refused.value)
    assert BEN not in str(refused.value)
