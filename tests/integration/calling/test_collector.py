"""What the list of calls tells of attempts, and above all what it does not tell."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import insert, update

from flireo_flows.api.fields import iso
from flireo_flows.calling.collector import MOST_FAILURES, Collector
from flireo_flows.calling.reconcile import RINGING_SECONDS
from flireo_flows.calling.snapshot import EARLY_SECONDS, LATE_SECONDS
from flireo_flows.ledger.messages import lead_reason
from flireo_flows.ledger.schema import attempts
from flireo_flows.ledger.unknown_attempts import REVIEWED_SECONDS
from flireo_flows.ledger.views import has_open
from flireo_flows.lifecycle.absence import LEAST_SECONDS
from flireo_flows.lifecycle.states import LeadState
from tests.support.calling.bad_line import BadLine
from tests.support.calling.campaign import (
    ANNA,
    BEN,
    CARLA,
    OTHERS_DO_NOT_COUNT,
    Campaign,
    person,
)
from tests.support.calling.collector_stage import campaign, canary, collector, line, state_of
from tests.support.faulty.server import Act, answer, cut, lost, page

__all__ = ["campaign", "collector", "line"]  # fixtures


async def test_a_call_whose_answer_was_lost_is_found_in_the_list(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    call = line.place(ANNA)
    await collector.poll()
    row = await campaign.attempt()
    assert (row.state, row.call_id) == ("placed", call["id"])
    line.end_all()
    await collector.poll()
    assert (await campaign.results())[ANNA].outcome == "no_answer"


async def test_a_call_that_shows_up_late_is_found_at_the_second_reading(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    await collector.poll()
    assert (await campaign.attempt()).absent_since is not None
    call = line.place(ANNA)
    await collector.poll()
    row = await campaign.attempt()
    assert (row.state, row.call_id) == ("placed", call["id"])


async def test_a_call_that_two_readings_do_not_show_was_not_placed(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    await canary(campaign, collector, line)
    await collector.poll()
    assert await state_of(campaign) == "unknown"
    await collector.poll()
    assert (await state_of(campaign), (await campaign.lead()).state) == ("not_placed", "waiting")


@pytest.mark.parametrize(
    "act",
    [
        answer(500, {"error": "no"}),
        page(200),
        lost(),
        cut(answer(200, {"calls": [], "pagination": {"total": 0}})),
        answer(200, {"calls": None}),
        answer(200, "calls"),
        answer(400, {"error": "no"}),
        answer(401, {"error": "no"}),
    ],
    ids=lambda act: str(act)[:60],
)
@pytest.mark.timeout(60)
async def test_a_list_that_cannot_be_read_proves_nothing(
    campaign: Campaign, collector: Collector, line: BadLine, act: Act
) -> None:
    await campaign.lost(await campaign.runner())
    before = await campaign.attempt()
    line.lists = act
    await collector.poll()
    assert await campaign.attempt() == before
    assert collector.failures == 1
    assert (collector.stopped_by is not None) == (b" 401 " in act.sends)


async def test_a_list_that_breaks_off_half_way_proves_nothing(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    call = line.place(BEN)
    await campaign.placed(await campaign.runner(), call["id"], BEN)
    await campaign.lost(await campaign.runner())
    line.place(CARLA)
    line.end_all()
    line.page, line.breaks_off = 1, 3  # of the look at its clock and two pages, then of none
    await collector.poll()
    for _ in range(3):
        await collector.poll()
    ben, anna = await campaign.attempts()
    assert (ben.state, anna.state) == ("ended", "unknown")  # what was read is not forgotten either


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("page", [1, 3, 1000])
async def test_every_page_of_the_list_is_read_before_a_call_counts_as_absent(
    campaign: Campaign, collector: Collector, line: BadLine, page: int, tells_total: bool
) -> None:
    """A server may give less than it is asked for, and may not say how much there is."""
    line.page, line.tells_total = page, tells_total
    await campaign.lost(await campaign.runner())
    call = line.place(ANNA)
    for _ in range(7):
        line.place(BEN)
    await collector.poll()
    assert (await campaign.attempt()).call_id == call["id"]


@pytest.mark.parametrize("ahead", [-600.0, 600.0])
async def test_a_call_is_found_by_a_fresh_runner_whatever_the_vendors_clock_shows(
    campaign: Campaign, collector: Collector, line: BadLine, ahead: float
) -> None:
    """It has spoken to no one yet, so it does not know by how much the clocks differ."""
    line.ahead = ahead
    await campaign.lost(await campaign.runner())
    call = line.place(ANNA)
    await collector.poll()
    row = await campaign.attempt()
    assert (row.state, row.call_id, row.absent_since) == ("placed", call["id"], None)


async def test_many_failed_readings_end_the_run(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    line.lists = answer(400)
    for _ in range(MOST_FAILURES):
        assert collector.stopped_by is None
        await collector.poll()
    assert collector.stopped_by is not None


async def test_a_call_that_could_be_either_is_for_a_person_to_look_at(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    for _ in range(2):
        line.place(ANNA)
    await collector.poll()
    assert (await campaign.lead()).state == LeadState.CALLING  # one of them may still find its owner
    await campaign.age(RINGING_SECONDS + 1)
    await collector.poll()
    lead = await campaign.lead()
    assert (lead.state, lead_reason(lead)) == ("review", "2 calls in the list could be this one")
    for _ in range(3):
        await collector.poll()
    assert ((await campaign.attempt()).state, (await campaign.lead()).state) == ("unknown", "review")
    await campaign.take_in(person(ANNA))
    assert await campaign.begin(await campaign.runner()) == []


async def test_an_ambiguous_attempt_is_not_looked_for_for_ever(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    for _ in range(2):
        line.place(ANNA)
    await campaign.age(RINGING_SECONDS + 1)
    for _ in range(3):  # as sweeps read it, again and again
        await collector.poll()
        await campaign.age(REVIEWED_SECONDS / 2 + 1)
    before = line.reads
    await collector.poll()
    assert (line.reads, (await campaign.lead()).state) == (before, "review")
    assert not await has_open(campaign.ledger)


async def test_one_call_is_not_given_to_one_of_two_campaigns(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    other = Campaign(campaign.database, name="another campaign")
    await other.take_in(person(ANNA))
    now = campaign.database.now()
    rival = {"lead_id": (await other.lead()).id, "campaign": other.name, "phone": ANNA, "number": 1}
    rival |= {"state": "unknown", "runner": "r", "began_at": now, "over_at": now}
    async with campaign.database.write() as db:
        await db.execute(insert(attempts).values(rival))
    line.place(ANNA)
    await collector.poll()
    assert (await campaign.attempt()).state == "unknown"


@pytest.mark.parametrize(
    "fields",
    [
        {"caller_phone": BEN},
        {"caller_phone": None},
        {"direction": "inbound"},
        {"created_at": "2026-01-10T12:00:00.000Z"},
    ],
    ids=str,
)
async def test_a_call_that_is_not_ours_is_not_taken(
    campaign: Campaign, collector: Collector, line: BadLine, fields: dict[str, object]
) -> None:
    await campaign.lost(await campaign.runner())
    line.place(ANNA, **fields)
    await collector.poll()
    assert (await campaign.attempt()).state == "unknown"


@pytest.mark.parametrize("phone", ["+44 7700 900001", "447700900001", "0044 7700 900001"])
async def test_a_number_is_the_same_however_it_is_written(
    campaign: Campaign, collector: Collector, line: BadLine, phone: str
) -> None:
    await campaign.lost(await campaign.runner())
    line.place(ANNA, caller_phone=phone)
    await collector.poll()
    assert (await campaign.attempt()).state == "placed"


async def test_a_call_that_has_an_owner_is_not_given_to_another(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    other = Campaign(campaign.database, name="another campaign")
    await other.placed(await other.runner(), line.place(ANNA)["id"])
    async with campaign.database.write() as db:
        await db.execute(update(attempts).values(over_at=campaign.database.now()))
    campaign.policy = campaign.policy.model_copy(update={"other_campaigns": OTHERS_DO_NOT_COUNT})
    await campaign.lost(await campaign.runner())
    await canary(campaign, collector, line)
    await collector.poll()
    await collector.poll()
    assert await state_of(campaign) == "not_placed"


@pytest.mark.parametrize("deaf_to", ["start_date", "end_date", "both"])
@pytest.mark.parametrize("page", [2, 1000])
async def test_a_server_that_does_not_heed_the_window_is_read_to_the_end_all_the_same(
    campaign: Campaign, collector: Collector, line: BadLine, deaf_to: str, page: int
) -> None:
    line.page, line.deaf_to = page, {"start_date", "end_date"} if deaf_to == "both" else {deaf_to}
    await campaign.placed(await campaign.runner(), line.place(BEN)["id"], BEN)
    await campaign.age(2 * 3600)
    line.calls[0]["created_at"] = iso(datetime.now(UTC) - timedelta(hours=2))
    await campaign.lost(await campaign.runner())
    for _ in range(5):
        line.place(CARLA)
    call = line.place(ANNA)
    line.end_all()
    await collector.poll()
    ben, anna = await campaign.attempts()
    assert (ben.state, anna.call_id) == ("ended", call["id"])
    assert anna.state == "placed"


async def test_a_window_that_does_not_reach_to_now_proves_nothing_about_what_may_have_been_placed(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    """Its call is listed hours late, beside a placed one of the same time: it is found all the same."""
    await campaign.lost(await campaign.runner())
    await campaign.placed(await campaign.runner(), line.place(BEN)["id"], BEN)
    await campaign.age(3000)
    call = line.place(ANNA)  # created now, long after the request
    await collector.poll()
    anna, _ = await campaign.attempts()
    assert (anna.state, anna.call_id) == ("placed", call["id"])


@pytest.mark.parametrize(
    "shown", [None, "", "anonymous", "sip:anna@example.org", "07700 900001", "+31850835037"]
)
async def test_a_call_of_that_moment_that_does_not_report_its_number_proves_nothing(
    campaign: Campaign, collector: Collector, line: BadLine, shown: str | None
) -> None:
    await campaign.lost(await campaign.runner())
    line.place(ANNA, caller_phone=shown, phone_number="+31850835037")
    for _ in range(3):
        await collector.poll()
        assert ((await campaign.attempt()).state, (await campaign.lead()).state) == ("unknown", "calling")
    await campaign.age(RINGING_SECONDS + 1)
    line.calls[0]["created_at"] = iso(datetime.now(UTC) - timedelta(seconds=RINGING_SECONDS + 1))
    await collector.poll()
    assert ((await campaign.attempt()).state, (await campaign.lead()).state) == ("unknown", "review")


async def test_a_call_without_a_number_at_another_time_is_not_ours(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.lost(await campaign.runner())
    for earlier in (-LATE_SECONDS - 60, EARLY_SECONDS + 60):
        line.place(ANNA, caller_phone=None, created_at=iso(datetime.now(UTC) - timedelta(seconds=earlier)))
    await canary(campaign, collector, line)
    for _ in range(2):
        await collector.poll()
    assert await state_of(campaign) == "not_placed"


@pytest.mark.parametrize(
    ("ahead", "afterwards", "state"),
    [(240.0, 0.0, "placed"), (7200.0, 0.0, "placed"), (240.0, None, "unknown"), (2e11, 0.0, "unknown")],
)
async def test_one_answer_of_a_clock_that_is_ahead_has_no_one_called_twice(
    campaign: Campaign,
    collector: Collector,
    line: BadLine,
    ahead: float,
    afterwards: float | None,
    state: str,
) -> None:
    pacing, now = collector.client.pacing, collector.client.now()
    wrong = format_datetime(datetime.fromtimestamp(now + ahead, UTC), usegmt=True)
    pacing.sent(now)
    pacing.received({"date": wrong}, 200, now, now)
    line.ahead = afterwards
    await campaign.lost(await campaign.runner())
    line.place(ANNA)
    for _ in range(3):
        await collector.poll()
    assert (await campaign.attempt()).state == state


async def test_calls_that_come_in_while_a_list_of_small_pages_is_read_hide_none(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    line.page = 2
    await campaign.lost(await campaign.runner())
    ours = line.place(ANNA)
    for _ in range(2):
        line.place(BEN)
    line.arrives = lambda: [line.place(CARLA), line.place(CARLA)] if line.reads in (2, 4) else None
    await collector.poll()
    assert (await campaign.attempt()).call_id == ours["id"]


async def test_a_list_that_gives_less_than_it_promises_proves_nothing(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    line.page, line.deaf_to = 2, {"offset"}
    await campaign.lost(await campaign.runner())
    line.place(ANNA)
    for _ in range(2):
        line.place(BEN)
    await canary(campaign, collector, line, CARLA)
    for _ in range(5):
        await collector.poll()
        assert await state_of(campaign) == "unknown"
    await campaign.age(LEAST_SECONDS)
    await collector.poll()
    assert (await state_of(campaign), (await campaign.lead()).state) == ("unknown", "review")
    assert (collector.failures, collector.stopped_by) == (0, None)


async def test_a_total_that_counts_more_than_was_asked_for_is_not_believed(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    line.page, line.counts = 2, 100
    await campaign.lost(await campaign.runner())
    for _ in range(3):
        line.place(BEN)
    await canary(campaign, collector, line, CARLA)
    for _ in range(2):
        await collector.poll()
    assert (await state_of(campaign), collector.failures) == ("not_placed", 0)
