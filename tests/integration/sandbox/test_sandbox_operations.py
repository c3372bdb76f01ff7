"""Agents, numbers, account: each operation answers as the contract says, under both generations' paths."""

from collections.abc import Iterator

import pytest

from flireo_flows.sandbox import Dialect, SandboxSettings
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, RunningSandbox, run_sandbox


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox() as running:
        yield running


def test_a_new_sandbox_has_an_agent_a_number_and_minutes(sandbox: RunningSandbox) -> None:
    (agent,) = check("list_agents", sandbox.api.get("/agents"))["agents"]
    (number,) = check("list_numbers", sandbox.api.get("/numbers"))["numbers"]
    account = check("get_organization", sandbox.api.get("/account"))
    assert (agent["id"], agent["name"]) == ("demo-agent", "Sanne")
    assert (number["id"], number["phone_number"]) == ("demo-number", "+31850835037")
    assert (account["minutes_balance"], account["active_calls"]) == (1000, 0)


def test_an_agent_is_made_read_changed_and_deleted(sandbox: RunningSandbox) -> None:
    made = check("create_agent", sandbox.api.post("/agents", json={"name": "Piet", "own_field": 1}))["agent"]
    path = f"/agents/{made['id']}"
    assert check("get_agent", sandbox.api.get(path))["agent"] == made
    assert made["own_field"] == 1
    patch = {"first_message": "Dag!", "business_name": None}
    changed = check("update_agent", sandbox.api.patch(path, json=patch))["agent"]
    assert (changed["name"], changed["first_message"]) == ("Piet", "Dag!")
    assert check("delete_agent", sandbox.api.delete(path)) == {"success": True}
    assert sandbox.api.get(path).status_code == 404


def test_a_number_is_registered_read_changed_and_deleted(sandbox: RunningSandbox) -> None:
    body = {"phone_number": ANNA, "name": "Second line", "agent_id": "demo-agent"}
    made = check("register_number", sandbox.api.post("/numbers", json=body))["number"]
    path = f"/numbers/{made['id']}"
    assert check("get_number", sandbox.api.get(path))["number"] == made
    changed = check("update_number", sandbox.api.patch(path, json={"agent_id": None}))["number"]
    assert (changed["agent_id"], changed["name"]) == (None, "Second line")
    assert check("delete_number", sandbox.api.delete(path)) == {"success": True}
    assert sandbox.api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_field"),
        ({"phone_number": "0612345678"}, 400, "invalid_phone_number"),
        ({"phone_number": ANNA, "is_active": "yes"}, 400, "invalid_field"),
        ({"phone_number": ANNA, "agent_id": "nobody"}, 400, "invalid_field"),
        ({"phone_number": "+31850835037"}, 409, "conflict"),
    ],
)
def test_a_number_that_cannot_be_registered_is_refused(
    sandbox: RunningSandbox, body: dict[str, object], status: int, code: str
) -> None:
    answer = sandbox.api.post("/numbers", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 5}, {"name": "Piet", "webhook_events": "all"}])
def test_an_agent_with_a_wrong_field_is_refused(sandbox: RunningSandbox, body: dict[str, object]) -> None:
    answer = sandbox.api.post("/agents", json=body)
    assert answer.status_code == 400
    check("create_agent", answer)


def test_a_deleted_agent_leaves_its_numbers_without_one(sandbox: RunningSandbox) -> None:
    sandbox.api.delete("/agents/demo-agent")
    assert sandbox.api.get("/numbers/demo-number").json()["number"]["agent_id"] is None


def test_both_generations_paths_lead_to_the_same_things(sandbox: RunningSandbox) -> None:
    for old, new in [("/agents", "/assistants"), ("/account", "/organizations")]:
        assert sandbox.api.get(old).json() == sandbox.api.get(new).json()


def test_the_later_dialect_speaks_of_assistants_and_writes_errors_flat() -> None:
    with run_sandbox(SandboxSettings(dialect=Dialect.HMSOVEREIGN, rate_limit=0)) as sandbox:
        assert sandbox.api.get("/assistants/demo-agent").json()["assistant"]["name"] == "Sanne"
        assert sandbox.api.get("/agents").json().keys() == {"assistants"}
        assert sandbox.api.get("/assistants/nobody").json() == {"error": "Agent not found"}


def test_deletes_can_answer_with_204() -> None:
    with run_sandbox(SandboxSettings(empty_deletes=True, rate_limit=0)) as sandbox:
        answer = sandbox.api.delete("/numbers/demo-number")
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_unknown_path_is_answered_in_the_apis_own_shape(sandbox: RunningSandbox) -> None:
    answer = sandbox.api.get("/unheard-of")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
