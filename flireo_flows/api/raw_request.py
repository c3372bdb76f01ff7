"""Any request, with a body as JSON: the way out where a model of ours is in the way."""

import json
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, Final

from pydantic import ValidationError

from flireo_flows.api.calls import OutboundCall, read_placed
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.model import Json, JsonObject
from flireo_flows.api.operation import (
    Effect,
    Endpoint,
    Operation,
    Sends,
    always,
    invalid_input,
    no_body,
)

# A POST or PATCH has a body and the others have none, but for these (contract sections 13 and 14).
POSTS_WITHOUT_BODY: Final = frozenset({"verify_domain", "refresh_domain"})
DELETES_WITH_BODY: Final = frozenset({"delete_byok"})

# The names of the later dialect and the deprecated ones (contract sections 0.2 and 21).
FLIREO_NAMES: Final = {"assistant_id": "agent_id", "assistant": "agent_config", "agent": "agent_config"}


def raw_request(
    endpoint: Endpoint,
    ids: Mapping[str, str],
    query: Mapping[str, str | int | None],
    body: JsonObject | None,
) -> Operation[Json]:
    """A request to an endpoint: see `flireo_flows.api.registry.raw_operation`."""
    _check_ids(endpoint, ids)
    written = _written(endpoint, body)
    rings = endpoint.effect is Effect.RINGS
    if rings and written is not None:
        _check_call(endpoint, written)
    reads: Callable[[Json], Json] = _read_placed if rings else _read_json
    writes = always(written) if written is not None else no_body
    return Operation(endpoint, reads, Sends(dict(ids), dict(query), writes))


def takes_body(endpoint: Endpoint) -> bool:
    """Whether requests of an operation carry a JSON body."""
    if endpoint.method in ("POST", "PATCH"):
        return endpoint.name not in POSTS_WITHOUT_BODY
    return endpoint.name in DELETES_WITH_BODY


def path_ids(endpoint: Endpoint) -> tuple[str, ...]:
    """Names of the path's placeholders, such as `("id", "lead_id")`."""
    return tuple(name for _, name, _, _ in Formatter().parse(endpoint.path) if name)


def _check_ids(endpoint: Endpoint, ids: Mapping[str, str]) -> None:
    expected = path_ids(endpoint)
    if set(ids) == set(expected) and all(isinstance(value, str) for value in ids.values()):
        return
    wanted = f"text for exactly {' and '.join(expected)}" if expected else "none"
    given = ", ".join(map(str, ids)) or "none"
    raise _refusal(endpoint, "ids", f"its path {endpoint.path} takes {wanted}; given: {given}")


def _written(endpoint: Endpoint, body: JsonObject | None) -> JsonObject | None:
    """A copy of the body, as JSON has it."""
    if not takes_body(endpoint):
        if body is not None:
            raise _refusal(endpoint, "body", "it takes no body; leave it out")
        return None
    if not isinstance(body, dict):
        raise _refusal(endpoint, "body", "it takes a body: a JSON object")
    try:
        copy: JsonObject = json.loads(json.dumps(body, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise _refusal(endpoint, "body", "it holds what JSON cannot say") from None
    return copy


def _check_call(endpoint: Endpoint, body: JsonObject) -> None:
    """Hold a body of any spelling to what is firm about a call."""
    given: dict[str, Any] = {}
    for name, value in body.items():
        spelled = FLIREO_NAMES.get(name, name)
        if spelled in given:
            raise _refusal(endpoint, "body", f"{name} is given under two names")
        given[spelled] = value
    # An override belongs to the later dialect's own mode: it stands beside a saved agent.
    given.pop("assistant_override", None)
    try:
        OutboundCall.model_validate(given)
    except ValidationError as problem:
        raise invalid_input(endpoint, problem) from None


def _read_json(answer: Json) -> Json:
    return answer


def _read_placed(answer: Json) -> Json:
    """An answer without a call id says nothing about whether somebody was rung."""
    read_placed(answer)
    return answer


def _refusal(endpoint: Endpoint, param: str, words: str) -> InvalidInput:
    return InvalidInput(endpoint.name, endpoint.route, text=f"{param}: {words}", param=param)
