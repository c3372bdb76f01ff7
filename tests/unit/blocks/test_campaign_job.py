"""`FlireoCampaignJob`: a campaign of the vendor's, whose people are called once however often a run is repeated."""

import inspect
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from flireo_flows import FlireoCampaignJob, FlireoCredentials
from flireo_flows.api import errors
from flireo_flows.api.campaigns import Campaign, CampaignLead
from flireo_flows.api.procedure import PollTiming
from flireo_flows.blocks import (
    AmbiguousCampaignError,
    CampaignCancelledError,
    CampaignError,
    CampaignNotOverError,
    CampaignRefusedError,
    CampaignResult,
    Duplicates,
    FlireoCampaignRun,
)
from flireo_flows.blocks import campaign_decisions as work
from tests.support.api.conversation import Stage as Talk
from tests.support.flows.campaign_job import DRAFT, NAMED, leads, page, unknown, world
from tests.support.sandbox.running import ANNA, BEN


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
    with pytest.raises(CampaignNotOverError, match="It goes on by itself"):
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
            "no one is called at night",
        ),
    ],
)
def test_a_job_that_cannot_be_right_is_refused_in_words(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FlireoCampaignJob(credentials=FlireoCredentials(api_key=SecretStr("k")), **fields)


def test_errors_are_of_one_kind_and_a_late_one_is_a_timeout() -> None:
    assert issubclass(CampaignNotOverError, TimeoutError)
    assert all(
        issubclass(kind, CampaignError)
        for kind in (
            CampaignRefusedError,
            AmbiguousCampaignError,
            CampaignCancelledError,
            CampaignNotOverError,
        )
    )


def test_a_twin_differs_from_its_method_by_its_name_only() -> None:
    for owner, names in (
        (FlireoCampaignJob, ("add_leads", "trigger", "start", "pause", "resume")),
        (FlireoCampaignRun, ("wait_for_completion", "fetch_result")),
    ):
        for name in names:
            assert not inspect.iscoroutinefunction(getattr(owner, name))
            assert inspect.iscoroutinefunction(getattr(owner, f"a{name}"))
