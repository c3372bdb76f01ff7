"""Tool templates: copied into agents, so changing or deleting one changes no agent.

Source: contract section 7.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.request_forms import DestinationForm, Form, Text, body_of, changes_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, is_later, named
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

# The later dialect's spelling of each type. Both are read, whatever the dialect.
_LATER: Final = {"function": "function", "endCall": "end_call", "transferCall": "transfer_call"}
_EARLIER: Final = {later: earlier for earlier, later in _LATER.items()}


def _known_type(kind: str) -> str:
    if kind not in {*_LATER, *_EARLIER}:
        raise ValueError(f"one of {', '.join(_LATER)} is expected")
    return _EARLIER.get(kind, kind)


class _TemplateForm(Form):
    name: Text = ""
    description: str | None = None
    tool_type: Annotated[str, AfterValidator(_known_type)] = ""
    tool_config: dict[str, Any] = Field(default_factory=dict)


class _NewTemplateForm(_TemplateForm):
    name: Text
    tool_type: Annotated[str, AfterValidator(_known_type)]
    tool_config: dict[str, Any]


class _FunctionForm(Form):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    description: str
    parameters: dict[str, Any]
    url: str = ""
    is_async: Annotated[bool, Field(alias="async")] = False
    asyncResponse: str = ""
    async_response: str = ""


class _EndForm(Form):
    pass


class _TransferForm(Form):
    destinations: list[DestinationForm]


_CONFIGS: Final[dict[str, type[Form]]] = {
    "function": _FunctionForm,
    "endCall": _EndForm,
    "transferCall": _TransferForm,
}

_PLAIN: Final[tuple[str, ...]] = ("name", "description", "tool_type")


@router.get("/tool-templates")
async def list_tool_templates(request: Request) -> Response:
    """All templates, in the order they were made."""
    world = world_of(request)
    templates = [_shown(template, world) for template in world.store.tool_templates.values()]
    return JSONResponse({f"{_noun(world)}s": templates})


@router.post("/tool-templates")
async def create_tool_template(request: Request) -> Response:
    """Save a template. Names need not differ."""
    world = world_of(request)
    fields = read_form(_NewTemplateForm, await body_of(request))
    now = iso(world.clock.unix_ms())
    kept = {
        "id": new_id(),
        "org_id": world.store.organization_id,
        "description": None,
        **_fitting(fields),
        "created_at": now,
        "updated_at": now,
    }
    world.store.tool_templates[kept["id"]] = kept
    return JSONResponse({_noun(world): _shown(kept, world)}, 201)


@router.get("/tool-templates/{id}")
async def get_tool_template(request: Request) -> Response:
    """One template."""
    world = world_of(request)
    return JSONResponse({_noun(world): _shown(_template(request, world), world)})


@router.patch("/tool-templates/{id}")
async def update_tool_template(request: Request) -> Response:
    """Change the fields that are sent. `tool_config` is replaced as a whole."""
    world = world_of(request)
    template = _template(request, world)
    fields = read_form(_TemplateForm, changes_of(await body_of(request)))
    template.update({**_fitting({**template, **fields}), "updated_at": iso(world.clock.unix_ms())})
    return JSONResponse({_noun(world): _shown(template, world)})


@router.delete("/tool-templates/{id}")
async def delete_tool_template(request: Request) -> Response:
    """Forget a template."""
    world = world_of(request)
    del world.store.tool_templates[_template(request, world)["id"]]
    return deleted(request)


def _template(request: Request, world: World) -> Record:
    return named(request, world.store.tool_templates, "Tool template")


def _fitting(fields: Record) -> Record:
    """What may be changed of a template, its configuration being one of its type."""
    config = read_form(_CONFIGS[fields["tool_type"]], fields["tool_config"], under="tool_config")
    return {**{name: fields[name] for name in _PLAIN if name in fields}, "tool_config": config}


def _shown(template: Record, world: World) -> Record:
    kind = template["tool_type"]
    return {**template, "tool_type": _LATER[kind] if is_later(world) else kind}


def _noun(world: World) -> str:
    return "tool_template" if is_later(world) else "toolTemplate"
