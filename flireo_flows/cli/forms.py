"""The fields of a policy, a script and a file's format: `python -m flireo_flows.cli.forms`.

Prints docs/forms.md; a test fails when that file is not what is printed here.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from flireo_flows.leads import LeadFormat
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Script

INTRODUCTION: Final = """# Policy, script and format of a file

Made by `python -m flireo_flows.cli.forms > docs/forms.md`; do not edit.

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
HEAD: Final = "| Field | Type | Default | Meaning |\n|---|---|---|---|"


def document() -> str:
    """The whole of docs/forms.md."""
    parts = [INTRODUCTION]
    for title, model in FORMS:
        schema = model.model_json_schema()
        parts.append(f"## {title}\n\n{table(schema, schema.get('$defs', {}))}")
        for name, part in schema.get("$defs", {}).items():
            if "properties" in part:
                text = str(part.get("description", "")).split("\n", maxsplit=1)[0]
                parts.append(f"### {name}\n\n{text}\n\n{table(part, schema['$defs'])}")
    return "\n".join(parts)


def table(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    """The fields of one form, a row each."""
    required = schema.get("required", ())
    rows = [
        f"| `{name}` | {' or '.join(_kinds(field, parts))} | {_default(field, name in required)} | {_meaning(field)} |"
        for name, field in schema["properties"].items()
    ]
    return "\n".join([HEAD, *rows, ""])


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
    return f"{text}{f' ({limits})' if limits else ''}.".replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(document(), end="")
