"""The door of the API: who may come in, how often, and the book in which every request is noted.

Plain ASGI, and before the application: a benchmark comes through here several hundred times a second.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flireo_flows.sandbox.fixed_window import Standing
from flireo_flows.sandbox.local_platform import World
from flireo_flows.sandbox.refusals import Refusal, Unauthorized, answer
from flireo_flows.sandbox.settings import SandboxSettings

API_PREFIX: Final = "/api/v1"


class RequestBook:
    """Counts requests by route and status. Status 0 is an answer that nobody heard."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its status."""
        if not _is_api(scope):
            return await self._app(scope, receive, send)
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._world.requests[_route(scope), status] += 1


class Gate:
    """Checks the key, counts the request against its window, and tells where the key stands."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 429."""
        if not _is_api(scope):
            return await self._app(scope, receive, send)
        key = _bearer(scope)
        refusal = _refusal(key, self._world.settings)
        standing = self._standing(key, refusal)
        if standing and standing.retry_after:
            refusal = too_many(standing)
        telling = _telling(standing, send)
        if refusal:
            return await answer(refusal, self._world.settings)(scope, receive, telling)
        await self._app(scope, receive, telling)

    def _standing(self, key: str, refusal: Refusal | None) -> Standing | None:
        limit, now = self._world.settings.rate_limit, self._world.clock.unix()
        if not limit:
            return None
        # A key that is refused has no window: it must hear 401 each time, never 429.
        windows = self._world.key_windows
        return windows.untouched(limit, now) if refusal else windows.take(key, limit, now)


def too_many(standing: Standing) -> Refusal:
    """429, with the headers of the limit that was hit."""
    wait = standing.retry_after
    return Refusal(
        429,
        "rate_limit_exceeded",
        f"Too many requests, retry in {wait} seconds.",
        headers=standing.headers(),
        extra={"retry_after": wait},
    )


def _telling(standing: Standing | None, send: Send) -> Send:
    if standing is None:
        return send
    headers = standing.headers()

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = MutableHeaders(scope=message)
            for name, value in headers.items():
                told.setdefault(name, value)  # a control command tells of its own limit
        await send(message)

    return telling


def _is_api(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(API_PREFIX)


def _bearer(scope: Scope) -> str:
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, key = header.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _refusal(key: str, settings: SandboxSettings) -> Refusal | None:
    if key in settings.revoked_keys:
        return Refusal(401, "api_key_revoked", "This API key has been revoked")
    if not key or (settings.api_keys and key not in settings.api_keys):
        return Unauthorized()
    return None


def _route(scope: Scope) -> str:
    """Method and path template, e.g. `GET /calls/{id}`; the plain path if it met no route, as at 401 or 429."""
    route = scope.get("route")
    path = str(route.path if route else scope["path"])
    return f"{scope['method']} {path.removeprefix(API_PREFIX)}"
