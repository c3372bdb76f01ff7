"""Is an answer what the vendor's contract (tests/support/openapi.yaml) says that operation answers?"""

from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.support.document import openapi


def check(operation_id: str, answer: httpx.Response) -> Any:
    """The body of an answer that is as the contract has it."""
    schema = _answer_schema(operation_id, str(answer.status_code))
    Draft202012Validator({**schema, "components": openapi()["components"]}).validate(answer.json())
    return answer.json()


def check_webhook(body: dict[str, Any]) -> None:
    """A webhook of the flireo dialect is as the contract has it."""
    event = openapi()["webhooks"][body["message"]["type"]]["post"]
    schema = event["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": openapi()["components"]}).validate(body)


def _answer_schema(operation_id: str, status: str) -> dict[str, Any]:
    operations = (operation for path in openapi()["paths"].values() for operation in path.values())
    operation = next(one for one in operations if one["operationId"] == operation_id)
    answer = operation["responses"][status]  # a KeyError says: a status the contract does not name
    if "$ref" in answer:
        answer = openapi()["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return schema
