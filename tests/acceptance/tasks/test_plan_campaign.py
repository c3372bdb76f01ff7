"""The flow `plan_campaign`: what it would do, a person's yes or no in Prefect, and then exactly that."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.flows import load_flow_from_entrypoint
from pydantic import SecretStr

from flireo_flows.blocks import FlireoCredentials
from flireo_flows.calling.preflight import RecentCallsUnreadError
from flireo_flows.calling.saved_plan import PlanDiffersError
from flireo_flows.flows import outbound_campaign
from flireo_flows.script import Script, Variant
from tests.support.faulty.flireo import faulty_flireo
from tests.support.faulty.server import answer
from tests.support.flows.stage import ANNA, BEN, CARLA, PEOPLE, Stage, Stored, patiently

pytestmark = pytest.mark.server

FLOW = Path(__file__).parents[3] / "flows" / "plan_campaign.py"
SAID = "{{ name }}, I am a virtual assistant. How is {{ city }}?"
SCRIPT = Script(
    variants=[
        Variant(name="short", first_message=f"Hi {SAID}"),
        Variant(name="long", first_message=f"Good day {SAID}"),
    ]
)


@pytest.fixture
def planning(stage: Stage) -> Stage:
    """A campaign whose flow plans first; its people are greeted by name."""
    stage.flow = load_flow_from_entrypoint(f"{FLOW}:plan_campaign")
    stage.changes |= {"script": SCRIPT, "approval_timeout_seconds": 120}
    return stage


@contextmanager
def somebody_answers(stored: Stored, campaign: str, **said: object) -> Iterator["Future[dict[str, Any]]"]:
    """Answer the form of the campaign's paused run, beside the test. The future has the run as it was then."""

    def answer() -> dict[str, Any]:
        run = patiently(lambda: _paused(stored, campaign))
        run |= stored.everything_of(run["id"])
        patiently(lambda: _resumed(stored, run["id"], said))
        return run

    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(answer)


def test_once_approved_exactly_the_planned_people_are_called_with_the_planned_words(
    planning: Stage, stored: Stored
) -> None:
    (planning.folder / "no.txt").write_text(f"{BEN}\n")
    planning.sandbox.settings(outcomes={phone: ["answered"] for phone in PEOPLE})
    with somebody_answers(stored, "yes", approved=True, approved_by="Iris", note="Go.") as seen:
        outcome = planning.run(campaign="yes", do_not_call=str(planning.folder / "no.txt"))
    assert (outcome.calls, outcome.skipped, outcome.approved) == (2, 1, True)
    assert outcome.summary is not None and outcome.summary.is_finished
    assert planning.called() == {ANNA: 1, CARLA: 1}
    assert planning.sandbox.requests()["POST /calls/outbound", 200] == 2

    saved = json.loads(Path(outcome.file).read_text())
    said = {
        call["destination"]: planning.sandbox.call(call["call_id"])
        for call in planning.sandbox.placed_calls()
    }
    heard = {phone[-2:]: (call["number_id"], call["messages"][0]["content"]) for phone, call in said.items()}
    assert heard == {
        call["phone"][-2:]: (call["number_id"], call["first_message"]) for call in saved["calls"]
    }
    number, words = heard[ANNA[-2:]]
    assert number == "demo-number"
    assert words.endswith("Anna, I am a virtual assistant. How is Leeds?")

    # What the approver saw, while nothing had been sent yet.
    run = seen.result()
    page, table = sorted(run["artifacts"], key=lambda artifact: artifact["type"])
    assert "2 to be called, 1 not. Nothing was sent." in page["data"]
    assert "1 do not call (line 3)" in page["data"]
    assert "calling_hours is null" in page["data"]
    shown = json.loads(table["data"])
    assert [row["line"] for row in shown] == [2, 4, 3]
    assert shown[0]["number"] == "+44********01"
    assert "Anna, I am a virtual assistant" in shown[0]["first message"]
    everything = json.dumps(run)
    assert not any(phone in everything or phone[1:] in everything for phone in PEOPLE)
    assert "was approved by Iris: Go." in patiently(lambda: _log_with("approved by", stored, run["id"]))


def test_nothing_is_sent_and_no_ledger_made_until_someone_approves(planning: Stage, stored: Stored) -> None:
    with somebody_answers(stored, "no", approved=False) as seen:
        outcome = planning.run(campaign="no")
    assert seen.result()
    assert (outcome.approved, outcome.message) == (False, "Not approved; no one was called.")
    late = planning.run(campaign="late", approval_timeout_seconds=1)
    assert (late.approved, late.message) == (None, "Not approved in time; no one was called.")
    nobody_asked = planning.run(campaign="unasked", approve=False)
    assert nobody_asked.calls == 3
    assert planning.sandbox.requests() == {}
    assert not (planning.folder / "ledger.db").exists()
    for campaign in ("no", "late", "unasked"):
        state = patiently(partial(_newest, stored, campaign))["state"]
        assert state["type"] == "COMPLETED", state


