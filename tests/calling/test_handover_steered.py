"""A handed-over campaign that is paused, cancelled, refused, or changed at Flireo by somebody else."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from flireo_flows.api.campaign_rules import CampaignRefused
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.errors import InsufficientCredits
from flireo_flows.calling.account import LowBalance, NotReady
from flireo_flows.calling.handover import CannotHandOver, NotTold, Words, obey, tell
from flireo_flows.calling.handover.filling import Filler
from flireo_flows.calling.ledger import Database
from flireo_flows.calling.ledger.campaigns import Steering
from flireo_flows.calling.ledger.unheard import has_open
from flireo_flows.calling.policy import WEEKDAYS, CallingHours
from flireo_flows.calling.states import CampaignState
from flireo_flows.calling.turns import Until
from flireo_flows.leads.wishes import Consent, Wishes
from flireo_flows.sandbox import SandboxSettings
from flireo_flows.sandbox.campaigns import MOVES
from tests.sandbox.running import RunningSandbox, run_sandbox

from .campaign import ANNA, BEN, CARLA, Campaign, people, person
from .handing import HandedCampaign
from .handover_stage import (
    change_theirs,
    draft,
    fault,
    handed,
    met,
    rings,
    sandbox,
    server,
    slow,
    slow_server,
    theirs,
)

__all__ = ["sandbox", "server", "slow", "slow_server"]  # fixtures


# Said no, paused, cancelled.


def theirs_status(sandbox: RunningSandbox) -> str:
    """Of Flireo's one campaign, whose leads cannot be read."""
    (campaign,) = sandbox.api.get("/campaigns").json()["campaigns"]
    return str(campaign["status"])


