"""The states of an attempt and of a lead, and every legal move. What is not in the tables does not happen.

The ledger's own triggers are made from these tables (`ledger/triggers.py`), so the database refuses the rest.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class AttemptState(StrEnum):
    """Where one try to call a lead stands."""

    SENDING = "sending"  # committed; the request may be on its way
    PLACED = "placed"  # Flireo gave it a call id
    UNKNOWN = "unknown"  # the request may have arrived; nobody knows
    ENDED = "ended"  # the call is over and its result is in
    NOT_PLACED = "not_placed"  # no call was placed; the attempt is not used


class AttemptEvent(StrEnum):
    """What happens to an attempt."""

    ACCEPTED = "accepted"  # a call id came back
    REFUSED = "refused"  # 4xx, or the request provably never left
    LOST = "lost"  # no usable answer, or the runner died
    FOUND = "found"  # its call turned up in the list or in a report
    ABSENT = "absent"  # complete readings of the list, a grace period apart, prove that there is no call
    MISMATCHED = "mismatched"  # the call whose id it had is another one: its own may have been placed or not
    REPORTED = "reported"  # the result of the call is in


MOVES: Final[Mapping[AttemptState, Mapping[AttemptEvent, AttemptState]]] = {
    AttemptState.SENDING: {
        AttemptEvent.ACCEPTED: AttemptState.PLACED,
        AttemptEvent.REFUSED: AttemptState.NOT_PLACED,
        AttemptEvent.LOST: AttemptState.UNKNOWN,
    },
    # ACCEPTED and REFUSED: the answer of a runner that was taken for dead and was only slow.
    AttemptState.UNKNOWN: {
        AttemptEvent.ACCEPTED: AttemptState.PLACED,
        AttemptEvent.REFUSED: AttemptState.NOT_PLACED,
        AttemptEvent.FOUND: AttemptState.PLACED,
        AttemptEvent.ABSENT: AttemptState.NOT_PLACED,
    },
    AttemptState.PLACED: {
        AttemptEvent.REPORTED: AttemptState.ENDED,
        AttemptEvent.MISMATCHED: AttemptState.UNKNOWN,
    },
    AttemptState.NOT_PLACED: {},
    AttemptState.ENDED: {},
}

OPEN: Final = (AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.PLACED)


def sources(event: AttemptEvent) -> list[AttemptState]:
    """The states in which an event may happen."""
    return [state for state, moves in MOVES.items() if event in moves]


def target(event: AttemptEvent) -> AttemptState:
    """The state an event leads to; the same from wherever it may happen."""
    (state,) = {moves[event] for moves in MOVES.values() if event in moves}
    return state


class IdSource(StrEnum):
    """What gave an attempt the id of its call."""

    NONE = ""
    ANSWER = "answer"  # the answer to its request
    LIST = "list"
    WEBHOOK = "webhook"  # perhaps not the id by which the list knows the call
    MISMATCH = "mismatch"  # whatever it was, that call is another one


class LeadState(StrEnum):
    """Where a lead stands in its campaign."""

    WAITING = "waiting"  # for a call, now or later
    CALLING = "calling"  # an attempt is open
    DONE = "done"  # called, with its outcome
    SKIPPED = "skipped"  # this policy will never call it; the reason says why
    REVIEW = "review"  # a person has to look


LEAD_MOVES: Final[Mapping[LeadState, frozenset[LeadState]]] = {
    # DONE: a late report told that the call after which it waited for another call needs no other.
    LeadState.WAITING: frozenset({LeadState.CALLING, LeadState.SKIPPED, LeadState.REVIEW, LeadState.DONE}),
    LeadState.CALLING: frozenset({LeadState.WAITING, LeadState.DONE, LeadState.SKIPPED, LeadState.REVIEW}),
    # A new file or policy asks again about every lead that was not called.
    LeadState.SKIPPED: frozenset({LeadState.WAITING}),
    # The call that a person was to look for turned up and ended.
    LeadState.REVIEW: frozenset({LeadState.DONE, LeadState.WAITING}),
    LeadState.DONE: frozenset({LeadState.REVIEW}),
}


class CampaignState(StrEnum):
    """What a person, or a brake, says of a campaign as a whole."""

    OPEN = "open"
    PAUSED = "paused"  # no one is called until a person resumes it; running calls are collected
    CANCELLED = "cancelled"  # no one is called any more; running calls are collected


class InboxState(StrEnum):
    """Where something that Flireo sent us stands."""

    WAITING = "waiting"  # no attempt of ours is known for it yet
    APPLIED = "applied"
    UNREADABLE = "unreadable"  # the reason says why; the body is kept


FINAL: Final = (LeadState.DONE, LeadState.SKIPPED, LeadState.REVIEW)