def test_an_approval_is_for_the_plan_that_was_shown_also_when_the_run_is_retried(
    planning: Stage, stored: Stored
) -> None:
    planning.flow = planning.flow.with_options(retries=2, retry_delay_seconds=0)  # a resumption counts as one
    asked: list[str] = []

    def answer() -> None:
        asked.append(patiently(lambda: _paused(stored, "retried"))["state"]["id"])
        planning.write_leads({**PEOPLE, "+442079460004": "Dora"})  # so that what is approved is there no more
        run = patiently(lambda: _paused(stored, "retried"))
        patiently(lambda: _resumed(stored, run["id"], {"approved": True}))
        again = patiently(lambda: _paused_anew(stored, "retried", asked[0]), 40)
        asked.append(again["state"]["id"])
        patiently(lambda: _resumed(stored, run["id"], {"approved": False}))

    with ThreadPoolExecutor(1) as beside:
        answered = beside.submit(answer)
        outcome = planning.run(campaign="retried")
        answered.result()
    assert len(set(asked)) == 2
    assert (outcome.calls, outcome.approved) == (4, False)
    assert planning.sandbox.requests() == {}


def test_an_approved_plan_calls_without_the_accounts_recent_calls_only_where_that_is_said(
    planning: Stage, stored: Stored
) -> None:
    with faulty_flireo(list_answer=answer(400), loses=0, drops=0) as flireo:
        planning.changes |= {
            "credentials": FlireoCredentials(api_key=SecretStr("key"), base_url=flireo.url),
            "wait": False,
        }
        with (
            somebody_answers(stored, "unread", approved=True),
            pytest.raises(RecentCallsUnreadError, match="no one is called yet"),
        ):
            planning.run(campaign="unread")
        assert not flireo.posts
        with somebody_answers(stored, "at risk", approved=True):
            planning.run(campaign="at risk", ignore_recent_calls=True, limit=2)
        assert set(flireo.posts.values()) == {1}
        assert len(flireo.posts) == 2


def test_a_file_that_changed_after_the_plan_is_refused_and_no_one_is_called(planning: Stage) -> None:
    plans = planning.flow
    planned = planning.run(approve=False)
    planning.write_leads({**PEOPLE, "+442079460004": "Dora"})
    planning.flow, timeout = outbound_campaign, planning.changes.pop("approval_timeout_seconds")
    with pytest.raises(PlanDiffersError, match=r"1 person \(line 5\) more\. No one was called"):
        planning.run(plan=planned.file)
    assert planning.sandbox.requests() == {}

    planning.write_leads(PEOPLE)
    assert planning.run(plan=planned.file).is_finished
    assert planning.called() == dict.fromkeys(PEOPLE, 1)
    assert planning.run(plan=planned.file).is_finished  # and again, after its people were called
    assert planning.called() == dict.fromkeys(PEOPLE, 1)

    planning.flow = plans
    done = planning.run(approval_timeout_seconds=timeout)  # no one is left, so no one is asked
    assert (done.calls, done.skipped, done.approved) == (0, 3, None)


def test_a_campaign_that_is_named_after_a_number_is_planned_without_showing_it(
    planning: Stage, stored: Stored
) -> None:
    planning.run(campaign=f"Anna {ANNA}", approve=False)
    run = patiently(lambda: _newest(stored, f"Anna {ANNA}"))
    log = patiently(lambda: _log_with("of Anna +44", stored, run["id"]))
    artifacts = json.dumps(stored.everything_of(run["id"])["artifacts"])
    assert "of Anna +44" in artifacts
    assert ANNA[1:] not in log + artifacts


def _paused(stored: Stored, campaign: str) -> dict[str, Any] | None:
    run = _newest(stored, campaign)
    return run if run and run["state"]["type"] == "PAUSED" else None


def _paused_anew(stored: Stored, campaign: str, before: str) -> dict[str, Any] | None:
    run = _paused(stored, campaign)
    return run if run and run["state"]["id"] != before else None


def _log_with(words: str, stored: Stored, run_id: str) -> str:
    """The run's log, once it holds these words: Prefect sends it in portions."""
    log = stored.log(run_id)
    return log if words in log else ""


def _newest(stored: Stored, campaign: str) -> dict[str, Any] | None:
    mine = {"flows": {"name": {"any_": ["plan-campaign"]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 20}
    runs = stored._all("flow_runs", mine)
    return next((run for run in runs if run["parameters"].get("campaign") == campaign), None)


def _resumed(stored: Stored, run_id: str, said: dict[str, object]) -> bool:
    """As the form does it; too early, and the server does not know the form yet."""
    answer = httpx.post(
        f"{stored.url}/flow_runs/{run_id}/resume", json={"run_input": said}, trust_env=False, timeout=60
    )
    return answer.is_success and answer.json()["status"] == "ACCEPT"
