"""Secrets on their way into a request, and answers on their way to people."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, cast

from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret

from flireo_flows.api.model import Json, JsonObject
from flireo_flows.api.redaction import masked, secrets_in
from flireo_flows.api.registry import OPERATIONS

# mypy reads an enum's members from literals only; who runs any operation chooses it in a form.
OperationName = StrEnum(  # type: ignore[misc]
    "OperationName", {function.__name__: function.__name__ for function in OPERATIONS}
)
OperationName.__doc__ = "Every operation of the API, by its operationId (contract section 5)."


SECRET_BLOCK: Final = "secret_block"  # noqa: S105 - {"secret_block": "NAME"} stands for a secret
MOST_SHOWN: Final = 50_000  # characters: the UI's list of artifacts loads every one in full


class PlainSecretError(ValueError):
    """A parameter holds a secret in clear. Prefect stores and shows parameters, so it is not sent."""


def fill_in_secrets(body: Mapping[str, Any]) -> JsonObject:
    """The body with its secrets, which are given by the names of Prefect's Secret blocks.

    Args:
        body: JSON in which `{"secret_block": "NAME"}` stands for the secret of that block.

    Raises:
        PlainSecretError: A secret stands in it as it is; names the field.
        ValueError: There is no such block.
    """
    if place := next(secrets_in(_emptied(body)), None):
        raise PlainSecretError(
            f"{place} is a secret, and parameters are stored and shown: save it as a Secret block, "
            f'and write {{"{SECRET_BLOCK}": "NAME"}} here. Nothing was sent; the secret was seen, so change it'
        )
    return {name: _filled(value) for name, value in body.items()}


def show_answer(operation: str, answer: Json) -> None:
    """Show an answer as an artifact, with phone numbers masked and secrets removed.

    Args:
        operation: Name of the operation.
        answer: Its answer as JSON.
    """
    text = json.dumps(masked(answer), indent=2, ensure_ascii=False, default=str)
    cut = f"{text[:MOST_SHOWN]}\n... (cut)" if len(text) > MOST_SHOWN else text
    create_markdown_artifact(
        f"```json\n{cut}\n```",
        key=f"flireo-{operation.replace('_', '-')}",
        description=f"The answer to {operation}; phone numbers masked, secrets removed.",
    )


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {SECRET_BLOCK}


def _emptied(value: Any) -> Any:
    """The body without its references, which are no secrets."""
    if _is_reference(value):
        return None
    if isinstance(value, Mapping):
        return {name: _emptied(inner) for name, inner in value.items()}
    return [_emptied(item) for item in value] if isinstance(value, list | tuple) else value


def _filled(value: Any) -> Any:
    if _is_reference(value):
        # `_sync` is for the dispatcher around `load`, which its types do not show: never a coroutine here.
        loaded = cast(Secret[Any], Secret.load(str(value[SECRET_BLOCK]), _sync=True))  # type: ignore[call-arg]
        return loaded.get()
    if isinstance(value, Mapping):
        return {name: _filled(inner) for name, inner in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list | tuple) else value
