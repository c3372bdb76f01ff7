"""Analysis templates: copied into agents, so changing or deleting one changes no agent.

Source: contract section 15.3.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.request_forms import Form, Text, body_of, changes_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, is_later, named
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()

# What a template has that names no prompts is not documented; these are the emulator's.
_DEFAULTS: Final[Record] = {
    "description": None,
    "system_prompt": "You extract data from the transcript of a phone call.",
    "user_prompt": "Transcript: {{transcript}}",
}
_CHANGEABLE: Final = ("name", "description", "system_prompt", "user_prompt", "schema")


class _TemplateForm(Form):
    name: Text = ""
    description: str | None = None
    system_prompt: str = ""
    user_prompt: str = ""
    its_schema: Annotated[dict[str, Any], Field(alias="schema", default_factory=dict)]


class _NewTemplateForm(_TemplateForm):
    name: Text
    its_schema: Annotated[dict[str, Any], Field(alias="schema")]


@router.get("/analysis-templates")
async def list_analysis_templates(request: Request) -> Response:
    """All templates, in the order they were made."""
    world = world_of(request)
    return JSONResponse({f"{_noun(world)}s": list(world.store.analysis_templates.values())})


@router.post("/analysis-templates")
async def create_analysis_template(request: Request) -> Response:
    """Save a template. Names need not differ."""
    world = world_of(request)
    fields = read_form(_NewTemplateForm, await body_of(request))
    now = iso(world.clock.unix_ms())
    template = {
        "id": new_id(),
        "org_id": world.store.organization_id,
        **_DEFAULTS,
        **_changeable(fields),
        "created_at": now,
        "updated_at": now,
    }
    world.store.analysis_templates[template["id"]] = template
    return JSONResponse({_noun(world): template}, 201)


@router.get("/analysis-templates/{id}")
async def get_analysis_template(request: Request) -> Response:
    """One template."""
    world = world_of(request)
    return JSONResponse({_noun(world): _template(request, world)})


@router.patch("/analysis-templates/{id}")
async def update_analysis_template(request: Request) -> Response:
    """Change the fields that are sent."""
    world = world_of(request)
    template = _template(request, world)
    fields = read_form(_TemplateForm, changes_of(await body_of(request)))
    template.update({**_changeable(fields), "updated_at": iso(world.clock.unix_ms())})
    return JSONResponse({_noun(world): template})


@router.delete("/analysis-templates/{id}")
async def delete_analysis_template(request: Request) -> Response:
    """Forget a template."""
    world = world_of(request)
    del world.store.analysis_templates[_template(request, world)["id"]]
    return deleted(request)


def _template(request: Request, world: World) -> Record:
    return named(request, world.store.analysis_templates, "Analysis template")


def _changeable(fields: Record) -> Record:
    return {name: fields[name] for name in _CHANGEABLE if name in fields}


def _noun(world: World) -> str:
    return "analysis_template" if is_later(world) else "analysisTemplate"
