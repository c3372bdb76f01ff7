"""prefect.yaml: every deployment can be made, started by hand and by a schedule, and run by a worker."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

PROJECT = Path(__file__).parents[3]
DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_deployment_names_a_flow_and_parameters_that_fit_it(deployment: dict[str, Any]) -> None:
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(PROJECT / deployment["entrypoint"]))
    schema = parameter_schema(flow).model_dump_for_openapi()
    given = deployment["parameters"]
    references = {
        name: value for name, value in given.items() if "$ref" in (value if isinstance(value, dict) else {})
    }
    for name, reference in references.items():
        # A reference takes the place of a block: its type is the one that the flow asks for.
        slug = reference["$ref"]["block_document_slug"].partition("/")[0]
        block = schema["properties"][name]["$ref"].rpartition("/")[2]
        assert schema["definitions"][block]["block_type_slug"] == slug
    plain = {name: value for name, value in given.items() if name not in references}
    # What it does not have comes with the run: see test_emptied_forms.
    jsonschema.validate(plain, {**schema, "required": []})
    assert set(given) <= set(schema["properties"])


def test_nobody_waits_and_results_are_collected_every_five_minutes() -> None:
    by_name = {deployment["name"]: deployment for deployment in DEPLOYMENTS}
    assert by_name["outbound-campaign"]["parameters"]["wait"] is False
    (schedule,) = by_name["collect-reports"]["schedules"]
    assert (schedule["interval"], schedule["active"]) == (300, True)
