"""docs/operations.md: every operation and task, and nothing that is not so any more."""

import inspect
from pathlib import Path

from prefect import Task

from flireo_flows import tasks
from flireo_flows.api.operation import endpoint_of
from flireo_flows.api.registry import OPERATIONS
from flireo_flows.tasks.composite import OperationName
from flireo_flows.tasks.operation_task import async_name
from flireo_flows.tasks.reference_pages import operations

PROJECT = Path(__file__).parents[3]
WRITTEN = PROJECT / "docs" / "operations.md"


def test_the_table_of_operations_is_what_the_registry_says() -> None:
    remedy = "run: python -m flireo_flows.tasks.reference_pages operations > docs/operations.md"
    assert WRITTEN.read_text(encoding="utf-8") == operations(), remedy


def test_every_operation_and_task_has_its_row() -> None:
    text = operations()
    for operation in OPERATIONS:
        endpoint = endpoint_of(operation)
        (row,) = [
            line
            for line in text.splitlines()
            if f"| `{operation.__name__}` `{async_name(operation.__name__)}` |" in line
        ]
        assert f"| `{endpoint.name}` | `{endpoint.route}` |" in row
        cells = row.strip("| ").split(" | ")
        assert all(cells) and len(cells) == 7, row
        for name in inspect.signature(operation).parameters:
            assert f"`{name}: " in row
    for name, value in vars(tasks).items():
        assert not isinstance(value, Task) or f"`{name}`" in text


def test_every_operation_can_be_chosen_by_its_name() -> None:
    assert [str(name) for name in OperationName] == [operation.__name__ for operation in OPERATIONS]
