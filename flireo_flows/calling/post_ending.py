"""Every way in which the one request of an attempt can end, judged in one place.

What the table does not name is unknown: a request of which nobody can say that it rang nobody may have rung.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flireo_flows.api import errors
from flireo_flows.lifecycle.states import AttemptEvent


class Ending(StrEnum):
    """How the one request ended."""

    PLACED = "placed"  # 2xx with a call id
    NOT_SENT = "not_sent"  # it provably never left
    REFUSED = "refused"  # a refusal that the contract lists: nobody was rung
    LIMITED = "limited"  # 429: nobody was rung yet
    UNKNOWN = "unknown"  # everything else; the list of calls tells


# The statuses are those of contract section 2.2, as `errors.BY_STATUS` reads them. A 409 speaks of a
# duplicate, so a call may exist. A 408, a status that is not listed, 1xx, 3xx, 5xx and a 2xx that cannot be
# read prove nothing: a gateway may have said it after the request had passed.
ENDINGS: Final[Mapping[type[Exception], Ending]] = {
    errors.NotSent: Ending.NOT_SENT,
    errors.TooLate: Ending.NOT_SENT,
    errors.InvalidInput: Ending.NOT_SENT,
    errors.RateLimited: Ending.LIMITED,
    errors.BadRequest: Ending.REFUSED,
    errors.AuthenticationFailed: Ending.REFUSED,
    errors.InsufficientCredits: Ending.REFUSED,
    errors.PermissionDenied: Ending.REFUSED,
    errors.NotFound: Ending.REFUSED,
    errors.Unprocessable: Ending.REFUSED,
    errors.Conflict: Ending.UNKNOWN,
    errors.RequestRefused: Ending.UNKNOWN,
    errors.OutcomeUnknown: Ending.UNKNOWN,
}

# What becomes of the attempt.
EVENTS: Final[Mapping[Ending, AttemptEvent]] = {
    Ending.PLACED: AttemptEvent.ACCEPTED,
    Ending.NOT_SENT: AttemptEvent.REFUSED,
    Ending.REFUSED: AttemptEvent.REFUSED,
    Ending.LIMITED: AttemptEvent.REFUSED,
    Ending.UNKNOWN: AttemptEvent.LOST,
}


def ending_of(error: Exception | None) -> Ending:
    """How a request ended: with an answer that names its call (None), or with an error.

    By the exact kind of the error: a kind that is added some day is unknown until somebody judges it here.
    """
    return Ending.PLACED if error is None else ENDINGS.get(type(error), Ending.UNKNOWN)


def in_words(error: errors.FlireoError) -> str:
    """Short and redacted, for the ledger and the results. Begins with the status where there is one."""
    what = " ".join(str(part) for part in (error.status, error.code) if part) or "no answer"
    return f"{what}: {error.text}" if error.text else what
