"""No sample value reaches a call: what selects people or acts comes with each run, or the run is refused."""

import os
import runpy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from pydantic import SecretStr, ValidationError

from flireo_flows import CallLedger, FlireoCredentials
from tests.support.flows.deployment import deploy_all
from tests.support.flows.stage import Stored, patiently
from tests.support.prefect_api import ask
from tests.support.sandbox.running import RunningSandbox

PROJECT = Path(__file__).parents[3]
DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
NAMES = [deployment["name"] for deployment in DEPLOYMENTS]
# It calls no one, and is made to run by itself: all it needs are the two blocks.
ASKS_FOR_NOTHING = "collect-reports"
# A form that is filled in. What is not named here is left as the form shows it.
FILLED: dict[str, dict[str, Any]] = {
    "outbound-campaign": {"leads": "mine.csv", "campaign": "spring", "agent_id": "agent-7"},
    "plan-campaign": {"leads": "mine.csv", "campaign": "spring", "agent_id": "agent-7"},
    "collect-reports": {"campaign": "spring"},
    "export-results": {"campaign": "spring"},
    "steer-campaign": {"action": "pause", "campaign": "spring", "reason": "lunch"},
    "call-operation": {"operation": "get_agent", "id": "agent-7"},
    "follow-up": {"lead_id": 7, "outcome": "answered"},
}
REFUSED = (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY)


class Forms:
    """The run forms of a project that was deployed, as the UI sends them."""

    def __init__(self, url: str, ids: dict[str, str]) -> None:
        self.url, self.ids = url, ids
        self.fields = {name: self._fields(made) for name, made in ids.items()}

    def _fields(self, deployment: str) -> list[str]:
        made = ask(self.url, "GET", f"deployments/{deployment}")
        assert made["enforce_parameter_schema"]
        return list(made["parameter_openapi_schema"]["properties"])

    def send(self, name: str, parameters: dict[str, Any]) -> httpx.Response:
        """Start a run; no worker is there to take it up."""
        path = f"{self.url}/deployments/{self.ids[name]}/create_flow_run"
        return httpx.post(path, json={"parameters": parameters}, trust_env=False, timeout=60)


def is_refused_in_a_sentence(answer: httpx.Response) -> bool:
    """Whether there is no run, and one sentence tells which field is wrong."""
    if answer.status_code not in REFUSED:
        return False
    (sentence,) = answer.json()["detail"].splitlines()
    return "Validation failed" in sentence and "Failure reason" in sentence


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("nothing_left")
def test_a_form_that_is_emptied_and_an_automation_without_parameters_are_refused(
    tmp_path: Path, sandbox: RunningSandbox, stored: Stored
) -> None:
    FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url).save("flireo", overwrite=True)
    CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}")).save("ledger", overwrite=True)
    forms = Forms(stored.url, deploy_all(tmp_path / "mine", stored.url))
    assert set(forms.ids) == set(NAMES) == set(FILLED)

    for name, fields in forms.fields.items():
        emptied: list[dict[str, Any]] = [{}, *({field: empty} for field in fields for empty in ("", None))]
        answers = {str(given): forms.send(name, given) for given in emptied}
        if name == ASKS_FOR_NOTHING:
            continue
        assert [given for given, answer in answers.items() if not is_refused_in_a_sentence(answer)] == []

    for name, filled in FILLED.items():
        assert forms.send(name, filled).is_success
        # V2 drops a field that was emptied, and the server fills in what the deployment has.
        for field in filled:
            answer = forms.send(name, {key: value for key, value in filled.items() if key != field})
            if answer.is_success:
                assert field not in answer.json()["parameters"]
            else:
                assert is_refused_in_a_sentence(answer)
        # Sent as it is, an empty text is kept or refused; nothing else takes its place.
        for field in filled:
            answer = forms.send(name, {**filled, field: ""})
            assert is_refused_in_a_sentence(answer) or answer.json()["parameters"][field] == ""

    _automate_all(stored, forms)
    assert sandbox.placed_calls() == []
    assert not [route for route, _ in sandbox.requests() if route.startswith("POST")]


def _automate_all(stored: Stored, forms: Forms) -> None:
    """An automation that a person built by hand, for each deployment: it has no parameters."""
    event = f"test.{uuid4().hex}"
    made = {}
    for name, deployment in forms.ids.items():
        action = {
            "type": "run-deployment",
            "source": "selected",
            "deployment_id": deployment,
            "parameters": None,
        }
        trigger = {
            "type": "event",
            "posture": "Reactive",
            "expect": [event],
            "threshold": 1,
            "within": 0,
        }
        built = ask(
            stored.url, "POST", "automations/", {"name": name, "trigger": trigger, "actions": [action]}
        )
        made[f"prefect.automation.{built['id']}"] = name
    happened = {"id": str(uuid4()), "event": event, "occurred": datetime.now(UTC).isoformat()}
    ask(stored.url, "POST", "events", [{**happened, "resource": {"prefect.resource.id": "test"}}])

    def ended() -> dict[str, str] | None:
        wanted = ["prefect.automation.action.executed", "prefect.automation.action.failed"]
        found = stored._post("events/filter", {"filter": {"event": {"name": wanted}}, "limit": 50})["events"]
        by_name = {
            made[it["resource"]["prefect.resource.id"]]: it["payload"].get("reason", "")
            for it in found
            if it["resource"]["prefect.resource.id"] in made
        }
        return by_name if len(by_name) == len(made) else None

    reasons = patiently(ended)
    assert reasons.pop(ASKS_FOR_NOTHING) == ""
    assert all("is a required property" in reason for reason in reasons.values()), reasons


SCRIPTS = sorted((PROJECT / "blocks").glob("save_*.py"))
# What they save without settings selects no one: a ledger's file, and the numbers that Flireo lists.
SAVES_ANYHOW = {"save_ledger", "save_all_numbers"}


@pytest.mark.server
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_block_script_that_is_told_nothing_saves_no_sample(
    script: Path, sandbox: RunningSandbox, at_prefect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("FLIREO_")]:
        monkeypatch.delenv(name)
    FlireoCredentials(api_key=SecretStr("k"), base_url=sandbox.base_url).save("flireo", overwrite=True)
    if script.stem in SAVES_ANYHOW:
        runpy.run_path(str(script), run_name="__main__")
    else:
        with pytest.raises((KeyError, ValidationError)):
            runpy.run_path(str(script), run_name="__main__")
    assert not [route for route, _ in sandbox.requests() if route.startswith("POST")]
