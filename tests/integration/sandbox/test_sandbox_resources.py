"""Templates, trunks, voices, keys, the domain and usage: each operation answers as the contract says."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from flireo_flows.sandbox import Dialect, SandboxOutcome, SandboxSettings
from flireo_flows.sandbox.call_course import CallCourse, CallEnd
from flireo_flows.sandbox.routes.account import minutes_this_month
from flireo_flows.sandbox.store import SandboxCall
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, BEN, CARLA, RunningSandbox, run_sandbox

TOOL = {
    "name": "Look up",
    "tool_type": "function",
    "tool_config": {"name": "lookup", "description": "Find somebody", "parameters": {"type": "object"}},
}
DESTINATION = {"type": "number", "number": ANNA, "description": "Sales"}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with run_sandbox() as running:
        yield running


@pytest.fixture
def later() -> Iterator[RunningSandbox]:
    with run_sandbox(SandboxSettings(dialect=Dialect.HMSOVEREIGN, rate_limit=0, time_scale=1000)) as running:
        yield running


def refused(answer: httpx.Response) -> tuple[int, str | None]:
    """Status of an error, and the field that it names."""
    return answer.status_code, answer.json()["error"].get("param")


def test_a_tool_template_is_made_read_changed_and_deleted(sandbox: RunningSandbox) -> None:
    made = check("create_tool_template", sandbox.api.post("/tool-templates", json=TOOL))["toolTemplate"]
    path = f"/tool-templates/{made['id']}"
    assert check("get_tool_template", sandbox.api.get(path))["toolTemplate"] == made
    assert check("list_tool_templates", sandbox.api.get("/tool-templates"))["toolTemplates"] == [made]
    patch = {"tool_type": "transferCall", "tool_config": {"destinations": [DESTINATION]}}
    changed = check("update_tool_template", sandbox.api.patch(path, json=patch))["toolTemplate"]
    assert (changed["name"], changed["tool_config"]) == ("Look up", {"destinations": [DESTINATION]})
    assert check("delete_tool_template", sandbox.api.delete(path)) == {"success": True}
    assert sandbox.api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"name": None}, "name"),
        ({"tool_type": "hangUp"}, "tool_type"),
        ({"tool_config": {"name": "look up", "description": "", "parameters": {}}}, "tool_config.name"),
        ({"tool_config": {"name": "lookup", "description": ""}}, "tool_config.parameters"),
        ({"tool_type": "transferCall"}, "tool_config.destinations"),
        (
            {"tool_type": "transferCall", "tool_config": {"destinations": [{**DESTINATION, "number": "06"}]}},
            "tool_config.destinations.0.number",
        ),
    ],
)
def test_a_tool_template_that_no_agent_could_use_is_refused(
    sandbox: RunningSandbox, changes: dict[str, Any], param: str
) -> None:
    assert refused(sandbox.api.post("/tool-templates", json=TOOL | changes)) == (400, param)


def test_a_tool_templates_type_must_fit_the_configuration_that_it_keeps(sandbox: RunningSandbox) -> None:
    template = sandbox.api.post("/tool-templates", json=TOOL).json()["toolTemplate"]
    answer = sandbox.api.patch(f"/tool-templates/{template['id']}", json={"tool_type": "transferCall"})
    assert refused(answer) == (400, "tool_config.destinations")


@pytest.mark.parametrize("spelling", ["endCall", "end_call"])
def test_both_spellings_of_a_tools_type_are_read_and_the_dialects_own_is_written(
    sandbox: RunningSandbox, later: RunningSandbox, spelling: str
) -> None:
    body = {"name": "Bye", "tool_type": spelling, "tool_config": {}}
    assert sandbox.api.post("/tool-templates", json=body).json()["toolTemplate"]["tool_type"] == "endCall"
    assert later.api.post("/tool-templates", json=body).json()["tool_template"]["tool_type"] == "end_call"
    assert later.api.get("/tool-templates").json().keys() == {"tool_templates"}


def test_an_analysis_template_is_made_read_changed_and_deleted(sandbox: RunningSandbox) -> None:
    body = {"name": "Mood", "description": "How it went", "schema": {"type": "object"}}
    answer = sandbox.api.post("/analysis-templates", json=body)
    made = check("create_analysis_template", answer)["analysisTemplate"]
    path = f"/analysis-templates/{made['id']}"
    assert check("get_analysis_template", sandbox.api.get(path))["analysisTemplate"] == made
    assert check("list_analysis_templates", sandbox.api.get("/analysis-templates"))["analysisTemplates"] == [
        made
    ]
    patch = {"description": None, "system_prompt": "Be brief."}
    changed = check("update_analysis_template", sandbox.api.patch(path, json=patch))["analysisTemplate"]
    assert changed == {**made, **patch, "updated_at": changed["updated_at"]}
    assert check("delete_analysis_template", sandbox.api.delete(path)) == {"success": True}
    assert sandbox.api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [({"schema": {}}, "name"), ({"name": "Mood"}, "schema"), ({"name": "Mood", "schema": "text"}, "schema")],
)
def test_an_analysis_template_without_a_name_or_schema_is_refused(
    sandbox: RunningSandbox, body: dict[str, Any], param: str
) -> None:
    assert refused(sandbox.api.post("/analysis-templates", json=body)) == (400, param)


def test_the_later_dialect_spells_analysis_templates_in_snake_case(later: RunningSandbox) -> None:
    body = {"name": "Mood", "schema": {}}
    made = later.api.post("/analysis-templates", json=body).json()["analysis_template"]
    assert later.api.get("/analysis-templates").json() == {"analysis_templates": [made]}


def test_an_update_that_changes_nothing_is_refused(sandbox: RunningSandbox) -> None:
    for path in ("/agents/demo-agent", "/numbers/demo-number"):
        assert sandbox.api.patch(path, json={}).status_code == 400


def test_a_trunk_is_made_read_and_deleted_and_never_tells_its_password(sandbox: RunningSandbox) -> None:
    body = {"name": "Office", "host": "pbx.example.org", "username": "us", "password": "hunter2-secret"}
    answer = sandbox.api.post("/sip-trunks", json=body)
    made = check("create_sip_trunk", answer)["trunk"]
    assert (made["host"], made["port"], made["username"]) == ("pbx.example.org", 5060, "us")
    path = f"/sip-trunks/{made['id']}"
    assert check("get_sip_trunk", sandbox.api.get(path))["trunk"] == made
    listed = sandbox.api.get("/sip-trunks")
    assert made in check("list_sip_trunks", listed)["trunks"]
    assert "hunter2" not in answer.text + listed.text
    assert check("delete_sip_trunk", sandbox.api.delete(path)) == {"success": True}
    assert sandbox.api.get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Office", "host": "pbx.example.org", "username": "us", "password": "x"},
        {"name": "Office", "outbound_address": "pbx.example.org", "auth_username": "us"},
        {"name": "Office", "provider": "twilio", "address": "pbx.example.org", "auth_username": "us"},
    ],
)
def test_each_documented_trunk_is_taken_and_shown_as_the_dialect_has_it(
    sandbox: RunningSandbox, later: RunningSandbox, body: dict[str, str]
) -> None:
    early, late = (
        one.api.post("/sip-trunks", json=body).raise_for_status().json()["trunk"] for one in (sandbox, later)
    )
    assert (early["host"], early["username"]) == ("pbx.example.org", "us")
    assert (late["address"], late["auth_username"], late["transport"]) == ("pbx.example.org", "us", "udp")
    assert "host" not in late


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"host": "pbx.example.org"}, "name"),
        ({"name": "Office"}, "host"),
        ({"name": "Office", "address": "pbx.example.org"}, "provider"),
        ({"name": "Office", "host": "pbx.example.org", "port": 0}, "port"),
    ],
)
def test_a_trunk_that_leads_nowhere_is_refused(
    sandbox: RunningSandbox, body: dict[str, Any], param: str
) -> None:
    assert refused(sandbox.api.post("/sip-trunks", json=body)) == (400, param)


def test_a_trunk_stays_while_a_number_uses_it(sandbox: RunningSandbox) -> None:
    assert sandbox.api.get("/numbers/demo-number").json()["number"]["transfer_trunk_name"] == "Sandbox"
    assert sandbox.api.delete("/sip-trunks/demo-trunk").status_code == 409
    sandbox.api.patch("/numbers/demo-number", json={"transfer_trunk_id": None}).raise_for_status()
    assert sandbox.api.delete("/sip-trunks/demo-trunk").status_code == 200


def test_there_are_voices_of_several_languages(sandbox: RunningSandbox) -> None:
    voices = check("list_voices", sandbox.api.get("/voices"))["voices"]
    assert {"nl", "en", "de"} <= {voice["language"] for voice in voices}
    assert {voice["description"].keys() == {"en", "nl"} for voice in voices} == {True}


def test_a_key_is_added_replaced_and_taken_away_and_never_told(sandbox: RunningSandbox) -> None:
    body = {"provider": "openai", "api_key": "sk-very-secret"}
    first = check("add_byok", sandbox.api.post("/byok", json=body))["byok_keys"]
    second = sandbox.api.post("/byok", json=body)
    assert "very-secret" not in second.text
    assert None is not first["openai_secret_id"] != second.json()["byok_keys"]["openai_secret_id"]
    assert check("get_byok", sandbox.api.get("/byok"))["byok_keys"]["deepgram_secret_id"] is None
    gone = sandbox.api.request("DELETE", "/byok", json={"provider": "openai"})
    assert check("delete_byok", gone)["byok_keys"]["openai_secret_id"] is None
    again = sandbox.api.request("DELETE", "/byok", json={"provider": "openai"})
    assert refused(again) == (404, "provider")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"api_key": "x"}, "provider"),
        ({"provider": "openai"}, "api_key"),
        ({"provider": "?", "api_key": "x"}, "provider"),
    ],
)
def test_a_key_without_a_provider_is_refused(
    sandbox: RunningSandbox, body: dict[str, str], param: str
) -> None:
    assert refused(sandbox.api.post("/byok", json=body)) == (400, param)


def test_the_providers_are_listed_with_a_default_model(sandbox: RunningSandbox) -> None:
    providers = check("get_byok_config", sandbox.api.get("/byok/config"))["providers"]
    (deepgram,) = [one for one in providers if one["id"] == "deepgram"]
    assert [model["default"] for model in deepgram["models"]].count(True) == 1


def test_the_later_dialect_knows_more_providers(later: RunningSandbox) -> None:
    assert "gladia_secret_id" in later.api.get("/byok").json()["byok_keys"]


def _with_resend(sandbox: RunningSandbox) -> None:
    sandbox.api.post("/byok", json={"provider": "resend", "api_key": "re_any"}).raise_for_status()


def test_a_domain_needs_a_key_for_resend(sandbox: RunningSandbox) -> None:
    answers = [
        sandbox.api.post("/domains", json={"domain_name": "mail.example.com"}),
        sandbox.api.get("/domains/sync"),
        sandbox.api.post("/domains/sync", json={"resendDomainId": "any"}),
        sandbox.api.post("/domains/verify"),
        sandbox.api.post("/domains/refresh"),
    ]
    assert [answer.status_code for answer in answers] == [400] * 5
    assert check("get_domain", sandbox.api.get("/domains")) == {"domain": None}


@pytest.mark.parametrize("field", ["domain_name", "domain"])
def test_a_domain_is_added_verified_and_deleted(sandbox: RunningSandbox, field: str) -> None:
    _with_resend(sandbox)
    answer = sandbox.api.post("/domains", json={field: "mail.example.com"})
    domain = check("add_domain", answer)["domain"]
    assert (domain["domain_name"], domain["status"]) == ("mail.example.com", "not_started")
    assert sandbox.api.post("/domains", json={field: "mail.example.com"}).status_code == 409
    assert check("refresh_domain", sandbox.api.post("/domains/refresh"))["domain"]["status"] == "not_started"
    assert check("verify_domain", sandbox.api.post("/domains/verify"))["domain"]["status"] == "pending"
    found = check("refresh_domain", sandbox.api.post("/domains/refresh"))["domain"]
    assert (found["status"], found["verified_at"]) == ("verified", found["updated_at"])
    assert {record["status"] for record in found["records"]} == {"verified"}
    assert check("get_domain", sandbox.api.get("/domains"))["domain"] == found
    assert check("delete_domain", sandbox.api.delete("/domains")) == {"success": True}
    assert sandbox.api.delete("/domains").status_code == 404
    assert sandbox.api.post("/domains/verify").status_code == 404


@pytest.mark.parametrize("field", ["resendDomainId", "domain_id"])
def test_a_domain_that_resend_has_already_is_taken_over(sandbox: RunningSandbox, field: str) -> None:
    _with_resend(sandbox)
    before = check("list_resend_domains", sandbox.api.get("/domains/sync"))
    (known,) = before["domains"]
    assert before["selected_domain_id"] is None
    domain = check("sync_resend_domain", sandbox.api.post("/domains/sync", json={field: known["id"]}))[
        "domain"
    ]
    assert (domain["domain_name"], domain["status"]) == (known["name"], "verified")
    assert sandbox.api.get("/domains/sync").json()["selected_domain_id"] == known["id"]
    assert sandbox.api.post("/domains/sync", json={field: "nobody"}).status_code == 404


@pytest.mark.parametrize("name", ["", "nodots", "-a.example", "exa mple.org", "a" * 64 + ".org"])
def test_what_is_no_domain_is_refused(sandbox: RunningSandbox, name: str) -> None:
    assert refused(sandbox.api.post("/domains", json={"domain_name": name})) == (400, "domain_name")


@pytest.fixture
def used() -> Iterator[RunningSandbox]:
    """Three calls were made, and Carla did not answer hers."""
    settings = SandboxSettings(
        rate_limit=0,
        time_scale=1000,
        outcomes={ANNA: "answered", BEN: "voicemail", CARLA: "no_answer"},
    )
    with run_sandbox(settings) as running:
        for destination in (ANNA, CARLA, BEN):
            running.finished(destination)
        yield running


def test_usage_lists_what_was_answered_newest_first_and_agrees_with_the_balance(used: RunningSandbox) -> None:
    usage = check("list_usage", used.api.get("/usage"))
    calls = {call["id"]: call for call in used.api.get("/calls").json()["calls"]}
    assert [calls[log["call_id"]]["caller_phone"] for log in usage["logs"]] == [BEN, ANNA]
    for log in usage["logs"]:
        seconds = calls[log["call_id"]]["duration_seconds"]
        assert (log["duration_seconds"], log["minutes_used"]) == (seconds, -(-seconds // 60))
    minutes = sum(log["minutes_used"] for log in usage["logs"])
    assert usage["summary"] == {
        "total_calls": 2,
        "total_minutes": minutes,
        "total_cost": round(minutes * 0.07, 2),
    }
    account = check("get_organization", used.api.get("/account"))
    assert account["monthly_usage_minutes"] == minutes == 1000 - account["minutes_balance"]


def test_usage_is_paged_while_its_summary_counts_all(used: RunningSandbox) -> None:
    whole = used.api.get("/usage").json()
    page = used.api.get("/usage", params={"limit": 1, "offset": 1}).json()
    assert page["logs"] == whole["logs"][1:]
    assert page["pagination"] == {"total": 2, "limit": 1, "offset": 1}
    assert page["summary"] == whole["summary"]
    assert used.api.get("/usage", params={"limit": 5000}).json()["pagination"]["limit"] == 1000


def test_usage_can_be_asked_for_a_span(used: RunningSandbox) -> None:
    newest = used.api.get("/usage").json()["logs"][0]
    since = used.api.get("/usage", params={"start_date": newest["created_at"]}).json()
    assert [log["id"] for log in since["logs"]] == [newest["id"]]
    until = used.api.get("/usage", params={"end_date": "2020-01-31"}).json()
    assert (until["logs"], until["summary"]["total_minutes"]) == ([], 0)


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1" * 5000}, {"offset": "-1"}, {"end_date": "soon"}]
)
def test_a_query_that_means_nothing_is_refused(sandbox: RunningSandbox, query: dict[str, str]) -> None:
    for path in ("/usage", "/calls"):
        assert refused(sandbox.api.get(path, params=query)) == (400, next(iter(query)))


def test_the_later_dialect_has_a_usage_of_its_own(later: RunningSandbox) -> None:
    later.settings(outcomes={ANNA: ["answered"]})
    seconds = later.finished()["duration_seconds"]
    usage = later.api.get("/usage").json()
    assert [(log["duration_sec"], log["phone_number"]) for log in usage["logs"]] == [
        (seconds, "+31850835037")
    ]
    assert usage["summary"]["total_duration_seconds"] == seconds


def test_the_months_minutes_begin_again_on_the_first() -> None:
    ended_ms = 1_769_903_999_000  # 2026-01-31 23:59:59 UTC
    plan = CallCourse(SandboxOutcome.ANSWERED, 2, 61, CallEnd("ended", "user_hangup"), 1)
    call = SandboxCall("c", ANNA, {}, {}, None, plan, 1, ended_ms - 70_000, "r", started_ms=ended_ms - 61_000)
    call.ended_ms, call.duration_seconds = ended_ms, 61
    assert minutes_this_month([call], ended_ms + 500) == 2
    assert minutes_this_month([call], ended_ms + 1000) == 0


def test_the_later_dialects_organization_lists_its_children_when_asked(later: RunningSandbox) -> None:
    assert "children" not in later.api.get("/organizations").json()
    asked = later.api.get("/organizations", params={"include_children": "true"}).json()
    assert (asked["children"], asked["parent_org_id"]) == ([], None)


@pytest.mark.parametrize(
    "body", [b'{"name": "\\ud800"}', b'{"name": "a", "x": 1e999}', b'{"name": "a", "x": NaN}']
)
def test_json_that_could_not_be_written_back_is_refused(sandbox: RunningSandbox, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert sandbox.api.post("/agents", content=body, headers=headers).status_code == 400
