"""Faults acted out: answers that are wrong, altered, or never come.

Plain ASGI, inside the gate: a request that meets a fault had a valid key and was counted against its limit.
While no fault is switched on, a request passes through at the price of a look.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flireo_flows.sandbox.faults import ALTERING, BREAKING
from flireo_flows.sandbox.local_platform import World
from flireo_flows.sandbox.lost_answer import LostAnswer
from flireo_flows.sandbox.refusals import Refusal, answer
from flireo_flows.sandbox.settings import BreakingSwitch

_RETRY_AFTER_SECONDS: Final = 1
_NOBODY_KNOWS: Final = "unheard-of"
_OPEN_ENUMS: Final = frozenset({"status", "direction", "end_reason", "role", "tool_type", "provider"})
_GATEWAY_TIMEOUT: Final = (
    "<html><head><title>504 Gateway Time-out</title></head>"
    "<body><center><h1>504 Gateway Time-out</h1></center></body></html>"
)


class Breaking:
    """Lets the faults that are switched on hit requests of the API."""

    def __init__(self, app: ASGIApp, world: World, routes: Sequence[Route], prefix: str) -> None:
        self._app, self._world, self._routes, self._prefix = app, world, routes, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or break it."""
        faults = self._world.faults
        route = self._route(scope) if faults.switched_on else None
        if route is None:
            return await self._app(scope, receive, send)
        number = self._world.next_request(route.name)
        question = (self._world.dice, route.name, number)
        kind = next((kind for kind in BREAKING if faults.hits(kind, *question)), None)
        if kind is not None:
            scope.setdefault("route", route)  # for the book of requests
            return await self._break(kind, scope, receive, send)
        alterations = [_ALTERATIONS[kind] for kind in ALTERING if faults.hits(kind, *question)]
        await self._app(scope, receive, _Altering(send, alterations) if alterations else send)

    def _route(self, scope: Scope) -> Route | None:
        """The operation that a request is for; None: it is none of the API's."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            return None
        path, method = scope["path"].removeprefix(self._prefix), scope["method"]
        fitting = (route for route in self._routes if method in (route.methods or ()))
        return next((route for route in fitting if route.path_regex.match(path)), None)

    async def _break(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        switch = self._world.faults.switch(kind)
        if isinstance(switch, BreakingSwitch) and switch.carried_out:
            await self._app(scope, receive, _unheard)
        await self._answer(kind)(scope, receive, send)

    def _answer(self, kind: str) -> Response:
        settings = self._world.settings
        if kind == "too_many":
            return answer(_too_many(self._world.clock.unix()), settings)
        if kind == "server_error":
            return answer(Refusal(500, "internal_error", "Something went wrong"), settings)
        if kind == "unavailable":
            return answer(Refusal(503, "service_unavailable", "Try again later"), settings)
        if kind == "html_error":
            return HTMLResponse(_GATEWAY_TIMEOUT, 504)
        return LostAnswer(after_seconds=self._world.faults.timeout_fault_seconds if kind == "timeout" else 0)


async def _unheard(message: Message) -> None:
    """Where the answer goes that the request really had."""


def _too_many(now: float) -> Refusal:
    return Refusal(
        429,
        "rate_limit_exceeded",
        f"Too many requests, retry in {_RETRY_AFTER_SECONDS} seconds.",
        headers={
            "Retry-After": str(_RETRY_AFTER_SECONDS),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(math.ceil(now + _RETRY_AFTER_SECONDS)),
        },
        extra={"retry_after": _RETRY_AFTER_SECONDS},
    )


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
                document = alter(document)
            return json.dumps(document).encode()
        return self._body


def _everywhere(value: Any, alter: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The same with every object altered."""
    if isinstance(value, dict):
        return alter({name: _everywhere(item, alter) for name, item in value.items()})
    if isinstance(value, list):
        return [_everywhere(item, alter) for item in value]
    return value


def _with_unknown_enums(value: Any) -> Any:
    return _everywhere(
        value,
        lambda record: {
            name: _NOBODY_KNOWS if name in _OPEN_ENUMS and isinstance(item, str) else item
            for name, item in record.items()
        },
    )


def _with_extra_fields(value: Any) -> Any:
    return _everywhere(value, lambda record: {**record, "x_unheard_of": {"nested": [1, None, "text"]}})


def _without(name: str) -> Callable[[Any], Any]:
    return lambda value: _everywhere(
        value, lambda record: {key: item for key, item in record.items() if key != name}
    )


_ALTERATIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "unknown_enum": _with_unknown_enums,
    "extra_fields": _with_extra_fields,
    "no_room_name": _without("room_name"),
    "no_pagination": _without("pagination"),
}
