"""Where an agent's tools and the registered functions do not agree."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flireo_flows.api.agents import Agent
from flireo_flows.api.tool_templates import ToolTemplate
from flireo_flows.api.tools import FunctionTool, WebhookTool
from flireo_flows.receiver.tool import Tool

ANY: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
Described = Agent | Iterable[ToolTemplate | WebhookTool | FunctionTool]


def mismatches(tools: Mapping[str, Tool], described: Described) -> list[str]:
    """What is wrong between functions and what the model is told of them, each in a sentence.

    Args:
        tools: The registered functions.
        described: A saved agent, or tools or templates that agents are made with. A tool with an address of
            its own that is not the agent's may be somebody else's: it is compared if a function has its name.
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
