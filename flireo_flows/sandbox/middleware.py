"""What stands between a request and its route: key, rate limit, injected faults, and the count of requests.

Plain ASGI: a benchmark comes through here several hundred times a second. Faults lie inside the key check, so a
request that meets one had a valid key and was counted against its limit.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from flireo_flows.sandbox.api_errors import UNAUTHORIZED, ApiError, answer
from flireo_flows.sandbox.local_platform import Platform, WindowState
from flireo_flows.sandbox.settings import ALTERING, BREAKING, BreakingSwitch, SandboxSettings

_ABORT: Final = "flireo_sandbox.abort"


class LostAnswer(Response):
    """Closes the connection instead of answering: at once, or when the client has waited so many real seconds."""

    def __init__(self, after_seconds: float = 0) -> None:
        super().__init__()
        self._after_seconds = after_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection, and wait until the server knows."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._after_seconds):
                return await _given_up(receive)
        abort = scope.get("extensions", {}).get(_ABORT)
        if abort is None:
            # Another server, or none: an ASGI client sees this, a client behind uvicorn a 500.
            raise ConnectionResetError("the sandbox was asked to lose this answer")
        abort()
        # Uvicorn complains of a missing answer unless it knows by then that the connection is closed.
        await _given_up(receive)


async def _given_up(receive: Receive) -> None:
    """Wait until the connection is closed, from whichever side."""
    while (await receive())["type"] != "http.disconnect":
        pass


class ClosableProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 whose requests can close their own connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: ASGIApp = self.app

        async def closable(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[_ABORT] = self.transport.abort
            await app(scope, receive, send)

        self.app = closable


API_PREFIX: Final = "/api/v1"


class ApiGate:
    """Counts requests by route and status, checks the key, and counts the request against the key's window."""

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self._app, self._platform = app, platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 429. Status 0 is an answer that was lost."""
        if not _is_api(scope):
            return await self._app(scope, receive, send)
        refusal, standing = self._judge(_bearer(scope))
        headers = standing.headers() if standing else {}
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                for name, value in headers.items():
                    sent.setdefault(name, value)  # a control command reports its own limit
            await send(message)

        answers = answer(refusal, self._platform.settings) if refusal else self._app
        try:
            await answers(scope, receive, send_with_headers)
        finally:
            self._platform.requests[_route(scope), status] += 1

    def _judge(self, key: str) -> tuple[ApiError | None, WindowState | None]:
        """Why to refuse a request with this key, and where its window stands; None for no reason, and no limit."""
        refusal = _refusal(key, self._platform.settings)
        limit, now = self._platform.settings.rate_limit, self._platform.clock.unix()
        if not limit:
            return refusal, None
        # A refused key has no window: it must get 401 each time, never 429.
        windows = self._platform.key_windows
        standing = windows.untouched(limit, now) if refusal else windows.take(key, limit, now)
        return (too_many(standing) if standing.retry_after else refusal), standing


def too_many(standing: WindowState) -> ApiError:
    """429, with the headers of the limit that was hit."""
    wait = standing.retry_after
    return ApiError(
        429,
        "rate_limit_exceeded",
        f"Too many requests, retry in {wait} seconds.",
        headers=standing.headers(),
        extra={"retry_after": wait},
    )


def _is_api(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(API_PREFIX)


def _bearer(scope: Scope) -> str:
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, key = header.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _refusal(key: str, settings: SandboxSettings) -> ApiError | None:
    if key in settings.revoked_keys:
        return ApiError(401, "api_key_revoked", "This API key has been revoked")
    if not key or (settings.api_keys and key not in settings.api_keys):
        return ApiError(401, UNAUTHORIZED, "Invalid or missing API key")
    return None


def _route(scope: Scope) -> str:
    """Method and path template, e.g. `GET /calls/{id}`; the plain path if it met no route, as at 401 or 429."""
    route = scope.get("route")
    path = str(route.path if route else scope["path"])
    return f"{scope['method']} {path.removeprefix(API_PREFIX)}"


_RETRY_AFTER_SECONDS: Final = 1
_UNKNOWN_VALUE: Final = "unheard-of"
_OPEN_ENUMS: Final = frozenset({"status", "direction", "end_reason", "role", "tool_type", "provider"})
_GATEWAY_TIMEOUT: Final = (
    "<html><head><title>504 Gateway Time-out</title></head>"
    "<body><center><h1>504 Gateway Time-out</h1></center></body></html>"
)


class FaultInjector:
    """Lets the faults that are switched on hit requests of the API."""

    def __init__(self, app: ASGIApp, platform: Platform, routes: Sequence[Route]) -> None:
        self._app, self._platform, self._routes = app, platform, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or break it."""
        faults = self._platform.faults
        route = self._route(scope) if faults.switched_on else None
        if route is None:
            return await self._app(scope, receive, send)
        number = self._platform.next_request(route.name)
        question = (self._platform.random, route.name, number)
        kind = next((kind for kind in BREAKING if faults.hits(kind, *question)), None)
        if kind is not None:
            scope.setdefault("route", route)  # for the book of requests
            return await self._break(kind, scope, receive, send)
        alterations = [_ALTERATIONS[kind] for kind in ALTERING if faults.hits(kind, *question)]
        await self._app(scope, receive, _Altering(send, alterations) if alterations else send)

    def _route(self, scope: Scope) -> Route | None:
        """The operation that a request is for; None: it is none of the API's."""
        if not _is_api(scope):
            return None
        path, method = scope["path"].removeprefix(API_PREFIX), scope["method"]
        fitting = (route for route in self._routes if method in (route.methods or ()))
        return next((route for route in fitting if route.path_regex.match(path)), None)

    async def _break(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        switch = self._platform.faults.switch(kind)
        if isinstance(switch, BreakingSwitch) and switch.carried_out:
            await self._app(scope, receive, _discard)
        await self._answer(kind)(scope, receive, send)

    def _answer(self, kind: str) -> Response:
        settings = self._platform.settings
        if kind == "too_many":
            again = math.ceil(self._platform.clock.unix() + _RETRY_AFTER_SECONDS)
            return answer(too_many(WindowState(None, 0, again, _RETRY_AFTER_SECONDS)), settings)
        if kind == "server_error":
            return answer(ApiError(500, "internal_error", "Something went wrong"), settings)
        if kind == "unavailable":
            return answer(ApiError(503, "service_unavailable", "Try again later"), settings)
        if kind == "html_error":
            return HTMLResponse(_GATEWAY_TIMEOUT, 504)
        return LostAnswer(
            after_seconds=self._platform.faults.timeout_fault_seconds if kind == "timeout" else 0
        )


async def _discard(message: Message) -> None:
    """Where the answer goes that the request really had."""


class _Altering:
    """Holds an answer back until it is whole, and sends it altered if it is JSON."""

    def __init__(self, send: Send, alterations: Sequence[Callable[[Any], Any]]) -> None:
        self._send, self._alterations = send, alterations
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Take one part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if self._start is None or message.get("more_body"):
            return
        body = self._altered()
        MutableHeaders(scope=self._start)["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})

    def _altered(self) -> bytes:
        with suppress(ValueError):
            document = json.loads(self._body)
            for alter in self._alterations:
                document = _everywhere(document, alter)
            return json.dumps(document).encode()
        return self._body


def _everywhere(value: Any, alter: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The same with every object altered."""
    if isinstance(value, dict):
        return alter({name: _everywhere(item, alter) for name, item in value.items()})
    if isinstance(value, list):
        return [_everywhere(item, alter) for item in value]
    return value


def _with_unknown_enums(record: dict[str, Any]) -> dict[str, Any]:
    known = {name for name, item in record.items() if name in _OPEN_ENUMS and isinstance(item, str)}
    return {**record, **dict.fromkeys(known, _UNKNOWN_VALUE)}


def _with_extra_fields(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "x_unheard_of": {"nested": [1, None, "text"]}}


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda record: {key: item for key, item in record.items() if key != name}


_ALTERATIONS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "unknown_enum": _with_unknown_enums,
    "extra_fields": _with_extra_fields,
    "no_room_name": _without("room_name"),
    "no_pagination": _without("pagination"),
}
