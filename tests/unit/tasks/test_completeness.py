"""One list, many readers: what the contract names is there everywhere, and nothing else is."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from prefect import Task

from flireo_flows import tasks
from flireo_flows.api.operation import endpoint_of
from flireo_flows.api.registry import OPERATIONS
from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.routes import ROUTERS
from flireo_flows.tasks.operation_task import async_name
from tests.support.document import openapi

PROJECT = Path(__file__).parents[3]
PROMISED = {
    described["operationId"]: f"{method.upper()} {path}"
    for path, methods in openapi()["paths"].items()
    for method, described in methods.items()
    if method in ("get", "post", "patch", "delete")
}
ROUTES = {
    (route.name, f"{method} {route.path}")
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}
DOCS = (PROJECT / "docs" / "operations.md").read_text()
EACH = pytest.mark.parametrize(("name", "route"), PROMISED.items(), ids=PROMISED)


@EACH
def test_every_operation_of_the_contract_is_in_every_room(name: str, route: str) -> None:
    (operation,) = [one for one in OPERATIONS if one.__name__ == name]
    assert endpoint_of(operation).route == route
    assert isinstance(getattr(tasks, name), Task)
    assert isinstance(getattr(tasks, async_name(name)), Task)
    assert (name, route) in ROUTES
    assert re.search(rf"^\|.*`{name}`.*`{re.escape(route)}`", DOCS, re.MULTILINE)


def test_there_is_no_operation_that_the_contract_does_not_have() -> None:
    assert sorted(PROMISED) == sorted(operation.__name__ for operation in OPERATIONS)
    assert len(PROMISED) == 50
    assert {name for name, _ in ROUTES} == PROMISED.keys()


def test_every_webhook_of_the_contract_has_a_name() -> None:
    assert set(openapi()["webhooks"]) == {str(event) for event in EventType}
