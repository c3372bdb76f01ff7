"""What was asked of somebody's webhooks, and what they answered: a page of the control surface."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from flireo_flows.sandbox.delivery import Reply, Webhook

_KEPT: Final = 1000  # the newest so many


@dataclass(slots=True, eq=False)
class Exchange:
    """A webhook whose answer matters, and that answer.

    Attributes:
        reply: None: it is not there yet, or nobody waits for it (an async tool).
        outcome: What the sandbox made of it, in words.
    """

    call_id: str
    webhook: Webhook
    reply: Reply | None = None
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


@dataclass(slots=True)
class Exchanges:
    """The newest exchanges, oldest first."""

    _kept: deque[Exchange] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept)

    def begin(self, call_id: str, webhook: Webhook) -> Exchange:
        """Note that a webhook goes out."""
        exchange = Exchange(call_id, webhook)
        self._kept.append(exchange)
        return exchange

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()
