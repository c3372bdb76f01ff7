"""One request as a value. Calling an operation's function sends nothing; a client sends what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from flireo_flows.api.dialect import Dialect, spell_path
from flireo_flows.api.model import Json, JsonObject

T = TypeVar("T")
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class Effect(StrEnum):
    """What a request does, and so whether it may be sent again when nobody knows if it arrived."""

    READS = "reads"  # may be repeated freely
    CHANGES = "changes"  # never repeated after an unknown outcome
    RINGS = "rings"  # as CHANGES; also waits longer and on a connection of its own


def no_body(dialect: Dialect) -> JsonObject | None:
    """The body of an operation that sends none."""
    return None


def always(body: JsonObject) -> Callable[[Dialect], JsonObject]:
    """A body that is the same in every dialect."""
    return lambda dialect: body


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """A request to Flireo, and how to read its answer.

    Attributes:
        name: The contract's operationId (section 5).
        method: HTTP method.
        path: Path template in the `flireo` dialect, such as `/calls/{id}`.
        reads: Turns the decoded JSON of a 2xx answer into the result. May raise `ValueError`.
        values: Values of the template's placeholders, unquoted.
        query: Query parameters; None leaves one out.
        writes: Makes the JSON body for a dialect; None sends no body.
        effect: What the request does.
    """

    name: str
    method: Method
    path: str
    reads: Callable[[Json], T]
    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    writes: Callable[[Dialect], JsonObject | None] = no_body
    effect: Effect = Effect.READS

    def __post_init__(self) -> None:
        """Raise `ValueError` for an id that would make another path: `/calls/` is not about one call."""
        for name, value in self.values.items():
            if not value.strip("."):
                raise ValueError(f"{self.name}: {name} is empty")

    @property
    def route(self) -> str:
        """Method and path template: safe to log, for it holds no id."""
        return f"{self.method} {self.path}"

    def target(self, dialect: Dialect) -> str:
        """Path and query, percent-encoded, relative to the base URL."""
        # A call id can hold a "+" ("call-_+44..."), which some servers read as a space unless it is quoted.
        quoted = {name: quote(value, safe="") for name, value in self.values.items()}
        path = spell_path(self.path, dialect).format_map(quoted)
        sent = {name: value for name, value in self.query.items() if value is not None}
        return f"{path}?{urlencode(sent)}" if sent else path
