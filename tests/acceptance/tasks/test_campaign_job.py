"""`FlireoCampaignJob`: a campaign of the vendor's, whose people are rung once however often a run is repeated."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from prefect import flow
from pydantic import SecretStr, ValidationError

from flireo_flows import FlireoCampaignJob, FlireoCredentials
from flireo_flows.api import errors
from flireo_flows.api.campaigns import Campaign, CampaignLead, NewCampaign, NewCampaignLead
from flireo_flows.api.operation import Operation
from flireo_flows.api.pagination import Rows
from flireo_flows.api.poll import PollTiming
from flireo_flows.blocks import (
    AmbiguousCampaignError,
    CampaignCancelled,
    CampaignError,
    CampaignNotOver,
    CampaignRefusedError,
    CampaignResult,
    Duplicates,
    FlireoCampaignRun,
)
from flireo_flows.blocks import campaign_decisions as work
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.talking import Stage as Talk
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, run_sandbox

PEOPLE = (ANNA, BEN, CARLA)
ALL_DAY = {"schedule_start_time": "00:00", "schedule_end_time": "23:59:59", "timezone": "Europe/Amsterdam"}


def leads(*phones: str) -> list[NewCampaignLead]:
    return [NewCampaignLead(phone_number=phone, variables={"name": "Sam"}) for phone in phones]


def job_at(sandbox: RunningSandbox, **changes: Any) -> FlireoCampaignJob:
    """A job named `spring` that rings at any hour."""
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


def campaigns(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.api.get("/campaigns").json()["campaigns"]
    return found


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


def test_a_run_that_is_repeated_rings_nobody_again(sandbox: RunningSandbox) -> None:
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
    with pytest.raises(CampaignRefusedError, match="the campaign is completed: nobody can be added"):
        job_at(sandbox).add_leads(leads(ANNA), Duplicates.ALLOW)


def test_triggering_what_is_scheduled_sends_nothing(slow: RunningSandbox) -> None:
    job = job_at(slow)
    job.add_leads(leads(ANNA))
    assert job.trigger().campaign_id == job.trigger().campaign_id == job.start().id
    assert slow.requests()["PATCH /campaigns/{id}", 200] == 1


@pytest.mark.parametrize("given", [(ANNA, ANNA), (BEN, ANNA)])
def test_a_number_that_would_ring_twice_is_refused_before_anybody_is_added(
    slow: RunningSandbox, given: Sequence[str]
) -> None:
    job = job_at(slow)
    job.add_leads(leads(ANNA))
    with pytest.raises(CampaignRefusedError, match="rung twice") as refused:
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
    with pytest.raises(CampaignRefusedError, match="more than once, and would be rung twice") as refused:
        job.trigger()
    assert ANNA not in str(refused.value) and campaigns(slow)[0]["status"] == "draft"
    assert job.start("allow").status == "scheduled"
    job.pause()
    # Whoever was not rung yet counts; those that are done are no reason to refuse.
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
    with pytest.raises(CampaignNotOver, match="campaign paused: 0 leads completed"):
        run.wait_for_completion(timeout_seconds=1, poll_seconds=0.2)
    assert job.resume().status == job.resume().status == "scheduled"
    with pytest.raises(CampaignNotOver, match="not over after 0 s: campaign scheduled"):
        run.wait_for_completion(timeout_seconds=0)
    slow.api.patch(f"/campaigns/{run.campaign_id}", json={"status": "cancelled"}).raise_for_status()
    with pytest.raises(CampaignCancelled):
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
    with pytest.raises(CampaignNotOver):
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
    with pytest.raises(CampaignRefusedError, match="it could ring at night"):
        talk.play(work.start(work.Which("c", None), Duplicates.ALLOW))
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


# Without a server: what cannot be had from one at will.

NEW = NewCampaign(
    name="spring",
    agent_id="a",
    schedule_start_time="09:00",
    schedule_end_time="20:00",
    timezone="Europe/Amsterdam",
)
DRAFT = Campaign(id="c", name="spring", agent_id="a", status="draft", total_leads=1)
NAMED = work.Which("", NEW)


def unknown(name: str) -> errors.OutcomeUnknown:
    return errors.OutcomeUnknown(name, "POST /campaigns/{id}/leads")


def world(answers: dict[str, Any]) -> Callable[[Operation[Any], float], Any]:
    def answer(operation: Operation[Any], now: float) -> Any:
        given = answers[operation.name]
        return given(now) if callable(given) else given

    return answer


def page(*people: CampaignLead) -> Rows[CampaignLead]:
    return Rows(people, len(people))


def test_a_lead_that_cannot_be_seen_is_unknown_and_nobody_after_it_is_added() -> None:
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


def test_a_look_that_fails_proves_nothing() -> None:
    down = errors.ServerFailed("get_campaign", "GET /campaigns/{id}", 503)
    talk: Talk[Campaign] = Talk(
        world(
            {
                "list_campaigns": [DRAFT],
                "update_campaign": unknown("update_campaign"),
                "get_campaign": lambda now: (
                    down if now < 5 else DRAFT.model_copy(update={"status": "scheduled"})
                ),
            }
        )
    )
    assert talk.play(work.start(NAMED, Duplicates.ALLOW)).status == "scheduled"
    talk = Talk(
        world(
            {"list_campaigns": [DRAFT], "update_campaign": unknown("update_campaign"), "get_campaign": down}
        )
    )
    with pytest.raises(errors.OutcomeUnknown):
        talk.play(work.start(NAMED, Duplicates.ALLOW))
    assert [name for _, name in talk.asked].count("update_campaign") == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"status": "warming-up"}, "do not know: 'warming-up'"), ({"total_leads": 0}, "no leads")],
)
def test_what_we_do_not_know_or_would_do_nothing_is_not_started(changes: dict[str, Any], words: str) -> None:
    talk: Talk[Campaign] = Talk(world({"list_campaigns": [DRAFT.model_copy(update=changes)]}))
    with pytest.raises(CampaignRefusedError, match=words):
        talk.play(work.start(NAMED, Duplicates.ALLOW))


def test_who_is_in_a_campaign_without_a_readable_number_keeps_others_out() -> None:
    talk: Talk[list[CampaignLead]] = Talk(
        world({"list_campaigns": [DRAFT], "list_campaign_leads": page(CampaignLead(id="l"))})
    )
    with pytest.raises(CampaignRefusedError, match="cannot be read"):
        talk.play(work.add_leads(NAMED, leads(ANNA), Duplicates.SKIP))


def test_two_runs_that_make_the_same_campaign_at_once_start_neither() -> None:
    twice = [DRAFT, DRAFT.model_copy(update={"id": "d"})]
    talk: Talk[list[CampaignLead]] = Talk(
        world({"list_campaigns": lambda now: twice if talk.asked[1:] else [], "create_campaign": DRAFT})
    )
    with pytest.raises(AmbiguousCampaignError):
        talk.play(work.add_leads(NAMED, leads(ANNA), Duplicates.REFUSE))


def test_leads_that_a_server_does_not_take_with_the_campaign_are_added_one_by_one() -> None:
    ben = CampaignLead(id="l2", phone_number=BEN)
    answers = {
        "list_campaigns": lambda now: [DRAFT] if talk.asked[1:] else [],
        "create_campaign": DRAFT,
        "list_campaign_leads": page(CampaignLead(id="l1", phone_number=f"{ANNA[:3]} {ANNA[3:]}")),
        "add_campaign_lead": ben,
    }
    talk: Talk[list[CampaignLead]] = Talk(world(answers))
    added = talk.play(work.add_leads(NAMED, leads(ANNA, BEN), Duplicates.REFUSE))
    assert [lead.id for lead in added] == ["l1", "l2"]


@pytest.mark.parametrize("seconds", [0, 1, 200_000])
def test_waiting_for_a_campaign_ends_at_its_deadline(seconds: float) -> None:
    talk: Talk[Campaign] = Talk(world({"get_campaign": DRAFT}))
    with pytest.raises(CampaignNotOver, match="It goes on by itself"):
        talk.play(work.wait("c", PollTiming(seconds, 15)))
    assert talk.seconds == pytest.approx(seconds)


def test_a_result_is_complete_only_if_every_lead_was_read_and_is_over() -> None:
    done = CampaignLead(id="l", phone_number=ANNA, status="completed")
    over = Campaign(id="c", status="completed", total_leads=2)
    assert CampaignResult.of(over, [done, done]).is_complete
    assert not CampaignResult.of(over, [done]).is_complete
    assert not CampaignResult.of(over, [done, done.model_copy(update={"status": "pending"})]).is_complete
    assert not CampaignResult.of(over.model_copy(update={"status": "cancelled"}), [done, done]).is_complete


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "exactly one of campaign_id and name"),
        ({"campaign_id": "c", "name": "n"}, "exactly one of campaign_id and name"),
        ({"name": "n", "timezone": "Europe/Amsterdam"}, "needs agent_id"),
        ({"name": "n", "agent_id": "a"}, "IANA name"),
        ({"name": "n", "agent_id": "a", "timezone": "CEST+1"}, "IANA name"),
        ({"campaign_id": "c", "schedule_start_time": "9 am"}, "HH:MM"),
        (
            {"campaign_id": "c", "schedule_start_time": "20:00", "schedule_end_time": "09:00"},
            "nobody is rung at night",
        ),
    ],
)
def test_a_job_that_cannot_be_right_is_refused_in_words(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FlireoCampaignJob(credentials=FlireoCredentials(api_key=SecretStr("k")), **fields)


@pytest.mark.server
def test_a_flow_uses_the_job_and_nothing_private_is_in_its_log(
    sandbox: RunningSandbox, at_prefect: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_at(sandbox)

    @flow
    def ring() -> CampaignResult:
        job.add_leads(leads(*PEOPLE), "skip")
        run = job.trigger()
        run.wait_for_completion(60, 0.1)
        return run.fetch_result()

    assert ring().is_complete
    assert "campaign completed: " in caplog.text
    assert not [phone for phone in PEOPLE if phone[3:] in caplog.text]


def test_errors_are_of_one_kind_and_a_late_one_is_a_timeout() -> None:
    assert issubclass(CampaignNotOver, TimeoutError)
    assert all(
        issubclass(kind, CampaignError)
        for kind in (CampaignRefusedError, AmbiguousCampaignError, CampaignCancelled, CampaignNotOver)
    )


def test_a_twin_differs_from_its_method_by_its_name_only() -> None:
    for owner, names in (
        (FlireoCampaignJob, ("add_leads", "trigger", "start", "pause", "resume")),
        (FlireoCampaignRun, ("wait_for_completion", "fetch_result")),
    ):
        for name in names:
            assert not inspect.iscoroutinefunction(getattr(owner, name))
            assert inspect.iscoroutinefunction(getattr(owner, f"a{name}"))
