"""Pages of the documentation that are made from the code: `python -m flireo_flows.tasks.reference_pages NAME`.

Prints docs/NAME.md: `operations`, the table of all operations and their tasks, or `forms`, the fields of a policy, a
script and a file's format. A test fails when such a file is not what is printed here.
"""

import inspect
import json
import re
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from prefect import Task
from pydantic import BaseModel

from flireo_flows import tasks
from flireo_flows.api.model import ApiBody
from flireo_flows.api.operation import Effect, endpoint_of, reader_of
from flireo_flows.api.registry import OPERATIONS, SHORTHANDS, OperationFunction
from flireo_flows.leads import LeadFormat
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Script
from flireo_flows.tasks import composite as convenience
from flireo_flows.tasks.operation_task import async_name

OPERATIONS_PAGE: Final = """# Operations and tasks

Made by `python -m flireo_flows.tasks.reference_pages operations > docs/operations.md`; do not edit.

Every operation of the Flireo API is a function of `flireo_flows.api` that describes what is sent, and two tasks of
`flireo_flows.tasks`: a synchronous one of the same name, and an asynchronous one with an `a` in front. Each takes
the credentials block first, then the parameters below; a model may be given as a dict. A task that is *repeated* is
tried up to three times by Prefect while Flireo cannot be reached; what changes something or places a call never is.
Sections are those of the [contract](contract.md).
"""
SEVERAL: Final = """## More than one request

Tasks that hold several requests together, and the one that takes any operation by its name.
"""
MODELS: Final = """## What is sent

Fields of the models above. Only what is set is sent; None is sent as null and clears a field. Fields that are not
named here are sent as they are.
"""
HEAD: Final = ("Operation", "Request", "Tasks", "Parameters", "Result", "Repeated", "Section")


def operations() -> str:
    """The whole of docs/operations.md."""
    parts = [OPERATIONS_PAGE]
    every = (*OPERATIONS, *SHORTHANDS)
    for area in dict.fromkeys(map(area_of, every)):
        rows = (row(each) for each in every if area_of(each) == area)
        parts.append(f"## {area}\n\n{table(HEAD, rows)}")
    several_rows = map(several_row, several())
    parts.append(
        f"{SEVERAL}\n{table(('Tasks', 'Parameters', 'Result', 'Repeated', 'What it does'), several_rows)}"
    )
    parts.append(MODELS)
    parts.extend(model_table(model) for model in sent_models())
    return cited("\n".join(parts))


def area_of(operation: OperationFunction) -> str:
    """The resource group, in words."""
    return operation.__module__.rpartition(".")[2].replace("_", " ").capitalize()


def row(operation: OperationFunction) -> tuple[str, ...]:
    """One operation or shorthand."""
    endpoint = endpoint_of(operation)
    name = operation.__name__
    parameters = inspect.signature(operation, eval_str=True).parameters.values()
    return (
        f"`{endpoint.name}`",
        f"`{endpoint.route}`",
        f"`{name}` `{async_name(name)}`",
        ", ".join(f"`{shown(parameter)}`" for parameter in parameters) or "-",
        f"`{type_name(result_of(operation))}`",
        "yes" if endpoint.effect is Effect.READS else "no",
        linked(section_of(operation)),
    )


def several() -> Iterator[Task[..., Any]]:
    """The synchronous tasks of `convenience`."""
    for name, value in vars(convenience).items():
        if isinstance(value, Task) and not inspect.iscoroutinefunction(value.fn):
            yield getattr(tasks, name)


def several_row(task: Task[..., Any]) -> tuple[str, ...]:
    """One task of `convenience`."""
    signature = inspect.signature(task.fn, eval_str=True)
    parameters = [parameter for name, parameter in signature.parameters.items() if name != "credentials"]
    return (
        f"`{task.fn.__name__}` `{async_name(task.fn.__name__)}`",
        ", ".join(f"`{shown(parameter)}`" for parameter in parameters),
        f"`{type_name(signature.return_annotation)}`",
        "yes" if task.retries else "no",
        (inspect.getdoc(task.fn) or "").partition("\n")[0],
    )


def sent_models() -> list[type[ApiBody]]:
    """Every model that an operation takes, and those within it, each once."""
    found: dict[type[ApiBody], None] = {}
    for operation in OPERATIONS:
        for parameter in inspect.signature(operation, eval_str=True).parameters.values():
            _collect(parameter.annotation, found)
    return list(found)


def model_table(model: type[ApiBody]) -> str:
    """The fields of one model."""
    rows = (
        (
            f"`{name}`",
            f"`{type_name(field.annotation)}`",
            "required" if field.is_required() else "",
            field.description or "",
        )
        for name, field in model.model_fields.items()
    )
    first = (inspect.getdoc(model) or "").partition("\n")[0]
    return f"### {model.__name__}\n\n{first}\n\n{table(('Field', 'Type', '', 'Meaning'), rows)}"


def section_of(operation: OperationFunction) -> str:
    """The section of the contract that a docstring names."""
    named = re.search(r"Source: contract sections? ([^.]*(?:\.\d[^.]*)*)\.", inspect.getdoc(operation) or "")
    return named[1] if named else ""


