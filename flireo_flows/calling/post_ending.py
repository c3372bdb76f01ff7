"""Every way in which the one POST of an attempt can end, judged in one place. Step 3 of 5 (docs/never-twice.md).

What the table does not name is unknown: a request that cannot be shown to have placed no call may have placed one.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flireo_flows.api import errors
from flireo_flows.lifecycle.states import AttemptEvent


class PostEnding(StrEnum):
    """How the one request ended."""

    PLACED = "placed"  # 2xx with a call id
    NOT_SENT = "not_sent"  # it provably never left
    REFUSED = "refused"  # a refusal that the contract lists: no call was placed
    LIMITED = "limited"  # 429: no call was placed yet
    UNKNOWN = "unknown"  # everything else; the list of calls shows what came of it


# The statuses are those of contract section 2.2, as `errors.BY_STATUS` reads them. A 409 speaks of a
# duplicate, so a call may exist. A 408, a status that is not listed, 1xx, 3xx, 5xx and a 2xx that cannot be
# read prove nothing: a gateway may have sent it after the request had passed.
POST_ENDINGS: Final[Mapping[type[Exception], PostEnding]] = {
    errors.NotSent: PostEnding.NOT_SENT,
    errors.TooLate: PostEnding.NOT_SENT,
    errors.InvalidInput: PostEnding.NOT_SENT,
    errors.RateLimited: PostEnding.LIMITED,
    errors.BadRequest: PostEnding.REFUSED,
    errors.AuthenticationFailed: PostEnding.REFUSED,
    errors.InsufficientCredits: PostEnding.REFUSED,
    errors.PermissionDenied: PostEnding.REFUSED,
    errors.NotFound: PostEnding.REFUSED,
    errors.Unprocessable: PostEnding.REFUSED,
    errors.Conflict: PostEnding.UNKNOWN,
    errors.RequestRefused: PostEnding.UNKNOWN,
    errors.OutcomeUnknown: PostEnding.UNKNOWN,
}

# What becomes of the attempt.
EVENTS: Final[Mapping[PostEnding, AttemptEvent]] = {
    PostEnding.PLACED: AttemptEvent.ACCEPTED,
    PostEnding.NOT_SENT: AttemptEvent.REFUSED,
    PostEnding.REFUSED: AttemptEvent.REFUSED,
    PostEnding.LIMITED: AttemptEvent.REFUSED,
    PostEnding.UNKNOWN: AttemptEvent.LOST,
}


def ending_of(error: Exception | None) -> PostEnding:
    """How a request ended: with an answer that names its call (None), or with an error.

    By the exact kind of the error: a kind that is added some day is unknown until it is judged here.
    """
    return PostEnding.PLACED if error is None else POST_ENDINGS.get(type(error), PostEnding.UNKNOWN)


def in_words(error: errors.FlireoError) -> str:
    """Short and redacted, for the ledger and the results. Begins with the status where there is one."""
    what = " ".join(str(part) for part in (error.status, error.code) if part) or "no answer"
    return f"{what}: {error.text}" if error.text else what
