"""The application: routes, the gate before them, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from flireo_flows.sandbox import refusals as errors
from flireo_flows.sandbox.gate import API_PREFIX, Gate, RequestBook
from flireo_flows.sandbox.local_platform import World, build_world, world_of
from flireo_flows.sandbox.middleware import Breaking
from flireo_flows.sandbox.reset import begin
from flireo_flows.sandbox.routes import ROUTERS
from flireo_flows.sandbox.routes import control_surface as surface
from flireo_flows.sandbox.routes.known import check_operations, operation_routes
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.state import Contents


def create_app(settings: SandboxSettings, contents: Contents | None = None) -> FastAPI:
    """A sandbox of its own: nothing is shared between two apps.

    Args:
        settings: Copied; changes to it afterwards do nothing.
        contents: What the organization owns; by default an agent and a number.

    Returns:
        The API under `/api/v1` and the control surface under `/sandbox`. Calls run while its lifespan runs.
        Serve it with `server.run`, which can also lose answers as a real network does.

    Raises:
        StateError: The contents are none that a sandbox can hold, or a fault is for no known operation.
    """
    world = build_world(settings, contents)
    check_operations(world.faults)
    app = FastAPI(title="Flireo sandbox", openapi_url=None, lifespan=_lifespan)
    app.state.world = world
    for router in ROUTERS:
        app.include_router(router, prefix=API_PREFIX)
    app.include_router(surface.router)
    app.add_exception_handler(errors.Refusal, _refuse)
    app.add_exception_handler(HTTPException, _refuse_unknown)
    app.add_middleware(Breaking, world=world, routes=operation_routes(), prefix=API_PREFIX)
    app.add_middleware(Gate, world=world)
    app.add_middleware(RequestBook, world=world)  # added last: outermost, so it notes what the gate refuses
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    world: World = app.state.world
    begin(world)
    clockwork = asyncio.create_task(world.schedule.run())
    try:
        yield
    finally:
        clockwork.cancel()
        with suppress(asyncio.CancelledError):
            await clockwork
        await world.courier.close()


async def _refuse(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, errors.Refusal)  # noqa: S101 - starlette's types know no more than Exception
    return errors.answer(refusal, world_of(request).settings)


async def _refuse_unknown(request: Request, error: Exception) -> Response:
    """An unknown path or method, in the API's own shape."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    code = "not_found" if error.status_code == 404 else "invalid_request"
    allowed = {"Allow": ", ".join(sorted(_methods(request)))} if error.status_code == 405 else None
    return await _refuse(request, errors.Refusal(error.status_code, code, str(error.detail), headers=allowed))


def _methods(request: Request) -> set[str]:
    """The methods of a path. Each has a route of its own, so no route knows them all."""
    there = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in there for method in getattr(route, "methods", None) or ()}