def linked(sections: str) -> str:
    """Numbers of sections as links to them; those of rows stay as they are."""
    return re.sub(r"(?<!row )\b\d+(?:\.\d+)?", lambda number: _link(number[0]), sections)


def cited(text: str) -> str:
    """A text whose citations of one section of the contract are links."""
    return re.sub(r"(?<=contract section )\d+(?:\.\d+)?", lambda number: _link(number[0]), text)


def _link(section: str) -> str:
    return f"[{section}](contract.md#section-{section})"


def result_of(operation: OperationFunction) -> Any:
    """The type that the operation's reader returns."""
    return inspect.signature(reader_of(operation), eval_str=True).return_annotation


def shown(parameter: inspect.Parameter) -> str:
    """Name, type and default of a parameter."""
    text = f"{parameter.name}: {type_name(parameter.annotation)}"
    default = parameter.default
    if default is inspect.Parameter.empty:
        return text
    return f"{text} = {'...' if isinstance(default, ApiBody) else repr(default)}"


def type_name(annotation: Any) -> str:
    """A type as people write it, without its checks."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Literal:
        return " | ".join(map(repr, arguments))
    if origin in (Union, types.UnionType):
        return " | ".join(type_name(each) for each in arguments)
    if annotation is type(None):
        return "None"
    if annotation is Any:
        return "Any"
    name = getattr(origin or annotation, "__name__", str(annotation))
    inner = ", ".join("..." if each is Ellipsis else type_name(each) for each in arguments)
    return f"{name}[{inner}]" if inner else name


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([*each] for each in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _collect(annotation: Any, found: dict[type[ApiBody], None]) -> None:
    if isinstance(annotation, type) and issubclass(annotation, ApiBody):
        if annotation not in found:
            found[annotation] = None
            for field in annotation.model_fields.values():
                _collect(field.annotation, found)
        return
    for inner in get_args(annotation):
        _collect(inner, found)


FORMS_PAGE: Final = """# Policy, script and format of a file

Made by `python -m flireo_flows.tasks.reference_pages forms > docs/forms.md`; do not edit.

Three forms describe how a campaign calls: in the Prefect UI as forms, for the command line as YAML or JSON files. Every
field is optional unless it is marked as required.
"""
FORMS: Final[tuple[tuple[str, type[BaseModel]], ...]] = (
    ("The policy: when, how often and how fast (`--policy FILE`, parameter `policy`)", CallingPolicy),
    (
        "The script: what is said, by which agent, from which number (`--script FILE`, parameter `script`)",
        Script,
    ),
    ("The format of a file of leads (parameter `lead_format`)", LeadFormat),
)


def forms() -> str:
    """The whole of docs/forms.md."""
    parts = [FORMS_PAGE]
    for title, model in FORMS:
        schema = model.model_json_schema()
        parts.append(f"## {title}\n\n{_fields(schema, schema.get('$defs', {}))}")
        for name, part in schema.get("$defs", {}).items():
            if "properties" in part:
                first = str(part.get("description", "")).split("\n", maxsplit=1)[0]
                parts.append(f"### {name}\n\n{first}\n\n{_fields(part, schema['$defs'])}")
    return "\n".join(parts)


def _fields(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    """The fields of one form, a row each."""
    required = schema.get("required", ())
    rows = (
        (f"`{name}`", " or ".join(_kinds(field, parts)), _default(field, name in required), _meaning(field))
        for name, field in schema["properties"].items()
    )
    return table(("Field", "Type", "Default", "Meaning"), rows)


def _kinds(field: dict[str, Any], parts: dict[str, Any]) -> Iterator[str]:
    """What may stand there, in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        if "enum" in parts[name]:
            yield from _kinds(parts[name], parts)
        else:
            yield f"[{name}](#{name.lower()})"
    elif "enum" in field:
        yield ", ".join(f"`{value}`" for value in field["enum"])
    elif "const" in field:
        yield f"`{field['const']}`"
    elif "anyOf" in field or "allOf" in field:
        for choice in (*field.get("anyOf", ()), *field.get("allOf", ())):
            yield from _kinds(choice, parts)
    elif field.get("type") == "array":
        yield f"list of {' or '.join(_kinds(field.get('items', {}), parts))}"
    else:
        yield {"string": "text", "null": "null"}.get(
            field.get("type", ""), str(field.get("type", "anything"))
        )


def _default(field: dict[str, Any], is_required: bool) -> str:
    if is_required:
        return "required"
    default = field.get("default")
    if isinstance(default, list) and default and all(isinstance(it, dict) and "key" in it for it in default):
        return ", ".join(f"`{it['key']}`" for it in default)
    return "" if default in ("", None, [], {}) or isinstance(default, dict) else f"`{json.dumps(default)}`"


def _meaning(field: dict[str, Any]) -> str:
    """The field's title and description, and the bounds of a figure."""
    text = ". ".join(
        part.rstrip(".") for part in (field.get("title", ""), field.get("description", "")) if part
    )
    bounds = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    limits = ", ".join(f"{words} {field[key]:.12g}" for key, words in bounds.items() if key in field)
    return f"{text}{f' ({limits})' if limits else ''}.".replace("\n", " ")


if __name__ == "__main__":
    print({"operations": operations, "forms": forms}[sys.argv[1]](), end="")
