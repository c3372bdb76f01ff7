"""Agents, which the later dialect calls assistants: one store behind both paths.

Source: contract section 6.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.request_forms import AgentForm, NewAgentForm, body_of, changes_of, read_form
from flireo_flows.sandbox.routes.answers import deleted, is_later, named
from flireo_flows.sandbox.seeds import AGENT_DEFAULTS
from flireo_flows.sandbox.store import Record, new_id

router = APIRouter()


@router.get("/agents")
@router.get("/assistants")
async def list_agents(request: Request) -> Response:
    """All agents, in the order they were made."""
    world = world_of(request)
    return JSONResponse({f"{_noun(world)}s": list(world.store.agents.values())})


@router.post("/agents")
@router.post("/assistants")
async def create_agent(request: Request) -> Response:
    """Save an agent. What is not sent gets a default."""
    world = world_of(request)
    fields = read_form(NewAgentForm, await body_of(request))
    now = iso(world.clock.unix_ms())
    agent = {**AGENT_DEFAULTS, **fields, "id": new_id(), "created_at": now, "updated_at": now}
    world.store.agents[agent["id"]] = agent
    return JSONResponse({_noun(world): agent}, 201)


@router.get("/agents/{id}")
@router.get("/assistants/{id}")
async def get_agent(request: Request) -> Response:
    """One agent."""
    world = world_of(request)
    return JSONResponse({_noun(world): _agent(request, world)})


@router.patch("/agents/{id}")
@router.patch("/assistants/{id}")
async def update_agent(request: Request) -> Response:
    """Change the fields that are sent. Calls that run keep the agent they began with."""
    world = world_of(request)
    agent = _agent(request, world)
    fields = read_form(AgentForm, changes_of(await body_of(request)))
    changed = {**agent, **fields, "id": agent["id"], "updated_at": iso(world.clock.unix_ms())}
    world.store.agents[agent["id"]] = changed
    return JSONResponse({_noun(world): changed})


@router.delete("/agents/{id}")
@router.delete("/assistants/{id}")
async def delete_agent(request: Request) -> Response:
    """Forget an agent, and take it from its numbers."""
    world = world_of(request)
    agent_id = _agent(request, world)["id"]
    del world.store.agents[agent_id]
    for number in world.store.numbers.values():
        if number["agent_id"] == agent_id:
            number["agent_id"] = None
    return deleted(request)


def _agent(request: Request, world: World) -> Record:
    return named(request, world.store.agents, "Agent")


def _noun(world: World) -> str:
    return "assistant" if is_later(world) else "agent"
