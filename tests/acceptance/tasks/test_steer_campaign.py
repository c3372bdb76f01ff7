"""The flow `steer_campaign`, and what cancelling a Prefect run does to its campaign; on a real Prefect server."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from prefect import Flow, State
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Cancelling
from prefect.utilities.callables import parameter_schema
from pydantic import SecretStr

from flireo_flows import CallLedger
from flireo_flows.ledger import Database
from flireo_flows.ledger.campaigns import CampaignControl, Standing
from flireo_flows.tasks.campaign_control import pause_when_cancelled
from tests.support.calling.campaign import Campaign, person
from tests.support.flows.stage import ANNA, Stored, patiently

pytestmark = pytest.mark.server

PROJECT = Path(__file__).parents[3]
T = TypeVar("T")

# A flow that a runner starts as a process of its own, and that ends only when it is cancelled.
LONG_FLOW = """
import sys, time
from prefect import flow
from flireo_flows.blocks import CallLedger
from flireo_flows.tasks.campaign_control import pause_when_cancelled

@flow(on_cancellation=[pause_when_cancelled])
def hold(campaign: str, ledger: CallLedger) -> None:
    time.sleep(600)

if __name__ == "__main__":
    hold.serve("until-cancelled", print_starting_message=False)
"""


@pytest.fixture(scope="module")
def steer_campaign() -> Any:
    return load_flow_from_entrypoint(str(PROJECT / "flows/steer_campaign.py:steer_campaign"))


@pytest.fixture
def ledger(tmp_path: Path) -> CallLedger:
    """A ledger with the campaign `spring`, of one person who waits."""
    block = CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    _in_ledger(block, lambda database: Campaign(database, name="spring").take_in(person(ANNA)))
    return block


def _in_ledger(ledger: CallLedger, work: Callable[[Database], Awaitable[T]]) -> T:
    async def do() -> T:
        async with await Database.open(ledger.database_url()) as database:
            return await work(database)

    return asyncio.run(do())


def _standing(ledger: CallLedger) -> Standing:
    return _in_ledger(ledger, lambda database: CampaignControl(database.campaign("spring")).standing())


def test_its_parameters_are_a_form_of_three_actions(steer_campaign: Any) -> None:
    schema = json.loads(json.dumps(parameter_schema(steer_campaign).model_dump_for_openapi()))
    assert schema["properties"]["action"]["enum"] == ["pause", "resume", "cancel"]
    assert schema["required"] == ["action", "campaign", "ledger"]
    assert "anyOf" not in json.dumps(schema)
    for name, field in schema["properties"].items():
        assert field["title"] and (field.get("description") or "allOf" in field or "$ref" in field), name


def test_a_campaign_is_paused_resumed_and_cancelled_from_a_flow(
    at_prefect: str, steer_campaign: Any, ledger: CallLedger
) -> None:
    said = steer_campaign("pause", "spring", ledger, "lunch")
    paused = _standing(ledger)
    assert (paused.state, paused.reason, paused.changed_by) == ("paused", "lunch", "prefect")
    assert said == f"Campaign spring is {paused.in_words}"
    steer_campaign("resume", "spring", ledger)
    assert _standing(ledger).state == "open"
    steer_campaign("cancel", "spring", ledger, "the offer ended")
    assert _standing(ledger).state == "cancelled"
    failed: State[Any] = steer_campaign("resume", "spring", ledger, return_state=True)
    assert failed.is_failed()
    assert "Cancelling is final" in str(failed.message)


def _run_of(ledger: object, campaign: str = "spring") -> FlowRun:
    """A run that Prefect keeps with these parameters, as a runner reads it."""

    async def make() -> FlowRun:
        async with get_client() as client:
            kept = await client.create_flow_run(_kept, parameters={"campaign": campaign, "ledger": ledger})
            return await client.read_flow_run(kept.id)

    return asyncio.run(make())


def _nothing(campaign: str, ledger: CallLedger) -> None:
    """Never run."""


_kept: Flow[Any, Any] = Flow(_nothing, name="kept")


def _cancelled(run: FlowRun) -> None:
    pause_when_cancelled(_kept, run, Cancelling())


@pytest.mark.parametrize("shape", ["document", "slug", "block", "fields"])
def test_the_campaign_of_a_cancelled_run_is_paused_however_prefect_keeps_its_ledger(
    at_prefect: str, ledger: CallLedger, shape: str
) -> None:
    document = str(ledger.save(f"of-{shape}", overwrite=True))
    shapes: dict[str, object] = {
        "document": {"$ref": {"block_document_id": document}},
        "slug": {"$ref": {"block_document_slug": f"flireo-call-ledger/of-{shape}"}},
        "block": _kept.serialize_parameters({"ledger": CallLedger.load(f"of-{shape}")})["ledger"],
        "fields": {"url": ledger.database_url()},
    }
    _cancelled(_run_of(shapes[shape]))
    paused = _standing(ledger)
    assert (paused.state, paused.reason) == ("paused", "the Prefect run was cancelled")
    assert paused.changed_by == "prefect"


def test_a_ledger_that_prefect_does_not_keep_is_told_and_nothing_breaks(
    at_prefect: str, ledger: CallLedger, caplog: pytest.LogCaptureFixture
) -> None:
    run = _run_of(_kept.serialize_parameters({"ledger": ledger})["ledger"])
    gone = str(ledger.save("gone", overwrite=True))
    CallLedger.delete("gone")
    broken = {"url": "sqlite:////proc/none/ledger.db"}
    with caplog.at_level(logging.INFO, logger="prefect.flow_runs"):
        _cancelled(run)
        _cancelled(_run_of({"$ref": {"block_document_id": gone}}, campaign="deleted"))
        _cancelled(_run_of(broken, campaign="broken"))
        _cancelled(_run_of({"url": ledger.database_url()}, campaign="never-run"))
    for name in ("spring", "deleted"):
        assert f"Campaign '{name}' cannot be paused, for its ledger is no saved block" in caplog.text
    assert "Campaign 'broken' is not paused: ledger sqlite:////proc/none/ledger.db" in caplog.text
    assert "there is no campaign 'never-run'" in caplog.text
    assert _standing(ledger).state == "open"


@pytest.mark.slow
def test_cancelling_a_run_whose_process_a_runner_kills_pauses_its_campaign(
    tmp_path: Path, at_prefect: str, stored: Stored, ledger: CallLedger
) -> None:
    document = str(ledger.save("of-a-runner", overwrite=True))
    (tmp_path / "hold.py").write_text(LONG_FLOW)
    with _serving(tmp_path, at_prefect):
        deployment = patiently(lambda: _call(at_prefect, "GET", "deployments/name/hold/until-cancelled"))
        given = {"campaign": "spring", "ledger": {"$ref": {"block_document_id": document}}}
        path = f"deployments/{deployment['id']}/create_flow_run"
        run = _call(at_prefect, "POST", path, {"parameters": given})
        patiently(lambda: (stored.run(run["id"])["state"] or {}).get("type") == "RUNNING")
        asked = {"state": {"type": "CANCELLING"}, "force": False}
        _call(at_prefect, "POST", f"flow_runs/{run['id']}/set_state", asked)
        patiently(lambda: stored.run(run["id"])["state"]["type"] == "CANCELLED")
        _call(at_prefect, "DELETE", f"deployments/{deployment['id']}")
    paused = _standing(ledger)
    assert (paused.state, paused.reason) == ("paused", "the Prefect run was cancelled")


@contextmanager
def _serving(folder: Path, url: str) -> Iterator[None]:
    """A runner of the flow, that looks for work every second."""
    env = {**os.environ, "PREFECT_API_URL": url, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with (folder / "runner.txt").open("wb") as out:
        runner = subprocess.Popen(
            [sys.executable, "hold.py"], cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(runner.pid, 9)
        runner.wait()


def _call(url: str, method: str, path: str, body: object = None) -> Any:
    answer = httpx.request(method, f"{url}/{path}", json=body, trust_env=False, timeout=60)
    return answer.json() if answer.is_success and answer.content else None
