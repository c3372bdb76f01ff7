"""The application and its server: routes, the middleware before them, and the clockwork beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from flireo_flows.sandbox.api_errors import ApiError, answer
from flireo_flows.sandbox.local_platform import Platform, build_platform, platform_of
from flireo_flows.sandbox.middleware import API_PREFIX, ApiGate, ClosableProtocol, FaultInjector
from flireo_flows.sandbox.routes import ROUTERS, check_operations, control_surface, operation_routes
from flireo_flows.sandbox.routes.control_surface import begin
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
    platform = build_platform(settings, contents)
    check_operations(platform.faults)
    app = FastAPI(title="Flireo sandbox", openapi_url=None, lifespan=_lifespan)
    app.state.platform = platform
    for router in ROUTERS:
        app.include_router(router, prefix=API_PREFIX)
    app.include_router(control_surface.router)
    app.add_exception_handler(ApiError, _refuse)
    app.add_exception_handler(HTTPException, _refuse_unknown)
    app.add_middleware(FaultInjector, platform=platform, routes=operation_routes())
    app.add_middleware(ApiGate, platform=platform)  # last, so outermost: it counts what it refuses, too
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    platform: Platform = app.state.platform
    begin(platform)
    try:
        yield
    finally:
        platform.schedule.clear()
        await platform.courier.close()


async def _refuse(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, ApiError)  # noqa: S101 - starlette's types know no more than Exception
    return answer(refusal, platform_of(request).settings)


async def _refuse_unknown(request: Request, error: Exception) -> Response:
    """An unknown path or method, in the API's own shape."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    code = "not_found" if error.status_code == 404 else "invalid_request"
    allowed = {"Allow": ", ".join(sorted(_methods(request)))} if error.status_code == 405 else None
    return await _refuse(request, ApiError(error.status_code, code, str(error.detail), headers=allowed))


def _methods(request: Request) -> set[str]:
    """The methods of a path. Each has a route of its own, so no route knows them all."""
    there = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in there for method in getattr(route, "methods", None) or ()}


_GOODBYE_SECONDS: Final = 2  # for requests under way when the server is stopped


def make_server(
    settings: SandboxSettings,
    host: str = "127.0.0.1",
    port: int = 8099,
    contents: Contents | None = None,
) -> uvicorn.Server:
    """A server that does not listen yet.

    Args:
        settings: Of the sandbox.
        host: Address to listen on. It checks no real keys, so keep it to this machine.
        port: 0 for any that is free.
        contents: What the organization owns; by default an agent and a number.

    Raises:
        StateError: The contents are none that a sandbox can hold.
    """
    config = uvicorn.Config(
        create_app(settings, contents),
        host=host,
        port=port,
        http=ClosableProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    return uvicorn.Server(config)


def run(settings: SandboxSettings, host: str = "127.0.0.1", port: int = 8099) -> None:
    """Serve a sandbox until the process is stopped. Its base URL is `http://HOST:PORT/api/v1`."""
    make_server(settings, host, port).run()
