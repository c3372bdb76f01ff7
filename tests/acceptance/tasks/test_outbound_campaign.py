"""The flow `outbound_campaign`, run here against a sandbox and a real Prefect server."""

import asyncio
import csv
import gc
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from prefect import flow
from prefect.settings import PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings

from flireo_flows.analytics import ExportError
from flireo_flows.leads import LeadFormat
from flireo_flows.policy import Breaker, Caps
from flireo_flows.sandbox import SandboxSettings
from tests.support.calling.campaign import OTHERS_DO_NOT_COUNT
from tests.support.flows.stage import ANNA, BEN, CARLA, PEOPLE, POLICY, Stage, Stored
from tests.support.prefect_api import ask
from tests.support.receiver.relay import post, receiver
from tests.support.sandbox.running import run_sandbox, until
from tests.support.sandbox.webhook_mailbox import Received, run_receiver

pytestmark = pytest.mark.server

SECRET = "whsec_of_these_tests"
ANSWERED = {phone: ["answered"] for phone in PEOPLE}


def test_every_lead_ends_as_a_row_and_a_second_run_sends_nothing(stage: Stage) -> None:
    stage.sandbox.settings(outcomes={ANNA: ["answered"], BEN: ["no_answer"], CARLA: ["rejected"]})
    (stage.folder / "leads.csv").write_text(
        f"city,name,phone,outcome\nLeeds,Anna,{ANNA},a\nYork,Ben,{BEN},b\nHull,Carla,{CARLA},c\nBath,Dora,12,d\n"
    )
    summary = stage.run()
    assert summary.is_finished
    assert (summary.leads, summary.final, summary.rejects) == (3, 3, 1)
    assert summary.outcomes == {"answered": 1, "no_answer": 1, "rejected": 1}

    with (stage.folder / "results" / "results.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    first = ["phone", "name", "state", "outcome", "attempts", "call_id", "duration_seconds", "summary"]
    analysis = [name for name in header if name.startswith("analysis.")]
    assert analysis[:3] == ["analysis.appointment_booked", "analysis.interest", "analysis.sentiment"]
    assert header == [*first, *analysis, "city", "lead.outcome", "reason"]
    assert [row[:4] for row in rows] == [
        [ANNA, "Anna", "done", "answered"],
        [BEN, "Ben", "done", "no_answer"],
        [CARLA, "Carla", "done", "rejected"],
    ]
    assert {row["attempts"] for row in stage.results().values()} == {"1"}

    called = stage.sandbox.call(stage.results()[ANNA]["call_id"])
    anna = json.loads((stage.folder / "results" / "results.jsonl").read_text("utf-8").splitlines()[0])
    assert anna["analysis"] == called["analysis_result"]
    assert anna["summary"] == called["summary"] == stage.results()[ANNA]["summary"]
    assert anna["columns"] == {"city": "Leeds", "name": "Anna", "phone": ANNA, "outcome": "a"}
    assert list(pd.read_parquet(stage.folder / "results" / "results.parquet").columns) == header
    assert "Dora" in (stage.folder / "results" / "rejects.csv").read_text("utf-8-sig")
    assert "spring" in (stage.folder / "results" / "report.html").read_text("utf-8")

    before = stage.sandbox.requests()
    again = stage.run()
    assert again.is_finished
    assert stage.sandbox.requests() == before
    assert stage.called() == dict.fromkeys(PEOPLE, 1)


def test_what_made_the_breaker_pause_a_campaign_is_shown(stage: Stage, stored: Stored) -> None:
    people = {f"+442079460{number:03d}": f"Person {number}" for number in range(200, 230)}
    stage.sandbox.settings(outcomes={phone: ["failed"] for phone in people})
    stage.write_leads(people)
    brakes = {"max_concurrent_calls": 2, "calls_per_minute": 300, "breaker": Breaker(fewest_calls=3)}
    summary = stage.run(campaign="breaks", policy=POLICY.model_copy(update=brakes))
    assert summary.held_by.startswith("paused by breaker at ")
    assert len(stage.called()) < len(people) and not summary.is_finished
    wanted = {"artifacts": {"key": {"any_": ["flireo-breaks-failures"]}}}
    (shown,) = ask(stored.url, "POST", "artifacts/filter", wanted)
    failures = [row["failure"] for row in json.loads(shown["data"])]
    assert failures == list(summary.last_failures) and len(failures) >= 3
    assert all(failure.startswith("+44********") for failure in failures)


def test_prefect_shows_how_complete_the_results_are(stage: Stage, stored: Stored) -> None:
    stage.sandbox.settings(outcomes={ANNA: ["answered"], BEN: ["no_answer"], CARLA: ["answered"]})
    assert stage.run(campaign="complete").is_finished
    wanted = {"artifacts": {"key": {"any_": ["flireo-complete-figures"]}}}
    (shown,) = ask(stored.url, "POST", "artifacts/filter", wanted)
    figures = {row["figure"]: row["count"] for row in json.loads(shown["data"])}
    assert figures["results ended calls"] == "3"
    assert figures["results reports in"] == figures["results analyses in"] == "2 of 2 (100%)"
    assert figures["results by the call list"] == "2"
    assert figures["results report after"].startswith("median ")


# Prefect leaves a connection open when an asynchronous flow begins (prefect/results.py).
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.slow
def test_it_runs_inside_a_synchronous_and_inside_an_asynchronous_flow(stage: Stage) -> None:
    @flow
    def parent() -> bool:
        return bool(stage.run(campaign="of a flow").is_finished)

    @flow
    async def async_parent() -> bool:
        summary = stage.run(
            campaign="of an async flow",
            policy=POLICY.model_copy(update={"other_campaigns": OTHERS_DO_NOT_COUNT}),
        )
        return bool(summary.is_finished)

    assert parent()
    assert asyncio.run(async_parent())
    gc.collect()  # so that the warning comes here, not in another test
    assert stage.called() == dict.fromkeys(PEOPLE, 2)


def test_without_waiting_a_later_run_collects_what_the_webhooks_left(stage: Stage) -> None:
    with run_receiver() as mailbox, run_sandbox(_with_webhooks(mailbox.url)) as stage.sandbox:
        left = stage.run(wait=False)  # the run is first: its ledger is there before the receiver
        assert left.leads == 3
        for call in stage.sandbox.placed_calls():
            stage.sandbox.settle(call["call_id"])
        until(lambda: _reported(mailbox.received) >= 3, 120)

        with receiver(stage.ledger_url, SECRET) as url:
            for webhook in mailbox.received:
                assert post(url, webhook.body, webhook.headers).status_code == 200
        polls = stage.sandbox.requests().get(("GET /calls", 200), 0) if not left.is_finished else None
        collected = stage.run()
        assert collected.is_finished
        assert {row["outcome"] for row in stage.results().values()} == {"answered"}
        assert all(row["analysis.interest"] for row in stage.results().values())
        if polls is not None:
            assert (
                stage.sandbox.requests().get(("GET /calls", 200), 0) == polls
            )  # nothing had to be asked for
        assert stage.called() == dict.fromkeys(PEOPLE, 1)


def test_a_receiver_that_was_there_first_shares_the_ledger_with_the_run(stage: Stage) -> None:
    with (
        receiver(stage.ledger_url, SECRET) as url,
        run_sandbox(_with_webhooks(f"{url}/webhooks/flireo")) as stage.sandbox,
    ):
        summary = stage.run()
        assert summary.is_finished
        until(lambda: stage.sandbox.health()["webhooks"]["delivered"] >= 6, 120)
        assert stage.sandbox.health()["webhooks"]["failed"] == 0
        assert stage.called() == dict.fromkeys(PEOPLE, 1)
    results = stage.results()
    assert {row["outcome"] for row in results.values()} == {"answered"}
    assert all(row["analysis.interest"] and row["summary"] for row in results.values())


def test_a_users_habit_of_persisting_results_neither_skips_nor_repeats_a_call(stage: Stage) -> None:
    with temporary_settings({PREFECT_RESULTS_PERSIST_BY_DEFAULT: True}):
        assert stage.run().leads == 3
        dora = "+442079460004"
        stage.write_leads({**PEOPLE, dora: "Dora"})
        more = stage.run()
    assert more.leads == more.final == 4
    assert stage.called() == {**dict.fromkeys(PEOPLE, 1), dora: 1}
    assert set(stage.results()) == {*PEOPLE, dora}


def test_a_flow_retry_after_a_failed_export_rings_no_one_again(stage: Stage) -> None:
    taken = stage.folder / "results" / "results.csv"
    taken.mkdir(parents=True)
    stage.flow = stage.flow.with_options(retries=1, retry_delay_seconds=0)
    with pytest.raises(ExportError, match="a directory has its name"):
        stage.run()
    assert stage.called() == dict.fromkeys(PEOPLE, 1)
    shutil.rmtree(taken)
    assert stage.run().is_finished
    assert stage.called() == dict.fromkeys(PEOPLE, 1)
    assert set(stage.results()) == set(PEOPLE)


def test_a_flow_retry_is_the_same_run_for_its_caps_and_a_run_of_its_own_is_not(stage: Stage) -> None:
    taken = stage.folder / "results" / "results.csv"
    taken.mkdir(parents=True)
    policy = POLICY.model_copy(update={"caps_per_run": Caps(calls=1)})
    stage.flow = stage.flow.with_options(retries=2, retry_delay_seconds=0)
    with pytest.raises(ExportError, match="a directory has its name"):
        stage.run(policy=policy)
    assert sum(stage.called().values()) == 1
    shutil.rmtree(taken)
    assert "cap" in stage.run(policy=policy).held_by
    assert sum(stage.called().values()) == 2


def test_a_flow_in_a_flow_is_a_run_of_its_own_for_its_caps(stage: Stage) -> None:
    policy = POLICY.model_copy(update={"caps_per_run": Caps(calls=1)})

    @flow
    def parent() -> None:
        stage.run(policy=policy)
        stage.run(policy=policy)

    parent()
    assert sum(stage.called().values()) == 2


def _with_webhooks(url: str) -> SandboxSettings:
    return SandboxSettings(
        rate_limit=0, time_scale=1000, webhook_url=url, webhook_secret=SECRET, outcomes=ANSWERED
    )


def _reported(received: list[Received]) -> int:
    return sum(webhook.what[0] == "end-of-call-report" for webhook in received)


def test_its_parameters_are_a_form_that_prefect_shows_well(stage: Stage) -> None:
    from prefect.utilities.callables import parameter_schema

    schema = json.loads(json.dumps(parameter_schema(stage.flow).model_dump_for_openapi()))
    kept = Path(__file__).with_name("outbound_campaign.schema.json")
    assert schema == json.loads(kept.read_text()), f"if it is meant, write it: {kept}\n{json.dumps(schema)}"
    # What may be left out is the only choice between two kinds.
    of_a_rule = ["max_duration_seconds", "min_duration_seconds", "most_messages", "talked"]
    assert sorted(_choices(schema)) == sorted(["calling_hours", "number", "webhook", *of_a_rule])
    for name, field in schema["properties"].items():
        assert field["title"] and (field.get("description") or "allOf" in field), name


def _choices(schema: object, name: str = "") -> list[str]:
    """Names of the fields that are unions."""
    if isinstance(schema, list):
        return [found for inner in schema for found in _choices(inner, name)]
    if not isinstance(schema, dict):
        return []
    here = [name] if "anyOf" in schema or "oneOf" in schema else []
    return here + [found for key, inner in schema.items() for found in _choices(inner, key)]


@pytest.mark.parametrize("header", ["GDPR consent", "Zgoda na telefon", "TPS"])
def test_a_column_that_may_say_no_fails_an_unattended_run_before_anyone_is_called(
    stage: Stage, header: str
) -> None:
    rows = "".join(f"{phone},{name},no\n" for phone, name in PEOPLE.items())
    (stage.folder / "leads.csv").write_text(f"phone,name,{header}\n{rows}")
    state = stage.flow(**stage.parameters(), return_state=True)
    assert state.is_failed()
    words = str(state.message)
    assert f"'{header}'" in words and "consent_column" in words and "ignore_columns" in words
    assert not any(phone in words for phone in PEOPLE)
    assert stage.called() == {}
    settled = stage.run(lead_format=LeadFormat(consent_column=header))
    assert settled.is_finished and stage.called() == {}
