"""Why an attempt, a lead or a delivery is in its state, as data. `ledger/messages.py` puts it into words."""

from enum import StrEnum
from typing import Final

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
