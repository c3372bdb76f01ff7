"""What the inbox does with reports that come doubled, in any order, that poison, or from a clock that is off."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from flireo_flows.ledger import AttemptBook, Database, LedgerError
from flireo_flows.ledger.dead_letters import Replayed, replay, unreadable
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.inbox import read_delivery
from flireo_flows.policy import CallingPolicy
from flireo_flows.receiver.signature_check import SenderClock
from tests.support.calling.campaign import ANNA, BEN
from tests.support.calling.incoming import Incoming, book, incoming, listed, report, status_update, webhook

__all__ = ["book", "incoming"]  # fixtures


def result_of(row: Any) -> tuple[Any, ...]:
    return row.state, row.outcome, row.call_status, row.error, row.summary, row.analysis, row.messages


async def test_the_same_event_in_other_bytes_changes_nothing(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    assert await incoming.receive(report()) == (1, 1)
    before, lead = result_of(await incoming.campaign.attempt()), await incoming.campaign.lead()
    again = [
        report(),  # at another time
        json.dumps(json.loads(report()), indent=3).encode(),
        report(summary="Another summary.", analysis={"interest": "none"}, messages=[], durationSeconds=1),
        status_update("ended"),
        status_update("in-progress"),
    ]
    for body in again:
        assert await incoming.receive(body) == (1, 0)
    assert result_of(await incoming.campaign.attempt()) == before
    assert await incoming.campaign.lead() == lead


async def test_reports_of_one_call_that_are_applied_together_do_not_write_over_each_other(
    incoming: Incoming, book: AttemptBook
) -> None:
    """Each of a portion was once read as if the others were not there."""
    await incoming.campaign.placed(book)
    failed = status_update("ended-with-error", error="STT connection failed")
    await incoming.receive(failed, report(summary="First."), report(summary="Second."))
    row = await incoming.campaign.attempt()
    assert (row.call_status, row.error, row.summary) == (
        "ended-with-error",
        "STT connection failed",
        "First.",
    )


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_in_whatever_order_they_come_the_result_is_the_same(
    incoming: Incoming, book: AttemptBook, order: tuple[int, ...]
) -> None:
    await incoming.campaign.placed(book)
    bodies = [status_update("in-progress"), status_update("ended"), report()]
    for index in order:
        await incoming.receive(bodies[index])
    row = await incoming.campaign.attempt()
    assert (row.state, row.outcome, row.call_status, row.summary) == (
        "ended", "answered", "ended", "Anna wants an offer.",
    )  # fmt: skip


# A report that cannot be written


async def _poison(database: Database) -> None:
    """From now on the database refuses a result in which this is said, as it would one that it cannot hold."""
    if database.is_sqlite:
        statements = [
            "CREATE TRIGGER poison BEFORE UPDATE ON flireo_attempts WHEN NEW.summary LIKE '%poison%' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ]
    else:
        statements = [
            "CREATE FUNCTION poison() RETURNS trigger AS $$ BEGIN IF NEW.summary LIKE '%poison%' THEN "
            "RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER poison BEFORE UPDATE ON flireo_attempts FOR EACH ROW EXECUTE FUNCTION poison()",
        ]
    async with database.write() as db:
        for statement in statements:
            await db.execute(text(statement))


async def test_a_report_that_cannot_be_written_is_buried_and_the_others_go_on(incoming: Incoming) -> None:
    incoming.campaign.policy = CallingPolicy(calling_hours=None, max_concurrent_calls=9)
    book = await incoming.campaign.runner()
    await incoming.campaign.placed(book, "call-1", ANNA)
    await incoming.campaign.placed(book, "call-2", BEN)
    await _poison(incoming.database)
    reported = await incoming.receive(
        report("call-1", ANNA, summary="poison for +447700900001"), report("call-2", BEN)
    )
    assert reported == (1, 1)
    (buried, applied) = await incoming.states()
    assert buried[0] == "unreadable" and applied == ("applied", "")
    assert buried[1].startswith("it could not be written to its attempt (")
    assert "447700900001" not in buried[1]
    assert [row.state for row in await incoming.campaign.attempts()] == ["placed", "ended"]
    assert await incoming.apply() == (0, 0)  # it stops no one any more

    async with incoming.database.write() as db:
        await db.execute(
            text("DROP TRIGGER poison" + ("" if incoming.database.is_sqlite else " ON flireo_attempts"))
        )
    (dead,) = await unreadable(incoming.database)
    assert await replay(incoming.database, [dead]) == {dead: Replayed.WAITING}
    assert await incoming.apply() == (1, 1)
    assert [row.state for row in await incoming.campaign.attempts()] == ["ended", "ended"]


async def test_a_report_is_not_to_blame_for_a_ledger_that_fails(local: Database) -> None:
    incoming = Incoming(local)
    await incoming.campaign.placed(await incoming.campaign.runner())
    await incoming.store(report())
    async with local.write() as db:
        await db.execute(
            text("DROP TABLE flireo_suppressions")
        )  # to SQLite an error of operation, as a full disk
        await db.execute(text("ALTER TABLE flireo_leads RENAME TO elsewhere"))
    with pytest.raises(LedgerError):
        await incoming.apply()
    assert await incoming.states() == [("waiting", "")]


# Replaying


async def test_what_was_applied_before_is_applied_again_and_changes_nothing(
    incoming: Incoming, book: AttemptBook
) -> None:
    await incoming.campaign.placed(book)
    assert await incoming.receive(report()) == (1, 1)
    before = await incoming.campaign.attempt()
    assert await replay(incoming.database, [1]) == {1: Replayed.WAITING}
    assert await incoming.apply() == (1, 0)
    assert await incoming.campaign.attempt() == before
    assert await incoming.states() == [("applied", "")]


async def test_of_who_was_forgotten_nothing_is_read_again(incoming: Incoming, book: AttemptBook) -> None:
    await incoming.campaign.placed(book)
    await incoming.receive(report())
    await incoming.store(b"", webhook("assistant-request", "call-in", BEN))
    await forget(incoming.database, ANNA)
    reported = await replay(incoming.database, [1, 2, 3, 4])
    assert reported == {1: Replayed.ERASED, 2: Replayed.UNREADABLE, 3: Replayed.DONE, 4: Replayed.ABSENT}
    assert (await incoming.states())[0][0] == "applied"


# Clocks (contract section 19: webhooks may carry other ids than the API)


def _told(call_id: str, clock: float, rang_ago: float, talk: float = 60) -> bytes:
    """A report sent now by a clock that is ahead by so much, of a call that rang so long ago."""
    now = datetime.now(UTC) + timedelta(seconds=clock)
    rang = now - timedelta(seconds=rang_ago)
    return report(call_id, timestamp=now.isoformat(), started_at=rang.isoformat(), durationSeconds=talk)


async def _deliver(incoming: Incoming, body: bytes, clock: float) -> None:
    """Store it as the receiver does, which knows the signed time at which it was sent."""
    now = incoming.database.now()
    ahead = SenderClock().ahead(now + clock, now)
    await incoming.inbox.store_all([read_delivery(body, "", now, ahead)])


@pytest.mark.parametrize("clock", [-290.0, -130.0, 0.0, 130.0, 290.0])
async def test_a_vendors_clock_that_is_off_neither_loses_a_report_nor_takes_an_old_one(
    incoming: Incoming, book: AttemptBook, clock: float
) -> None:
    await incoming.campaign.lost(book)
    await incoming.campaign.age(10)
    await _deliver(incoming, _told("call-of-another", clock, rang_ago=400), clock)
    assert await incoming.settle() == (0, 0)
    await _deliver(incoming, _told("call-of-ours", clock, rang_ago=8, talk=5), clock)
    assert await incoming.settle() == (1, 1)
    assert (await incoming.campaign.attempt()).call_id == "call-of-ours"


@pytest.mark.parametrize("clock", [-290.0, 290.0])
async def test_with_a_clock_that_is_off_the_report_of_the_call_before_is_not_taken_for_the_next(
    incoming: Incoming, book: AttemptBook, clock: float
) -> None:
    incoming.campaign.policy = CallingPolicy(calling_hours=None, max_attempts=2, retry_delay_seconds=0)
    await incoming.campaign.placed(book, "call-of-the-list")
    assert await incoming.read(listed("call-of-the-list", status="failed", error="no answer", started_at=None,
                                   duration_seconds=0, summary=None, messages=None))  # fmt: skip
    await incoming.campaign.age(1000)
    await incoming.campaign.lost(book)
    await _deliver(incoming, _told("call-first-again", clock, rang_ago=1000), clock)
    assert await incoming.settle() == (0, 0)


def test_the_clock_of_the_sender_is_learnt_from_whoever_was_least_long_under_way() -> None:
    clock = SenderClock()
    assert clock.ahead(None, 1000.0) == 0.0
    assert clock.ahead(1000.0 - 260, 1000.0) == -260  # behind, or long under way: no one knows yet
    assert clock.ahead(1001.0 - 2, 1001.0) == -2  # long under way, then
    assert clock.ahead(1002.0 - 90, 1002.0) == -2
    assert clock.ahead(None, 1003.0) == -2
    assert clock.ahead(2000.0 - 50, 2000.0) == -50  # what is long ago counts no more
    for number in range(5000):
        assert clock.ahead(2001.0 - 60 - number / 1000, 2001.0) == -50
