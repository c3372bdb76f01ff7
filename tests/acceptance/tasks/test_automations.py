"""automations/: each file is an automation that Prefect takes, and what cannot be made is told in a sentence."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow, flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.events import Event, Resource
from prefect.events.clients import get_events_client
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from flireo_flows.lifecycle.states import LedgerEvent
from flireo_flows.prefect_support.automations import AutomationError, make_automation
from tests.support.faulty.server import answer, run_faulty
from tests.support.flows.stage import patiently
from tests.support.prefect_api import ask

PROJECT = Path(__file__).parents[3]


@flow(name="collect-reports")
def _collects() -> None:
    """Stands for any deployment."""


@pytest.fixture
def a_deployment(at_prefect: str) -> str:
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(_collects)
        client.create_deployment(flow_id, "of-a-test")
    return "collect-reports/of-a-test"


def _file(folder: Path, **changes: object) -> Path:
    document = {
        **yaml.safe_load((PROJECT / "automations/collect_when_reports_wait.yaml").read_text()),
        "name": "of a test",
        **changes,
    }
    path = folder / "automation.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.server
def test_loading_a_file_again_replaces_its_automation(
    a_deployment: str, at_prefect: str, tmp_path: Path
) -> None:
    CustomWebhookNotificationBlock(name="hook", url="http://127.0.0.1:9/").save("of-a-test", overwrite=True)
    actions = [
        {"type": "run-deployment", "deployment": a_deployment},
        {"type": "send-notification", "block": "slack-webhook/none", "body": "{{ event.event }}"},
    ]
    file = _file(tmp_path, actions=actions)
    made = [make_automation(file, "custom-webhook/of-a-test") for _ in range(2)]
    assert [is_new for _, is_new in made] == [True, False]
    found = ask(at_prefect, "POST", "automations/filter", {})
    (mine,) = [it for it in found if it["name"] == "of a test"]
    assert [action["type"] for action in mine["actions"]] == ["run-deployment", "send-notification"]
    assert mine["trigger"]["expect"] == ["flireo.reports.waiting"]


@pytest.mark.server
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"actions": [{"type": "run-deployment", "deployment": "a/b"}]},
            "no deployment 'a/b'. Make it first",
        ),
        ({"actions": [{"type": "run-deployment", "deployment": "a"}]}, "no deployment 'a'. Make it first"),
        (
            {"actions": [{"type": "send-notification", "block": "slack-webhook/x", "body": "b"}]},
            "no block 'slack-webhook/x' to notify. Make one",
        ),
        ({"actions": [{"type": "fly"}]}, "actions.0"),
        ({"trigger": None, "actions": [{"type": "do-nothing"}]}, "trigger"),
        ({"name": None}, "it must be one automation, with a name"),
    ],
)
def test_what_cannot_be_made_is_told_with_what_to_do(
    at_prefect: str, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(AutomationError) as refused:
        make_automation(_file(tmp_path, **changes))
    assert words in str(refused.value)
    assert str(tmp_path / "automation.yaml") in str(refused.value)


ODD = [
    "123",
    "1e3",
    "null",
    "true",
    '{"a": 1}',
    "[1]",
    "{{ event.id }}",
    "{% for",
    """it's "spring" & <b>""",
    " été ☎\\n ",
    "..",
]


def _deploy(name: str, **parameters: object) -> str:
    """A deployment by its own name, which no one works for: its runs stay as they were made. Its id."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(
        str(PROJECT / f"flows/{name.replace('-', '_')}.py:{name.replace('-', '_')}")
    )
    with get_client(sync_client=True) as client:
        made = client.create_deployment(
            client.create_flow(flow),
            name,
            parameters=parameters,
            enforce_parameter_schema=True,
            parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        )
    return str(made)


def _emit(events: Sequence[Event]) -> None:
    async def send() -> None:
        async with get_events_client(checkpoint_every=len(events)) as client:
            for event in events:
                await client.emit(event)

    asyncio.run(send())


def _given(url: str, deployment: str) -> list[dict[str, Any]]:
    """What the runs of a deployment were given."""
    mine = {"deployments": {"id": {"any_": [deployment]}}}
    return [run["parameters"] for run in ask(url, "POST", "flow_runs/filter", mine)]


def _finished(campaign: str) -> Event:
    about = Resource({"prefect.resource.id": f"flireo.campaign.{campaign}"})
    return Event(event=LedgerEvent.CAMPAIGN_FINISHED, resource=about, payload={"campaign": campaign})


def _ended(lead: int, analysis: Mapping[str, object]) -> Event:
    labels = {"prefect.resource.id": f"flireo.call.{lead}", "flireo.analysis.appointment_booked": "false"}
    said = {"lead_id": lead, "outcome": "answered", "analysis": analysis}
    return Event(event=LedgerEvent.CALL_ENDED, resource=Resource(labels), payload=said)


@pytest.mark.server
@pytest.mark.usefixtures("nothing_left")
def test_what_an_event_says_is_given_to_the_run_as_it_is(at_prefect: str, tmp_path: Path) -> None:
    ledger = {"url": f"sqlite:///{tmp_path / 'ledger.db'}"}
    exports = _deploy("export-results", campaign="demo", ledger=ledger)
    follows = _deploy("follow-up", lead_id=1, ledger=ledger)
    make_automation(PROJECT / "automations/export_when_finished.yaml")
    make_automation(PROJECT / "automations/follow_up_when_not_booked.yaml")

    def heard() -> bool:
        """The server hears of a new automation a moment later."""
        _emit([_finished("at first"), _ended(1000, {})])
        time.sleep(2)
        return bool(_given(at_prefect, exports) and _given(at_prefect, follows))

    patiently(heard)
    reported = {odd: {"said": odd, odd: [None, 1.5, odd]} for odd in ODD}
    _emit(
        [_finished(odd) for odd in ODD]
        + [_ended(lead, it) for lead, it in enumerate(reported.values(), start=1)]
    )

    def exported() -> bool:
        return {*ODD} <= {given["campaign"] for given in _given(at_prefect, exports)}

    def followed() -> dict[int, Any] | None:
        analyses = {it["lead_id"]: json.loads(it["analysis"]) for it in _given(at_prefect, follows)}
        return analyses if len(analyses) > len(ODD) else None

    patiently(exported)
    assert patiently(followed) == {1000: {}, **dict(enumerate(reported.values(), start=1))}


def test_a_server_that_does_not_take_an_automation_is_told_by_file(tmp_path: Path) -> None:
    file = _file(tmp_path, actions=[{"type": "do-nothing"}])
    with (
        run_faulty(answer(500, {"detail": "+442079460001 is broken"})) as broken,
        temporary_settings({PREFECT_API_URL: broken.url}),
        pytest.raises(AutomationError) as refused,
    ):
        make_automation(file)
    assert "Prefect answers 500: " in str(refused.value) and "is broken" in str(refused.value)
    assert "+442079460001" not in str(refused.value)
    with temporary_settings({PREFECT_API_URL: broken.url}), pytest.raises(AutomationError) as lost:
        make_automation(file)
    assert str(file) in str(lost.value) and "Prefect was not reached" in str(lost.value)
