"""Agents, which the later dialect calls assistants: one store behind both paths.

Source: contract section 6.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import AgentForm, NewAgentForm, body_of, changes_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, is_later, named, save_new
from flireo_flows.sandbox.store import AGENT_DEFAULTS, Record

router = APIRouter()


@router.get("/agents")
@router.get("/assistants")
async def list_agents(request: Request) -> Response:
    """All agents, in the order they were made."""
    platform = platform_of(request)
    return JSONResponse({f"{_noun(platform)}s": list(platform.store.agents.values())})


@router.post("/agents")
@router.post("/assistants")
async def create_agent(request: Request) -> Response:
    """Save an agent. What is not sent gets a default."""
    platform = platform_of(request)
    fields = read_form(NewAgentForm, await body_of(request))
    agent = save_new(platform, platform.store.agents, {**AGENT_DEFAULTS, **fields})
    return JSONResponse({_noun(platform): agent}, 201)


@router.get("/agents/{id}")
@router.get("/assistants/{id}")
async def get_agent(request: Request) -> Response:
    """One agent."""
    platform = platform_of(request)
    return JSONResponse({_noun(platform): _agent(request, platform)})


@router.patch("/agents/{id}")
@router.patch("/assistants/{id}")
async def update_agent(request: Request) -> Response:
    """Change the fields that are sent. Calls that run keep the agent they began with."""
    platform = platform_of(request)
    agent = _agent(request, platform)
    fields = read_form(AgentForm, changes_of(await body_of(request)))
    changed = {**agent, **fields, "id": agent["id"], "updated_at": iso(platform.clock.unix_ms())}
    platform.store.agents[agent["id"]] = changed
    return JSONResponse({_noun(platform): changed})


@router.delete("/agents/{id}")
@router.delete("/assistants/{id}")
async def delete_agent(request: Request) -> Response:
    """Delete an agent, and take it from its numbers."""
    platform = platform_of(request)
    agent_id = _agent(request, platform)["id"]
    del platform.store.agents[agent_id]
    for number in platform.store.numbers.values():
        if number["agent_id"] == agent_id:
            number["agent_id"] = None
    return deleted(request)


def _agent(request: Request, platform: Platform) -> Record:
    return named(request, platform.store.agents, "Agent")


def _noun(platform: Platform) -> str:
    return "assistant" if is_later(platform) else "agent"
