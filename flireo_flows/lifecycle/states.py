"""The states of attempts, leads, campaigns and deliveries: every legal move, why each is there, and what is reported.

What is not in the tables of moves does not happen: the ledger's own triggers are made from them (`ledger/triggers.py`),
so the database refuses the rest. Reasons are data; `ledger/messages.py` puts them into words.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class AttemptState(StrEnum):
    """Where one try to call a lead stands."""

    SENDING = "sending"  # committed; the request may be on its way
    PLACED = "placed"  # Flireo gave it a call id
    UNKNOWN = "unknown"  # the request may have arrived; no one knows
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
    SKIPPED = "skipped"  # this policy will never call it; the reason is why
    REVIEW = "review"  # a person has to look


LEAD_MOVES: Final[Mapping[LeadState, frozenset[LeadState]]] = {
    # DONE: a late report showed that the call after which it waited for another call needs no other.
    LeadState.WAITING: frozenset({LeadState.CALLING, LeadState.SKIPPED, LeadState.REVIEW, LeadState.DONE}),
    LeadState.CALLING: frozenset({LeadState.WAITING, LeadState.DONE, LeadState.SKIPPED, LeadState.REVIEW}),
    # A new file or policy asks again about every lead that was not called.
    LeadState.SKIPPED: frozenset({LeadState.WAITING}),
    # The call that a person was to look for turned up and ended.
    LeadState.REVIEW: frozenset({LeadState.DONE, LeadState.WAITING}),
    LeadState.DONE: frozenset({LeadState.REVIEW}),
}


class CampaignState(StrEnum):
    """Whether a campaign as a whole may call, as a person or a brake decided."""

    OPEN = "open"
    PAUSED = "paused"  # no one is called until a person resumes it; running calls are collected
    CANCELLED = "cancelled"  # no one is called any more; running calls are collected


class InboxState(StrEnum):
    """Where something that Flireo sent us stands."""

    WAITING = "waiting"  # no attempt of ours is known for it yet
    APPLIED = "applied"
    UNREADABLE = "unreadable"  # the reason is why; the body is kept


FINAL: Final = (LeadState.DONE, LeadState.SKIPPED, LeadState.REVIEW)


MOST_UNPLACED: Final = 5  # attempts in a row that were not placed, before a lead needs review


class Reason(StrEnum):
    """Why an attempt or a lead is in its state. A lead has the `policy.Rule` that denied it in the same place."""

    NONE = ""
    # What came of a request. The detail is Flireo's, the network's or the template's words.
    REQUEST_FAILED = "request_failed"
    NOT_SENT = "not_sent"
    RUN_STOPPED = "run_stopped"  # before the answer came
    RUNNER_LOST = "runner_lost"  # its lease ran out while it was sending
    # What the list of calls showed.
    NOT_LISTED = "not_listed"  # of the attempt: complete readings do not show its call
    PROVED_NOT_PLACED = "proved_not_placed"  # of the lead, the same
    SEVERAL_CALLS = "several_calls"  # could be its call; the detail is how many
    CALL_APPEARED = "call_appeared"  # to the number of a request that had not been accepted
    LIST_CANNOT_TELL = "list_cannot_tell"
    CALL_UNKNOWN = "call_unknown"  # Flireo does not know it any more
    CALL_WITHOUT_END = "call_without_end"  # the detail is its status
    # What a call id or a report showed.
    MISMATCHED = "mismatched"  # the call id was of another call
    CALL_ID_TAKEN = "call_id_taken"  # by another attempt
    ANSWERED_LATE = "answered_late"  # after the call had proved not placed
    CALLED_AFTER_ALL = "called_after_all"  # a report came of a call that had counted as not placed
    # What follows for a lead.
    RETRY = "retry"  # after its outcome
    UNCLEAR_ANSWER = "unclear_answer"  # the detail is what a person has to settle
    NO_SHARED_HOURS = "no_shared_hours"  # the zones it may be in are never in calling hours together
    NOT_IN_NEWEST_FILE = "not_in_the_newest_file"  # so no run asks about it


class InboxReason(StrEnum):
    """Why a delivery is in its state."""

    NONE = ""
    ANSWERED = "answered"  # when it came; an inbound call is of no attempt
    INBOUND = "inbound"  # it does not wait, so that none pile up
    ATTEMPT_NOT_PLACED = "attempt_not_placed"  # its attempt had counted as not placed
    OTHER_NUMBER = "other_number"  # it is of a call with another number than its attempt's
    ERASED = "erased"
    # Dead letters. The detail never quotes the body.
    UNKNOWN_EVENT = "unknown_event"  # the detail is the type, where it surely names no one
    UNREADABLE = "unreadable"  # the detail is what is wrong with it
    READER_FAILED = "reader_failed"  # the detail is the kind of the error
    NOT_APPLIED = "not_applied"  # to its attempt; the detail is the kind of the error


class SuppressionSource(StrEnum):
    """What a suppression rests on."""

    PERSON = "person"
    OUTCOME = "outcome"
    ANALYSIS = "analysis"
    UNCLEAR = "unclear"  # an answer that is neither yes nor no: held back until a person settles it
    FORGOTTEN = "forgotten"  # the person was erased


class LedgerEvent(StrEnum):
    """What can happen that is reported to Prefect; the names of its events."""

    CALL_ENDED = "flireo.call.ended"
    CALL_AMENDED = "flireo.call.amended"  # a late report changed the outcome or the analysis of an ended call
    NEEDS_REVIEW = "flireo.call.needs-review"
    CAMPAIGN_STARTED = "flireo.campaign.started"
    CAMPAIGN_PAUSED = "flireo.campaign.paused"
    CAMPAIGN_RESUMED = "flireo.campaign.resumed"
    CAMPAIGN_CANCELLED = "flireo.campaign.cancelled"
    CAMPAIGN_FINISHED = "flireo.campaign.finished"
    CAMPAIGN_INCOMPLETE = "flireo.campaign.incomplete"  # too many ended calls lack their report or analysis
    CREDITS_LOW = "flireo.credits.low"
    DEAD_LETTER = "flireo.inbox.dead-letter"
    REPORTS_WAITING = "flireo.reports.waiting"  # reports came in and no run is there to read them


# Posted once for a key, however long ago.
ONCE: Final = (LedgerEvent.CAMPAIGN_STARTED, LedgerEvent.CAMPAIGN_FINISHED, LedgerEvent.CAMPAIGN_INCOMPLETE)
