"""Webhooks on their way: signed, sent once, never repeated; a failure is counted and nothing more."""

import asyncio
import json
import ssl
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpx

from flireo_flows.api.webhooks import EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from flireo_flows.sandbox.clock import Clock

# Not stated for these events by the reference; the emulator's own (contract, section 18.3).
_TIMEOUT: Final = httpx.Timeout(
    10.0, pool=None
)  # seconds; waiting for a free connection is not the receiver's
_LIMITS: Final = httpx.Limits(max_connections=100)
_USER_AGENT: Final = "HMS-Sovereign/1.0"


@cache
def _tls() -> ssl.SSLContext:
    """Shared by all sandboxes of a process: reading the certificates takes 50 ms."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event to deliver.

    Attributes:
        secret: Signs it; None or empty: it goes unsigned, as the platform does.
    """

    url: str
    secret: str | None
    event: str
    body: dict[str, Any]


class Courier:
    """Delivers webhooks concurrently. Their order is not kept: neither does the platform promise it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Not through a proxy of the environment: the receiver is usually on this machine.
        self._client = httpx.AsyncClient(verify=_tls(), timeout=_TIMEOUT, limits=_LIMITS, trust_env=False)
        self._under_way: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter(delivered=0, failed=0, dropped=0, doubled=0)

    def send(self, webhook: Webhook, copies: int) -> None:
        """Send a webhook so many times: 0 drops it, 2 doubles it."""
        self.counts["dropped"] += copies == 0
        self.counts["doubled"] += copies > 1
        for _ in range(copies):
            task = asyncio.create_task(self._deliver(webhook))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(self, webhook: Webhook) -> None:
        body = json.dumps(webhook.body, ensure_ascii=False).encode()
        try:
            response = await self._client.post(
                webhook.url, content=body, headers=self._headers(webhook, body)
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            self.counts["failed"] += 1
        else:
            self.counts["delivered" if response.is_success else "failed"] += 1

    def _headers(self, webhook: Webhook, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock.unix())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            EVENT_HEADER: webhook.event,
            TIMESTAMP_HEADER: str(timestamp),
        }
        if webhook.secret:
            headers[SIGNATURE_HEADER] = sign(webhook.secret, timestamp, body)
        return headers
