"""A call belongs to an attempt only if number, direction and time fit, whatever gave its id."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.fields import iso
from flireo_flows.calling.collector import Collector
from flireo_flows.ledger import Answer, Database, Inbox
from flireo_flows.lifecycle.states import AttemptEvent, InboxReason
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import ANNA, BEN, CARLA, POLICY, Campaign, person
from tests.support.calling.incoming import TALK, report

STRANGER = "+12025550199"


@pytest.fixture
def line() -> Iterator[BadLine]:
    with bad_line() as running:
        yield running


@pytest.fixture
def campaign(database: Database, line: BadLine) -> Campaign:
    return Campaign(database, line.url, policy=POLICY.model_copy(update={"reconcile_grace_seconds": 0}))


@pytest.fixture
async def collector(campaign: Campaign) -> AsyncIterator[Collector]:
    async with AsyncFlireoClient(campaign.account) as client:
        yield campaign.collector(client)


def talk(call: dict[str, Any]) -> None:
    """A call is over, and someone talked in it."""
    now = iso(datetime.now(UTC))
    reported = {
        "started_at": now,
        "ended_at": now,
        "duration_seconds": 61,
        "summary": "Private.",
        "messages": TALK,
    }
    call.update(status="ended", **reported)


OTHERS: list[dict[str, Any]] = [
    {"caller_phone": STRANGER},
    {"caller_phone": "0012025550199"},
    {"caller_phone": "+44 7700 900 002"},
    {"caller_phone": ANNA, "direction": "inbound"},
    {"caller_phone": ANNA, "direction": "Inbound_Phone_Call"},
    {"caller_phone": ANNA, "direction": "web"},
    {"caller_phone": ANNA, "days": 2},
    {"caller_phone": None, "days": 2},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
async def test_the_id_of_another_call_makes_the_attempt_unknown_and_nothing_is_taken_from_it(
    campaign: Campaign, collector: Collector, line: BadLine, other: dict[str, Any]
) -> None:
    fields = {name: value for name, value in other.items() if name != "days"}
    created = datetime.now(UTC) - timedelta(days=other.get("days", 0))
    wrong = line.place(ANNA, **{"id": "call-of-another", "created_at": iso(created), **fields})
    talk(wrong)
    await campaign.placed(await campaign.runner(), wrong["id"])
    for phone in (BEN, CARLA):  # they tell the list's clock
        await campaign.placed(await campaign.runner(), line.place(phone)["id"], phone)
    await campaign.age(20)
    for _ in range(3):
        await collector.poll()
    row = (await campaign.attempts())[0]
    assert (row.state, row.call_id) == ("unknown", None)
    assert (row.summary, row.messages, row.over_at, row.outcome) == ("", None, None, "")
    assert (await campaign.lead()).state == "calling"
    ours = line.place(ANNA)
    talk(ours)
    for _ in range(2):
        await collector.poll()
    row = (await campaign.attempts())[0]
    assert (row.state, row.call_id, row.summary) == ("ended", ours["id"], "Private.")


async def test_two_attempts_whose_answers_were_mixed_up_get_their_own_calls(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    await campaign.take_in(person(ANNA), person(BEN))
    anna, ben = await campaign.begin(await campaign.runner())
    calls = {phone: line.place(phone)["id"] for phone in (ANNA, BEN)}
    await campaign.record(
        await campaign.runner(),
        Answer(anna, AttemptEvent.ACCEPTED, call_id=calls[BEN]),
        Answer(ben, AttemptEvent.ACCEPTED, call_id=calls[ANNA]),
    )
    for _ in range(2):
        await collector.poll()
    assert {row.phone: row.call_id for row in await campaign.attempts()} == calls


@pytest.mark.parametrize("customer", [STRANGER, "0012025550199", BEN])
@pytest.mark.parametrize("named", [True, False])
async def test_a_webhook_of_another_call_is_not_written_to_an_attempt(
    campaign: Campaign, collector: Collector, line: BadLine, customer: str, named: bool
) -> None:
    attempt = await campaign.placed(await campaign.runner(), "call-1")
    await Inbox(campaign.database).store(report("call-1", customer), attempt.reference if named else "")
    await collector.apply_reports()
    row = await campaign.attempt()
    assert (row.summary, row.messages, row.outcome) == ("", None, "")
    if named:  # it is kept as a dead letter, for it names the attempt and is not of it
        assert row.state == "placed"
        async with campaign.database.read() as db:
            reasons = (await db.exec_driver_sql("SELECT state, reason FROM flireo_inbox")).all()
        assert [tuple(row) for row in reasons] == [("unreadable", InboxReason.OTHER_NUMBER)]
    else:
        assert (row.state, row.call_id) == ("unknown", None)


async def test_what_came_of_a_call_without_a_number_is_taken_back_once_it_shows_another(
    campaign: Campaign, collector: Collector, line: BadLine
) -> None:
    call = line.place(ANNA, caller_phone=None)
    await campaign.placed(await campaign.runner(), call["id"])
    talk(call)
    await collector.poll()
    row = await campaign.attempt()
    assert (row.state, row.summary) == ("ended", "Private.")  # the id came in the answer to our own request
    call["caller_phone"] = STRANGER
    await campaign.placed(await campaign.runner(), line.place(BEN)["id"], BEN)
    await collector.poll()
    row = (await campaign.attempts())[0]
    assert (row.state, row.summary, row.messages, row.outcome) == ("ended", "", None, "unknown")
    assert (await campaign.lead()).state == "review"
