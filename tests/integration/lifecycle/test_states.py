"""An attempt moves by a table, and the database refuses what the table and the promise do not allow."""

from itertools import count, product
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from flireo_flows.ledger import Attempt, Database
from flireo_flows.ledger.attempts import move
from flireo_flows.ledger.schema import attempts, inbox, leads
from flireo_flows.lifecycle.states import (
    FINAL,
    MOVES,
    OPEN,
    AttemptEvent,
    AttemptState,
    LeadState,
    sources,
    target,
)
from tests.support.calling.campaign import ANNA, BEN, Campaign, people, person

# How an attempt that was just begun comes to each state.
WAYS = {
    AttemptState.SENDING: (),
    AttemptState.PLACED: (AttemptEvent.ACCEPTED,),
    AttemptState.UNKNOWN: (AttemptEvent.LOST,),
    AttemptState.ENDED: (AttemptEvent.ACCEPTED, AttemptEvent.REPORTED),
    AttemptState.NOT_PLACED: (AttemptEvent.REFUSED,),
}


async def begun(campaign: Campaign, phone: str = ANNA) -> Attempt:
    await campaign.take_in(person(phone))
    (attempt,) = await campaign.begin(await campaign.runner())
    return attempt


async def test_the_ledger_moves_an_attempt_by_the_table_and_in_no_other_way(database: Database) -> None:
    steps = list(product(AttemptState, AttemptEvent))
    for number, ((state, event), lead) in enumerate(zip(steps, people(len(steps)), strict=True)):
        campaign = Campaign(database, name=f"campaign {number}")
        attempt = await begun(campaign, lead.phone)
        async with database.write() as db:
            for step in WAYS[state]:
                assert await move(db, attempt.id, step)
        before = await campaign.attempt()
        assert before.state == state
        async with database.write() as db:
            moved = await move(db, attempt.id, event, detail="it happened")
        after = await campaign.attempt()
        if event in MOVES[state]:
            assert moved
            assert (after.state, after.detail) == (MOVES[state][event], "it happened")
        else:
            assert not moved
            assert after == before


def test_every_state_is_in_the_table_and_every_event_leads_somewhere() -> None:
    assert set(MOVES) == set(AttemptState) == set(WAYS)
    assert {event for moves in MOVES.values() for event in moves} == set(AttemptEvent)
    assert {target(event) for event in AttemptEvent} == set(AttemptState) - {AttemptState.SENDING}


def test_what_is_final_moves_no_more_and_what_is_open_does() -> None:
    assert {state for state, moves in MOVES.items() if not moves} == set(AttemptState) - set(OPEN)
    assert set(FINAL) == set(LeadState) - {LeadState.WAITING, LeadState.CALLING}


def test_an_event_leads_to_one_state_from_wherever_it_happens() -> None:
    for event in AttemptEvent:
        assert {MOVES[state][event] for state in sources(event)} == {target(event)}


numbers = count(2)


def another(attempt: Attempt, **values: Any) -> dict[str, Any]:
    """A second attempt to ring the same person, as a program that went wrong would write it."""
    same = {"lead_id": attempt.lead_id, "campaign": attempt.campaign, "phone": attempt.phone}
    return {**same, "number": next(numbers), "state": "sending", "runner": "r", "began_at": 0.0, **values}


@pytest.mark.parametrize("state", OPEN)
async def test_the_database_refuses_a_second_attempt_while_one_is_open(
    database: Database, state: AttemptState
) -> None:
    campaign = Campaign(database)
    attempt = await begun(campaign)
    async with database.write() as db:
        for step in WAYS[state]:
            await move(db, attempt.id, step)
    for second in OPEN:
        with pytest.raises(IntegrityError):
            async with database.write() as db:
                await db.execute(insert(attempts).values(another(attempt, state=second)))
    assert len(await campaign.attempts()) == 1


@pytest.mark.parametrize("state", [AttemptState.ENDED, AttemptState.NOT_PLACED])
async def test_another_attempt_may_follow_one_that_is_over_but_not_under_its_number(
    database: Database, state: AttemptState
) -> None:
    campaign = Campaign(database)
    attempt = await begun(campaign)
    async with database.write() as db:
        for step in WAYS[state]:
            await move(db, attempt.id, step)
    with pytest.raises(IntegrityError):
        async with database.write() as db:
            await db.execute(insert(attempts).values(another(attempt, number=attempt.number)))
    async with database.write() as db:
        await db.execute(insert(attempts).values(another(attempt)))
    assert len(await campaign.attempts()) == 2


@pytest.mark.parametrize("column", ["call_id", "report_id"])
async def test_one_call_belongs_to_one_attempt(database: Database, column: str) -> None:
    for name, phone in (("one campaign", ANNA), ("another campaign", BEN)):
        attempt = await begun(Campaign(database, name=name), phone)
    async with database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id != attempt.id).values({column: "call-1"}))
    with pytest.raises(IntegrityError):
        async with database.write() as db:
            await db.execute(update(attempts).where(attempts.c.id == attempt.id).values({column: "call-1"}))


@pytest.mark.parametrize("table", [attempts, leads, inbox], ids=str)
async def test_the_database_refuses_a_state_that_no_one_knows(database: Database, table: Any) -> None:
    await begun(Campaign(database))
    async with database.write() as db:
        await db.execute(insert(inbox).values(digest="d", body=b"{}", received_at=0.0, state="waiting"))
    with pytest.raises(IntegrityError):
        async with database.write() as db:
            await db.execute(update(table).values(state="vanished"))
