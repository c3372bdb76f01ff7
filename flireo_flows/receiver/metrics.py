"""What a receiver counts, in Prometheus' text format. No label holds anything of a person or of a secret."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as Counts
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from flireo_flows.lifecycle.states import InboxState

KEPT_SECONDS: Final = 5.0  # how long the count of the inbox's rows is used again
COUNTING_SECONDS: Final = 2.0  # how long a scrape waits for it
_STORE: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_HANDLE: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7, 9, 10)


class Metrics:
    """Figures of one receiver in one process. Several processes are scraped one by one."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outcomes: Counter[str] = Counter()
        self._deliveries = Counts(
            "flireo_webhook_deliveries",
            "Requests to the webhook addresses, by event (what is not proven has none) and outcome.",
            ["event", "outcome"],
            registry=self.registry,
        )
        self._mismatches = Counts(
            "flireo_webhook_header_mismatches",
            "Signed deliveries whose X-Webhook-Event is not the type of their message.",
            registry=self.registry,
        )
        self._store = Histogram(
            "flireo_webhook_store_seconds",
            "Time of one transaction, in which deliveries that came together are written.",
            buckets=_STORE,
            registry=self.registry,
        )
        self._handlers = Histogram(
            "flireo_webhook_handler_seconds",
            "Time of a registered function: a tool by its name, or assistant-request.",
            ["handler", "outcome"],
            buckets=_HANDLE,
            registry=self.registry,
        )
        self._rows = Gauge(
            "flireo_inbox_rows", "Rows of the ledger's inbox, by state.", ["state"], registry=self.registry
        )
        self._children: dict[tuple[str, str], Counts] = {}
        self._counted_at = 0.0

    def delivery(self, event: str, outcome: str) -> None:
        """One request was answered."""
        self.outcomes[outcome] += 1
        child = self._children.get((event, outcome))
        if child is None:
            child = self._children[event, outcome] = self._deliveries.labels(event, outcome)
        child.inc()

    def mismatch(self) -> None:
        """A header and a body did not agree."""
        self._mismatches.inc()

    def wrote(self, seconds: float) -> None:
        """One transaction of deliveries was committed."""
        self._store.observe(seconds)

    def handled(self, handler: str, outcome: str, seconds: float) -> None:
        """One registered function answered, failed, or was cut off."""
        self._handlers.labels(handler, outcome).observe(seconds)

    async def text(self, count: Callable[[], Awaitable[Mapping[str, int]]]) -> bytes:
        """All of it as Prometheus reads it.

        Args:
            count: Counts the rows of the inbox by state. If it fails or is slow, that figure is not there.
        """
        if time.monotonic() - self._counted_at > KEPT_SECONDS:
            try:
                async with asyncio.timeout(COUNTING_SECONDS):
                    rows = await count()
            except Exception:  # a scrape reports what is known; a missing figure shows the failure
                self._rows.clear()
            else:
                self._counted_at = time.monotonic()
                for state in InboxState:
                    self._rows.labels(state.value).set(rows.get(state.value, 0))
        return generate_latest(self.registry)
