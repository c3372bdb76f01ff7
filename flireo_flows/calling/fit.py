"""Whether a call can be that of an attempt: by its number, its direction and its time. Pure."""

from enum import StrEnum
from typing import Any, Final, Protocol

from flireo_flows.api.calls import Call
from flireo_flows.calling.windows import EARLY_SECONDS, LATE_SECONDS
from flireo_flows.ledger.erasure import is_pseudonym

LONGEST_CLOCK_SECONDS: Final = (
    86_400.0  # no clock of a list whose calls are unknown is believed to be further off
)


class Begun(Protocol):
    """An attempt, or its row."""

    @property
    def phone(self) -> Any:
        """E.164; a pseudonym where the person was forgotten."""

    @property
    def began_at(self) -> Any:
        """Unix seconds of the ledger's clock."""


class Fit(StrEnum):
    """How well a call with an attempt's own id fits it."""

    SAME = "same"  # its number, its direction, its time
    UNCLEAR = "unclear"  # it does not show its number; nothing speaks against it
    TOO_EARLY = "too early"  # by the `Date` header's clock alone, which need not be the list's
    OTHER = "other"  # another call


def fit_of(attempt: Begun, call: Call, band: tuple[float, float] | None, skew: float) -> Fit:
    """Whether the call with an attempt's id is its call.

    Args:
        attempt: It has the call's id.
        call: As the list, or the call asked for by its id, shows it.
        band: The least and the most that the list's clock is ahead, as known calls tell; None where they do not.
        skew: The least that Flireo's clock is ahead, as the `Date` header tells; seconds.
    """
    is_known_person = not is_pseudonym(attempt.phone)
    if not call.is_outbound or (is_known_person and call.is_surely_not_with(attempt.phone)):
        return Fit.OTHER
    if is_earlier(attempt, call, min(skew, 0.0) if band is None else band[0]):
        return Fit.TOO_EARLY if band is None else Fit.OTHER
    return Fit.SAME if is_known_person and call.is_with(attempt.phone) else Fit.UNCLEAR


def is_earlier(attempt: Begun, call: Call, ahead: float) -> bool:
    """Whether a call was created before an attempt began, on a clock that is ahead by so many seconds."""
    if call.created_at is None:
        return False
    return call.created_at.timestamp() < float(attempt.began_at) + ahead - EARLY_SECONDS


def may_own(attempt: Begun, call: Call, band: tuple[float, float] | None, skew: float) -> bool:
    """Whether a call that no attempt has is this one's: its number, its direction, created since it began."""
    if not call.is_outbound or not call.is_with(attempt.phone):
        return False
    return not is_earlier(attempt, call, skew if band is None else band[0])


def is_doubtful(
    attempt: Begun, call: Call, band: tuple[float, float] | None, skews: tuple[float, float]
) -> bool:
    """Whether a call does not prove to be the attempt's, and forbids to say that there is none.

    It shows no number, which is allowed (contract section 9.2), at a time that fits; or it shows the number, and
    only a clock that nobody could compare with the list's speaks against it.

    Args:
        attempt: One whose call is not known.
        call: One that no attempt has.
        band: As `fit_of`.
        skews: The least and the most that Flireo's clock is ahead, as the `Date` header tells; seconds.
    """
    if not call.is_outbound or not call.may_be_with(attempt.phone):
        return False
    if call.created_at is None:
        return True
    least, most = (min(skews[0], 0.0), max(skews[1], 0.0)) if band is None else band
    is_near = call.created_at.timestamp() <= attempt.began_at + most + LATE_SECONDS
    if not is_earlier(attempt, call, least):
        return is_near or call.is_with(attempt.phone)
    return (
        band is None and call.is_with(attempt.phone) and not is_earlier(attempt, call, -LONGEST_CLOCK_SECONDS)
    )
