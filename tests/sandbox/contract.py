"""Is an answer what the vendor's contract (tests/openapi.yaml) says that operation answers?"""

from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator

_OPENAPI = Path(__file__).parent.parent / "openapi.yaml"


def check(operation_id: str, answer: httpx.Response) -> Any:
    """The body of an answer that is as the contract has it."""
    schema = _answer_schema(operation_id, str(answer.status_code))
    Draft202012Validator({**schema, "components": _document()["components"]}).validate(answer.json())
    return answer.json()


def check_webhook(body: dict[str, Any]) -> None:
    """A webhook of the flireo dialect is as the contract has it."""
    event = _document()["webhooks"][body["message"]["type"]]["post"]
    schema = event["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": _document()["components"]}).validate(body)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_OPENAPI.read_text())
    return document


def _answer_schema(operation_id: str, status: str) -> dict[str, Any]:
    operations = (operation for path in _document()["paths"].values() for operation in path.values())
    operation = next(one for one in operations if one["operationId"] == operation_id)
    answer = operation["responses"][status]  # a KeyError says: a status the contract does not name
    if "$ref" in answer:
        answer = _document()["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return schema
