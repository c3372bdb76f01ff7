"""Which calls count for a cap, of which leads, and for how long."""

from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from flireo_flows.ledger import Answer, Database
from flireo_flows.ledger.call_reports import close_without_report
from flireo_flows.ledger.schema import attempts, tallies
from flireo_flows.ledger.triggers import call_figures, total_keys
from flireo_flows.lifecycle.states import AttemptEvent, LeadState, Reason
from flireo_flows.policy import Rule
from tests.support.calling.campaign import (
    people,
)
from tests.support.ledger.deciding_campaigns import campaign_of, look


@pytest.mark.parametrize("cap", ["caps_per_run", "caps_per_day", "caps_per_campaign"])
async def test_a_cap_counts_calls_that_were_placed_or_may_have_been(database: Database, cap: str) -> None:
    rules: dict[str, Any] = {cap: {"calls": 3}}
    campaign = campaign_of(database, **rules)
    await campaign.take_in(*people(9))
    book = await campaign.runner()
    first, second, third = await campaign.begin(book)
    assert (await look(campaign, book)).held is not None
    await campaign.record(
        book,
        Answer(first, AttemptEvent.REFUSED, detail="400", lead=LeadState.REVIEW),
        Answer(second, AttemptEvent.LOST),
        Answer(third, AttemptEvent.ACCEPTED, call_id="call-3"),
    )
    assert len(await campaign.begin(book)) == 1
    begun = await look(campaign, book)
    assert begun.held is not None
    assert begun.held.reason is Rule.CALL_CAP
    # Another run has its own, and no more of the day's and the campaign's.
    assert len(await campaign.begin(await campaign.runner())) == (3 if cap == "caps_per_run" else 0)


async def test_runners_of_one_run_share_its_cap(database: Database) -> None:
    campaign = campaign_of(database, caps_per_run={"calls": 3})
    await campaign.take_in(*people(9))
    books = [await campaign.runner() for _ in range(2)]
    for book in books:
        book.run = "run"
    assert [len(await campaign.begin(book, most=2)) for book in books] == [2, 1]


async def test_the_calls_of_yesterday_are_not_todays(database: Database) -> None:
    campaign = campaign_of(database, caps_per_day={"calls": 2}, day_zone="Asia/Kathmandu")
    await campaign.take_in(*people(9))
    book = await campaign.runner()
    assert len(await campaign.begin(book)) == 2
    await campaign.age(86_400)
    assert len(await campaign.begin(book)) == 2


async def counted(database: Database) -> list[Any]:
    async with database.read() as db:
        rows = (await db.execute(select(tallies))).all()
    return sorted(row for row in rows if row.calls or row.seconds or row.open_calls)


def count_again(connection: Connection) -> None:
    """What the triggers keep, counted from all attempts."""
    connection.execute(tallies.delete())
    figures = ", ".join(f"SUM({figure})" for figure in call_figures(attempts.name, 1))
    for span, key in total_keys(attempts.name, connection.dialect.name):
        connection.exec_driver_sql(
            "INSERT INTO flireo_tallies (campaign, span, key, calls, seconds, open_calls, minutes) "
            f"SELECT campaign, '{span}', {key}, {figures} FROM {attempts.name} GROUP BY 1, 2, 3"
        )


async def test_what_is_counted_is_what_counting_again_gives(database: Database) -> None:
    for name, first in (("campaign", 0), ("another", 100)):
        campaign = campaign_of(database, name)
        await campaign.take_in(*people(8, first))
        book = await campaign.runner()
        begun = await campaign.begin(book)
        await campaign.record(book, Answer(begun[0], AttemptEvent.REFUSED, detail="400"))
        await campaign.record(book, Answer(begun[1], AttemptEvent.LOST))
        accepted = [Answer(it, AttemptEvent.ACCEPTED, call_id=f"{name}-{it.id}") for it in begun[2:]]
        await campaign.record(book, *accepted)
        async with database.write() as db:
            ids = [it.id for it in begun[3:6]]
            over = update(attempts).where(attempts.c.id.in_(ids))
            await db.execute(over.values(state="ended", duration_seconds=61))
            await db.execute(over.where(attempts.c.id == ids[0]).values(duration_seconds=75))
            await db.execute(update(attempts).where(attempts.c.id == begun[6].id).values(state="ended"))
    kept = await counted(database)
    async with database.write() as db:
        await db.run_sync(count_again)
    assert kept == await counted(database)
    whole = [row for row in kept if row.span == "campaign" and row.campaign == "campaign"]
    assert [(row.calls, row.seconds, row.open_calls, row.minutes) for row in whole] == [(7, 197.0, 3, 6)]


@pytest.mark.parametrize(
    ("reported", "counted_as"),
    [
        pytest.param({"outcome": "unknown"}, (0, 1, 0), id="nothing is known of it"),
        pytest.param({"outcome": "answered"}, (0, 1, 0), id="somebody answered"),
        pytest.param({"outcome": "failed", "started_at": 5.0}, (0, 1, 0), id="it began"),
        pytest.param({"outcome": "no_answer"}, (0, 0, 0), id="nobody answered"),
        pytest.param({"outcome": "failed"}, (0, 0, 0), id="it never began"),
        pytest.param({"outcome": "answered", "duration_seconds": 0}, (0, 0, 0), id="no talk"),
        pytest.param({"outcome": "answered", "duration_seconds": 60}, (60, 0, 1), id="a minute"),
        pytest.param({"outcome": "answered", "duration_seconds": 61}, (61, 0, 2), id="a begun minute"),
        pytest.param(
            {"outcome": "unknown", "duration_seconds": 2**31 - 1}, (2**31 - 1, 0, 35_791_395), id="most"
        ),
    ],
)
async def test_a_call_that_ended_counts_as_long_as_it_was_or_is_assumed_to_be(
    database: Database, reported: dict[str, Any], counted_as: tuple[int, int, int]
) -> None:
    campaign = campaign_of(database)
    await campaign.take_in(*people(1))
    book = await campaign.runner()
    (attempt,) = await campaign.begin(book)
    await campaign.record(book, Answer(attempt, AttemptEvent.ACCEPTED, call_id="call-1"))
    mine = update(attempts).where(attempts.c.id == attempt.id)
    async with database.write() as db:
        await db.execute(mine.values(state="ended", outcome="unknown"))
        await db.execute(mine.values(reported))  # what came late counts as well
    rows = await counted(database)
    assert {(row.calls, row.seconds, row.open_calls, row.minutes) for row in rows} == {(1, *counted_as)}
    async with database.write() as db:
        await db.run_sync(count_again)
    assert await counted(database) == rows


async def test_a_call_that_was_closed_without_a_report_keeps_its_share_of_the_cap(database: Database) -> None:
    campaign = campaign_of(database, caps_per_campaign={"minutes": 3}, assumed_call_seconds=180)
    await campaign.take_in(*people(2))
    book = await campaign.runner()
    (begun,) = await campaign.begin(book)
    await campaign.record(book, Answer(begun, AttemptEvent.ACCEPTED, call_id="call-1"))
    async with database.write("campaign") as db:
        await close_without_report(
            db, await campaign.attempt(), Reason.CALL_UNKNOWN, campaign.policy, database.now()
        )
    assert await campaign.begin(book) == []
