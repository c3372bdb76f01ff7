"""The real receiver over real HTTP, and how to post to it."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

import httpx
import uvicorn
from sqlalchemy import select

from flireo_flows.api.webhooks import EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from flireo_flows.ledger import Database
from flireo_flows.ledger.schema import inbox
from flireo_flows.receiver import Receiver
from tests.support.sandbox.running import until
from tests.support.web_server import PromptServer

T = TypeVar("T")


@contextmanager
def receiver(ledger_url: str, *secrets: str, **options: Any) -> Iterator[str]:
    """A receiver in a thread, on a port that is free. Yields its address."""
    with served(Receiver(ledger_url, secrets, **options).app) as url:
        yield url


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Any app in a thread, on a port that is free. Yields its address."""
    server = PromptServer(uvicorn.Config(app, port=0, log_level="warning", access_log=False, ws="none"))
    # In this context: which Prefect a tool talks to stands there.
    thread = threading.Thread(target=copy_context().run, args=(server.run,), daemon=True)
    thread.start()
    try:
        until(lambda: server.started, 120)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.stop()
        thread.join()


def signed(secret: str, body: bytes, age: float = 0.0, event: str = "end-of-call-report") -> dict[str, str]:
    """Headers as the platform sends them.

    Args:
        age: Seconds since it was signed.
    """
    timestamp = int(time.time() - age)
    return {
        EVENT_HEADER: event,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(secret, timestamp, body),
    }


def inbox_of(ledger_url: str) -> list[Any]:
    """The rows of a ledger's inbox, oldest first, as another process sees them."""

    async def read() -> list[Any]:
        async with await Database.open(ledger_url) as database, database.read() as db:
            return list((await db.execute(select(inbox).order_by(inbox.c.id))).all())

    return in_thread(read)


def in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run something asynchronous to its end, wherever we are."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, lambda: asyncio.run(work())).result()


def post(url: str, body: bytes, headers: Mapping[str, str], reference: str = "") -> httpx.Response:
    """Deliver a webhook to a receiver, or to an attempt's own address there."""
    about_it = {name: value for name, value in headers.items() if name.lower().startswith("x-webhook")}
    address = "/".join(filter(None, (f"{url}/webhooks/flireo", reference)))
    return httpx.post(address, content=body, headers=about_it, trust_env=False, timeout=60)
