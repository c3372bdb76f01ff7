"""A sandbox that begins with a state, goes back to it, and writes it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flireo_flows.sandbox import SandboxOutcome, SandboxSettings
from flireo_flows.sandbox.settings import ReportFate
from flireo_flows.sandbox.state import Contents, SandboxState
from tests.support.sandbox.running import ANNA, BEN, RunningSandbox, run_sandbox, until
from tests.support.sandbox.webhook_mailbox import run_receiver

STATE: dict[str, Any] = {
    "settings": {"rate_limit": 0, "time_scale": 1000, "minutes_balance": 42, "outcomes": {ANNA: "busy"}},
    "agents": {"piet": {"name": "Piet", "first_message": "Met Piet."}},
    "numbers": {"line": {"phone_number": BEN, "agent_id": "piet", "transfer_trunk_id": "trunk"}},
    "sip_trunks": {"trunk": {"name": "Trunk", "host": "sip.example.org", "password": "secret"}},
    "tool_templates": {"end": {"name": "End", "tool_type": "endCall", "tool_config": {}}},
    "analysis_templates": {"mood": {"name": "Mood", "schema": {"type": "object"}}},
    "campaigns": {"spring": {"name": "Spring", "agent_id": "piet", "leads": [{"phone_number": ANNA}]}},
    "byok_keys": {"openai": "vault-1"},
    "domain": {"domain_name": "example.org"},
}


def run(state: dict[str, Any]) -> Any:
    """A sandbox with this state."""
    read = SandboxState.model_validate(state)
    return run_sandbox(read.settings, contents=read)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run(STATE) as running:
        yield running


def test_a_state_says_what_there_is(sandbox: RunningSandbox) -> None:
    def listed(path: str, key: str) -> list[str]:
        return [record["id"] for record in sandbox.api.get(path).json()[key]]

    assert listed("/agents", "agents") == ["piet"]
    assert listed("/numbers", "numbers") == ["line"]
    assert listed("/sip-trunks", "trunks") == ["trunk"]
    assert listed("/tool-templates", "toolTemplates") == ["end"]
    assert listed("/analysis-templates", "analysisTemplates") == ["mood"]
    assert listed("/campaigns", "campaigns") == ["spring"]
    assert sandbox.api.get("/account").json()["minutes_balance"] == 42
    assert sandbox.api.get("/byok").json()["byok_keys"]["openai_secret_id"] == "vault-1"
    assert sandbox.api.get("/domains").json()["domain"]["domain_name"] == "example.org"
    call = sandbox.finished(ANNA, agent_id="piet", number_id="line")
    assert (call["error"], call["agent_name"]) == ("busy", "Piet")


def test_what_a_state_leaves_out_is_as_in_a_new_sandbox() -> None:
    with run({"settings": {"rate_limit": 0}, "agents": {"piet": {"name": "Piet"}}}) as sandbox:
        (agent,) = sandbox.api.get("/agents").json()["agents"]
        (number,) = sandbox.api.get("/numbers").json()["numbers"]
    assert (agent["voicemail_detection"], agent["webhook_url"], agent["is_active"]) == (False, None, True)
    assert (number["id"], number["agent_id"]) == ("demo-number", None)


def test_the_demo_agent_can_be_changed_in_a_few_words() -> None:
    with run(
        {"agents": {"demo-agent": {"first_message": "Hallo."}}, "settings": {"rate_limit": 0}}
    ) as sandbox:
        agent = sandbox.api.get("/agents/demo-agent").json()["agent"]
        number = sandbox.api.get("/numbers/demo-number").json()["number"]
    assert (agent["name"], agent["first_message"], number["agent_id"]) == ("Sanne", "Hallo.", "demo-agent")


def test_records_can_be_a_list() -> None:
    agents = [{"id": "piet", "name": "Piet"}, {"name": "Without an id"}]
    with run({"settings": {"rate_limit": 0}, "agents": agents}) as sandbox:
        listed = sandbox.api.get("/agents").json()["agents"]
    assert [agent["name"] for agent in listed] == ["Piet", "Without an id"]
    assert listed[0]["id"] == "piet" and listed[1]["id"]


def test_the_present_state_is_one_that_a_sandbox_can_begin_with(sandbox: RunningSandbox) -> None:
    sandbox.api.patch("/agents/piet", json={"business_name": "Piet BV"})
    sandbox.settings(minutes_balance=7, reports={ANNA: "lost"})
    sandbox.faults(unavailable={"share": 0.5, "operations": ["list_usage"]})
    state = sandbox.state()
    assert state["agents"]["piet"]["business_name"] == "Piet BV"
    assert "secret" not in json.dumps(state["sip_trunks"])
    with run(state) as again:
        assert again.state() == state


def test_what_was_deleted_stays_deleted(sandbox: RunningSandbox) -> None:
    sandbox.api.delete("/tool-templates/end")
    state = sandbox.state()
    assert state["tool_templates"] == {}
    with run(state) as again:
        assert again.api.get("/tool-templates").json()["toolTemplates"] == []


def test_a_reset_goes_back_to_the_beginning(sandbox: RunningSandbox) -> None:
    beginning = sandbox.state()
    sandbox.finished(ANNA, agent_id="piet", number_id="line")
    sandbox.api.post("/agents", json={"name": "Another"})
    sandbox.api.patch("/agents/piet", json={"name": "Pieter"})
    sandbox.settings(minutes_balance=0, outcomes={ANNA: "answered"})
    sandbox.faults(server_error={"next": 9}, lose_next_answers=3)
    sandbox.reset()
    assert sandbox.state() == beginning
    assert (sandbox.placed_calls(), sandbox.requests()) == ([], {})
    assert sandbox.api.get("/calls").json()["calls"] == []
    call = sandbox.finished(ANNA, agent_id="piet", number_id="line")
    assert (call["error"], call["agent_name"]) == ("busy", "Piet")  # its script begins again too


def test_a_reset_forgets_calls_that_run_and_their_webhooks() -> None:
    with run_receiver() as receiver:
        settings = SandboxSettings(
            rate_limit=0, time_scale=20, outcome_weights={"answered": 1}, webhook_url=receiver.url
        )
        with run_sandbox(settings) as sandbox:
            call_id = sandbox.place().json()["call_id"]
            until(lambda: len(receiver.received) == 1)  # in-progress
            sandbox.reset()
            assert sandbox.api.get(f"/calls/{call_id}").status_code == 404
            assert sandbox.health() == {
                "status": "ok",
                "active_calls": 0,
                "webhooks": {"delivered": 0, "failed": 0, "dropped": 0, "doubled": 0},
            }
            # A call that was placed later ends and is reported: the earlier one would have been, by then.
            sandbox.settings(talk_seconds_min=200, talk_seconds_max=200)
            later = sandbox.place(BEN).json()["call_id"]
            until(lambda: len(receiver.received) == 4, 30)
    assert {webhook.message["call"]["id"] for webhook in receiver.received[1:]} == {later}


def test_a_campaign_that_is_scheduled_in_a_state_dials() -> None:
    leads = [{"phone_number": ANNA}, {"phone_number": BEN, "status": "completed"}]
    campaign = {"name": "Spring", "agent_id": "demo-agent", "status": "scheduled", "leads": leads}
    with run(
        {"settings": {"rate_limit": 0, "time_scale": 1000}, "campaigns": {"spring": campaign}}
    ) as sandbox:
        until(lambda: sandbox.api.get("/campaigns/spring").json()["campaign"]["status"] == "completed")
        assert [call["destination"] for call in sandbox.placed_calls()] == [ANNA]
        sandbox.reset()
        until(lambda: sandbox.times_called(ANNA) == 1)


@pytest.mark.parametrize("changes", [{"outcomes": {ANNA: "sings"}}, {"reports": {ANNA: []}}, {"seed": 5}])
def test_a_change_of_settings_that_cannot_be_is_refused(
    sandbox: RunningSandbox, changes: dict[str, Any]
) -> None:
    before = sandbox.state()
    answer = sandbox.surface.post("settings", json=changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_field")
    assert next(iter(changes)) in answer.text
    assert ANNA not in answer.text
    assert sandbox.state() == before


def test_the_surface_says_what_it_can_do(sandbox: RunningSandbox) -> None:
    surface = sandbox.surface.get(f"{sandbox.url}/sandbox").raise_for_status().json()
    assert {
        "POST /sandbox/inbound",
        "POST /sandbox/reset",
        "GET /sandbox/state",
        "GET /sandbox/calls",
    } <= set(surface)
    assert all(surface.values())


DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"


def test_the_state_file_of_the_docs_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    with run(yaml.safe_load(block)) as sandbox:
        assert sandbox.state()["agents"].keys() == {"demo-agent", "desk"}


def test_the_docs_name_every_setting_every_fate_and_every_part_of_the_surface(
    sandbox: RunningSandbox,
) -> None:
    docs = DOCS.read_text()
    surface = [route.split()[1] for route in sandbox.surface.get(f"{sandbox.url}/sandbox").json()]
    for name in (
        *SandboxSettings.model_fields,
        *SandboxOutcome,
        *ReportFate,
        *Contents.model_fields,
        *surface,
    ):
        assert re.search(rf"\b{re.escape(name)}\b" if name[0] != "/" else re.escape(name), docs), name
