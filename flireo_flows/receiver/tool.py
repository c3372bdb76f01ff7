"""One function that an agent may call: its name, its JSON Schema, and how its arguments are read."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.json_schema import GenerateJsonSchema

from flireo_flows.api.agents import Agent
from flireo_flows.api.model import problems_in
from flireo_flows.api.redaction import redact
from flireo_flows.api.tool_templates import ToolTemplate
from flireo_flows.api.tools import FunctionTool, WebhookTool
from flireo_flows.api.webhooks import ToolCalls

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # contract section 7, `tool_config.name`
UNKNOWN: Final = "<unknown>"  # stands for a name in a log line that the model made up
_SHOWN: Final = 5  # problems that one answer lists
_PLAIN: Final = {"missing": "it is required", "extra_forbidden": "there is no such argument"}


class ToolError(Exception):
    """Raise it in a tool to give the model, in words, the reason for having no result. The text is sent as it is."""


class InvalidArgumentsError(Exception):
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
        customer_number: The other party, E.164 as a rule; empty if unknown.
        platform_number: Our side of the call; empty if unknown.
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
            TypeError: It cannot be a tool; names the parameter and the reason.
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
        text = description or _first_paragraph(inspect.getdoc(function) or "")
        return cls(name, text, function, arguments, names, context)

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
            InvalidArgumentsError: They do not fit; no value is repeated.
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


def _invalid(error: ValidationError, known: Collection[str]) -> InvalidArgumentsError:
    """The model sees its own words where they are wrong; the log only names that the function has."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    words, fields = [], []
    for problem, (where, what) in list(zip(problems, problems_in(error), strict=True))[:_SHOWN]:
        name = str(problem["loc"][0]) if problem["loc"] else ""
        fields.append(name if name in known else UNKNOWN)
        words.append(
            f"argument {redact(where) or 'the arguments'!r}: {_PLAIN.get(problem['type']) or redact(what)}"
        )
    return InvalidArgumentsError("; ".join(words), tuple(fields))


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


ANY: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
Described = Agent | Iterable[ToolTemplate | WebhookTool | FunctionTool]


def mismatches(tools: Mapping[str, Tool], described: Described) -> list[str]:
    """Differences between the functions and the tools that the model knows, each in a sentence.

    Args:
        tools: The registered functions.
        described: A saved agent, or tools or templates that agents are made with. A tool with an address of
            its own that is not the agent's may belong to another system: it is compared if a function has its name.
    """
    asked = dict(_asked(described))
    words: list[str] = []
    for name, (parameters, is_elsewhere) in asked.items():
        if name in tools:
            problems = _arguments(tools[name].parameters, parameters)
            words += [f"tool {name!r}: {problem}" for problem in problems]
        elif not is_elsewhere:
            words.append(f"tool {name!r}: no function is registered for it, so each call of it fails")
    words += [
        f"tool {name!r}: the agent does not know it, so it is never called" for name in tools.keys() - asked
    ]
    return words


def _asked(described: Described) -> Iterator[tuple[str, tuple[Mapping[str, Any], bool]]]:
    """Each function tool: its name, its parameters, and whether it is called at an address of its own."""
    listed: Iterable[Any] = described if not isinstance(described, Agent) else ()
    home = None
    if isinstance(described, Agent):
        home = described.webhook_url
        listed = (described.llm_config.tools if described.llm_config else None) or ()
    for tool in listed:
        config = tool.tool_config if isinstance(tool, ToolTemplate) else tool
        if isinstance(config, WebhookTool):
            yield config.name, (config.parameters or {}, config.url not in (None, home))
        elif isinstance(config, FunctionTool):
            url = config.server.url if config.server else None
            yield config.function.name, (config.function.parameters or {}, url not in (None, home))


def _arguments(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    known, sent = _record(ours.get("properties")), _record(theirs.get("properties"))
    needed, certain = set(_list(ours.get("required"))), set(_list(theirs.get("required")))
    for name in sorted(needed - sent.keys()):
        yield f"the function needs the argument {name!r}, which the agent does not know"
    for name in sorted(needed & sent.keys() - certain):
        yield f"the function needs the argument {name!r}, which the agent may leave out"
    takes_all = ours.get("additionalProperties") is not False
    for name in () if takes_all else sorted(sent.keys() - known.keys()):
        yield f"the agent may send the argument {name!r}, which the function does not take"
    for name in sorted(sent.keys() & known.keys()):
        taken, given = _types(known[name], ours), _types(sent[name], theirs)
        if not given <= _widened(taken):
            yield f"the argument {name!r} is {_or(taken)} for the function and {_or(given)} for the agent"


def _types(schema: Any, root: Mapping[str, Any]) -> frozenset[str]:
    """The JSON types that a schema lets through; all where it does not say."""
    schema = _record(schema)
    if isinstance(reference := schema.get("$ref"), str):
        return _types(_record(root.get("$defs")).get(reference.rpartition("/")[2]), root)
    if (kind := schema.get("type")) is not None:
        return frozenset(kind if isinstance(kind, list) else [kind])
    choices = _list(schema.get("anyOf")) or _list(schema.get("oneOf"))
    if choices:
        return frozenset().union(*(_types(choice, root) for choice in choices))
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    return frozenset(_type_of(value) for value in values) or ANY


def _type_of(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _widened(types: frozenset[str]) -> frozenset[str]:
    return types | {"integer"} if "number" in types else types


def _or(types: frozenset[str]) -> str:
    return "anything" if types == ANY else " or ".join(sorted(types))


def _record(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
