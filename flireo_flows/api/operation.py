"""One request as a value. Calling an operation's function sends nothing; a client sends what it returns.

A module of a resource group declares each operation once:

```python
@operation("GET", "/agents/{id}", read_agent)
def get_agent(agent_id: Id) -> Sends:
    return Sends(values={"id": agent_id})
```

`get_agent("a")` is then an `Operation[Agent]`, and `endpoint_of(get_agent)` is what holds for every such request.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from typing import Any, Final, Generic, Literal, ParamSpec, TypeVar, cast
from urllib.parse import quote, urlencode

from pydantic import ConfigDict, ValidationError, validate_call

from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import EMPTY, Dialect, spell_path
from flireo_flows.api.model import Json, JsonObject, problems_in

P = ParamSpec("P")
T = TypeVar("T")
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class Effect(StrEnum):
    """What a request does, and so whether it may be sent again when no one knows if it arrived."""

    READS = "reads"  # may be repeated freely
    CHANGES = "changes"  # never repeated after an unknown outcome
    PLACES_CALL = "places_call"  # as CHANGES; also waits longer and on a connection of its own


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What holds for every request of an operation.

    Attributes:
        name: The operationId (contract section 5).
        method: HTTP method.
        path: Path template in the `flireo` dialect, such as `/calls/{id}`.
        effect: What a request does.
        absent: Statuses that mean "this server has none of it", read as an answer without a body.
        own_limit: Whether it has a rate limit of its own, so that its answers do not describe the key's.
        has_error: Whether what it reads has a field `error` of its own, as a call that failed has.
    """

    name: str
    method: Method
    path: str
    effect: Effect
    absent: frozenset[int] = frozenset()
    own_limit: bool = False
    has_error: bool = False

    @property
    def route(self) -> str:
        """Method and path template: safe to log, for it holds no id."""
        return f"{self.method} {self.path}"


def no_body(dialect: Dialect) -> JsonObject | None:
    """The body of an operation that sends none."""
    return None


def always(body: JsonObject) -> Callable[[Dialect], JsonObject]:
    """A body that is the same in every dialect."""
    return lambda dialect: body


@dataclass(frozen=True, slots=True)
class Sends:
    """What one request sends.

    Attributes:
        values: Values of the path template's placeholders, unquoted.
        query: Query parameters; None leaves one out.
        writes: Makes the JSON body for a dialect; None sends no body.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    writes: Callable[[Dialect], JsonObject | None] = no_body


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """A request to Flireo, and how to read its answer.

    Attributes:
        endpoint: What holds for every request of its kind.
        reads: Turns the decoded JSON of a 2xx answer into the result. May raise `ValueError`.
        sends: What this one sends.
    """

    endpoint: Endpoint
    reads: Callable[[Json], T]
    sends: Sends = field(default=Sends(), repr=False)  # may hold a phone number or a secret

    def __post_init__(self) -> None:
        """Refuse an id that would make another path: `/calls/` is not about one call."""
        for name, value in self.sends.values.items():
            if not value.strip("."):
                raise InvalidInput(self.name, self.route, text=f"{name}: {EMPTY}", param=name)

    @property
    def name(self) -> str:
        """The contract's operationId."""
        return self.endpoint.name

    @property
    def effect(self) -> Effect:
        """What the request does."""
        return self.endpoint.effect

    @property
    def route(self) -> str:
        """Method and path template: safe to log, for it holds no id."""
        return self.endpoint.route

    def target(self, dialect: Dialect) -> str:
        """Path and query, percent-encoded, relative to the base URL."""
        # A call id can hold a "+" ("call-_+44..."), which some servers read as a space unless it is quoted.
        quoted = {name: quote(value, safe="") for name, value in self.sends.values.items()}
        path = spell_path(self.endpoint.path, dialect).format_map(quoted)
        sent = {name: value for name, value in self.sends.query.items() if value is not None}
        return f"{path}?{urlencode(sent)}" if sent else path


# An argument may be a phone number or a secret, so what was given is not repeated in an error.
CHECKED: Final = ConfigDict(hide_input_in_errors=True)
ENDPOINT: Final = "endpoint"  # attributes of an operation's function
READS: Final = "reads"


def operation(
    method: Method,
    path: str,
    reads: Callable[[Json], T],
    *,
    effect: Effect | None = None,
    absent: frozenset[int] = frozenset(),
    name: str = "",
    own_limit: bool = False,
    has_error: bool = False,
) -> Callable[[Callable[P, Sends]], Callable[P, Operation[T]]]:
    """Make an operation's function of one that returns what is sent.

    Its arguments are checked against their annotations, so a model may be given as a dict too; what cannot be
    right raises `InvalidInput`, and nothing was sent.

    Args:
        method: HTTP method.
        path: Path template in the `flireo` dialect.
        reads: Turns the decoded JSON of a 2xx answer into the result; None stands for an empty body.
        effect: What it does; by default a GET reads and everything else changes something.
        absent: Statuses that mean "this server has none of it".
        name: The contract's operationId, for a shorthand of an operation; by default the function's own name.
        own_limit: Whether it has a rate limit of its own beside the key's (contract section 3).
        has_error: Whether what it reads has a field `error` of its own (contract section 9.2).
    """

    def decorate(function: Callable[P, Sends]) -> Callable[P, Operation[T]]:
        does = effect or (Effect.READS if method == "GET" else Effect.CHANGES)
        endpoint = Endpoint(name or function.__name__, method, path, does, absent, own_limit, has_error)
        checked: Callable[..., Sends] = validate_call(config=CHECKED)(function)
        signature = inspect.signature(function)

        @wraps(function)
        def make(*args: P.args, **kwargs: P.kwargs) -> Operation[T]:
            try:
                # By name, so that the error names the argument.
                sends = checked(**signature.bind(*args, **kwargs).arguments)
            except ValidationError as problem:
                raise invalid_input(endpoint, problem) from None
            return Operation(endpoint, reads, sends)

        setattr(make, ENDPOINT, endpoint)
        setattr(make, READS, reads)
        return make

    return decorate


def endpoint_of(function: Callable[..., Operation[Any]]) -> Endpoint:
    """What holds for every request of an operation's function."""
    return cast(Endpoint, getattr(function, ENDPOINT))


def reader_of(function: Callable[..., Operation[Any]]) -> Callable[[Json], Any]:
    """What reads the answers to an operation; its return type is the operation's result."""
    return cast(Callable[[Json], Any], getattr(function, READS))


def invalid_input(endpoint: Endpoint, error: ValidationError) -> InvalidInput:
    """What pydantic found wrong with the arguments, without what was given."""
    problems = problems_in(error)
    text = "; ".join(f"{where}: {what}" if where else what for where, what in problems)
    return InvalidInput(endpoint.name, endpoint.route, text=text, param=problems[0][0] or None)
