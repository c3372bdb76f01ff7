"""Take Flireo's POSTs, check their signatures, and store them. What they mean is read later, elsewhere."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from flireo_flows.api.webhooks import EVENT_HEADER, EventType, SignatureError, verify
from flireo_flows.calling.ledger import Database, Inbox, LedgerError
from flireo_flows.calling.states import InboxState

LARGEST_BODY: Final = 5_000_000  # bytes; an hour of talk is some 100 kB of transcript


class TooLarge(Exception):
    """A body over the limit."""


def create_app(ledger_url: str, secrets: Sequence[str]) -> FastAPI:
    """The receiver: `POST /webhooks/flireo`, `POST /webhooks/flireo/{reference}` and `GET /health`.

    The second address is an attempt's own: what comes to it is of that attempt, whatever call id it names.

    A delivery is on the disk before it is answered 2xx; when it cannot be stored the answer is 503, for an
    honest refusal is the only thing that could make the sender try again.

    Args:
        ledger_url: Where to store, see `Database.open`.
        secrets: Any of them may have signed; empty takes unsigned deliveries, for tests on one's own machine.
    """
    counts: Counter[str] = Counter()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with await Database.open(ledger_url) as database:
            app.state.database = database
            yield

    app = FastAPI(
        title="flireo-flows webhooks", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )

    @app.post("/webhooks/flireo/{reference}")
    @app.post("/webhooks/flireo")
    async def receive(request: Request, reference: str = "") -> JSONResponse:
        try:
            body = await _body(request)
        except TooLarge:
            return _answer(counts, 413, "too_large", f"a body may have {LARGEST_BODY} bytes")
        if secrets:
            try:
                verify(body, request.headers, secrets, time.time())
            except SignatureError as error:
                return _answer(counts, 401, f"signature_{error.reason}", f"not accepted: {error.reason}")
        return await _store(request, body, reference, counts)

    @app.get("/health")
    async def health() -> JSONResponse:
        try:
            async with app.state.database.read():
                pass
        except (LedgerError, SQLAlchemyError, OSError):
            return JSONResponse({"status": "the ledger does not answer", **counts}, 503)
        return JSONResponse({"status": "ok", **counts})

    return app


async def _body(request: Request) -> bytes:
    """The raw bytes, which are what is signed; no more of them than we would store."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


async def _store(request: Request, body: bytes, reference: str, counts: Counter[str]) -> JSONResponse:
    database: Database = request.app.state.database
    try:
        delivered = await Inbox(database).store(body, reference)
    except (LedgerError, SQLAlchemyError, OSError):
        return _answer(counts, 503, "not_stored", "the ledger does not answer; send it again")
    if delivered.state is InboxState.UNREADABLE:
        return _answer(counts, 400, "unreadable", delivered.reason)
    counts["stored" if delivered.is_new else "doubled"] += 1
    # An inbound call asks which agent to use: the saved one (contract section 18.4).
    asks = request.headers.get(EVENT_HEADER) == EventType.ASSISTANT_REQUEST
    return JSONResponse({} if asks else {"received": True})


def _answer(counts: Counter[str], status: int, what: str, words: str) -> JSONResponse:
    counts[what] += 1
    return JSONResponse({"error": {"code": what, "message": words}}, status)
