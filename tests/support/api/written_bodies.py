"""What an operation writes in a dialect, and whether the contract takes it."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Operation
from tests.support.document import openapi

# Read at import: it takes longer than hypothesis grants one example.
DOCUMENT = openapi()


@cache
def schema(name: str) -> Draft202012Validator:
    """A schema of the contract, which is in the `flireo` dialect."""
    reference = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return Draft202012Validator(reference)


def written(operation: Operation[Any], contract: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bodies of an operation in the `flireo` and in the later dialect; the first is as the contract has it."""
    flireo, later = (operation.sends.writes(dialect) for dialect in Dialect)
    assert flireo is not None and later is not None
    schema(contract).validate(flireo)
    return flireo, later
