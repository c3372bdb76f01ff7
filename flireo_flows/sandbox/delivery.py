"""Webhooks on their way: signed, sent once, never repeated; a failure is counted and nothing more."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import httpx

from flireo_flows.api.webhooks import EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from flireo_flows.sandbox.clock import ScaledClock

# Not stated for these events by the reference; the emulator's own (contract section 18.3).
_WAITS: Final = httpx.Timeout(10.0, pool=None)  # seconds; a free connection is not the receiver's to give
_NO_LIMIT: Final = httpx.Timeout(None)  # where the whole exchange has one
_LIMITS: Final = httpx.Limits(max_connections=100)
_USER_AGENT: Final = "HMS-Sovereign/1.0"
_WRONG_SECRET: Final = "not the secret of this agent"  # noqa: S105 - wrong on purpose


@cache
def _tls() -> ssl.SSLContext:
    """Shared by all sandboxes of a process: reading the certificates takes 50 ms."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True)
class OutgoingWebhook:
    """One event to deliver.

    Attributes:
        secret: Signs it; None or empty: it goes unsigned, as the platform does.
        forged: Signed with another secret.
    """

    url: str
    secret: str | None
    event: str
    body: dict[str, Any]
    forged: bool = False


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """What came back for a webhook that is answered.

    Attributes:
        status: HTTP status; 0: no answer, or none in time.
        body: A JSON object; None: it was not one, or the status is no 2xx.
        problem: Why there is no body.
    """

    status: int
    body: dict[str, Any] | None
    problem: str | None = None


@dataclass(slots=True, eq=False)
class Exchange:
    """A webhook whose answer matters, and that answer.

    Attributes:
        reply: None: it has not come yet, or no one waits for it (an async tool).
        outcome: What the sandbox made of it, in words.
    """

    call_id: str
    webhook: OutgoingWebhook
    reply: WebhookReply | None = None
    outcome: str = "under way"

    def as_record(self) -> dict[str, Any]:
        """As the control surface shows it."""
        reply = self.reply
        return {
            "call_id": self.call_id,
            "event": self.webhook.event,
            "sent": self.webhook.body["message"],
            "status": reply.status if reply else None,
            "answer": reply.body if reply else None,
            "outcome": self.outcome,
        }


class Courier:
    """Delivers webhooks concurrently. Their order is not kept: neither does the platform promise it."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        # Not through a proxy of the environment: the receiver is usually on this machine.
        self._client = httpx.AsyncClient(verify=_tls(), limits=_LIMITS, trust_env=False)
        self._under_way: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = _counts()

    def counted(self, webhook: OutgoingWebhook, copies: int) -> list[OutgoingWebhook]:
        """So many copies of a webhook, to send: none when it is dropped, 2 when doubled. Counts those."""
        self.counts["dropped"] += copies == 0
        self.counts["doubled"] += copies > 1
        return [webhook] * copies

    def send(self, webhooks: Sequence[OutgoingWebhook], *, in_order: bool = False) -> None:
        """Send webhooks, all at once; in order, each when the one before it was answered."""

        async def one_by_one(these: Sequence[OutgoingWebhook]) -> None:
            for webhook in these:
                await self._deliver(webhook)

        for these in [webhooks] if in_order else [[webhook] for webhook in webhooks]:
            self._start(one_by_one(these))

    def ask(
        self, webhook: OutgoingWebhook, timeout_seconds: float, then: Callable[[WebhookReply], None]
    ) -> None:
        """Send a webhook whose answer matters.

        Args:
            webhook: To send.
            timeout_seconds: Real seconds for the whole answer.
            then: Is given the answer, or that there is none.
        """

        async def ask() -> None:
            then(await self._asked(webhook, timeout_seconds))

        self._start(ask())

    def forget(self) -> None:
        """Give up what is under way, and count from nothing."""
        for task in self._under_way:
            task.cancel()
        self.counts = _counts()

    async def close(self) -> None:
        """Give up what is under way, for good."""
        tasks = list(self._under_way)
        self.forget()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, webhook: OutgoingWebhook) -> None:
        try:
            response = await self._post(webhook, _WAITS)
        except (httpx.HTTPError, httpx.InvalidURL):
            self.counts["failed"] += 1
        else:
            self.counts["delivered" if response.is_success else "failed"] += 1

    async def _asked(self, webhook: OutgoingWebhook, timeout_seconds: float) -> WebhookReply:
        reply = await self._replied(webhook, timeout_seconds)
        self.counts["failed" if reply.body is None else "delivered"] += 1
        return reply

    async def _replied(self, webhook: OutgoingWebhook, timeout_seconds: float) -> WebhookReply:
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._post(webhook, _NO_LIMIT)
        except TimeoutError:
            return WebhookReply(0, None, f"no answer within {timeout_seconds:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return WebhookReply(0, None, f"no answer ({type(error).__name__})")
        return _read(response)

    async def _post(self, webhook: OutgoingWebhook, waits: httpx.Timeout) -> httpx.Response:
        body = json.dumps(webhook.body, ensure_ascii=False).encode(errors="replace")
        headers = self._headers(webhook, body)
        return await self._client.post(webhook.url, content=body, headers=headers, timeout=waits)

    def _headers(self, webhook: OutgoingWebhook, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock.unix())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            EVENT_HEADER: webhook.event,
            TIMESTAMP_HEADER: str(timestamp),
        }
        secret = _WRONG_SECRET if webhook.forged else webhook.secret
        if secret:
            headers[SIGNATURE_HEADER] = sign(secret, timestamp, body)
        return headers


def _counts() -> Counter[str]:
    return Counter(delivered=0, failed=0, dropped=0, doubled=0)


def _read(response: httpx.Response) -> WebhookReply:
    if not response.is_success:
        return WebhookReply(response.status_code, None, f"status {response.status_code}")
    try:
        body = response.json() if response.content else {}
    except (ValueError, RecursionError):
        return WebhookReply(response.status_code, None, "the body is not JSON")
    if not isinstance(body, dict):
        return WebhookReply(response.status_code, None, "the body is not a JSON object")
    return WebhookReply(response.status_code, body)