async def test_a_pause_reaches_flireo_and_so_does_the_end_of_it(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    running = asyncio.create_task(campaign.run(seconds=20))
    await met(lambda: len(slow.rings()) == 5)
    await Steering(local, "campaign").pause("enough for today")
    await met(lambda: theirs(slow)["status"] == "paused")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    ran = await campaign.run(Until.DIALLED)
    assert "enough for today" in ran.held_by and theirs(slow)["status"] == "paused"
    await Steering(local, "campaign").resume()
    await campaign.run(Until.DIALLED)
    assert theirs(slow)["status"] == "scheduled"


@pytest.mark.parametrize("what", ["paused", "cancelled", "said no"])
async def test_flireo_rings_nobody_on_while_its_campaign_cannot_be_read(
    local: Database, slow: RunningSandbox, what: str
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    if what == "said no":
        await campaign.book.forbid([people(8)[-1].phone])
    elif what == "paused":
        await Steering(local, "campaign").pause("")
    else:
        await Steering(local, "campaign").cancel("")
    fault(slow, "list_campaign_leads", "server_error", next=1000)
    await campaign.run(Until.DIALLED, seconds=1)
    assert theirs_status(slow) == ("cancelled" if what == "cancelled" else "paused")


@pytest.mark.parametrize("meanwhile", ["said no", "paused", "somebody else's", "twice"])
async def test_what_happened_while_it_was_filled_is_seen_before_it_is_started(
    local: Database, sandbox: RunningSandbox, meanwhile: str
) -> None:
    campaign = await handed(local, sandbox, ANNA)
    async with AsyncFlireoClient(campaign.account) as client:
        book = await campaign.runner()
        assert await campaign.handed.claim(book.runner)
        filler = Filler(client, local, book, campaign.handed, campaign.batch, campaign.words, campaign.policy)
        there = await filler.ensure()
        assert there is not None
        there = await filler.fill(there)
        if meanwhile == "said no":
            await campaign.book.forbid([ANNA])
            await filler.start(there)
        elif meanwhile == "paused":
            await Steering(local, "campaign").pause("")
            await filler.start(there)
        else:
            joins = {"phone_number": ANNA if meanwhile == "twice" else BEN}
            sandbox.api.post(f"/campaigns/{there.id}/leads", json=joins).raise_for_status()
            with pytest.raises(CampaignRefused, match="nothing was started"):
                await filler.start(there)
    assert theirs(sandbox)["status"] == "draft" and not sandbox.rings()


@dataclass
class SlowToStart(httpx.AsyncHTTPTransport):
    """A network on which something happens while the request that starts Flireo's campaign is on its way."""

    meanwhile: Callable[[], Awaitable[None]]

    def __post_init__(self) -> None:
        super().__init__()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and b"scheduled" in await request.aread():
            await self.meanwhile()
        return await super().handle_async_request(request)


async def test_a_pause_while_the_request_that_starts_it_is_on_its_way_holds(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))

    async def meanwhile() -> None:
        await Steering(local, "campaign").pause("")
        await tell(local, campaign.account, "campaign")  # and it found nothing to pause

    async with AsyncFlireoClient(campaign.account, transport=SlowToStart(meanwhile)) as client:
        book = await campaign.runner()
        assert await campaign.handed.claim(book.runner)
        filler = Filler(client, local, book, campaign.handed, campaign.batch, campaign.words, campaign.policy)
        there = await filler.ensure()
        assert there is not None
        there = await filler.start(await filler.fill(there))
    assert there.status == theirs(slow)["status"] == "paused"
    assert await campaign.handed.is_held()


class NewWord(httpx.AsyncHTTPTransport):
    """A server that has a word of its own for a campaign that rings."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        body = (await answer.aread()).replace(b'"scheduled"', b'"running"')
        return httpx.Response(answer.status_code, content=body)


@pytest.mark.parametrize("what", ["paused", "cancelled", "said no", "goes on"])
async def test_a_campaign_whose_status_is_a_new_word_is_one_that_may_ring(
    local: Database, slow: RunningSandbox, what: str
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    async with AsyncFlireoClient(campaign.account, transport=NewWord()) as client:
        book = await campaign.runner()
        filler = Filler(client, local, book, campaign.handed, campaign.batch, campaign.words, campaign.policy)
        there = await filler.campaign()
        assert there is not None and there.status == "running"
        if what == "goes on":
            with pytest.raises(CampaignRefused, match=r"not known here \(running\), so it is paused"):
                await filler.start(there)
            await filler.calm()
        elif what == "said no":
            await campaign.book.forbid([people(8)[-1].phone])
            await filler.hold_back(there, CampaignState.OPEN)
        else:
            await filler.hold_back(there, CampaignState(what))
    assert theirs(slow)["status"] == ("cancelled" if what == "cancelled" else "paused")
    assert await campaign.handed.is_held() == (what != "cancelled")


@pytest.mark.slow
async def test_a_pause_at_whatever_moment_before_flireo_rings_holds_once_the_run_has_ended(
    local: Database,
) -> None:
    with run_sandbox(SandboxSettings(rate_limit=20, rate_window_seconds=6)) as sandbox:
        campaign = await handed(local, sandbox, *(lead.phone for lead in people(6)))
        for moment in range(4):
            sandbox.reset()
            campaign = campaign.but(name=f"moment {moment}")
            await campaign.take_in(*people(6, first=10 * moment))
            running = asyncio.create_task(campaign.run(Until.DIALLED))
            async with asyncio.timeout(60):
                while (await campaign.handed.figures()).waiting < 6:  # noqa: ASYNC110 - the ledger says it
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.15 * moment)
            await Steering(local, campaign.name).pause("stop!")
            await tell(local, campaign.account, campaign.name)
            await running
            assert theirs(sandbox)["status"] in ("draft", "paused")


async def test_a_pause_without_a_run_reaches_flireo_too(local: Database, slow: RunningSandbox) -> None:
    campaign = await handed(local, slow)
    await campaign.run(Until.DIALLED)
    await Steering(local, "campaign").pause("")
    await obey(local, campaign.account, "campaign")
    assert theirs(slow)["status"] == "paused"
    await Steering(local, "campaign").cancel("")
    await obey(local, campaign.account, "campaign")
    assert theirs(slow)["status"] == "cancelled"


async def test_that_flireo_could_not_be_told_of_a_pause_is_said(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow)
    await campaign.run(Until.DIALLED)
    await Steering(local, "campaign").pause("")
    with pytest.raises(NotTold, match="cannot be told without a key, so it may go on ringing"):
        await tell(local, None, "campaign")
    fault(slow, "update_campaign", "server_error")
    with pytest.raises(NotTold, match=r"was not told \(.*500.*\), so it may go on ringing"):
        await tell(local, campaign.account, "campaign")
    await campaign.handed.remember("of-another-account")
    with pytest.raises(NotTold, match=r"not there under this key.*\), so it may go on ringing"):
        await tell(local, campaign.account, "campaign")


async def test_under_the_key_of_another_account_a_pause_says_so_and_a_run_lets_nobody_go(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    await met(lambda: len(slow.rings()) == 5)
    before = [(row.id, row.state) for row in await campaign.attempts()]
    with run_sandbox(SandboxSettings(rate_limit=0)) as other:
        await campaign.take_in()  # nobody of the newest file is to be rung, so nothing is checked before
        stranger = campaign.but(base_url=other.base_url)
        for _ in range(3):
            ran = await stranger.run(Until.DIALLED)
            assert "was handed over under another API key" in str(ran.stopped_by)
            await asyncio.sleep(0.4)  # longer than the grace
        assert [(row.id, row.state) for row in await campaign.attempts()] == before
        await Steering(local, "campaign").pause("")
        with pytest.raises(
            NotTold, match=r"under another API key.*use the key it had\), so it may go on ringing"
        ):
            await tell(local, stranger.account, "campaign")
    assert theirs(slow)["status"] == "scheduled"


async def test_of_a_cancelled_campaign_nobody_else_is_rung(local: Database, sandbox: RunningSandbox) -> None:
    campaign = await handed(local, sandbox)
    campaign.policy = campaign.policy.model_copy(update={"reconcile_grace_seconds": 60})
    fault(sandbox, "add_campaign_lead", carried_out=False)
    await campaign.run(seconds=0.4)  # two are in there, one may arrive, so it is not started
    await Steering(local, "campaign").cancel("a mistake")
    await campaign.run(seconds=5)
    assert theirs(sandbox)["status"] == "cancelled" and not sandbox.rings()
    states = Counter((row.state, row.reason) for row in (await campaign.leads()).values())
    assert states["skipped", "campaign_cancelled"] == 2


@pytest.fixture
def without_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server knows no status `cancelled`, as earlier ones did not."""
    moves = {status: after - {"cancelled"} for status, after in MOVES.items()}
    monkeypatch.setattr("flireo_flows.sandbox.routes.campaigns.MOVES", moves)


async def test_a_cancelled_campaign_that_flireo_cannot_cancel_is_paused_there_and_emptied(
    local: Database, slow: RunningSandbox, without_cancelled: None
) -> None:
    everybody = people(8)
    campaign = await handed(local, slow, *(lead.phone for lead in everybody))
    await campaign.run(Until.DIALLED)
    await met(lambda: len(slow.rings()) == 5)
    await Steering(local, "campaign").cancel("a mistake")
    assert "refused to cancel" in await tell(local, campaign.account, "campaign")
    assert theirs(slow)["status"] == "paused"

    ran = await campaign.run(Until.DIALLED)
    assert "a mistake" in ran.held_by and "refused to cancel" in ran.held_by and not ran.stopped_by
    states = Counter((row.state, row.reason) for row in (await campaign.leads()).values())
    assert states == {("calling", ""): 5, ("skipped", "campaign_cancelled"): 3}
    assert len(theirs(slow)["leads"]) == 5 and theirs(slow)["status"] == "paused"


@pytest.mark.parametrize("how", ["list", "file"])
async def test_who_said_no_after_the_hand_over_is_taken_out_again(
    local: Database, slow: RunningSandbox, how: str
) -> None:
    everybody = people(7)
    campaign = await handed(local, slow, *(lead.phone for lead in everybody))
    await campaign.run(Until.DIALLED)
    await met(lambda: len(slow.rings()) == 5)
    (last,) = {lead.phone for lead in everybody[5:]} - {everybody[5].phone}
    if how == "list":
        await campaign.book.forbid([last])
    else:
        await campaign.take_in(*(lead for lead in everybody if lead.phone != last))
    await campaign.run(Until.DIALLED)
    assert last not in {lead["phone_number"] for lead in theirs(slow)["leads"]}
    assert theirs(slow)["status"] == "scheduled" and slow.times_rung(last) == 0
    lead = await campaign.lead(last)
    expected = ("skipped", "do_not_call") if how == "list" else ("waiting", "not_in_the_newest_file")
    assert (lead.state, lead.reason) == expected


NOW, GIVEN = datetime.now(UTC), Consent(given=True)


@pytest.mark.parametrize(
    ("wishes", "state", "reason"),
    [
        (Wishes(consent=Consent(given=False)), "skipped", "no_consent"),
        (Wishes(consent=Consent(True, expires_at=NOW - timedelta(days=1))), "skipped", "consent_expired"),
        (Wishes(consent=GIVEN, dial_before=NOW - timedelta(days=1)), "skipped", "too_late"),
        (
            Wishes(consent=GIVEN, dial_before=NOW + timedelta(days=1)),
            "skipped",
            "its row asks for a last moment (dial",
        ),
        (Wishes("another", consent=GIVEN), "skipped", "its row asks for an agent of its own"),
        (Wishes(consent=Consent(True, NOW + timedelta(days=1))), "waiting", "no_consent"),
    ],
    ids=["withdrawn", "over", "too late", "a last moment", "another agent", "not given yet"],
)
async def test_whose_row_does_not_let_them_be_rung_any_more_is_taken_out_again(
    local: Database, slow: RunningSandbox, wishes: Wishes, state: str, reason: str
) -> None:
    everybody = [replace(lead, wishes=Wishes(consent=GIVEN)) for lead in people(7)]
    campaign = await handed(local, slow)
    campaign.policy = campaign.policy.model_copy(update={"consent_required": True})
    await campaign.take_in(*everybody)
    await campaign.run(Until.DIALLED)
    await met(lambda: len(slow.rings()) == 5)
    *others, last = everybody
    await campaign.take_in(*others, replace(last, wishes=wishes))  # the same people, so the same batch
    await campaign.run(Until.DIALLED)
    assert last.phone not in {lead["phone_number"] for lead in theirs(slow)["leads"]}
    assert theirs(slow)["status"] == "scheduled" and slow.times_rung(last.phone) == 0
    lead = await campaign.lead(last.phone)
    assert lead.state == state and lead.reason.startswith(reason)


async def test_who_may_not_be_rung_or_lacks_a_variable_is_never_handed_over(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = HandedCampaign(local, sandbox.base_url)
    said_no = Wishes(consent=Consent(given=False))
    await campaign.take_in(person(ANNA), person(BEN, name="Ben"), person(CARLA, name="C", wishes=said_no))
    await campaign.run()
    assert [lead["phone_number"] for lead in theirs(sandbox)["leads"]] == [BEN]
    leads = await campaign.leads()
    assert leads[ANNA].state == "review" and "nothing for name" in leads[ANNA].reason
    assert (leads[CARLA].state, leads[CARLA].reason) == ("skipped", "no_consent")


async def test_a_number_that_another_campaign_rings_is_not_handed_over(
    local: Database, sandbox: RunningSandbox
) -> None:
    other = Campaign(local, sandbox.base_url, "other")
    await other.placed(await other.runner(), phone=ANNA)
    campaign = await handed(local, sandbox, ANNA, BEN)
    await campaign.run(seconds=1)
    assert rings(sandbox) == Counter([BEN])
    assert (await campaign.lead(ANNA)).reason == "already_ringing"


# What is refused, and what is met at Flireo.


async def test_what_cannot_be_honoured_is_refused_before_any_request(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox)
    retried = campaign.policy.model_copy(update={"max_attempts": 3})
    with pytest.raises(CannotHandOver, match=r"policy\.max_attempts"):
        await campaign.but(policy=retried).run()
    with pytest.raises(CannotHandOver, match="number: "):
        await campaign.but(words=Words("demo-agent", number_id="demo-number")).run()
    in_time = Wishes(dial_before=datetime.now(UTC) + timedelta(days=1))
    await campaign.take_in(person(ANNA, name="Anna"), person(BEN, name="Ben", line=3, wishes=in_time))
    with pytest.raises(CannotHandOver, match=r"1 rows ask .* line 3 for a last moment"):
        await campaign.run()
    assert not sandbox.requests()


async def test_flireo_rings_nobody_on_by_hours_that_the_newest_file_says_do_not_hold(
    local: Database, slow: RunningSandbox
) -> None:
    everybody = people(8)
    campaign = await handed(local, slow)
    hours = CallingHours(start="09:00", end="16:00", weekdays=list(WEEKDAYS))
    campaign.policy = campaign.policy.model_copy(update={"calling_hours": hours})
    await campaign.take_in(*everybody)
    await campaign.run(Until.DIALLED)
    assert theirs(slow)["status"] == "scheduled"
    *others, last = everybody
    await campaign.take_in(*others, replace(last, zones=("Asia/Tokyo",)))
    with pytest.raises(CannotHandOver, match="no calling hours in common"):
        await campaign.run()
    assert theirs(slow)["status"] == "paused"
    await campaign.take_in(*everybody)
    await campaign.run(Until.DIALLED)
    assert theirs(slow)["status"] == "scheduled"


async def test_flireo_rings_nobody_on_by_a_policy_that_it_cannot_honour(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    *others, _ = people(8)
    await campaign.take_in(*others)
    with pytest.raises(CannotHandOver, match=r"policy\.max_concurrent_calls"):
        await campaign.but(policy=campaign.policy.model_copy(update={"max_concurrent_calls": 3})).run()
    assert theirs(slow)["status"] == "paused"
    await campaign.run(Until.DIALLED)
    assert theirs(slow)["status"] == "scheduled"


async def test_a_campaign_is_not_dialled_in_both_ways(local: Database, sandbox: RunningSandbox) -> None:
    direct = Campaign(local, sandbox.base_url)
    await direct.placed(await direct.runner())
    campaign = await handed(local, sandbox)
    assert not await campaign.handed.was_handed_over()
    with pytest.raises(CannotHandOver, match="dialled directly before"):
        await campaign.run()
    other = (await handed(local, sandbox, BEN)).but(name="other")
    await other.take_in(person(BEN, name="Ben"))
    await other.run()
    assert await other.handed.was_handed_over()


async def test_a_campaign_of_that_name_which_is_not_ours_is_left_alone(
    local: Database, sandbox: RunningSandbox
) -> None:
    draft(sandbox)
    campaign = await handed(local, sandbox)
    with pytest.raises(CannotHandOver, match="this ledger did not make"):
        await campaign.run()
    assert not theirs(sandbox)["leads"] and not await campaign.attempts()


async def test_leads_that_somebody_else_put_there_keep_it_from_being_started(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox, ANNA)
    await campaign.handed.making(local.now())
    where = f"/campaigns/{draft(sandbox)}/leads"
    sandbox.api.post(where, json={"phone_number": BEN}).raise_for_status()
    ran = await campaign.run()
    assert isinstance(ran.stopped_by, CampaignRefused) and "did not put there" in str(ran.stopped_by)
    assert BEN not in str(ran.stopped_by)
    sandbox.api.post(where, json={"phone_number": BEN}).raise_for_status()
    ran = await campaign.run()
    assert "more than once" in str(ran.stopped_by)
    assert not sandbox.rings()


async def test_a_lost_answer_beside_somebody_elses_lead_of_that_number_ends_the_run_in_words(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox, ANNA, BEN)
    campaign.policy = campaign.policy.model_copy(update={"poll_seconds": 1})
    await campaign.handed.making(local.now())
    where = f"/campaigns/{draft(sandbox)}/leads"
    begun = await campaign.begin(await campaign.runner())
    assert {attempt.phone for attempt in begun} == {ANNA, BEN}
    await campaign.bury_runners()  # it died while it was adding both
    for phone in (ANNA, BEN, ANNA):
        sandbox.api.post(where, json={"phone_number": phone}).raise_for_status()
    ran = await campaign.run()
    assert isinstance(ran.stopped_by, CampaignRefused) and "more than once" in str(ran.stopped_by)
    assert ANNA not in str(ran.stopped_by) and not sandbox.rings() and not ran.timed_out

    first = next(lead for lead in theirs(sandbox)["leads"] if lead["phone_number"] == ANNA)
    sandbox.api.delete(f"{where}/{first['id']}").raise_for_status()
    assert (await campaign.run()).left.is_finished
    assert rings(sandbox) == Counter([ANNA, BEN])


async def test_hours_that_somebody_changed_at_flireo_are_set_right(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    change_theirs(slow, schedule_start_time="01:00", schedule_end_time="04:00")
    await campaign.run(Until.DIALLED)
    assert (theirs(slow)["schedule_start_time"], theirs(slow)["schedule_end_time"]) == (
        "00:00:00",
        "23:59:59",
    )


async def test_what_a_person_paused_at_flireo_is_not_resumed_by_us(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(7)))
    await campaign.run(Until.DIALLED)
    change_theirs(slow, status="paused")
    ran = await campaign.run(Until.DIALLED)
    assert "paused at Flireo" in str(ran.stopped_by) and theirs(slow)["status"] == "paused"
    # Paused and resumed here, that is meant.
    await Steering(local, "campaign").pause("")
    await campaign.run(Until.DIALLED)
    await Steering(local, "campaign").resume()
    await campaign.run(Until.DIALLED)
    assert theirs(slow)["status"] == "scheduled"


async def test_calls_are_heard_although_the_account_is_not_ready_for_more(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox)
    await campaign.run(Until.DIALLED)
    await met(lambda: len(sandbox.rings()) == 3)
    sandbox.settings(minutes_balance=0)
    async with asyncio.timeout(30):
        while await has_open(local, "campaign"):
            with pytest.raises(LowBalance, match="the Flireo balance is empty"):
                await campaign.run()
    assert {row.state for row in (await campaign.leads()).values()} == {"done"}


async def test_who_said_no_is_not_rung_on_while_the_account_is_not_ready(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(8)))
    await campaign.run(Until.DIALLED)
    await campaign.book.forbid([people(8)[-1].phone])
    slow.settings(minutes_balance=0)
    with pytest.raises(LowBalance):
        await campaign.run()
    assert theirs(slow)["status"] == "paused"


async def test_after_a_stop_in_the_same_run_results_are_collected_and_nobody_else_is_handed_over(
    local: Database, sandbox: RunningSandbox
) -> None:
    campaign = await handed(local, sandbox, ANNA, BEN)
    ran = await campaign.run(Until.DIALLED)
    await campaign.take_in(*(person(phone, name="x") for phone in (ANNA, BEN, CARLA)))
    empty = InsufficientCredits("add_campaign_lead", "POST /campaigns/{id}/leads", 402)
    hand_over = campaign.hand_over
    hand_over.readiness, hand_over.stopped_by = ran.readiness, empty
    before = sandbox.requests()
    ran = await hand_over.run(Until.FINISHED, local.now() + 60)
    assert ran.stopped_by is empty and not ran.timed_out
    assert {row.phone: row.state for row in (await campaign.leads()).values()} == {
        ANNA: "done",
        BEN: "done",
        CARLA: "waiting",
    }
    assert {route for route, _ in (Counter(sandbox.requests()) - Counter(before))} <= {
        "GET /calls",
        "GET /campaigns/{id}",
        "GET /campaigns/{id}/leads",
    }


@pytest.mark.slow
async def test_of_a_campaign_that_was_deleted_at_flireo_calls_are_heard_and_nobody_is_held_for_ever(
    local: Database,
) -> None:
    everybody = people(7)
    outcomes = {lead.phone: ("answered",) for lead in everybody}
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=15, outcomes=outcomes)) as sandbox:
        campaign = await handed(local, sandbox, *(lead.phone for lead in everybody))
        running = asyncio.create_task(campaign.run())
        async with asyncio.timeout(20):
            while (await campaign.handed.figures()).running < 5:  # noqa: ASYNC110 - the ledger says it
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        there = theirs(sandbox)["id"]
        change_theirs(sandbox, status="paused")
        sandbox.api.delete(f"/campaigns/{there}").raise_for_status()

        # Under a key of another account it only seems so.
        stranger = campaign.hand_over
        stranger.account = replace(stranger.account, api_key="another-key")
        with pytest.raises(NotReady, match="under another API key, and its campaign is not there"):
            await stranger.run(Until.FINISHED, local.now() + 5)

        async with asyncio.timeout(60):
            while await has_open(local, "campaign"):
                ran = await campaign.run()
                assert "was deleted at Flireo" in str(ran.stopped_by)
                await asyncio.sleep(0.4)  # longer than the grace
    states = Counter((row.state, row.outcome) for row in (await campaign.leads()).values())
    assert states == {("done", "answered"): 5, ("review", "unknown"): 2}
    other = Campaign(local, name="other")
    await other.take_in(*everybody[5:])
    assert len(await other.begin(await other.runner())) == 2


