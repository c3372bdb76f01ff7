"""Campaigns: the platform calls their leads by itself, within their hours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from flireo_flows.api.campaigns import CampaignStatus
from flireo_flows.sandbox import Dialect, SandboxOutcome, SandboxSettings
from flireo_flows.sandbox.campaigns import MOVES
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, run_sandbox, until
from tests.support.sandbox.webhook_mailbox import run_receiver

PEOPLE = [f"+4477009001{number:02}" for number in range(8)]
FAST = SandboxSettings(rate_limit=0, time_scale=1000, outcome_weights={SandboxOutcome.ANSWERED: 1})


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox(FAST) as running:
        yield running


@pytest.fixture
def talkative() -> Iterator[RunningSandbox]:
    """Everyone answers, and talks until they are told to stop."""
    settings = FAST.model_copy(update={"talk_seconds_min": 1e6, "talk_seconds_max": 1e6})
    with run_sandbox(settings) as running:
        running.api.patch("/agents/demo-agent", json={"max_duration_seconds": None}).raise_for_status()
        yield running


def make(sandbox: RunningSandbox, *destinations: str, **fields: Any) -> str:
    """The id of a new campaign."""
    leads = [{"phone_number": destination} for destination in destinations]
    body = {"name": "Spring", "agent_id": "demo-agent", "leads": leads, **fields}
    answer = sandbox.api.post("/campaigns", json=body)
    campaign_id: str = check("create_campaign", answer)["campaign"]["id"]
    return campaign_id


def move(sandbox: RunningSandbox, campaign_id: str, status: str, **fields: Any) -> httpx.Response:
    return sandbox.api.patch(f"/campaigns/{campaign_id}", json={"status": status, **fields})


def read(sandbox: RunningSandbox, campaign_id: str) -> dict[str, Any]:
    answer = sandbox.api.get(f"/campaigns/{campaign_id}")
    campaign: dict[str, Any] = check("get_campaign", answer)["campaign"]
    return campaign


def leads(sandbox: RunningSandbox, campaign_id: str) -> list[dict[str, Any]]:
    answer = sandbox.api.get(f"/campaigns/{campaign_id}/leads")
    found: list[dict[str, Any]] = check("list_campaign_leads", answer)["leads"]
    return found


def statuses(sandbox: RunningSandbox, campaign_id: str) -> list[str]:
    return [lead["status"] for lead in leads(sandbox, campaign_id)]


def completed(sandbox: RunningSandbox, campaign_id: str) -> dict[str, Any]:
    """The campaign, once no one is left."""

    def look() -> dict[str, Any] | None:
        campaign = read(sandbox, campaign_id)
        return campaign if campaign["status"] == "completed" else None

    return until(look)


def hang_up(sandbox: RunningSandbox, campaign_id: str) -> None:
    """End the calls that its leads are having."""
    for lead in leads(sandbox, campaign_id):
        if lead["status"] == "calling":
            until(partial(_end, sandbox, lead["call_id"]))


def _end(sandbox: RunningSandbox, call_id: str) -> bool:
    return sandbox.api.post(f"/calls/{call_id}/control", json={"type": "end-call"}).is_success


def around(hours: float) -> dict[str, str]:
    """A window of an hour that opens so many hours from now."""
    opens = datetime.now(UTC) + timedelta(hours=hours)
    closes = opens + timedelta(hours=1)
    return {
        "schedule_start_time": opens.strftime("%H:%M:%S"),
        "schedule_end_time": closes.strftime("%H:%M"),
        "timezone": "Etc/UTC",
    }


def test_a_campaign_is_made_read_changed_and_deleted(sandbox: RunningSandbox) -> None:
    hours = {"schedule_start_time": "09:00", "schedule_end_time": "17:30:00", "timezone": "Europe/Amsterdam"}
    campaign_id = make(sandbox, ANNA, BEN, system_message_template="Hello {{name}}", **hours)
    campaign = read(sandbox, campaign_id)
    assert (campaign["status"], campaign["total_leads"], campaign["agent_id"]) == ("draft", 2, "demo-agent")
    assert (campaign["schedule_start_time"], campaign["schedule_end_time"]) == ("09:00:00", "17:30:00")
    assert check("list_campaigns", sandbox.api.get("/campaigns"))["campaigns"] == [campaign]
    patch = {"name": "Autumn", "system_message_template": None, "timezone": "Europe/London"}
    answer = sandbox.api.patch(f"/campaigns/{campaign_id}", json=patch)
    changed = check("update_campaign", answer)["campaign"]
    assert changed == {**campaign, **patch, "updated_at": changed["updated_at"]}
    deleted = sandbox.api.delete(f"/campaigns/{campaign_id}")
    assert check("delete_campaign", deleted) == {"success": True}
    assert sandbox.api.get(f"/campaigns/{campaign_id}/leads").status_code == 404


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"name": None}, 400, "name"),
        ({"agent_id": "nobody"}, 404, "agent_id"),
        ({"timezone": "Europe/Atlantis"}, 400, "timezone"),
        ({"timezone": "../zone"}, 400, "timezone"),
        ({"schedule_start_time": "9:00"}, 400, "schedule_start_time"),
        ({"schedule_end_time": "24:30:00"}, 400, "schedule_end_time"),
        ({"leads": [{"phone_number": "0612345678"}]}, 400, "leads.0.phone_number"),
        ({"leads": [{"phone_number": ANNA, "variables": {"age": 40}}]}, 400, "leads.0.variables.age"),
    ],
)
def test_a_campaign_that_could_not_run_is_refused(
    sandbox: RunningSandbox, fields: dict[str, Any], status: int, param: str
) -> None:
    answer = sandbox.api.post("/campaigns", json={"name": "Spring", "agent_id": "demo-agent", **fields})
    error = check("create_campaign", answer)["error"]
    assert (answer.status_code, error["param"]) == (status, param)
    assert sandbox.api.get("/campaigns").json() == {"campaigns": []}


def test_a_scheduled_campaign_rings_everyone_once_and_is_completed(sandbox: RunningSandbox) -> None:
    campaign_id = make(sandbox, *PEOPLE)
    assert (
        check("update_campaign", move(sandbox, campaign_id, "scheduled"))["campaign"]["status"] == "scheduled"
    )
    campaign = completed(sandbox, campaign_id)
    assert (campaign["completed_leads"], campaign["failed_leads"]) == (8, 0)
    assert sorted(call["destination"] for call in sandbox.placed_calls()) == PEOPLE
    for lead in leads(sandbox, campaign_id):
        call = sandbox.call(lead["call_id"])
        assert (lead["status"], lead["attempts"], call["caller_phone"]) == (
            "completed",
            1,
            lead["phone_number"],
        )
        assert lead["created_at"] <= lead["last_attempt_at"] <= call["ended_at"]
    usage = sandbox.api.get("/usage").json()["summary"]
    assert usage["total_calls"] == 8
    assert sandbox.api.get("/account").json()["minutes_balance"] == 1000 - usage["total_minutes"]


def test_a_lead_ends_as_its_call_does() -> None:
    outcomes = dict(zip(PEOPLE, SandboxOutcome, strict=True))
    settings = FAST.model_copy(update={"outcomes": {who: (how,) for who, how in outcomes.items()}})
    with run_sandbox(settings) as sandbox:
        campaign_id = make(sandbox, *PEOPLE)
        move(sandbox, campaign_id, "scheduled")
        campaign = completed(sandbox, campaign_id)
        ended = {
            SandboxOutcome(outcomes[lead["phone_number"]]): lead["status"]
            for lead in leads(sandbox, campaign_id)
        }
    assert ended == {
        SandboxOutcome.ANSWERED: "completed",
        SandboxOutcome.VOICEMAIL: "completed",
        SandboxOutcome.TRANSFERRED: "completed",
        SandboxOutcome.ERROR: "completed",
        SandboxOutcome.NO_ANSWER: "no_answer",
        SandboxOutcome.BUSY: "no_answer",
        SandboxOutcome.FAILED: "failed",
        SandboxOutcome.REJECTED: "failed",
    }
    assert (campaign["completed_leads"], campaign["failed_leads"]) == (4, 4)


def test_some_leads_are_called_at_a_time(talkative: RunningSandbox) -> None:
    campaign_id = make(talkative, *PEOPLE)
    move(talkative, campaign_id, "scheduled")
    until(lambda: statuses(talkative, campaign_id).count("calling") == 5)
    assert statuses(talkative, campaign_id) == ["calling"] * 5 + ["pending"] * 3
    assert talkative.api.get("/account").json()["active_calls"] == 5
    hang_up(talkative, campaign_id)
    until(lambda: len(talkative.placed_calls()) == 8)


def test_a_pause_stops_new_calls_and_leaves_those_that_run(talkative: RunningSandbox) -> None:
    campaign_id = make(talkative, *PEOPLE)
    move(talkative, campaign_id, "scheduled")
    until(lambda: statuses(talkative, campaign_id).count("calling") == 5)
    move(talkative, campaign_id, "paused").raise_for_status()
    assert statuses(talkative, campaign_id).count("calling") == 5
    hang_up(talkative, campaign_id)
    # A call of our own runs its course meanwhile: a campaign that still called would have done so by then.
    talkative.settings(outcomes={ANNA: ["no_answer"]})
    talkative.finished(ANNA)
    assert statuses(talkative, campaign_id) == ["completed"] * 5 + ["pending"] * 3
    move(talkative, campaign_id, "scheduled").raise_for_status()
    until(lambda: "pending" not in statuses(talkative, campaign_id))
    assert max(talkative.times_called(person) for person in PEOPLE) == 1


def test_a_cancelled_campaign_skips_who_waits_and_never_changes_again(talkative: RunningSandbox) -> None:
    campaign_id = make(talkative, *PEOPLE)
    move(talkative, campaign_id, "scheduled")
    until(lambda: statuses(talkative, campaign_id).count("calling") == 5)
    move(talkative, campaign_id, "cancelled").raise_for_status()
    assert statuses(talkative, campaign_id) == ["calling"] * 5 + ["skipped"] * 3
    hang_up(talkative, campaign_id)
    assert statuses(talkative, campaign_id) == ["completed"] * 5 + ["skipped"] * 3
    assert read(talkative, campaign_id)["status"] == "cancelled"
    assert talkative.api.patch(f"/campaigns/{campaign_id}", json={"name": "Other"}).status_code == 400
    lead = talkative.api.post(f"/campaigns/{campaign_id}/leads", json={"phone_number": ANNA})
    assert lead.status_code == 400


@pytest.mark.parametrize("there", CampaignStatus)
@pytest.mark.parametrize("wish", CampaignStatus)
def test_a_campaign_moves_only_as_the_table_allows(
    sandbox: RunningSandbox, there: CampaignStatus, wish: CampaignStatus
) -> None:
    never = {"schedule_start_time": "00:00", "schedule_end_time": "00:00"}
    campaign_id = make(sandbox, **({} if there is CampaignStatus.COMPLETED else {"leads": [], **never}))
    if there is not CampaignStatus.COMPLETED:
        sandbox.api.post(f"/campaigns/{campaign_id}/leads", json={"phone_number": ANNA}).raise_for_status()
    for step in _WAY_TO[there]:
        move(sandbox, campaign_id, step).raise_for_status()
    until(lambda: read(sandbox, campaign_id)["status"] == there)
    answer = move(sandbox, campaign_id, wish)
    may = wish in MOVES[there] or (wish is there and bool(MOVES[there]))
    assert answer.status_code == (200 if may else 400)
    assert read(sandbox, campaign_id)["status"] == (wish if may else there)


_WAY_TO: dict[CampaignStatus, list[str]] = {
    CampaignStatus.DRAFT: [],
    CampaignStatus.SCHEDULED: ["scheduled"],
    CampaignStatus.PAUSED: ["scheduled", "paused"],
    CampaignStatus.COMPLETED: ["scheduled"],
    CampaignStatus.CANCELLED: ["cancelled"],
}


def test_no_one_is_called_outside_the_window_and_the_window_can_be_moved() -> None:
    # At the scale of 1, so that the window does not come nearer while the test waits.
    with run_sandbox(SandboxSettings(rate_limit=0)) as sandbox:
        campaign_id = make(sandbox, ANNA, **around(hours=3))
        move(sandbox, campaign_id, "scheduled").raise_for_status()
        open_one = make(sandbox, BEN, **around(hours=-0.5))
        move(sandbox, open_one, "scheduled").raise_for_status()
        until(lambda: sandbox.times_called(BEN))
        assert sandbox.times_called(ANNA) == 0
        assert statuses(sandbox, campaign_id) == ["pending"]
        sandbox.api.patch(f"/campaigns/{campaign_id}", json=around(hours=-0.5)).raise_for_status()
        until(lambda: sandbox.times_called(ANNA))


def test_a_window_opens_by_the_simulated_time_of_day() -> None:
    began = datetime.now(UTC)
    opens, closes = began + timedelta(minutes=15), began + timedelta(hours=20)
    with run_sandbox(FAST) as sandbox:
        hours = {"schedule_start_time": f"{opens:%H:%M:%S}", "schedule_end_time": f"{closes:%H:%M:%S}"}
        campaign_id = make(sandbox, ANNA, **hours, timezone="UTC")
        move(sandbox, campaign_id, "scheduled").raise_for_status()
        completed(sandbox, campaign_id)
        (call,) = sandbox.placed_calls()
    # A quarter of an hour is 0.9 s at this scale; the window's own seconds are whole.
    assert datetime.fromisoformat(call["created_at"]) - began >= timedelta(seconds=0.898)


def test_a_lead_is_added_listed_in_pages_and_removed(sandbox: RunningSandbox) -> None:
    campaign_id = make(sandbox, ANNA, BEN)
    path = f"/campaigns/{campaign_id}/leads"
    body = {"phone_number": CARLA, "name": "Carla", "variables": {"city": "Delft"}}
    lead = check("add_campaign_lead", sandbox.api.post(path, json=body))["lead"]
    assert (lead["campaign_id"], lead["status"], lead["attempts"]) == (campaign_id, "pending", 0)
    assert (lead["name"], lead["variables"]) == ("Carla", {"city": "Delft"})
    page = check("list_campaign_leads", sandbox.api.get(path, params={"limit": 2, "offset": 1}))
    assert [one["phone_number"] for one in page["leads"]] == [BEN, CARLA]
    assert page["pagination"] == {"total": 3, "limit": 2, "offset": 1}
    gone = sandbox.api.delete(f"{path}/{lead['id']}")
    assert check("remove_campaign_lead", gone) == {"success": True}
    assert sandbox.api.delete(f"{path}/{lead['id']}").status_code == 404
    assert read(sandbox, campaign_id)["total_leads"] == 2


def test_the_same_number_twice_is_two_leads_and_two_calls(sandbox: RunningSandbox) -> None:
    campaign_id = make(sandbox, ANNA, ANNA)
    move(sandbox, campaign_id, "scheduled")
    assert completed(sandbox, campaign_id)["completed_leads"] == 2
    assert sandbox.times_called(ANNA) == 2


def test_a_lead_that_is_being_called_stays_and_one_added_meanwhile_is_called(
    talkative: RunningSandbox,
) -> None:
    campaign_id = make(talkative, ANNA)
    path = f"/campaigns/{campaign_id}/leads"
    move(talkative, campaign_id, "scheduled")
    until(lambda: statuses(talkative, campaign_id) == ["calling"])
    (lead,) = leads(talkative, campaign_id)
    answer = talkative.api.delete(f"{path}/{lead['id']}")
    assert answer.status_code == 409
    check("remove_campaign_lead", answer)
    talkative.api.post(path, json={"phone_number": BEN}).raise_for_status()
    until(lambda: statuses(talkative, campaign_id) == ["calling", "calling"])


def test_a_scheduled_campaign_is_not_deleted_and_its_calls_outlive_it(talkative: RunningSandbox) -> None:
    campaign_id = make(talkative, ANNA)
    move(talkative, campaign_id, "scheduled")
    until(lambda: statuses(talkative, campaign_id) == ["calling"])
    (lead,) = leads(talkative, campaign_id)
    assert talkative.api.delete(f"/campaigns/{campaign_id}").status_code == 409
    move(talkative, campaign_id, "paused").raise_for_status()
    assert talkative.api.delete(f"/campaigns/{campaign_id}").status_code == 200
    assert talkative.call(lead["call_id"])["ended_at"] is None


def test_without_minutes_the_leads_fail_uncalled(sandbox: RunningSandbox) -> None:
    sandbox.settings(minutes_balance=0)
    campaign_id = make(sandbox, ANNA, BEN)
    move(sandbox, campaign_id, "scheduled").raise_for_status()
    assert completed(sandbox, campaign_id)["failed_leads"] == 2
    assert [(lead["attempts"], lead["call_id"]) for lead in leads(sandbox, campaign_id)] == [(1, None)] * 2
    assert sandbox.placed_calls() == []


@pytest.mark.parametrize(
    ("path", "patch", "param"),
    [
        ("/agents/demo-agent", {"is_active": False}, "agent_id"),
        ("/numbers/demo-number", {"is_active": False}, "status"),
        ("/numbers/demo-number", {"transfer_trunk_id": None}, "status"),
    ],
)
def test_a_campaign_needs_an_active_agent_and_a_number_with_a_trunk(
    sandbox: RunningSandbox, path: str, patch: dict[str, Any], param: str
) -> None:
    campaign_id = make(sandbox, ANNA)
    sandbox.api.patch(path, json=patch).raise_for_status()
    answer = move(sandbox, campaign_id, "scheduled")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert read(sandbox, campaign_id)["status"] == "draft"


@pytest.mark.parametrize("body", [{"agent_id": "other"}, {"leads": []}, {"status": "running"}, {}])
def test_what_is_fixed_about_a_campaign_cannot_be_changed(
    sandbox: RunningSandbox, body: dict[str, Any]
) -> None:
    campaign_id = make(sandbox, ANNA)
    answer = sandbox.api.patch(f"/campaigns/{campaign_id}", json=body)
    assert answer.status_code == 400
    check("update_campaign", answer)


def test_the_agents_webhooks_tell_of_a_campaigns_calls() -> None:
    with run_receiver() as receiver:
        settings = FAST.model_copy(update={"webhook_url": receiver.url, "report_delay_seconds": 0})
        with run_sandbox(settings) as sandbox:
            campaign_id = make(sandbox, ANNA)
            move(sandbox, campaign_id, "scheduled")
            until(lambda: "end-of-call-report" in {hook.message["type"] for hook in receiver.received})
            (lead,) = leads(sandbox, campaign_id)
    assert {hook.message["call"]["id"] for hook in receiver.received} == {lead["call_id"]}


def test_the_later_dialect_still_says_agent_id() -> None:
    with run_sandbox(FAST.model_copy(update={"dialect": Dialect.HMSOVEREIGN})) as sandbox:
        body = {"name": "Spring", "agent_id": "demo-agent", "leads": [{"phone_number": ANNA}]}
        campaign = sandbox.api.post("/campaigns", json=body).json()["campaign"]
        assert campaign["agent_id"] == "demo-agent"
        move(sandbox, campaign["id"], "scheduled").raise_for_status()
        until(lambda: read(sandbox, campaign["id"])["completed_leads"] == 1)
