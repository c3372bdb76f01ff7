"""The application: routes, the gate before them, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from flireo_flows.sandbox import errors
from flireo_flows.sandbox.gate import API_PREFIX, Gate, RequestBook
from flireo_flows.sandbox.routes import ROUTERS, surface
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.world import World, build_world, world_of


def create_app(settings: SandboxSettings) -> FastAPI:
    """A sandbox of its own: nothing is shared between two apps.

    Args:
        settings: Copied; changes to it afterwards do nothing.

    Returns:
        The API under `/api/v1` and the control surface under `/sandbox`. Calls run while its lifespan runs.
        Serve it with `server.run`, which can also lose answers as a real network does.
    """
    world = build_world(settings)
    app = FastAPI(title="Flireo sandbox", openapi_url=None, lifespan=_lifespan)
    app.state.world = world
    for router in ROUTERS:
        app.include_router(router, prefix=API_PREFIX)
    app.include_router(surface.router)
    app.add_exception_handler(errors.Refusal, _refuse)
    app.add_exception_handler(HTTPException, _refuse_unknown)
    app.add_middleware(Gate, world=world)
    app.add_middleware(RequestBook, world=world)  # added last: outermost, so it notes what the gate refuses
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    world: World = app.state.world
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
    return await _refuse(request, errors.Refusal(error.status_code, code, str(error.detail)))
