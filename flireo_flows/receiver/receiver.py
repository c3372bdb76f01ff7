"""The receiver: what a user makes, registers functions with, and runs or mounts."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Final, TypeVar

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import Route

from flireo_flows.api.webhooks import AssistantRequest, EventType, KeyCase, ToolCalls, key_case, parse_event
from flireo_flows.ledger.audit import KnownCaller, find_caller
from flireo_flows.ledger.dead_letters import counted
from flireo_flows.ledger.inbox import Delivery
from flireo_flows.receiver.assistant_request import Greets, body_of
from flireo_flows.receiver.endpoint import WebhookEndpoint
from flireo_flows.receiver.function_call import FunctionCall, TooBusyError, TooSlowError, call_within
from flireo_flows.receiver.metrics import Metrics
from flireo_flows.receiver.storage import Storage
from flireo_flows.receiver.tool import Described, Tool, mismatches
from flireo_flows.receiver.toolbox import Toolbox

Function = TypeVar("Function", bound=Callable[..., Any])
PATH: Final = "/webhooks/flireo"
TOOL_SECONDS: Final = 9.0  # the platform waits for 10 (contract section 18.3)
ASSISTANT_SECONDS: Final = 4.5  # the platform waits for 5
STORE_SECONDS: Final = 8.0  # the platform's own timeout is not documented; the emulator has 10
CLOSING_SECONDS: Final = 5.0
HEALTH_SECONDS: Final = 5.0
_log: Final = logging.getLogger("flireo_flows.receiver")


class Receiver:
    """Takes Flireo's webhooks: stores each before it is answered, and answers what wants more than thanks.

    `POST /webhooks/flireo`, `POST /webhooks/flireo/{reference}`, `GET /health`, `GET /metrics`. The second
    address is an attempt's own: what comes to it is of that attempt, whatever call id it names.

    A delivery is on the disk before it is answered 2xx; when it cannot be stored the answer is 503, for an
    honest refusal is the only thing that could make the sender try again.

    Run `app`, or give `router` to an app of your own (`app.include_router(receiver.router)`), or mount `app`
    there. Mounted, it gets no start or stop of the server: it opens the ledger with the first
    delivery, and `beside` does not run.

    Example:
        ```python
        receiver = Receiver("sqlite:///ledger.db", ["whsec_..."])

        @receiver.tool("lookup_contact")
        async def lookup_contact(query: str) -> dict:
            "Find a contact by name."
            return {"name": query}
        ```
    """

    def __init__(
        self,
        ledger_url: str,
        secrets: Sequence[str],
        *,
        allow_unsigned: bool = False,
        tool_seconds: float = TOOL_SECONDS,
        assistant_seconds: float = ASSISTANT_SECONDS,
        store_seconds: float = STORE_SECONDS,
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """Make a receiver; nothing is opened yet.

        Args:
            ledger_url: Where to store, see `Database.open`.
            secrets: Of all agents that send here, old and new ones: any of them may have signed. With none,
                nothing is believed.
            allow_unsigned: Whether to believe what is not signed at all; on a machine of your own only.
            tool_seconds: When tools are cut off, from the moment their request came.
            assistant_seconds: When a function for assistant-request is.
            store_seconds: How long a delivery waits for the ledger before it is answered 503.
            beside: Run in the background while the server runs.
        """
        self.ledger_url = ledger_url
        self.metrics = Metrics()
        self._storage = Storage(ledger_url, store_seconds, self.metrics.wrote)
        self._toolbox = Toolbox(lambda tool, *entry: self.metrics.handled(f"tool:{tool}", *entry))
        self._assistant: Callable[..., Any] | None = None
        self._beside = list(beside)
        self._endpoint = WebhookEndpoint(
            self._storage,
            self.metrics,
            tuple(secret for secret in secrets if secret),
            allow_unsigned,
            {
                EventType.TOOL_CALLS: (tool_seconds, self._answer_tools),
                EventType.ASSISTANT_REQUEST: (assistant_seconds, self._answer_assistant),
            },
        )

    def run_beside(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run something in the background while the server runs; one that fails is logged, and no more.

        Args:
            run: Called when the server starts; cancelled when it stops.
        """
        self._beside.append(run)

    @cached_property
    def app(self) -> FastAPI:
        """The receiver as an app of its own."""
        app = FastAPI(
            title="flireo-flows webhooks",
            lifespan=self.lifespan,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
        )
        app.router.routes.extend(self._routes())
        return app

    @cached_property
    def router(self) -> APIRouter:
        """The same addresses for an app of your own, whose start and stop it then shares."""
        router = APIRouter(lifespan=self.lifespan)
        router.routes.extend(self._routes())
        return router

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:
        """Open the ledger, run what runs beside, and at the end write what is queued and close.

        Raises:
            LedgerError: It cannot be opened.
        """
        await self._storage.database()
        beside = [asyncio.create_task(_guarded(run)) for run in self._beside]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._storage.close(CLOSING_SECONDS)

    async def check(self) -> None:
        """Open the ledger and close it again, before the server starts.

        Raises:
            LedgerError: It cannot be opened; gives the reason, and what to do.
        """
        await self._storage.database()
        await self._storage.close(CLOSING_SECONDS)

    def tool(self, name: str = "", *, description: str = "") -> Callable[[Function], Function]:
        """Register a function by which an agent's tool is answered.

        Its arguments are checked by its annotations. It may be sync, and runs in a thread then. What it gives
        has to have a JSON form: pydantic models and dataclasses do. `ToolError` gives the model the reason.

        Args:
            name: As the agent's tool is named; by default the function's own.
            description: For the model; by default the first paragraph of the docstring.

        Raises:
            TypeError: A parameter cannot be given by name, or has no JSON form.
            ValueError: The name is taken, or is none.
        """

        def register(function: Function) -> Function:
            self._toolbox.add(Tool.of(function, name or function.__name__, description))
            return function

        return register

    def assistant_request(self, function: Function) -> Function:
        """Register the function that is asked who answers an inbound call.

        It is given the `AssistantRequest` and the `KnownCaller`, or None, and gives an `AssistantAnswer`, a
        mapping that is sent as it is, or None. If it fails or is slow, the saved agent answers.

        Raises:
            ValueError: There is one already.
        """
        if self._assistant is not None:
            raise ValueError("assistant-request: there is a function for it already")
        self._assistant = function
        return function

    def greet_callers(self, first_message: str) -> None:
        """Greet callers who are leads of the ledger with a template; the saved agent greets everyone else.

        Args:
            first_message: Such as `Hi {{ name }}!`; variables are the lead's columns, `name` and `language`.

        Raises:
            ScriptError: It is no template, or does more than a template may.
            ValueError: There is a function for assistant-request already.
        """
        self.assistant_request(Greets(first_message))

    def tool_schemas(self) -> dict[str, dict[str, Any]]:
        """By name, what a tool template's `tool_config` or an agent's tool is: name, description, parameters."""
        return {
            name: {"name": name, "description": tool.description, "parameters": tool.parameters}
            for name, tool in self._toolbox.tools.items()
        }

    def mismatches(self, described: Described) -> list[str]:
        """Where an agent's tools and the registered functions do not agree, each in a sentence.

        Args:
            described: A saved agent, or the tools or tool templates that agents are made with.
        """
        return mismatches(self._toolbox.tools, described)

    def _routes(self) -> list[Route]:
        # Not of FastAPI's own kind: nothing has to be validated, and every request would pay for it.
        return [
            Route(PATH, self._endpoint),
            Route(f"{PATH}/", self._endpoint),  # a sender that is redirected may not follow
            Route(f"{PATH}/{{reference}}", self._endpoint),
            Route("/health", self._health, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _health(self, request: Request) -> JSONResponse:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._storage.check()
                async with (await self._storage.database()).read() as db:
                    await counted(db)
        except Exception:  # whatever it is, the ledger does not answer, or takes nothing
            return JSONResponse({"status": "the ledger does not answer", **self.metrics.outcomes}, 503)
        return JSONResponse({"status": "ok", **self.metrics.outcomes})

    async def _metrics(self, request: Request) -> Response:
        async def count() -> dict[str, int]:
            async with (await self._storage.database()).read() as db:
                return await counted(db)

        return Response(await self.metrics.text(count), media_type=self.metrics.content_type)

    async def _answer_tools(self, delivery: Delivery, deadline: float) -> dict[str, Any]:
        event = parse_event(delivery.body)
        assert isinstance(event, ToolCalls)  # noqa: S101 - by the type it was found under
        return await self._toolbox.answer(event, key_case(delivery.body), delivery.digest, deadline)

    async def _answer_assistant(self, delivery: Delivery, deadline: float) -> dict[str, Any]:
        if self._assistant is None:
            return {}
        event = parse_event(delivery.body)
        assert isinstance(event, AssistantRequest)  # noqa: S101 - by the type it was found under
        began, outcome, body = time.monotonic(), "answered", dict[str, Any]()
        try:
            asked = (self._assistant, event, key_case(delivery.body), deadline)
            body = await call_within(
                deadline - began, FunctionCall(self._ask, lambda: (asked, {}), lambda body: body)
            )
            outcome = "answered" if body else "saved_agent"
        except TooSlowError:
            outcome = "too_slow"
        except TooBusyError:
            outcome = "too_busy"
        except Exception as error:  # whatever it is: the saved agent answers, and the caller is not lost
            outcome = "failed"
            _log.warning("assistant-request failed: %s", type(error).__name__)
        seconds = time.monotonic() - began
        self.metrics.handled("assistant-request", outcome, seconds)
        if outcome in ("too_slow", "too_busy"):
            about = {"outcome": outcome, "ms": round(seconds * 1000)}
            _log.warning("assistant-request was cut off", extra=about)
        return body

    async def _ask(
        self, function: Callable[..., Any], event: AssistantRequest, case: KeyCase, deadline: float
    ) -> dict[str, Any]:
        caller: KnownCaller | None = None
        if event.customer_number:
            caller = await find_caller(await self._storage.database(), event.customer_number)
        asked = FunctionCall(function, lambda: ((event, caller), {}), lambda answer: body_of(answer, case))
        body: dict[str, Any] = await call_within(deadline - time.monotonic(), asked)
        return body


async def _guarded(run: Callable[[], Awaitable[None]]) -> None:
    """What runs beside must not take the receiver down."""
    try:
        await run()
    except Exception as error:
        _log.error("what ran beside the receiver failed: %s", type(error).__name__)


def create_app(ledger_url: str, secrets: Sequence[str]) -> FastAPI:
    """A receiver without functions, as an app."""
    return Receiver(ledger_url, secrets).app
