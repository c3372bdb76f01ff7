"""`FlireoCampaignJob`: a campaign of the vendor's, whose people are called once however often a run is repeated."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from prefect import flow
from pydantic import SecretStr

from flireo_flows import FlireoCampaignJob, FlireoCredentials
from flireo_flows.api import errors
from flireo_flows.api.campaign_lookup import Which
from flireo_flows.api.campaigns import Campaign, CampaignLead
from flireo_flows.blocks import (
    AmbiguousCampaignError,
    CampaignCancelledError,
    CampaignNotOverError,
    CampaignRefusedError,
    CampaignResult,
    Duplicates,
    FlireoCampaignRun,
)
from flireo_flows.blocks import campaign_decisions as work
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.conversation import Stage as Talk
from tests.support.flows.campaign_job import DRAFT, NAMED, campaigns, leads, page, unknown, world
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, run_sandbox

PEOPLE = (ANNA, BEN, CARLA)
ALL_DAY = {"schedule_start_time": "00:00", "schedule_end_time": "23:59:59", "timezone": "Europe/Amsterdam"}


def job_at(sandbox: RunningSandbox, **changes: Any) -> FlireoCampaignJob:
    """A job named `spring` that calls at any hour."""
    credentials = FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url)
    named = {"name": "spring", "agent_id": "demo-agent", **ALL_DAY}
    return FlireoCampaignJob(credentials=credentials, **(changes or named))


@pytest.fixture
def slow() -> Iterator[RunningSandbox]:
    """A sandbox whose calls last as long as real ones: a campaign there is not over soon."""
    with run_sandbox(
        SandboxSettings(rate_limit=0, outcomes={phone: ("answered",) for phone in PEOPLE})
    ) as running:
        yield running


def breaks(sandbox: RunningSandbox, operation: str, **how: Any) -> None:
    """The next request of an operation loses its answer."""
    switch = {"next": 1, "operations": [operation], "carried_out": True, **how}
    sandbox.surface.post("/faults", json={"connection_lost": switch}).raise_for_status()


def test_a_campaign_is_filled_started_awaited_and_read(sandbox: RunningSandbox) -> None:
    sandbox.settings(outcomes={ANNA: ["answered"], BEN: ["no_answer"], CARLA: ["failed"]})
    job = job_at(sandbox)
    added = job.add_leads(leads(*PEOPLE))
    assert [lead.phone_number for lead in added] == list(PEOPLE)
    assert campaigns(sandbox)[0]["status"] == "draft" and not sandbox.placed_calls()

    run = job.trigger()
    run.wait_for_completion(timeout_seconds=60, poll_seconds=0.1)
    result = run.fetch_result()
    assert isinstance(result, CampaignResult) and result.is_complete
    assert result.counts == {"completed": 1, "no_answer": 1, "failed": 1}
    assert [(lead.phone_number, lead.status) for lead in result.leads] == [
        (ANNA, "completed"),
        (BEN, "no_answer"),
        (CARLA, "failed"),
    ]
    assert sandbox.call(result.leads[0].call_id or "")["caller_phone"] == ANNA
    assert ANNA not in repr(result)
    assert {phone: sandbox.times_called(phone) for phone in PEOPLE} == dict.fromkeys(PEOPLE, 1)


def test_a_run_that_is_repeated_rings_no_one_again(sandbox: RunningSandbox) -> None:
    def run() -> CampaignResult:
        job = job_at(sandbox)
        job.add_leads(leads(*PEOPLE), "skip")
        started = job.trigger()
        started.wait_for_completion(60, 0.1)
        return started.fetch_result()

    first, again = run(), run()
    assert first == again and again.is_complete
    assert len(campaigns(sandbox)) == 1
    assert {phone: sandbox.times_called(phone) for phone in PEOPLE} == dict.fromkeys(PEOPLE, 1)
    assert sandbox.requests()["PATCH /campaigns/{id}", 200] == 1
    with pytest.raises(CampaignRefusedError, match="the campaign is completed: no one can be added"):
        job_at(sandbox).add_leads(leads(ANNA), Duplicates.ALLOW)


def test_triggering_what_is_scheduled_sends_nothing(slow: RunningSandbox) -> None:
    job = job_at(slow)
    job.add_leads(leads(ANNA))
    assert job.trigger().campaign_id == job.trigger().campaign_id == job.start().id
    assert slow.requests()["PATCH /campaigns/{id}", 200] == 1


@pytest.mark.parametrize("given", [(ANNA, ANNA), (BEN, ANNA)])
def test_a_number_that_would_ring_twice_is_refused_before_anyone_is_added(
    slow: RunningSandbox, given: Sequence[str]
) -> None:
    job = job_at(slow)
    job.add_leads(leads(ANNA))
    with pytest.raises(CampaignRefusedError, match="called twice") as refused:
        job.add_leads(leads(*given))
    assert ANNA not in str(refused.value) and "+44" in str(refused.value)
    assert ("POST /campaigns/{id}/leads", 201) not in slow.requests()
    # Asked for, those that are new are added, or the same number again.
    assert [lead.phone_number for lead in job.add_leads(leads(ANNA, BEN, BEN), Duplicates.SKIP)] == [BEN]
    assert [lead.phone_number for lead in job.add_leads(leads(ANNA), "allow")] == [ANNA]


def test_a_campaign_that_holds_a_number_twice_is_started_only_if_that_is_meant(slow: RunningSandbox) -> None:
    job = job_at(slow)
    job.add_leads(leads(ANNA, BEN))
    other_run = slow.api.post(f"/campaigns/{campaigns(slow)[0]['id']}/leads", json={"phone_number": ANNA})
    assert other_run.status_code == 201
    with pytest.raises(CampaignRefusedError, match="more than once, and would be called twice") as refused:
        job.trigger()
    assert ANNA not in str(refused.value) and campaigns(slow)[0]["status"] == "draft"
    assert job.start("allow").status == "scheduled"
    job.pause()
    # Whoever was not called yet counts; those that are done are no reason to refuse.
    with pytest.raises(CampaignRefusedError, match="more than once"):
        job.resume()
    assert job.resume("allow").status == "scheduled"


def test_a_lead_whose_answer_was_lost_is_looked_up_and_not_added_again(slow: RunningSandbox) -> None:
    job = job_at(slow)
    job.add_leads(leads(ANNA))
    breaks(slow, "add_campaign_lead")
    (ben,) = job.add_leads(leads(BEN))
    assert ben.phone_number == BEN
    everybody = slow.api.get(f"/campaigns/{campaigns(slow)[0]['id']}/leads").json()["leads"]
    assert [lead["phone_number"] for lead in everybody] == [ANNA, BEN]
    # The second time the same number is wanted, the first one is not taken for it.
    breaks(slow, "add_campaign_lead")
    (again,) = job.add_leads(leads(BEN), Duplicates.ALLOW)
    assert again.id != ben.id


def test_a_campaign_whose_making_or_start_was_not_answered_is_found_again(slow: RunningSandbox) -> None:
    job = job_at(slow)
    breaks(slow, "create_campaign")
    assert len(job.add_leads(leads(*PEOPLE))) == 3
    breaks(slow, "update_campaign")
    assert job.start().status == "scheduled"
    assert len(campaigns(slow)) == 1 and campaigns(slow)[0]["total_leads"] == 3


def test_a_campaign_is_paused_and_resumed_and_left_alone_by_trigger_meanwhile(slow: RunningSandbox) -> None:
    job = job_at(slow)
    with pytest.raises(CampaignRefusedError, match="there is no campaign 'spring' yet"):
        job.trigger()
    job.add_leads(leads(ANNA))
    with pytest.raises(CampaignRefusedError, match="the campaign is draft, not paused"):
        job.resume()
    run = job.trigger()
    assert job.pause().status == job.pause().status == "paused"
    with pytest.raises(CampaignRefusedError, match="paused: resume it"):
        job.trigger()
    with pytest.raises(CampaignNotOverError, match="campaign paused: 0 leads completed"):
        run.wait_for_completion(timeout_seconds=1, poll_seconds=0.2)
    assert job.resume().status == job.resume().status == "scheduled"
    with pytest.raises(CampaignNotOverError, match="not over after 0 s: campaign scheduled"):
        run.wait_for_completion(timeout_seconds=0)
    slow.api.patch(f"/campaigns/{run.campaign_id}", json={"status": "cancelled"}).raise_for_status()
    with pytest.raises(CampaignCancelledError):
        run.wait_for_completion(timeout_seconds=30)
    assert not run.fetch_result().is_complete
    assert job.trigger().campaign_id == run.campaign_id and campaigns(slow)[0]["status"] == "cancelled"


async def test_async_code_has_the_same_by_an_a_in_front(slow: RunningSandbox) -> None:
    job = job_at(slow)
    assert len(await job.aadd_leads(leads(ANNA, BEN))) == 2
    run = await job.atrigger()
    assert isinstance(run, FlireoCampaignRun)
    assert (await job.apause()).status == "paused"
    assert (await job.aresume()).status == (await job.astart()).status == "scheduled"
    with pytest.raises(CampaignNotOverError):
        await run.await_for_completion(timeout_seconds=0)
    assert (await run.afetch_result()).counts == {"calling": 2}


def test_the_hours_of_the_block_hold_when_its_campaign_is_started(sandbox: RunningSandbox) -> None:
    job_at(sandbox).add_leads(leads(ANNA))
    later = job_at(
        sandbox, name="spring", agent_id="demo-agent", timezone="Asia/Tokyo", schedule_start_time="10:00"
    )
    later.start()
    (campaign,) = campaigns(sandbox)
    assert (campaign["schedule_start_time"], campaign["schedule_end_time"]) == ("10:00:00", "20:00:00")
    assert campaign["timezone"] == "Asia/Tokyo"


def test_a_campaign_by_its_id_needs_hours_to_be_started(slow: RunningSandbox) -> None:
    body = {"name": "other", "agent_id": "demo-agent", "leads": [{"phone_number": ANNA}], **ALL_DAY}
    made = slow.api.post("/campaigns", json=body).json()["campaign"]
    job = job_at(slow, campaign_id=made["id"])
    assert job.start().status == "scheduled"
    talk: Talk[Campaign] = Talk(
        lambda operation, now: Campaign(id="c", status="draft", schedule_start_time="09:00:00")
    )
    with pytest.raises(CampaignRefusedError, match="it could call at night"):
        talk.play(work.start(Which("c", None), Duplicates.ALLOW))
    assert [name for _, name in talk.asked] == ["get_campaign"]


def test_a_name_that_is_not_unique_or_belongs_to_another_agent_starts_nothing(slow: RunningSandbox) -> None:
    body = {"name": "spring", "agent_id": "demo-agent", "leads": [{"phone_number": ANNA}], **ALL_DAY}
    slow.api.post("/campaigns", json=body).raise_for_status()
    other = job_at(slow, name="spring", agent_id="another", timezone="Europe/Amsterdam")
    with pytest.raises(AmbiguousCampaignError, match="exists with the agent demo-agent, not another"):
        other.trigger()
    slow.api.post("/campaigns", json=body).raise_for_status()
    for refused in (job_at(slow).trigger, lambda: job_at(slow).add_leads(leads(BEN))):
        with pytest.raises(AmbiguousCampaignError, match="2 campaigns are named 'spring'"):
            refused()


def test_a_lead_that_cannot_be_seen_is_unknown_and_no_one_after_it_is_added() -> None:
    talk: Talk[list[CampaignLead]] = Talk(
        world(
            {
                "list_campaigns": [DRAFT],
                "list_campaign_leads": page(),
                "add_campaign_lead": unknown("add_campaign_lead"),
            }
        )
    )
    with pytest.raises(errors.OutcomeUnknown):
        talk.play(work.add_leads(NAMED, leads(ANNA, BEN), Duplicates.REFUSE))
    asked = [name for _, name in talk.asked]
    assert asked.count("add_campaign_lead") == 1
    assert asked.count("list_campaign_leads") > 2 and talk.seconds >= 5
    assert talk.notes == ["0 of 2 leads were added before it failed"]


@pytest.mark.server
def test_a_flow_uses_the_job_and_nothing_private_is_in_its_log(
    sandbox: RunningSandbox, at_prefect: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_at(sandbox)

    @flow
    def place() -> CampaignResult:
        job.add_leads(leads(*PEOPLE), "skip")
        run = job.trigger()
        run.wait_for_completion(60, 0.1)
        return run.fetch_result()

    assert place().is_complete
    assert "campaign completed: " in caplog.text
    assert not [phone for phone in PEOPLE if phone[3:] in caplog.text]
