"""Prefect events: what happens in the ledger arrives at a real server, once each."""

import asyncio
import json
import socket
from collections import Counter
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import select, update

from flireo_flows.ledger import Database, Inbox
from flireo_flows.ledger.outbox import Outbox
from flireo_flows.ledger.schema import outbox
from flireo_flows.prefect_support import events
from flireo_flows.prefect_support.events import Publisher
from tests.support.calling.campaign import FREE, people
from tests.support.calling.incoming import Incoming, report
from tests.support.flows.stage import ANNA, PEOPLE, Stage, Stored, patiently
from tests.support.prefect_api import ask


def arrived(url: str, prefix: str = "flireo.") -> list[dict[str, Any]]:
    """The events that the server has of ours."""
    body = {"filter": {"event": {"prefix": [prefix]}}, "limit": 50}
    page = ask(url, "POST", "events/filter", body)
    found = list(page["events"])
    while page.get("next_page"):
        page = ask(url, "GET", page["next_page"].removeprefix(f"{url}/"))
        found += page["events"]
    # By id: while more come in, a page may begin with what the last one ended with.
    return list({event["id"]: event for event in found}.values())


def of_campaign(url: str, campaign: str) -> list[dict[str, Any]]:
    return [event for event in arrived(url) if event["payload"].get("campaign") == campaign]


@pytest.mark.server
def test_each_call_that_a_run_ended_is_an_event_of_it_without_numbers(stage: Stage, stored: Stored) -> None:
    state = stage.flow(**stage.parameters(campaign="ended"), return_state=True)
    run_id = str(state.state_details.flow_run_id)

    def ended() -> list[dict[str, Any]] | None:
        found = [event for event in of_campaign(stored.url, "ended") if event["event"] == "flireo.call.ended"]
        return found if len(found) >= len(PEOPLE) else None

    calls = patiently(ended)
    assert len(calls) == len(PEOPLE)
    outcomes = Counter(call["payload"]["outcome"] for call in calls)
    assert outcomes == Counter(row["outcome"] for row in stage.results().values())
    assert not [phone for phone in PEOPLE if phone in json.dumps(calls) or phone[1:] in json.dumps(calls)]
    related = [resource["prefect.resource.id"] for resource in calls[0]["related"]]
    assert {"flireo.campaign.ended", f"prefect.flow-run.{run_id}"} <= set(related)


@pytest.fixture
async def reported(stage: Stage) -> Any:
    """A campaign whose calls all ended, with nothing sent yet."""
    async with await Database.open(stage.ledger_url) as database:
        yield Incoming(database)


async def end_calls(incoming: Incoming, count: int, name: str) -> None:
    incoming.campaign.name, incoming.campaign.policy = name, FREE
    await incoming.campaign.take_in(*people(count))
    book = await incoming.campaign.runner()
    begun = await incoming.campaign.begin(book, count)
    from flireo_flows.ledger import Answer
    from flireo_flows.lifecycle.states import AttemptEvent

    await incoming.campaign.record(
        book, *(Answer(it, AttemptEvent.ACCEPTED, call_id=f"{name}-{it.id}") for it in begun)
    )
    for attempt in begun:
        await Inbox(incoming.database).store(report(f"{name}-{attempt.id}", attempt.phone))
    await incoming.apply()


@pytest.mark.server
async def test_the_same_notice_sent_twice_is_one_event(reported: Incoming, stored: Stored) -> None:
    await end_calls(reported, 5, "doubled")
    publisher = Publisher(reported.database)
    assert await publisher.publish() == 5
    # As after a sender that was killed before it wrote down that they had arrived.
    async with reported.database.write() as db:
        await db.execute(update(outbox).values(sent_at=None, claimed_until=0.0))
    assert await publisher.publish() == 5
    await end_calls(reported, 1, "marker")
    await publisher.publish()
    await asyncio.to_thread(patiently, lambda: of_campaign(stored.url, "marker"))
    assert len(of_campaign(stored.url, "doubled")) == 5


@pytest.mark.server
async def test_two_senders_send_each_notice_once(reported: Incoming, stored: Stored) -> None:
    await end_calls(reported, 90, "shared")
    await asyncio.gather(Publisher(reported.database).drain(60), Publisher(reported.database).drain(60))
    assert await Outbox(reported.database).unsent() == 0
    found = await asyncio.to_thread(patiently, lambda: _if_many(of_campaign(stored.url, "shared"), 90))
    assert Counter(event["resource"]["prefect.resource.id"] for event in found).most_common(1)[0][1] == 1


def _if_many(found: list[Any], least: int) -> list[Any] | None:
    return found if len(found) >= least else None


@pytest.mark.server
async def test_a_backlog_is_told_together_and_says_so(
    reported: Incoming, stored: Stored, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "BACKLOG", 60)
    await end_calls(reported, 120, "flood")
    assert await Publisher(reported.database).drain(60) == 0
    assert "120 notices waited: ended calls are sent together as flireo.calls.ended" in caplog.text

    def all_calls() -> list[Any] | None:
        found = of_campaign(stored.url, "flood")
        together = [call for event in found for call in event["payload"].get("calls", [])]
        alone = [event["payload"] for event in found if event["event"] == "flireo.call.ended"]
        return _if_many([*together, *alone], 120)

    calls = await asyncio.to_thread(patiently, all_calls)
    assert len({call["call_id"] for call in calls}) == len(calls) == 120


async def test_while_prefect_is_not_reached_notices_wait_and_the_log_says_so_once(
    reported: Incoming, caplog: pytest.LogCaptureFixture
) -> None:
    await reported.store(b"no json")
    publisher = Publisher(reported.database)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert [await publisher.publish() for _ in range(2)] == [0, 0]
    assert caplog.text.count("events could not be sent to Prefect") == 1
    assert ANNA not in caplog.text
    (still,) = await Outbox(reported.database).claim(5)
    assert still.event == "flireo.inbox.dead-letter"


async def test_what_a_run_that_ends_had_in_hand_is_free_for_others_at_once(reported: Incoming) -> None:
    await reported.store(b"no json")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: url}):
            sending = asyncio.create_task(Publisher(reported.database).publish())
            while await _free(reported) == 1:  # noqa: ASYNC110 - what is waited for is in the database
                await asyncio.sleep(0.01)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    assert await _free(reported) == 1


async def _free(reported: Incoming) -> int:
    """Notices that anyone may send now."""
    now = reported.database.now()
    async with reported.database.read() as db:
        return len((await db.execute(select(outbox.c.id).where(outbox.c.claimed_until <= now))).all())
