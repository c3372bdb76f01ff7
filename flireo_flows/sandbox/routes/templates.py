"""Templates of tools and of analyses: copied into agents, so changing or deleting one changes no agent.

Source: contract sections 7 and 15.3.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import (
    DestinationForm,
    RequestForm,
    Text,
    body_of,
    changes_of,
    read_form,
)
from flireo_flows.sandbox.routes.answers import deleted, is_later, named, save_new, touch
from flireo_flows.sandbox.store import Record

router = APIRouter()

# The later dialect's spelling of each type. Both are read, whatever the dialect.
_LATER: Final = {"function": "function", "endCall": "end_call", "transferCall": "transfer_call"}
_EARLIER: Final = {later: earlier for earlier, later in _LATER.items()}
_TOOL_FIELDS: Final = ("name", "description", "tool_type")
_ANALYSIS_FIELDS: Final = ("name", "description", "system_prompt", "user_prompt", "schema")
# What an analysis template without prompts has is not documented; these are the emulator's.
_ANALYSIS_DEFAULTS: Final[Record] = {
    "description": None,
    "system_prompt": "You extract data from the transcript of a phone call.",
    "user_prompt": "Transcript: {{transcript}}",
}


def _known_type(kind: str) -> str:
    if kind not in {*_LATER, *_EARLIER}:
        raise ValueError(f"one of {', '.join(_LATER)} is expected")
    return _EARLIER.get(kind, kind)


class _ToolForm(RequestForm):
    name: Text = ""
    description: str | None = None
    tool_type: Annotated[str, AfterValidator(_known_type)] = ""
    tool_config: dict[str, Any] = Field(default_factory=dict)


class _NewToolForm(_ToolForm):
    name: Text
    tool_type: Annotated[str, AfterValidator(_known_type)]
    tool_config: dict[str, Any]


class _FunctionForm(RequestForm):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    description: str
    parameters: dict[str, Any]
    url: str = ""
    is_async: Annotated[bool, Field(alias="async")] = False
    asyncResponse: str = ""
    async_response: str = ""


class _TransferForm(RequestForm):
    destinations: list[DestinationForm]


_CONFIGS: Final[dict[str, type[RequestForm]]] = {
    "function": _FunctionForm,
    "endCall": RequestForm,
    "transferCall": _TransferForm,
}


class _AnalysisForm(RequestForm):
    name: Text = ""
    description: str | None = None
    system_prompt: str = ""
    user_prompt: str = ""
    its_schema: Annotated[dict[str, Any], Field(alias="schema", default_factory=dict)]


class _NewAnalysisForm(_AnalysisForm):
    name: Text
    its_schema: Annotated[dict[str, Any], Field(alias="schema")]


@router.get("/tool-templates")
async def list_tool_templates(request: Request) -> Response:
    """All templates, in the order they were made."""
    platform = platform_of(request)
    templates = [_shown(template, platform) for template in platform.store.tool_templates.values()]
    return JSONResponse({f"{_tool_noun(platform)}s": templates})


@router.post("/tool-templates")
async def create_tool_template(request: Request) -> Response:
    """Save a template. Names need not differ."""
    platform = platform_of(request)
    fields = _fitting(read_form(_NewToolForm, await body_of(request)))
    owned = {"org_id": platform.store.organization_id, "description": None, **fields}
    kept = save_new(platform, platform.store.tool_templates, owned)
    return JSONResponse({_tool_noun(platform): _shown(kept, platform)}, 201)


@router.get("/tool-templates/{id}")
async def get_tool_template(request: Request) -> Response:
    """One template."""
    platform = platform_of(request)
    return JSONResponse({_tool_noun(platform): _shown(_tool_template(request, platform), platform)})


@router.patch("/tool-templates/{id}")
async def update_tool_template(request: Request) -> Response:
    """Change the fields that are sent. `tool_config` is replaced as a whole."""
    platform = platform_of(request)
    template = _tool_template(request, platform)
    fields = read_form(_ToolForm, changes_of(await body_of(request)))
    touch(platform, template, _fitting({**template, **fields}))
    return JSONResponse({_tool_noun(platform): _shown(template, platform)})


@router.delete("/tool-templates/{id}")
async def delete_tool_template(request: Request) -> Response:
    """Delete a template."""
    platform = platform_of(request)
    del platform.store.tool_templates[_tool_template(request, platform)["id"]]
    return deleted(request)


@router.get("/analysis-templates")
async def list_analysis_templates(request: Request) -> Response:
    """All templates, in the order they were made."""
    platform = platform_of(request)
    return JSONResponse({f"{_analysis_noun(platform)}s": list(platform.store.analysis_templates.values())})


@router.post("/analysis-templates")
async def create_analysis_template(request: Request) -> Response:
    """Save a template. Names need not differ."""
    platform = platform_of(request)
    fields = _chosen(_ANALYSIS_FIELDS, read_form(_NewAnalysisForm, await body_of(request)))
    owned = {"org_id": platform.store.organization_id, **_ANALYSIS_DEFAULTS, **fields}
    kept = save_new(platform, platform.store.analysis_templates, owned)
    return JSONResponse({_analysis_noun(platform): kept}, 201)


@router.get("/analysis-templates/{id}")
async def get_analysis_template(request: Request) -> Response:
    """One template."""
    platform = platform_of(request)
    return JSONResponse({_analysis_noun(platform): _analysis_template(request, platform)})


@router.patch("/analysis-templates/{id}")
async def update_analysis_template(request: Request) -> Response:
    """Change the fields that are sent."""
    platform = platform_of(request)
    template = _analysis_template(request, platform)
    fields = read_form(_AnalysisForm, changes_of(await body_of(request)))
    touch(platform, template, _chosen(_ANALYSIS_FIELDS, fields))
    return JSONResponse({_analysis_noun(platform): template})


@router.delete("/analysis-templates/{id}")
async def delete_analysis_template(request: Request) -> Response:
    """Delete a template."""
    platform = platform_of(request)
    del platform.store.analysis_templates[_analysis_template(request, platform)["id"]]
    return deleted(request)


def _tool_template(request: Request, platform: Platform) -> Record:
    return named(request, platform.store.tool_templates, "Tool template")


def _analysis_template(request: Request, platform: Platform) -> Record:
    return named(request, platform.store.analysis_templates, "Analysis template")


def _fitting(fields: Record) -> Record:
    """The fields of a tool template that may change; its configuration must fit its type."""
    config = read_form(_CONFIGS[fields["tool_type"]], fields["tool_config"], under="tool_config")
    return {**_chosen(_TOOL_FIELDS, fields), "tool_config": config}


def _chosen(names: tuple[str, ...], fields: Record) -> Record:
    return {name: fields[name] for name in names if name in fields}


def _shown(template: Record, platform: Platform) -> Record:
    kind = template["tool_type"]
    return {**template, "tool_type": _LATER[kind] if is_later(platform) else kind}


def _tool_noun(platform: Platform) -> str:
    return "tool_template" if is_later(platform) else "toolTemplate"


def _analysis_noun(platform: Platform) -> str:
    return "analysis_template" if is_later(platform) else "analysisTemplate"
