"""One function that an agent may call: its name, its JSON Schema, and how its arguments are read."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.json_schema import GenerateJsonSchema

from flireo_flows.api.redaction import redact
from flireo_flows.api.webhooks import ToolCalls

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # contract section 7, `tool_config.name`
UNKNOWN: Final = "<unknown>"  # stands for a name in a log line that the model made up
_SHOWN: Final = 5  # problems that one answer tells of


class ToolError(Exception):
    """Raise it in a tool to tell the model, in words, why there is no result. The text is sent as it is."""


class InvalidArguments(Exception):
    """The model's arguments do not fit the function. The text is for the model; `fields` is for the log."""

    def __init__(self, words: str, fields: tuple[str, ...]) -> None:
        self.words, self.fields = words, fields
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call in which a tool is called. A parameter annotated with it is given one; the model never sees it.

    Attributes:
        call_id: Id of the call.
        tool_call_id: Id of this tool call: the same if the platform delivers it again.
        tool: Name of the tool.
        customer_number: The other party, E.164 as a rule; empty if it was not told.
        platform_number: Our side of the call; empty if it was not told.
        metadata: Your own record from the agent's configuration, where the platform echoes it.
    """

    call_id: str
    tool_call_id: str
    tool: str
    customer_number: str = field(default="", repr=False)
    platform_number: str = field(default="", repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, event: ToolCalls, tool_call_id: str, tool: str) -> "ToolContext":
        """The context of one tool call of an event."""
        return cls(
            event.call_id,
            tool_call_id,
            tool,
            event.customer_number or "",
            event.platform_number or "",
            event.metadata,
        )


class _Plain(GenerateJsonSchema):
    """Without titles: a model reads every word of a schema."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Tool:
    """A registered function.

    Attributes:
        name: By which the model calls it.
        description: When to call it, and what for.
        function: The user's own.
    """

    name: str
    description: str
    function: Callable[..., Any]
    _arguments: type[BaseModel]
    _names: Mapping[str, str]  # field of the model -> parameter of the function
    _context: str  # parameter that is given the context; empty for none

    @classmethod
    def of(cls, function: Callable[..., Any], name: str, description: str = "") -> "Tool":
        """Read a function's signature.

        Raises:
            TypeError: It cannot be a tool; says which parameter and why.
            ValueError: The name is none that the platform takes.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"tool {name!r}: a name has letters, digits, _ and -, begins with no digit, "
                             "and has 64 characters at most")  # fmt: skip
        try:
            parameters = inspect.signature(function, eval_str=True).parameters
        except NameError as error:
            raise TypeError(f"tool {name!r}: its annotations name what is not there: {error}") from None
        fields: dict[str, Any] = {}
        names: dict[str, str] = {}
        context = ""
        extra: Literal["allow", "forbid"] = "forbid"
        for number, parameter in enumerate(parameters.values()):
            if parameter.annotation is ToolContext:
                context = parameter.name
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                extra = "allow"  # it takes whatever the model sends
                continue
            fields[f"argument_{number}"] = _field(name, parameter)
            names[f"argument_{number}"] = parameter.name
        try:
            arguments = create_model("Arguments", __config__=ConfigDict(extra=extra), **fields)
            arguments.model_json_schema()
        except (PydanticSchemaGenerationError, PydanticUserError) as error:
            raise TypeError(f"tool {name!r}: an annotation has no JSON form: {error.message}") from None
        told = description or _first_paragraph(inspect.getdoc(function) or "")
        return cls(name, told, function, arguments, names, context)

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON Schema of the arguments, as `parameters` of a tool template's `tool_config` or an agent's tool."""
        schema = self._arguments.model_json_schema(schema_generator=_Plain)
        schema.pop("title", None)
        schema.setdefault("properties", {})
        return schema

    def read(self, arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
        """The function's named arguments. What was left out keeps the function's own default.

        Raises:
            InvalidArguments: They do not fit; no value is repeated.
        """
        try:
            read = self._arguments.model_validate(arguments)
        except ValidationError as error:
            raise _invalid(error, set(self._names.values())) from None
        given = {
            field: getattr(read, name) for name, field in self._names.items() if name in read.model_fields_set
        }
        given = {**(read.model_extra or {}), **given}
        return {**given, self._context: context} if self._context else given


def _field(tool: str, parameter: inspect.Parameter) -> tuple[Any, Any]:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise TypeError(f"tool {tool!r}: the parameter {parameter.name!r} cannot be given by its name")
    annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
    if parameter.default is parameter.empty:
        return annotation, Field(alias=parameter.name)
    return annotation, Field(default=parameter.default, alias=parameter.name)


def _invalid(error: ValidationError, known: Collection[str]) -> InvalidArguments:
    """The model is told of its own words where they are wrong; the log only of names that the function has."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    words, fields = [], []
    for problem in problems[:_SHOWN]:
        where = redact(".".join(str(part) for part in problem["loc"])) or "the arguments"
        name = str(problem["loc"][0]) if problem["loc"] else ""
        fields.append(name if name in known else UNKNOWN)
        words.append(f"argument {where!r}: {_in_words(problem['type'], str(problem['msg']))}")
    return InvalidArguments("; ".join(words), tuple(fields))


def _in_words(kind: str, told: str) -> str:
    if kind == "missing":
        return "it is required"
    if kind == "extra_forbidden":
        return "there is no such argument"
    return redact(told.removeprefix("Value error, "))


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())
