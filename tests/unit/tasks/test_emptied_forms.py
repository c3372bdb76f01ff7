"""No sample value reaches a call: what selects people or acts comes with each run, or the run is refused."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

PROJECT = Path(__file__).parents[3]
DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
NAMES = [deployment["name"] for deployment in DEPLOYMENTS]
BLOCKS = {"credentials", "ledger"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=NAMES)
def test_a_deployment_ships_blocks_and_nothing_that_selects_people_or_acts(
    deployment: dict[str, Any],
) -> None:
    assert set(deployment["parameters"]) <= {*BLOCKS, "wait"}
    assert all("parameters" not in schedule for schedule in deployment.get("schedules", ()))


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=NAMES)
def test_a_flow_has_no_default_that_selects_people_or_acts(deployment: dict[str, Any]) -> None:
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(PROJECT / deployment["entrypoint"]))
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        if name in ("leads", "lead_id", "action", "operation", *BLOCKS):
            # The form's own field of call-operation is a text that may be empty.
            assert parameter.default is parameter.empty or (name == "lead_id" and parameter.default == "")
        if name in ("campaign", "agent_id", "id", "plan", "do_not_call"):
            assert parameter.default in ("", parameter.empty)
        if name in ("query", "body"):
            assert parameter.default == {}
