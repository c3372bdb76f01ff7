"""One request to a webhook address, from its first byte to its answer."""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flireo_flows.api.webhooks import EVENT_HEADER, EventType
from flireo_flows.ledger.inbox import Delivery, read_delivery
from flireo_flows.lifecycle.states import InboxState
from flireo_flows.receiver.logs import place_of
from flireo_flows.receiver.metrics import Metrics
from flireo_flows.receiver.signature_check import (
    BodyReader,
    RequestRefusedError,
    SenderClock,
    SenderGoneError,
    check_headers,
    check_kind,
    check_signature,
    read_headers,
)
from flireo_flows.receiver.storage import NotStoredError, Storage

RECEIVED: Final = {"received": True}
_THANKS: Final = Response(json.dumps(RECEIVED), media_type="application/json")
_log: Final = logging.getLogger("flireo_flows.receiver")
# Who was too slow is not listened to any more.
ABOUT_REFUSALS: Final[Mapping[int, Mapping[str, str]]] = {
    405: {"Allow": "POST"},
    408: {"Connection": "close"},
}
_EVENT: Final = EVENT_HEADER.lower()
_EVENTS: Final = frozenset(EventType)

# Answers an event that wants more than thanks: what came, and until when (`time.monotonic`).
Answers = Callable[[Delivery, float], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class DeliveryLog:
    """What a log line and a metric say of one request."""

    event: str = "unproven"
    outcome: str = ""
    digest: str = ""
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An ASGI app for both webhook addresses.

    Attributes:
        secrets: Any of them may have signed.
        answers: By event type: how long it may take, in seconds, and what answers it.
    """

    storage: Storage
    metrics: Metrics
    secrets: Sequence[str]
    allow_unsigned: bool
    answers: Mapping[str, tuple[float, Answers]]
    clock: SenderClock = field(default_factory=SenderClock)
    bodies: BodyReader = field(default_factory=BodyReader)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request and answer it."""
        entry = DeliveryLog()
        try:
            response = _json(200, await self._taken(scope, receive, entry))
        except SenderGoneError:
            entry.outcome = "sender_gone"
            response = _json(400, {})  # it reaches no one
        except Exception as error:
            refused = _refused(error)
            entry.outcome = refused.code
            response = _json(refused.status, {"error": {"code": refused.code, "message": refused.words}})
            response.headers.update(ABOUT_REFUSALS.get(refused.status, {}))
        self.metrics.delivery(entry.event, entry.outcome)
        if _log.isEnabledFor(logging.INFO):
            _log.info("delivery", extra=_line(entry, response.status_code))
        await response(scope, receive, send)

    async def _taken(self, scope: Scope, receive: Receive, entry: DeliveryLog) -> dict[str, Any]:
        if scope["method"] != "POST":
            raise RequestRefusedError(405, "wrong_method", "send POST")
        headers = read_headers(scope)
        check_kind(headers)
        check_headers(headers, self.secrets, allow_unsigned=self.allow_unsigned)
        body = await self.bodies.read(receive)
        sent_at = check_signature(body, headers, self.secrets, allow_unsigned=self.allow_unsigned)
        entry.event = "unread"
        reference = scope["path_params"].get("reference", "")
        # What the opening of the ledger takes is part of the event's time, and its type is not known yet.
        ends_at = None if self.storage.is_open else self._ends_at(_type_of(body), entry)
        now = await self.storage.now(_left(ends_at))
        delivery = read_delivery(body, reference, now, self.clock.ahead(sent_at, now))
        entry.digest = delivery.digest[:12]
        event = delivery.event
        entry.event = "unreadable"
        if event is not None:
            entry.event = event.type if event.type in _EVENTS else "unknown"
            # The header is not signed, and the body is: so the body counts.
            if headers.get(_EVENT, event.type) != event.type:
                self.metrics.mismatch()
            if ends_at is None and event.type in self.answers:
                ends_at = self._ends_at(event.type, entry)
        delivered = await self.storage.store(delivery, _left(ends_at))
        _refuse_unreadable(delivery)
        entry.outcome = "stored" if delivered.is_new else "doubled"
        if event is None or event.type not in self.answers:
            return RECEIVED
        seconds, answer = self.answers[event.type]
        return await answer(delivery, entry.began + seconds)

    def _ends_at(self, event_type: str, entry: DeliveryLog) -> float:
        """Until when (`time.monotonic`) the ledger is waited for: by then the sender must have its answer."""
        ends_at = time.monotonic() + self.storage.seconds
        if event_type in self.answers:
            return min(ends_at, entry.began + self.answers[event_type][0])
        return ends_at


def _left(ends_at: float | None) -> float | None:
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())


def _type_of(body: bytes) -> str:
    """Of which type an event is, before there is a clock to read it by; empty if it cannot be read."""
    event = read_delivery(body, "", 0.0).event
    return event.type if event else ""


def _refused(error: Exception) -> RequestRefusedError:
    """The refusal that an error becomes. Of a fault of ours the log has the place, not the words: they may quote."""
    if isinstance(error, RequestRefusedError):
        return error
    if isinstance(error, NotStoredError):  # an honest refusal is all that could make the sender try again
        return RequestRefusedError(503, "not_stored", "the ledger does not answer; send it again")
    _log.error("a delivery failed: %s", type(error).__name__, extra=place_of(error))
    return RequestRefusedError(500, "failed", "the receiver failed; its log shows where")


def _refuse_unreadable(delivery: Delivery) -> None:
    """It is kept among the dead letters. The reason quotes nothing of the body."""
    if delivery.is_unknown_event:
        raise RequestRefusedError(422, "unknown_event", delivery.in_words)
    if delivery.state is InboxState.UNREADABLE:
        raise RequestRefusedError(400, "unreadable", delivery.in_words)


def _json(status: int, body: Mapping[str, Any]) -> Response:
    if body is RECEIVED:
        return _THANKS
    # Only ASCII comes out, so that no half of a character in a tool's answer can fail.
    return Response(json.dumps(body, allow_nan=False), status, media_type="application/json")


def _line(entry: DeliveryLog, status: int) -> dict[str, Any]:
    ms = round((time.monotonic() - entry.began) * 1000, 1)
    line = {"event": entry.event, "outcome": entry.outcome, "status": status, "ms": ms}
    return {**line, "digest": entry.digest} if entry.digest else line
