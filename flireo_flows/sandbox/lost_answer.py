"""An answer that nobody hears: the request was carried out, and then the connection is gone.

Over real HTTP, so a client meets just what it would meet: the socket closes before a byte of the answer.
Uvicorn has no such answer, so its connection is handed down to the application by a protocol class of our
own (`ClosableProtocol`), which `server` serves with.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_ABORT: Final = "flireo_sandbox.abort"


class LostAnswer(Response):
    """Closes the connection instead of answering: at once, or when nobody gave up for so many real seconds."""

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
