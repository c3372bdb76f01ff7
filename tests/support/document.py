"""The contract, as data."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator

_LATER: Final = "x-since"  # marks what only the later server has (contract sections 0.2 and 5)


@cache
def openapi() -> dict[str, Any]:
    """`openapi.yaml` without what is still to be added: the operations, parameters and fields marked `x-since`.

    Read once a process, for that takes half a second: a test that changes it takes a copy.
    """
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load((Path(__file__).with_name("openapi.yaml")).read_bytes(), Loader=fast)
    schemas = document["components"]["schemas"].items()
    marked = {f"#/components/schemas/{name}" for name, schema in schemas if _LATER in schema}
    known: dict[str, Any] = _without_later(document, marked)
    # A path whose every operation is later is none.
    known["paths"] = {path: methods for path, methods in known["paths"].items() if methods}
    return known


@cache
def promised() -> Mapping[str, tuple[str, str, Mapping[str, Any]]]:
    """Method, path and description of each operation of the contract, by its id."""
    return {
        described["operationId"]: (method.upper(), path, described)
        for path, methods in openapi()["paths"].items()
        for method, described in methods.items()
    }


@cache
def body_schema(operation_id: str) -> Draft202012Validator | None:
    """What the contract says is sent; None for nothing."""
    body = promised()[operation_id][2].get("requestBody")
    if body is None:
        return None
    schema = body["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": openapi()["components"]})


def _without_later(value: Any, marked: set[str]) -> Any:
    """Leave out what is marked, and what refers to a schema that is."""

    def is_later(part: Any) -> bool:
        return isinstance(part, dict) and (_LATER in part or part.get("$ref") in marked)

    if isinstance(value, dict):
        return {key: _without_later(part, marked) for key, part in value.items() if not is_later(part)}
    if isinstance(value, list):
        return [_without_later(part, marked) for part in value if not is_later(part)]
    return value
