"""Every operation there is. What must stay together (tasks, docs, tests) is made from this list."""

import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from string import Formatter
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from flireo_flows.api import (
    agents,
    analysis_templates,
    byok,
    calls,
    campaigns,
    control,
    domains,
    numbers,
    organization,
    sip_trunks,
    tool_templates,
    usage,
    voices,
)
from flireo_flows.api.calls import OutboundCall, read_placed
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.model import Json, JsonObject
from flireo_flows.api.operation import (
    ENDPOINT,
    Effect,
    Endpoint,
    Operation,
    Sends,
    always,
    endpoint_of,
    invalid_input,
    no_body,
)
from flireo_flows.api.redaction import redact

OperationFunction = Callable[..., Operation[Any]]

_GROUPS: Final = (
    *(agents, tool_templates, numbers, calls, control, usage, sip_trunks, voices),
    *(byok, domains, analysis_templates, organization, campaigns),
)
_DECLARED: Final[tuple[OperationFunction, ...]] = tuple(
    value
    for group in _GROUPS
    for value in vars(group).values()
    if isinstance(getattr(value, ENDPOINT, None), Endpoint)
)
OPERATIONS: Final = tuple(it for it in _DECLARED if it.__name__ == endpoint_of(it).name)
# Ways of writing `control_call`; they have tasks too, and are no operations of their own.
SHORTHANDS: Final = tuple(it for it in _DECLARED if it not in OPERATIONS)
BY_NAME: Final[Mapping[str, OperationFunction]] = MappingProxyType(
    {function.__name__: function for function in OPERATIONS}
)


def operation_named(name: str) -> OperationFunction:
    """The operation's function.

    Args:
        name: The operationId (contract section 5), such as `get_call`.

    Raises:
        InvalidInput: There is none of this name.
    """
    if name in BY_NAME:
        return BY_NAME[name]
    like = get_close_matches(name, BY_NAME, n=5, cutoff=0.4)
    hint = f"there is {', '.join(like)}" if like else "see the table of operations"
    # What is no name may be anything: a number, a key.
    raise InvalidInput(redact(name), "", text=f"there is no operation of this name; {hint}", param="name")


def raw_operation(
    name: str,
    ids: Mapping[str, str] | None = None,
    query: Mapping[str, str | int | None] | None = None,
    body: JsonObject | None = None,
) -> Operation[Json]:
    """A request of any operation, with a body that is sent as it is given, in every dialect.

    What the contract defines for the operation holds here too: whether it may be repeated, and what stands for
    "none of it". A body that calls someone is checked as `create_outbound_call` checks it, in either
    spelling: E.164, and exactly one agent; and an answer to it without a call id is an unknown outcome.

    Args:
        name: The operationId (contract section 5), such as `get_call`.
        ids: Values of the path's placeholders by name, unquoted, such as `{"id": "call-1"}`.
        query: Query parameters; None leaves one out.
        body: The body, for an operation that takes one.

    Returns:
        An operation that answers with the decoded JSON; None for an empty body.

    Raises:
        InvalidInput: There is no such operation, or what it takes is not what is given; nothing was sent.

    Source: contract sections 5 and 9.3.
    """
    endpoint = endpoint_of(operation_named(name))
    _check_ids(endpoint, ids or {})
    written = _written(endpoint, body)
    places_call = endpoint.effect is Effect.PLACES_CALL
    if places_call and written is not None:
        _check_call(endpoint, written)
    reads: Callable[[Json], Json] = _read_placed if places_call else lambda answer: answer
    writes = always(written) if written is not None else no_body
    return Operation(endpoint, reads, Sends(dict(ids or {}), dict(query or {}), writes))


# A POST or PATCH has a body and the others have none, but for these (contract sections 13 and 14).
POSTS_WITHOUT_BODY: Final = frozenset({"verify_domain", "refresh_domain"})
DELETES_WITH_BODY: Final = frozenset({"delete_byok"})

# The names of the later dialect and the deprecated ones (contract sections 0.2 and 21).
FLIREO_NAMES: Final = {"assistant_id": "agent_id", "assistant": "agent_config", "agent": "agent_config"}


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


def _read_placed(answer: Json) -> Json:
    """An answer without a call id does not show whether someone was called."""
    read_placed(answer)
    return answer


def _refusal(endpoint: Endpoint, param: str, words: str) -> InvalidInput:
    return InvalidInput(endpoint.name, endpoint.route, text=f"{param}: {words}", param=param)
