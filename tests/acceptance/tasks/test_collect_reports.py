"""The flows `collect_reports` and `export_results`: what becomes of a campaign that no one waits for."""

import asyncio
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import SecretStr
from sqlalchemy import delete

from flireo_flows import CallLedger, FlireoCredentials
from flireo_flows.calling.sweep import ANOTHER_ACCOUNT
from flireo_flows.ledger import Database
from flireo_flows.ledger.campaigns import DeclinedError
from flireo_flows.ledger.run_rules import Readiness, write_rules
from flireo_flows.ledger.schema import runners
from flireo_flows.sandbox import SandboxSettings
from flireo_flows.tasks.collection import KeyRefusedError
from tests.support.calling.bad_line import BadLine, bad_line
from tests.support.calling.campaign import Campaign
from tests.support.flows.stage import ANNA, BEN, CARLA, PEOPLE, POLICY, Stage, Stored, patiently
from tests.support.sandbox.running import RunningSandbox, run_sandbox

pytestmark = pytest.mark.server

PROJECT = Path(__file__).parents[3]
OUTCOMES = {ANNA: ("answered",), BEN: ("no_answer",), CARLA: ("voicemail",)}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Calls last for seconds."""
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=20, outcomes=OUTCOMES)) as running:
        yield running


@pytest.fixture
def slow(tmp_path: Path, at_prefect: str) -> Iterator[Stage]:
    """Calls last for minutes: a run that does not wait ends before them, however slow the machine is."""
    answered = {phone: ("answered",) for phone in PEOPLE}
    with run_sandbox(SandboxSettings(rate_limit=0, outcomes=answered)) as running:
        yield Stage(tmp_path, running)


def _flow(name: str) -> Any:
    return load_flow_from_entrypoint(str(PROJECT / "flows" / f"{name}.py:{name}"))


def _given(stage: Stage, **more: Any) -> dict[str, Any]:
    return {"credentials": stage.credentials, "ledger": CallLedger(url=SecretStr(stage.ledger_url)), **more}


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("collect_reports", ["campaign", "credentials", "ledger", "patience_seconds"]),
        ("export_results", ["campaign", "ledger", "out"]),
    ],
)
def test_their_parameters_are_forms_that_prefect_shows_well(name: str, asks: list[str]) -> None:
    schema = json.loads(json.dumps(parameter_schema(_flow(name)).model_dump_for_openapi()))
    assert sorted(schema["properties"]) == asks
    for field in schema["properties"].values():
        assert field["title"] and (field.get("description") or "allOf" in field)
        assert "anyOf" not in field


def test_a_run_that_does_not_wait_exports_what_is_there_and_does_not_say_it_is_finished(slow: Stage) -> None:
    summary = slow.run(wait=False)
    assert (summary.is_finished, summary.final, summary.leads) == (False, 0, 3)
    assert {row["state"] for row in slow.results().values()} == {"calling"}
    (swept,) = _flow("collect_reports")(**_given(slow)).campaigns
    assert (swept.before, swept.after, swept.problem) == (3, 3, "")


def test_what_a_run_did_not_wait_for_is_collected_and_exported(stage: Stage) -> None:
    stage.run(wait=False)
    _flow("collect_reports")(**_given(stage, patience_seconds=120))
    again = _flow("collect_reports")(**_given(stage))
    assert (again.campaigns, again.requests) == ((), 0)

    out = stage.folder / "again"
    files = _flow("export_results")(campaign="spring", ledger=_given(stage)["ledger"], out=str(out))
    assert {Path(file).name for file in files} == {
        "results.csv",
        "results.jsonl",
        "results.parquet",
        "report.html",
    }
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["phone"]: row for row in csv.DictReader(file)}
    assert {phone: row["outcome"] for phone, row in rows.items()} == {
        phone: outcome for phone, (outcome,) in OUTCOMES.items()
    }
    report = (out / "report.html").read_text("utf-8")
    assert "spring" in report and "rows rejected" not in report and "Rows in file" not in report

    assert stage.run().is_finished  # the campaign's own run finds nothing left to do
    assert sum(stage.called().values()) == 3


def test_what_was_collected_is_shown_without_a_number(tmp_path: Path, stored: Stored) -> None:
    with bad_line() as line:
        ledger = CallLedger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
        asyncio.run(_leave_behind(ledger.database_url(), line))
        credentials = FlireoCredentials(api_key=SecretStr("sandbox-key"), base_url=line.url)
        state = _flow("collect_reports")(credentials=credentials, ledger=ledger, return_state=True)
    (swept,) = state.result().campaigns
    assert (swept.before, swept.after) == (3, 0)
    seen = patiently(lambda: _if_told(stored, str(state.state_details.flow_run_id)))
    (table,) = [json.loads(artifact["data"]) for artifact in seen["artifacts"]]
    assert [(row["campaign"], row["open before"], row["open"]) for row in table] == [("+44********01", 3, 0)]
    assert not any(phone[1:] in json.dumps(seen) for phone in PEOPLE)


async def _leave_behind(ledger_url: str, line: BadLine) -> None:
    """A run called three people and ended; since then they hung up. Its campaign was named after one of them."""
    async with await Database.open(ledger_url) as database:
        campaign = Campaign(database, line.url, name=ANNA)
        await write_rules(database.campaign(ANNA), POLICY, Readiness(), campaign.account, is_starting=True)
        book = await campaign.runner()
        for phone in PEOPLE:
            await campaign.placed(book, line.place(phone)["id"], phone)
        line.end_all()
        async with database.write() as db:
            await db.execute(delete(runners))


def _if_told(stored: Stored, run_id: str) -> dict[str, Any] | None:
    seen = stored.everything_of(run_id)
    reported = any("closed by webhook" in row["message"] for row in seen["log"])
    ended = [event for event in seen["events"] if event["event"].startswith("flireo.call")]
    return seen if reported and seen["artifacts"] and len(ended) == len(PEOPLE) else None


def test_a_refused_key_fails_the_run_and_says_what_to_do(slow: Stage) -> None:
    slow.run(wait=False)
    slow.sandbox.settings(revoked_keys=["sandbox-key"])
    with pytest.raises(KeyRefusedError, match=r"3 calls are open and could not be read.*correct the key"):
        _flow("collect_reports")(**_given(slow))


def test_one_campaign_that_cannot_be_read_does_not_fail_the_others(slow: Stage) -> None:
    slow.run(campaign="elsewhere", wait=False)
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=20)) as other:
        slow.sandbox = other
        slow.write_leads({"+442079460004": "Dora"})
        slow.run(wait=False)
        collected = _flow("collect_reports")(**_given(slow, patience_seconds=120))
        spring = _flow("collect_reports")(**_given(slow, campaign="spring"))
    assert [(swept.campaign, swept.after, swept.problem) for swept in collected.campaigns if swept.after] == [
        ("elsewhere", 3, ANOTHER_ACCOUNT)
    ]
    assert spring.open == 0


def test_a_campaign_that_is_not_there_is_named(slow: Stage) -> None:
    slow.run(wait=False)
    with pytest.raises(DeclinedError, match="no campaign 'sprong'"):
        _flow("export_results")(campaign="sprong", ledger=_given(slow)["ledger"], out=str(slow.folder))
    with pytest.raises(DeclinedError, match="no campaign 'sprong'"):
        _flow("collect_reports")(**_given(slow, campaign="sprong"))
