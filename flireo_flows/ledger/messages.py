"""What the ledger's data mean in words. Nothing decides by these, and nothing keeps them."""

from collections.abc import Mapping
from typing import Any, Final

from flireo_flows.lifecycle.states import MOST_UNPLACED, AttemptState, InboxReason, LeadState, Reason

# `{detail}` and `{outcome}` are columns of the row. A reason that is not here, as a rule of the policy, shows as it is.
REASONS: Final[dict[Reason, str]] = {
    Reason.NONE: "{detail}",
    Reason.REQUEST_FAILED: "{detail}",
    Reason.NOT_SENT: "not sent: {detail}",
    Reason.RUN_STOPPED: "the run stopped before the answer came",
    Reason.RUNNER_LOST: "the runner stopped while it was sending",
    Reason.NOT_LISTED: "complete readings of the call list do not show it",
    Reason.PROVED_NOT_PLACED: "its call proved not placed",
    Reason.SEVERAL_CALLS: "{detail} calls in the list could be this one",
    Reason.CALL_APPEARED: "a call to this number showed up although its last request had not been accepted",
    Reason.LIST_CANNOT_TELL: "the call list cannot show whether it was placed",
    Reason.CALL_UNKNOWN: "Flireo does not know the call any more",
    Reason.CALL_WITHOUT_END: "the call is still {detail} long after its longest time",
    Reason.MISMATCHED: "the call id that it had is of another call",
    Reason.CALL_ID_TAKEN: "the call id in its answer belongs to another attempt",
    Reason.ANSWERED_LATE: "a call that had proved not placed was answered late: it may have been placed",
    Reason.CALLED_AFTER_ALL: "a report came of a call that had counted as not placed",
    Reason.RETRY: "to be called again after {outcome}",
    Reason.UNCLEAR_ANSWER: "{detail}",
}
AFTER_ALL: Final = "; but a report of its call came"
TOO_OFTEN: Final = "; {times} times in a row"

INBOX_REASONS: Final[dict[InboxReason, str]] = {
    InboxReason.NONE: "",
    InboxReason.ANSWERED: "answered when it came; an inbound call is of no attempt",
    InboxReason.INBOUND: "of an inbound call, which is of no attempt",
    InboxReason.ATTEMPT_NOT_PLACED: "its attempt had counted as not placed",
    InboxReason.OTHER_NUMBER: "it is of a call with another number than its attempt's",
    InboxReason.ERASED: "forgotten",
    InboxReason.UNKNOWN_EVENT: "the event type {detail} is not known",
    InboxReason.UNREADABLE: "{detail}",
    InboxReason.READER_FAILED: "it cannot be read ({detail})",
    InboxReason.NOT_APPLIED: "it could not be written to its attempt ({detail})",
}

# Why a lead is not final while an attempt is open.
WHY_OPEN: Final[dict[AttemptState, str]] = {
    AttemptState.SENDING: "its request is on the way",
    AttemptState.UNKNOWN: "it is not known yet whether it was placed; the call list will show it",
    AttemptState.PLACED: "its call runs, or its result is not in yet",
}
NOT_CALLED: Final = "not called yet"


def lead_reason(row: Any) -> str:
    """Why a lead is in its state.

    Args:
        row: With the columns `state`, `reason`, `detail`, `outcome` and `unplaced` of the lead.
    """
    words = _filled(REASONS, row.reason, {"detail": row.detail, "outcome": row.outcome})
    worn_out = row.state == LeadState.REVIEW and row.unplaced >= MOST_UNPLACED
    return words + (TOO_OFTEN.format(times=MOST_UNPLACED) if worn_out else "")


def attempt_reason(row: Any) -> str:
    """Why an attempt is in its state.

    Args:
        row: With the columns `reason`, `detail` and `called_after_all` of the attempt.
    """
    words = _filled(REASONS, row.reason, {"detail": row.detail, "outcome": ""})
    return words + (AFTER_ALL if row.called_after_all else "")


def inbox_reason(reason: str, detail: str) -> str:
    """Why a delivery is in its state."""
    return " ".join(_filled(INBOX_REASONS, reason, {"detail": detail}).split())


def _filled(templates: Mapping[Any, str], reason: str, data: Mapping[str, str]) -> str:
    return templates[reason].format_map(data) if reason in templates else reason
