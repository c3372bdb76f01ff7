"""What came to a webhook address, read once: what is kept of it, and by what its attempt is found."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from flireo_flows.api.calls import is_of_others
from flireo_flows.api.person_key import comparable
from flireo_flows.api.webhooks import EventType, Glance, WebhookFormatError, glance
from flireo_flows.ledger.erasure import ReportOf
from flireo_flows.ledger.leads import stored
from flireo_flows.ledger.messages import inbox_reason
from flireo_flows.lifecycle.states import InboxReason, InboxState
from flireo_flows.script import ATTEMPT_KEY

NOBODY: Final = ReportOf("", "")
LONGEST_REFERENCE: Final = 64  # characters; ours have 32
_KNOWN: Final = frozenset(EventType)
_PLAIN: Final = re.compile(r"[a-z]+(?:[-._][a-z]+)*")  # a type that surely quotes nobody


@dataclass(frozen=True, slots=True)
class Delivery:
    """One body that came.

    Attributes:
        event: What it says; None if it cannot be read.
        state: Where it stands in the inbox at first.
        reason: Why it is there.
        detail: Of an unreadable one, what is wrong with it, without a word of it.
        reference: Of the attempt that it names, by the address it came to or in its metadata; may be empty.
        received_at: Unix seconds of the ledger's clock.
        called_at: About when the call began, on the same clock; None if it cannot be an attempt of ours.
        of: Whose it says it is.
    """

    body: bytes
    digest: str
    event: Glance | None
    state: InboxState
    reason: InboxReason
    detail: str
    reference: str
    received_at: float
    called_at: float | None = None
    of: ReportOf = NOBODY

    @property
    def is_unknown_event(self) -> bool:
        """It can be read, and is of a type that nobody here knows."""
        return self.event is not None and self.event.type not in _KNOWN

    @property
    def in_words(self) -> str:
        """Why it is there."""
        return inbox_reason(self.reason, self.detail)

    def as_row(self) -> dict[str, Any]:
        """Its row in the inbox."""
        return {
            "digest": self.digest,
            "body": self.body,
            "received_at": self.received_at,
            "deliveries": 1,
            "state": self.state,
            "reason": self.reason,
            "detail": self.detail,
            "call_id": self.of.call_id,
            "customer": _customer(self.of.phone),
            "reference": self.reference,
            "called_at": self.called_at,
        }


def read_delivery(body: bytes, reference: str, now: float, ahead: float = 0.0) -> Delivery:
    """Read a body. What cannot be read is kept too, with its reason.

    Args:
        body: Raw bytes of the request, signature already checked.
        reference: Of the attempt to whose own address it came; empty for the common address.
        now: Unix seconds of the ledger's clock.
        ahead: Seconds by which the platform's clock is ahead of that one; negative if it is behind.
    """
    digest, named = hashlib.sha256(body).hexdigest(), stored(reference)[:LONGEST_REFERENCE]
    try:
        return _read(body, digest, named, now, ahead)
    except WebhookFormatError as error:
        why = InboxReason.UNREADABLE, str(error)
    except (
        Exception
    ) as error:  # it is signed, and will not come again: whatever it does to the reader, it is kept
        why = InboxReason.READER_FAILED, type(error).__name__
    of = ReportOf("", "", named)
    return Delivery(body, digest, None, InboxState.UNREADABLE, *why, named, now, None, of)


def _read(body: bytes, digest: str, named: str, now: float, ahead: float) -> Delivery:
    event = glance(body)
    told = event.metadata.get(ATTEMPT_KEY)
    if not named and isinstance(told, str):
        named = stored(told)[:LONGEST_REFERENCE]
    state, reason, detail = _standing(event, named)
    of = ReportOf(event.customer_number or "", event.call_id, named)
    return Delivery(body, digest, event, state, reason, detail, named, now, _called_at(event, now, ahead), of)


def _standing(event: Glance, reference: str) -> tuple[InboxState, InboxReason, str]:
    if event.type == EventType.ASSISTANT_REQUEST:
        return InboxState.APPLIED, InboxReason.ANSWERED, ""
    if event.type in _KNOWN and _is_inbound(event) and not reference:
        return InboxState.APPLIED, InboxReason.INBOUND, ""
    if event.type in _KNOWN:
        return InboxState.WAITING, InboxReason.NONE, ""
    known = _PLAIN.fullmatch(event.type) and len(event.type) <= 40
    return InboxState.UNREADABLE, InboxReason.UNKNOWN_EVENT, repr(event.type) if known else ""


def _customer(phone: str) -> str:
    """The key of the person, where the number is written with its country; else what came."""
    text = phone.strip()
    if not text.startswith(("+", "00")) or any(map(str.isalpha, text)):
        return phone
    return f"+{comparable(text)}"


def _is_inbound(event: Glance) -> bool:
    return is_of_others(event.call_type)


def _called_at(event: Glance, now: float, ahead: float) -> float | None:
    """About when the call began, at the latest: the start if it is told, else the report's time less the talk.

    Told by Flireo's clock, which may be far from ours, and further than anybody knows: so never later than so
    long before it came to us.
    """
    if _is_inbound(event):
        return None  # we did not call; no attempt of ours can own it
    sent_at = event.timestamp.timestamp() if event.timestamp else None
    if event.started_at:
        called_at = event.started_at.timestamp()
    elif sent_at is not None:
        called_at = sent_at - (event.duration_seconds or 0)
    else:
        return None
    return min(called_at - ahead, now - (sent_at - called_at if sent_at is not None else 0.0))
