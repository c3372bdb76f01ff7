"""How complete the results are: the right figures, whatever reported what, and one notice each time they fall short."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from flireo_flows.ledger import AttemptBook, Database
from flireo_flows.ledger.call_reports import close_without_report
from flireo_flows.ledger.completeness import (
    FEWEST,
    Completeness,
    Delay,
    check_completeness,
    completeness,
)
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.outbox import Outbox
from flireo_flows.ledger.reports import talked
from flireo_flows.ledger.schema import attempts, campaigns, leads
from flireo_flows.lifecycle.states import LedgerEvent, Reason
from tests.support.calling.campaign import ANNA, BEN, CARLA, POLICY, people
from tests.support.calling.incoming import (
    ANALYSIS,
    TALK,
    Incoming,
    book,
    incoming,
    listed,
    report,
    status_update,
)

__all__ = ["book", "incoming"]  # fixtures

PEOPLE: Final = [ANNA, BEN, CARLA]
SILENCE: Final[dict[str, Any]] = {
    "status": "failed",
    "error": "no answer",
    "started_at": None,
    "duration_seconds": 0,
    "summary": None,
    "messages": None,
}
PATIENCE: Final = POLICY.report_grace_seconds + POLICY.analysis_grace_seconds


async def place_calls(incoming: Incoming, book: AttemptBook, phones: Sequence[str] = PEOPLE) -> None:
    for number, phone in enumerate(phones, start=1):
        await incoming.campaign.placed(book, f"call-{number}", phone)


async def seen(incoming: Incoming) -> Completeness:
    return await completeness(incoming.database.campaign(incoming.campaign.name))


def counts(found: Completeness) -> dict[str, int]:
    return {name: value for name, value in found.as_json().items() if isinstance(value, int) and value}


async def test_of_a_campaign_that_called_no_one_nothing_is_due(incoming: Incoming) -> None:
    found = await seen(incoming)
    assert found == Completeness()
    assert (found.report_share, found.analysis_share) == (None, None)
    assert (found.rows()["reports in"], found.rows()["report after"]) == ("none due", "none yet")


async def test_all_come_by_webhook_and_a_doubled_one_is_one(incoming: Incoming, book: AttemptBook) -> None:
    await place_calls(incoming, book)
    for number, phone in enumerate(PEOPLE, start=1):
        body = report(f"call-{number}", phone)
        await incoming.receive(body, body)
        await incoming.read(listed(f"call-{number}", phone, analysis_result=ANALYSIS), later=50)
    found = await seen(incoming)
    assert counts(found) == {
        **dict.fromkeys(("ended", "talked", "reports_due", "reports", "by_webhook"), 3),
        **dict.fromkeys(("analyses_due", "analyses"), 3),
    }
    assert (found.report_share, found.analysis_share) == (1, 1)
    assert found.report_delay.p95 is not None and 0 <= found.report_delay.p95 < 50


async def test_all_come_by_the_list(incoming: Incoming, book: AttemptBook) -> None:
    await place_calls(incoming, book)
    for number, phone in enumerate(PEOPLE, start=1):
        await incoming.read(listed(f"call-{number}", phone, analysis_result=ANALYSIS), later=10.0 * number)
    found = await seen(incoming)
    assert (found.reports, found.by_webhook, found.by_list, found.analyses) == (3, 0, 3, 3)
    # Each is reported to have ended just now, and read 10, 20 and 30 seconds later.
    assert found.report_delay.median == pytest.approx(20, abs=5)
    assert found.report_delay.p95 == pytest.approx(30, abs=5)


async def test_a_mixture_is_distinguished_and_what_is_open_is_waited_for(
    incoming: Incoming, book: AttemptBook
) -> None:
    phones = [lead.phone for lead in people(6)]
    await place_calls(incoming, book, phones)
    await incoming.receive(report("call-1", phones[0]))
    await incoming.read(listed("call-2", phones[1], analysis_result=ANALYSIS))
    await incoming.read(listed("call-3", phones[2], **SILENCE))
    await incoming.read(listed("call-4", phones[3]))  # its analysis is to come
    await incoming.receive(
        status_update("ended", call_id="call-5", phone=phones[4])
    )  # whether it talked, too
    assert counts(await seen(incoming)) == {
        "ended": 5,
        "talked": 3,
        "reports_due": 4,
        "reports": 3,
        "by_webhook": 1,
        "by_list": 2,
        "analyses_due": 3,
        "analyses": 2,
        "waiting": 2,
    }


async def test_a_campaign_that_no_one_answered_lacks_nothing(incoming: Incoming, book: AttemptBook) -> None:
    await place_calls(incoming, book)
    for number, phone in enumerate(PEOPLE, start=1):
        await incoming.read(listed(f"call-{number}", phone, **SILENCE))
    assert counts(found := await seen(incoming)) == {"ended": 3}
    assert (found.report_share, found.analysis_share) == (None, None)


async def test_a_late_analysis_takes_as_long_as_it_took(incoming: Incoming, book: AttemptBook) -> None:
    await place_calls(incoming, book, [ANNA, BEN])
    await incoming.receive(report("call-1", ANNA), report("call-2", BEN, analysis=None))
    assert (await seen(incoming)).analysis_share == 0.5
    await incoming.read(listed("call-2", BEN, analysis_result=ANALYSIS), later=500)
    found = await seen(incoming)
    assert (found.by_webhook, found.analysis_share) == (2, 1)
    assert found.analysis_delay.p95 == pytest.approx(500, abs=10)
    assert found.report_delay.p95 is not None and found.report_delay.p95 < 10


async def test_a_call_that_is_closed_without_a_report_is_missing_until_it_comes(
    incoming: Incoming, book: AttemptBook
) -> None:
    await place_calls(incoming, book, [ANNA])
    now = incoming.database.now()
    async with incoming.database.write(incoming.campaign.name) as db:
        row = (await db.execute(select(attempts))).one()
        await close_without_report(db, row, Reason.CALL_UNKNOWN, POLICY, now)
    assert counts(await seen(incoming)) == {"ended": 1, "reports_due": 1, "missing": 1}
    await incoming.receive(report())
    assert counts(await seen(incoming)) == {
        **dict.fromkeys(("ended", "talked", "reports_due", "reports", "by_webhook"), 1),
        **dict.fromkeys(("analyses_due", "analyses"), 1),
    }


@pytest.mark.parametrize("ended_at", [None, "1999-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_an_end_that_cannot_be_is_not_measured_from(
    incoming: Incoming, book: AttemptBook, ended_at: str | None
) -> None:
    await place_calls(incoming, book, [ANNA])
    await incoming.read(listed(ended_at=ended_at, summary=None, messages=None), later=20)
    await incoming.read(listed(ended_at=ended_at, analysis_result=ANALYSIS), later=27)
    found = await seen(incoming)
    assert found.report_delay.median == found.report_delay.p95 == pytest.approx(7, abs=1)


@pytest.mark.parametrize(
    ("readiness", "due"),
    [
        ("", 0),  # nothing says that the agent analyses, and no call was analysed
        ('{"analysis": false, "fewest_messages": 0, "longest_call": 600.0}', 0),
        ('{"analysis": true, "fewest_messages": 0, "longest_call": 600.0}', 1),
        (f'{{"analysis": true, "fewest_messages": {len(TALK)}, "longest_call": 600.0}}', 1),
        (f'{{"analysis": true, "fewest_messages": {len(TALK) + 1}, "longest_call": 600.0}}', 0),
    ],
)
async def test_an_analysis_is_due_where_the_agent_gives_one(
    incoming: Incoming, book: AttemptBook, readiness: str, due: int
) -> None:
    async with incoming.database.write() as db:
        named = {"name": incoming.campaign.name, "state": "open", "readiness": readiness}
        await db.execute(insert(campaigns).values(named))
    await place_calls(incoming, book, [ANNA])
    await incoming.receive(
        report(analysis=None, messages=[*TALK[:1], {"role": "user", "content": "\x00 \ud83d"}])
    )
    assert (await seen(incoming)).analyses_due == due


async def test_forgetting_a_person_leaves_the_figures_as_they_were(
    incoming: Incoming, book: AttemptBook
) -> None:
    await place_calls(incoming, book)
    await incoming.receive(report("call-1", ANNA))
    await incoming.read(listed("call-2", BEN, **SILENCE))
    await incoming.read(listed("call-3", CARLA, analysis_result=ANALYSIS))
    before = await seen(incoming)
    for phone in PEOPLE:
        await forget(incoming.database, phone)
    assert await seen(incoming) == before
    assert before.reports == before.analyses == 2


async def test_what_never_came_is_not_missed_of_who_was_forgotten(
    incoming: Incoming, book: AttemptBook
) -> None:
    await place_calls(incoming, book, [ANNA])
    silent = listed(summary=None, messages=None)
    await incoming.read(silent)
    assert await incoming.read(silent, later=PATIENCE)
    assert (await seen(incoming)).missing == 1
    await forget(incoming.database, ANNA)
    assert counts(await seen(incoming)) == {"ended": 1, "talked": 1}


# Against a plain reading of the same rows.

PHONES = count(1)
BEGAN: Final = 1000.0
moments = st.floats(BEGAN + 60, BEGAN + 5000)
calls = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["sending", "unknown", "not_placed", "placed", "ended", "ended", "ended"]),
        "complete": st.booleans(),
        "over": st.booleans(),
        "started_at": st.none() | st.just(BEGAN + 5),
        "ended_at": st.sampled_from([None, BEGAN + 50, BEGAN + 60, BEGAN - 1, BEGAN + 61, 1e12]),
        "duration_seconds": st.sampled_from([None, 0, 45]),
        "summary": st.sampled_from(["", "Somebody spoke."]),
        "turns": st.integers(0, 3),
        "reported_at": st.none() | moments,
        "report_channel": st.sampled_from(["webhook", "list"]),
        "analysis": st.none() | st.just('{"a": 1}'),
        "analysed_at": moments,
        "is_forgotten": st.booleans(),
    }
)


def row_of(call: Mapping[str, Any], campaign: str, lead_id: int) -> dict[str, Any]:
    """The attempt as the ledger would hold it: words come with their moment."""
    number = next(PHONES)
    row = {
        **{name: call[name] for name in call if name in attempts.c},
        "lead_id": lead_id,
        "campaign": campaign,
        "phone": f"forgotten-{number}" if call["is_forgotten"] else f"+44{number:09d}",
        "number": 1,
        "runner": "r",
        "began_at": BEGAN,
        "complete": call["complete"] and call["state"] == "ended",
        "over_at": BEGAN + 60,
        "messages": json.dumps([{"role": "user"}] * call["turns"]) if call["turns"] else None,
    }
    if not (call["state"] == "ended" or (call["state"] == "placed" and call["over"])):
        return {**row, **NOTHING, **NO_WORDS, **NO_MOMENTS, "over_at": None}
    if call["reported_at"] is None:
        return {**row, **NO_WORDS, **NO_MOMENTS}
    if call["analysis"] is None:
        row["analysed_at"] = None
    return {**row, **(NO_WORDS if call["is_forgotten"] else {})}


NOTHING: Final = {"started_at": None, "ended_at": None, "duration_seconds": None}
NO_WORDS: Final = {"summary": "", "messages": None, "analysis": None}
NO_MOMENTS: Final = {"reported_at": None, "report_channel": "", "analysed_at": None}


def plainly(rows: Sequence[Mapping[str, Any]]) -> Completeness:
    """The figures, row by row."""
    over = [row for row in rows if row["state"] in ("placed", "ended") and row["over_at"] is not None]
    may_report = [row for row in over if not row["complete"] or talked(dict(row))]
    in_ = [row for row in may_report if row["reported_at"]]
    lacking = [row for row in may_report if row not in in_ and not _forgotten(row)]
    analysed = [row for row in over if row["analysed_at"]]
    awaited = [row for row in over if row not in analysed and talked(dict(row)) and not _forgotten(row)]
    long = [row for row in awaited if not row["messages"] or len(json.loads(row["messages"])) >= 2]
    return Completeness(
        ended=len(over),
        talked=sum(talked(dict(row)) for row in over),
        reports_due=len(in_) + len(lacking),
        reports=len(in_),
        by_webhook=sum(row["report_channel"] == "webhook" for row in in_),
        by_list=sum(row["report_channel"] == "list" for row in in_),
        analyses_due=len(analysed) + (len(long) if analysed else 0),
        analyses=len(analysed),
        waiting=sum(row["state"] == "placed" for row in over),
        missing=sum(row["state"] == "ended" for row in lacking),
        report_delay=_delay(over, "reported_at"),
        analysis_delay=_delay(over, "analysed_at"),
    )


def _forgotten(row: Mapping[str, Any]) -> bool:
    return str(row["phone"]).startswith("forgotten-")


def _delay(rows: Sequence[Mapping[str, Any]], at: str) -> Delay:
    waited = sorted(row[at] - _end(row) for row in rows if row[at] is not None)
    if not waited:
        return Delay()
    return Delay(*(waited[math.ceil(share * len(waited) / 100) - 1] for share in (50, 95)))


def _end(row: Mapping[str, Any]) -> float:
    reported, over = row["ended_at"], float(row["over_at"])
    return float(reported) if reported is not None and row["began_at"] <= reported <= over else over


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(calls, min_size=1, max_size=25))
async def test_the_figures_are_those_of_the_rows(database: Database, made: list[dict[str, Any]]) -> None:
    campaign = f"campaign {next(PHONES)}"
    async with database.write() as db:
        lead = {"campaign": campaign, "phone": "x", "batch": "b", "state": "done"}
        lead_id = (await db.execute(insert(leads).values(lead).returning(leads.c.id))).scalar_one()
        rows = [row_of(call, campaign, lead_id) for call in made]
        await db.execute(insert(attempts), rows)
    found = await completeness(database.campaign(campaign))
    assert found == plainly(rows)
    assert found.reports + found.missing <= found.reports_due <= found.ended
    for share in (found.report_share, found.analysis_share):
        assert share is None or 0 <= share <= 1


# The notice.

LATER: Final = PATIENCE + 1.0


async def hear_of(incoming: Incoming, numbers: range, **more: Any) -> None:
    """These answered calls end, long ago, by webhook."""
    phones = [lead.phone for lead in people(len(numbers), first=numbers.start)]
    book = await incoming.campaign.runner()
    for number, phone in zip(numbers, phones, strict=True):
        await incoming.campaign.placed(book, f"call-{number}", phone)
        if more.get("analysis", ANALYSIS) == "lost":
            silent = listed(f"call-{number}", phone, summary=None, messages=None)
            await incoming.read(silent)
            await incoming.read(silent, later=PATIENCE)
        else:
            await incoming.receive(report(f"call-{number}", phone, **more))
    await incoming.campaign.age(LATER)


async def notices(database: Database) -> list[tuple[str, str]]:
    reported = await Outbox(database).claim(1000)
    return [
        (notice.campaign, notice.reason)
        for notice in reported
        if notice.event is LedgerEvent.CAMPAIGN_INCOMPLETE
    ]


async def check(incoming: Incoming, **changes: Any) -> bool:
    policy = incoming.campaign.policy.model_copy(update=changes)
    return await check_completeness(incoming.database.campaign(incoming.campaign.name), policy)


async def test_it_is_reported_once_each_time_a_share_falls_below_the_bound(incoming: Incoming) -> None:
    await hear_of(incoming, range(FEWEST - 2))
    await hear_of(incoming, range(20, 22), analysis="lost")
    assert await check(incoming)
    reason = "reports of 8 of 10 (80%) calls are in and analyses of 8 of 10 (80%) calls are in, "
    assert await notices(incoming.database) == [
        (incoming.campaign.name, f"{reason}and should be of 90% (min_completeness)")
    ]
    assert not await check(incoming)  # it stays below ...
    await hear_of(incoming, range(100, 110))
    assert not await check(incoming)  # ... is at the bound again: 18 of 20 ...
    await hear_of(incoming, range(120, 121), analysis="lost")
    assert await check(incoming)  # ... and falls once more.
    assert not await check(incoming)
    ((_, again),) = await notices(incoming.database)
    assert again.startswith("reports of 18 of 21 (85.7%) calls are in")


async def test_only_what_is_short_is_named(incoming: Incoming) -> None:
    await hear_of(incoming, range(8))
    await hear_of(incoming, range(20, 22), analysis=None)
    assert await check(incoming)
    ((_, reason),) = await notices(incoming.database)
    assert reason == "analyses of 8 of 10 (80%) calls are in, and should be of 90% (min_completeness)"


async def test_a_few_calls_and_calls_of_just_now_are_not_judged(incoming: Incoming) -> None:
    await hear_of(incoming, range(FEWEST - 1), analysis="lost")
    assert not await check(incoming)
    await hear_of(incoming, range(20, 21), analysis="lost")
    await incoming.campaign.age(-PATIENCE)
    assert not await check(incoming)
    await incoming.campaign.age(PATIENCE)
    assert not await check(incoming, min_completeness=0.0)
    assert await check(incoming)


async def test_calls_that_no_one_answered_are_not_judged(incoming: Incoming, book: AttemptBook) -> None:
    phones = [lead.phone for lead in people(FEWEST + 2)]
    await place_calls(incoming, book, phones)
    for number, phone in enumerate(phones, start=1):
        await incoming.read(listed(f"call-{number}", phone, **SILENCE))
    await incoming.campaign.age(LATER)
    assert not await check(incoming, min_completeness=1.0)
    assert await notices(incoming.database) == []


async def test_each_campaign_falls_by_itself_whatever_it_is_called(database: Database) -> None:
    for number, name in enumerate(("a", "1:a", "a:1", "%s'\"")):
        incoming = Incoming(database)
        incoming.campaign.name = name
        await hear_of(incoming, range(100 * number, 100 * number + FEWEST), analysis="lost")
        assert await check(incoming)
    assert [campaign for campaign, _ in await notices(database)] == ["a", "1:a", "a:1", "%s'\""]


async def test_two_who_look_at_once_report_it_once(incoming: Incoming) -> None:
    await hear_of(incoming, range(FEWEST), analysis="lost")
    reported = await asyncio.gather(*(check(incoming) for _ in range(4)))
    assert sorted(reported) == [False, False, False, True]
    assert len(await notices(incoming.database)) == 1
