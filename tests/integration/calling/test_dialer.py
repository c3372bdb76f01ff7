"""Every way in which the one request of an attempt can end, and what the ledger then says of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from flireo_flows.api import errors
from flireo_flows.api.client import AsyncFlireoClient, Timeouts
from flireo_flows.calling.dialer import MOST_REFUSALS, STILL_SECONDS
from flireo_flows.calling.run_loop import Until
from flireo_flows.leads import Consent, Wishes
from flireo_flows.ledger import Database, LeadBook
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError
from flireo_flows.ledger.erasure import forget
from flireo_flows.ledger.intents import FRESH_SECONDS
from flireo_flows.ledger.messages import attempt_reason, lead_reason
from flireo_flows.ledger.run_rules import Readiness
from flireo_flows.ledger.schema import suppressions
from flireo_flows.ledger.suppressions import Suppressions, suppress_in
from flireo_flows.lifecycle.states import AttemptEvent, LeadState, Reason
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import ANNA, BEN, CARLA, Campaign, people, person
from tests.support.faulty.server import (
    Act,
    answer,
    closed_port,
    cut,
    garbage,
    limited,
    lost,
    page,
    reset,
    silent,
    slow,
)

PLACED = answer(200, {"success": True, "call_id": "call-1", "status": "dialing"})


def refusal(status: int, words: str = "No.") -> Act:
    """An error in the form of the reference."""
    return answer(status, {"error": {"code": "some_code", "message": words}})


async def ring(campaign: Campaign, *phones: str) -> list[errors.FlireoError | Exception | None]:
    """Ring each, one after the other, and write down what came of it. Returns what stopped the dialer."""
    await campaign.take_in(*(person(phone) for phone in phones))
    book, stops = await campaign.runner(), []
    async with AsyncFlireoClient(campaign.account) as client:
        dialer = campaign.dialer(client)
        for attempt in await campaign.begin(book):
            await campaign.record(book, await dialer.dial(attempt))
            stops.append(dialer.stopped_by)
    return stops


@pytest.mark.parametrize(
    ("act", "attempt", "lead", "stops"),
    [
        (PLACED, "placed", "calling", None),
        (slow(PLACED, 0.2), "placed", "calling", None),
        (answer(201, {"call_id": "call-1", "surprise": [1]}), "placed", "calling", None),
        # It is unknown whether a call was placed.
        (silent(), "unknown", "calling", None),
        (lost(), "unknown", "calling", None),
        (reset(), "unknown", "calling", None),
        (garbage(), "unknown", "calling", None),
        (cut(PLACED), "unknown", "calling", None),
        (answer(200, {"success": True}), "unknown", "calling", None),
        (answer(200, {"call_id": ""}), "unknown", "calling", None),
        (answer(200, []), "unknown", "calling", None),
        (answer(200), "unknown", "calling", None),
        (answer(204), "unknown", "calling", None),
        (page(200), "unknown", "calling", None),
        (page(502), "unknown", "calling", None),
        (answer(302, headers={"Location": "/"}), "unknown", "calling", None),
        (refusal(408), "unknown", "calling", None),
        (refusal(409), "unknown", "calling", None),
        (refusal(410), "unknown", "calling", None),
        (page(413), "unknown", "calling", None),
        (refusal(500), "unknown", "calling", None),
        (refusal(503), "unknown", "calling", None),
        (answer(503, headers={"Retry-After": "1"}), "unknown", "calling", None),
        (page(504), "unknown", "calling", None),
        # No one was called, and that is this lead's own trouble.
        (refusal(400), "not_placed", "review", None),
        (refusal(422), "not_placed", "review", None),
        # No one was called, and no one will be.
        (refusal(401), "not_placed", "waiting", errors.AuthenticationFailed),
        (refusal(402), "not_placed", "waiting", errors.InsufficientCredits),
        (refusal(403), "not_placed", "waiting", errors.PermissionDenied),
        (refusal(404), "not_placed", "waiting", errors.NotFound),
        # No one was called yet.
        (limited("30"), "not_placed", "waiting", None),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_one_request_is_sent_and_its_end_is_judged(
    local: Database, act: Act, attempt: str, lead: str, stops: type[Exception] | None
) -> None:
    with bad_line(act) as line:
        campaign = Campaign(local, line.url, timeouts=Timeouts(call=0.6))
        (stopped_by,) = await ring(campaign, ANNA)
    assert line.posts == [ANNA]
    assert ((await campaign.attempt()).state, (await campaign.lead()).state) == (attempt, lead)
    assert (type(stopped_by) if stopped_by else None) is stops


async def test_a_call_id_is_kept_and_a_refusal_is_reported_without_the_number(local: Database) -> None:
    with bad_line(PLACED, refusal(400, f"{BEN} is not a number we ring")) as line:
        campaign = Campaign(local, line.url)
        await ring(campaign, ANNA, BEN)
    placed, refused = await campaign.attempts()
    assert placed.call_id == "call-1"
    assert attempt_reason(refused) == "400 some_code: +44********02 is not a number we ring"


async def test_where_no_one_listens_no_one_was_called(local: Database) -> None:
    with closed_port() as url:
        campaign = Campaign(local, f"{url}/api/v1")
        await ring(campaign, ANNA)
    lead = await campaign.lead()
    assert ((await campaign.attempt()).state, lead.state) == ("not_placed", "waiting")
    assert lead.not_before > local.now() - 1


async def test_a_number_that_no_request_can_carry_stops_nothing(local: Database) -> None:
    with bad_line(PLACED) as line:
        campaign = Campaign(local, line.url)
        await ring(campaign, "020 1234501", ANNA)
    assert line.posts == [ANNA]
    assert (await campaign.lead("020 1234501")).state == LeadState.REVIEW


async def test_refusals_in_a_row_are_not_the_leads_fault(local: Database) -> None:
    phones = [lead.phone for lead in people(MOST_REFUSALS + 2)]
    with bad_line(refusal(400)) as line:
        campaign = Campaign(local, line.url)
        stops = await ring(campaign, *phones)
    assert len(line.posts) == MOST_REFUSALS
    assert [stop is not None for stop in stops] == [False] * (MOST_REFUSALS - 1) + [True] * 3
    states = [lead.state for lead in (await campaign.leads()).values()]
    assert sorted(states) == ["review"] * MOST_REFUSALS + ["waiting"] * 2


async def test_a_success_between_refusals_shows_that_it_is_the_leads(local: Database) -> None:
    acts = [refusal(400)] * (MOST_REFUSALS - 1) + [PLACED] + [refusal(400)] * (MOST_REFUSALS - 1)
    with bad_line(*acts) as line:
        stops = await ring(Campaign(local, line.url), *(lead.phone for lead in people(len(acts))))
    assert stops == [None] * len(acts)
    assert len(line.posts) == len(acts)


async def test_an_attempt_that_was_decided_too_long_ago_is_not_sent(local: Database) -> None:
    with bad_line() as line:
        campaign = Campaign(local, line.url)
        await campaign.take_in(person(ANNA))
        book = await campaign.runner()
        (attempt,) = await campaign.begin(book)
        async with AsyncFlireoClient(campaign.account) as client:
            stale = replace(attempt, began_at=attempt.began_at - FRESH_SECONDS - 1)
            await campaign.record(book, await campaign.dialer(client).dial(stale))
    assert line.posts == []
    assert ((await campaign.attempt()).state, (await campaign.lead()).state) == ("not_placed", "waiting")


@pytest.mark.parametrize("why", ["paused", "the key was refused"])
async def test_what_waits_for_the_rate_limit_is_not_sent_once_no_one_is_to_be_called(
    local: Database, why: str
) -> None:
    with bad_line() as line:
        campaign = Campaign(local, line.url)
        await campaign.take_in(person(ANNA))
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = campaign.dialer(client)
            dialer.start()
            client.pacing.blocked_until = client.now() + 1
            dialer.give(await campaign.begin(book))
            await asyncio.sleep(0.1)
            if why == "paused":
                dialer.hold("paused")
            else:
                dialer.stopped_by = errors.AuthenticationFailed("get_call", "GET /calls/{id}")
            await dialer.wait(60)
            await campaign.record(book, *await dialer.stop())
        assert line.posts == []
    lead = await campaign.lead()
    assert (lead.state, (await campaign.attempt()).state) == ("waiting", "not_placed")
    assert lead_reason(lead).startswith("not sent: ")


async def suppress(database: Database, campaign: Campaign) -> None:
    await Suppressions(database).suppress([ANNA], "asked")


async def learn(database: Database, campaign: Campaign) -> None:
    async with database.write("autumn") as db:
        await suppress_in(db, database, [ANNA], "analysis", "said no", "autumn", database.now())


async def leave_unclear(database: Database, campaign: Campaign) -> None:
    async with database.write("autumn") as db:
        await suppress_in(db, database, [ANNA], "unclear", "perhaps no", "autumn", database.now())


async def forget_her(database: Database, campaign: Campaign) -> None:
    with pytest.raises(DeclinedError, match="under way"):
        await forget(database, ANNA)


async def list_her(database: Database, campaign: Campaign) -> None:
    await LeadBook(database.campaign(campaign.name)).forbid([ANNA])


async def opt_out(database: Database, campaign: Campaign) -> None:
    await LeadBook(database.campaign(campaign.name)).take_in(
        [person(ANNA, wishes=Wishes(consent=Consent(given=False)))]
    )


async def take_out(database: Database, campaign: Campaign) -> None:
    await LeadBook(database.campaign(campaign.name)).take_in([person(BEN)])


async def pause(database: Database, campaign: Campaign) -> None:
    await CampaignControl(database.campaign(campaign.name)).pause("asked")


async def cancel(database: Database, campaign: Campaign) -> None:
    await CampaignControl(database.campaign(campaign.name)).cancel("asked")


Says = Callable[[Database, Campaign], Awaitable[None]]


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (suppress, "suppressed"),
        (learn, "suppressed, as a call taught"),
        (leave_unclear, "suppressed, as a call taught"),
        (forget_her, "suppressed"),
        (list_her, "do-not-call list"),
        (opt_out, "said no"),
        (take_out, "newest file"),
        (pause, "paused"),
        (cancel, "cancelled"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_opt_out_between_the_decision_and_the_request_counts(
    database: Database, ledger_url: str, says: Says, why: str
) -> None:
    with bad_line() as line:
        campaign = Campaign(database, line.url)
        await campaign.take_in(person(ANNA))
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client, await Database.open(ledger_url) as another:
            dialer = campaign.dialer(client)
            dialer.start()
            (attempt,) = await campaign.begin(book)
            await says(another, campaign)
            dialer.give([replace(attempt, began_at=attempt.began_at - STILL_SECONDS)])
            await dialer.wait(60)
            await campaign.record(book, *await dialer.stop())
        assert line.posts == []
    row, lead = await campaign.attempt(), await campaign.lead()
    assert (row.state, lead.state) == ("not_placed", "waiting")
    assert row.reason == Reason.NOT_SENT and why in attempt_reason(row)


async def test_a_lead_that_said_nothing_meanwhile_is_called_after_a_wait(database: Database) -> None:
    with bad_line() as line:
        campaign = Campaign(database, line.url)
        await campaign.take_in(person(ANNA), person(BEN))
        await Suppressions(database).suppress([CARLA], "asked")
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = campaign.dialer(client)
            dialer.start()
            client.pacing.blocked_until = client.now() + STILL_SECONDS + 0.3
            dialer.give(await campaign.begin(book))
            while len(line.posts) < 2:  # noqa: ASYNC110 - what is waited for is in a server
                await asyncio.sleep(0.01)
            await campaign.record(book, *await dialer.stop())
    assert sorted(line.posts) == sorted([ANNA, BEN])


async def test_a_ledger_that_cannot_be_asked_once_more_sends_nothing(database: Database) -> None:
    with bad_line() as line:
        campaign = Campaign(database, line.url)
        await campaign.take_in(person(ANNA))
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            (attempt,) = await campaign.begin(book)
            stale = replace(attempt, began_at=attempt.began_at - STILL_SECONDS)
            await rename(database, suppressions.name, "elsewhere")
            given_back = await campaign.dialer(client).dial(stale)
    assert line.posts == []
    assert (given_back.event, given_back.lead) == (AttemptEvent.REFUSED, LeadState.WAITING)


async def rename(database: Database, table: str, to: str) -> None:
    async with database.write() as db:
        await db.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


async def test_an_answer_that_was_received_is_written_down_by_a_run_that_is_cancelled(
    new_file: Path,
) -> None:
    """In the moment in which the answers are taken and the ledger is busy."""
    url = f"sqlite:///{new_file}"
    with bad_line() as line:
        async with await Database.open(url) as database, await Database.open(url) as another:
            campaign = Campaign(database, line.url, readiness=Readiness())
            await campaign.take_in(*people(3))
            run = asyncio.create_task(campaign.run(Until.DIALLED))
            while not line.posts:  # noqa: ASYNC110 - what is waited for is in a server
                await asyncio.sleep(0.001)
            async with another.write(campaign.name):
                await asyncio.sleep(0.7)
                run.cancel()
                await asyncio.sleep(0.1)
            with pytest.raises(asyncio.CancelledError):
                await run
            assert [row.state for row in await campaign.attempts()] == ["placed"] * len(line.posts)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_a_run_that_is_stopped_leaves_everyone_waiting_and_the_next_one_calls_them(
    local: Database, status: int
) -> None:
    with bad_line(refusal(status)) as line:
        campaign = Campaign(local, line.url, readiness=Readiness())
        await campaign.take_in(*people(60))
        ran = await campaign.run()
        assert isinstance(ran.stopped_by, errors.FlireoError)
        assert ran.stopped_by.status == status
        assert ran.stopped_by.remedy or status == 404
        assert len(line.posts) <= 16  # those that were under way together
        assert {lead.state for lead in (await campaign.leads()).values()} == {"waiting"}
        line.acts, line.posts[:] = [], []
        line.calls.clear()
        await campaign.run(Until.DIALLED)
    assert sorted(line.posts) == [lead.phone for lead in people(60)]


async def test_a_lead_that_met_the_rate_limit_is_called_once_it_is_over(local: Database) -> None:
    with bad_line(limited("6"), None, rings=True) as line:
        line.rings = False
        campaign = Campaign(local, line.url, readiness=Readiness())
        await campaign.take_in(person(ANNA))
        began = local.now()
        running = asyncio.create_task(campaign.run(Until.DIALLED))
        while not line.posts:  # noqa: ASYNC110 - the server's thread writes it
            await asyncio.sleep(0.01)
        line.rings = True
        await running
    assert line.posts == [ANNA, ANNA]
    first, second = await campaign.attempts()
    assert (first.state, second.state) == ("not_placed", "placed")
    assert second.began_at - began >= 6


@pytest.mark.slow
async def test_a_network_that_is_down_stops_the_run_and_loses_no_one(local: Database) -> None:
    with closed_port() as url:
        campaign = Campaign(local, f"{url}/api/v1", readiness=Readiness())
        await campaign.take_in(*people(40))
        ran = await campaign.run()
    assert isinstance(ran.stopped_by, errors.NotSent)
    assert "Check the base URL" in str(ran.stopped_by)
    assert ran.left.due + (ran.left.next_at is not None) > 0
    assert {lead.state for lead in (await campaign.leads()).values()} == {"waiting"}
    assert await campaign.attempts() == []  # no one is called before Flireo's clock was read
    with bad_line() as line:
        campaign.base_url = line.url
        await campaign.take_in(*people(40))
        await campaign.run(Until.DIALLED)
    assert sorted(line.posts) == [lead.phone for lead in people(40)]