async def test_leads_that_flireo_never_rang_are_put_up_for_review(
    local: Database, slow: RunningSandbox
) -> None:
    campaign = await handed(local, slow, *(lead.phone for lead in people(7)))
    await campaign.run(Until.DIALLED)
    await met(lambda: len(slow.rings()) == 5)
    change_theirs(slow, status="cancelled")
    await campaign.run(seconds=1)
    rows = [row for row in (await campaign.leads()).values() if row.state == "review"]
    assert len(rows) == 2 and {row.attempts for row in rows} == {0}
    assert {row.reason for row in rows} == {"Flireo's campaign ended without ringing it"}
    assert Counter(row.state for row in await campaign.attempts()) == {"placed": 5, "not_placed": 2}


async def test_a_lead_that_failed_without_a_call_has_failed(local: Database, sandbox: RunningSandbox) -> None:
    campaign = await handed(local, sandbox, ANNA)
    hand_over = campaign.hand_over
    ran = await campaign.run(Until.DIALLED, 0.01)  # handed over, and started
    hand_over.readiness = ran.readiness
    assert (await campaign.run()).left.is_finished

    other = (await handed(local, sandbox)).but(name="other")
    await other.take_in(person(BEN, name="Ben"))
    starving = other.hand_over
    starving.readiness = ran.readiness  # the balance was looked at before it ran out
    sandbox.settings(minutes_balance=0)
    await starving.run(Until.FINISHED, local.now() + 10)
    result = (await other.results())[BEN]
    assert (result.state, result.outcome, result.call_id) == ("done", "failed", "")


async def test_only_one_run_hands_a_campaign_over(local: Database, slow: RunningSandbox) -> None:
    campaign = await handed(local, slow)
    first = asyncio.create_task(campaign.run(seconds=1))
    await met(slow.rings)
    assert not await campaign.handed.claim("another")
    await first
    assert await campaign.handed.claim("another")
