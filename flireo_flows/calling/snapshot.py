"""One reading of the call list beside our attempts: whose each call is, and what the reading shows of the others."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from flireo_flows.api.calls import Call
from flireo_flows.ledger import Attempt
from flireo_flows.ledger.erasure import is_pseudonym
from flireo_flows.ledger.known_calls import EARLIER, KnownCall
from flireo_flows.lifecycle.absence import View

EARLY_SECONDS: Final = 120.0  # a call's created_at may lie this much before our intent, for clocks differ
LATE_SECONDS: Final = 600.0  # and this much after it, where Flireo was slow to call
# No clock of a list whose calls are unknown is believed to be further off.
LONGEST_CLOCK_SECONDS: Final = 86_400.0
AGREE_SECONDS: Final = 600.0  # calls may be created minutes after their requests
MOST_SAMPLES: Final = 500
LEAST_SHARE: Final = 1 / 3  # of all samples: fewer that agree are not the list's clock


@dataclass(slots=True)
class RowClock:
    """What is known of it. Seconds, above 0 where the list's clock is ahead of the ledger's."""

    _samples: dict[int, float] = field(default_factory=dict)
    _live: set[int] = field(default_factory=set)
    _band: tuple[float, float] | None = field(default=None, init=False)
    # `_band`, which every call of a page is compared with.
    _is_current: bool = field(default=True, init=False)

    def learn(self, attempt_id: int, seconds: float, *, is_live: bool) -> None:
        """A known call was read.

        Args:
            attempt_id: Its attempt.
            seconds: From the attempt's beginning, on the ledger's clock, to the call's `created_at`.
            is_live: Whether it was not over: then it is no older call.
        """
        if self._samples.get(attempt_id) == seconds and (attempt_id in self._live or not is_live):
            return  # a list is read again and again
        self._is_current = False
        self._samples[attempt_id] = seconds
        if is_live:
            self._live.add(attempt_id)
        while len(self._samples) > MOST_SAMPLES:
            oldest = next(iter(self._samples))
            del self._samples[oldest]
            self._live.discard(oldest)

    def forget(self, attempt_id: int) -> None:
        """That call was another one."""
        self._is_current = False
        self._samples.pop(attempt_id, None)
        self._live.discard(attempt_id)

    @property
    def band(self) -> tuple[float, float] | None:
        """The least and the most that it is ahead; None while it is not known."""
        if not self._is_current:
            groups = [group for group in self._groups() if self._is_clock(group)]
            ends = [(group[0][0], group[-1][0]) for group in groups]
            self._band = (min(ends)[0], max(last for _, last in ends)) if ends else None
            self._is_current = True
        return self._band

    def _groups(self) -> list[list[tuple[float, int]]]:
        """Samples that agree with each other."""
        groups: list[list[tuple[float, int]]] = []
        for sample in sorted((seconds, attempt_id) for attempt_id, seconds in self._samples.items()):
            if groups and sample[0] - groups[-1][0][0] <= AGREE_SECONDS:
                groups[-1].append(sample)
            else:
                groups.append([sample])
        return groups

    def _is_clock(self, group: list[tuple[float, int]]) -> bool:
        agree = len(group) > 1 or any(attempt_id in self._live for _, attempt_id in group)
        return agree and len(group) >= LEAST_SHARE * len(self._samples)


class CallMatch(StrEnum):
    """How well a call with an attempt's own id fits it."""

    SAME = "same"  # its number, its direction, its time
    UNCLEAR = "unclear"  # it does not show its number; nothing speaks against it
    TOO_EARLY = "too early"  # by the `Date` header's clock alone, which need not be the list's
    OTHER = "other"  # another call


def match_of(
    attempt: Attempt | KnownCall, call: Call, band: tuple[float, float] | None, skew: float
) -> CallMatch:
    """Whether the call with an attempt's id is its call.

    Args:
        attempt: It has the call's id.
        call: As the list, or the call asked for by its id, shows it.
        band: The least and the most that the list's clock is ahead, by known calls; None where they do not.
        skew: The least that Flireo's clock is ahead, by the `Date` header; seconds.
    """
    is_known_person = not is_pseudonym(attempt.phone)
    if not call.is_outbound or (is_known_person and call.is_surely_not_with(attempt.phone)):
        return CallMatch.OTHER
    if is_earlier(attempt, call, min(skew, 0.0) if band is None else band[0]):
        return CallMatch.TOO_EARLY if band is None else CallMatch.OTHER
    return CallMatch.SAME if is_known_person and call.is_with(attempt.phone) else CallMatch.UNCLEAR


def is_earlier(attempt: Attempt | KnownCall, call: Call, ahead: float) -> bool:
    """Whether a call was created before an attempt began, on a clock that is ahead by so many seconds."""
    if call.created_at is None:
        return False
    return call.created_at.timestamp() < float(attempt.began_at) + ahead - EARLY_SECONDS


def may_own(attempt: Attempt | KnownCall, call: Call, band: tuple[float, float] | None, skew: float) -> bool:
    """Whether a call that no attempt has is this one's: its number, its direction, created since it began."""
    if not call.is_outbound or not call.is_with(attempt.phone):
        return False
    return not is_earlier(attempt, call, skew if band is None else band[0])


def is_doubtful(
    attempt: Attempt | KnownCall, call: Call, band: tuple[float, float] | None, skews: tuple[float, float]
) -> bool:
    """Whether a call does not prove to be the attempt's, and forbids to say that there is none.

    It shows no number, which is allowed (contract section 9.2), at a time that fits; or it shows the number, and
    only a clock that cannot be compared with the list's speaks against it.

    Args:
        attempt: One whose call is not known.
        call: One that no attempt has.
        band: As `match_of`.
        skews: The least and the most that Flireo's clock is ahead, by the `Date` header; seconds.
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


SETTLING_SECONDS: Final = 5.0  # a call may be missing from the list for some seconds after it was placed


@dataclass(slots=True)
class Snapshot:
    """What a reading showed.

    Attributes:
        read_at: When it began, Unix seconds of the ledger's clock.
        strangers: Calls that no attempt has, and that we may have placed, by id.
        shown: Attempts whose calls it showed, whatever of them.
        standing: Those whose calls it showed with number and direction.
        is_cut: Whether the list was not read to its end.
        has_total: Whether it gave a total.
        asked: Calls that were asked for by id to learn the list's clock.
    """

    read_at: float
    strangers: dict[str, Call] = field(default_factory=dict)
    shown: set[int] = field(default_factory=set)
    standing: set[int] = field(default_factory=set)
    is_cut: bool = False
    has_total: bool = False
    asked: int = 0
    _created: list[float] = field(default_factory=list)

    def add(
        self, page: Sequence[Call], owners: Mapping[str, KnownCall], clock: RowClock, skew: float
    ) -> dict[str, CallMatch]:
        """Take in a page, and learn the list's clock from it.

        Args:
            page: Of the list.
            owners: The attempts of its calls, of whatever campaign, by call id.
            clock: Of the list's rows.
            skew: The least that Flireo's clock is ahead, as the `Date` header shows; seconds.

        Returns:
            How well the calls that have an attempt fit it, by call id.
        """
        self._created += [call.created_at.timestamp() if call.created_at else float("inf") for call in page]
        for call in page:
            if call.id in owners:
                learn_clock(clock, owners[call.id], call)
        fits: dict[str, CallMatch] = {}
        for call in page:
            owner = owners.get(call.id)
            if owner is None:
                if call.is_outbound:
                    self.strangers[call.id] = call
                continue
            fits[call.id] = match_of(owner, call, clock.band, skew)
            self.shown.add(owner.attempt_id)
            if fits[call.id] is CallMatch.SAME:
                self.standing.add(owner.attempt_id)
        return fits

    def disowned(self, known: KnownCall, call: Call) -> None:
        """A call proved to be another one than its attempt's."""
        self.shown.discard(known.attempt_id)
        if call.is_outbound:
            self.strangers[call.id] = call

    def missing(self, known: Iterable[KnownCall]) -> list[KnownCall]:
        """Known calls that should be shown by now, and are not."""
        settled = self.read_at - SETTLING_SECONDS
        return [call for call in known if call.began_at <= settled and call.attempt_id not in self.shown]

    def view(self, began_at: float, given_up_at: float, known: Sequence[KnownCall]) -> View:
        """What it shows about an attempt whose call is not in it.

        Args:
            began_at: When the attempt began.
            given_up_at: When its request was given up.
            known: The account's known calls from some before it on, oldest first.
        """
        first = bisect_left(known, began_at, key=lambda call: call.began_at)
        window = known[max(0, first - EARLIER) :]
        stands = [call for call in window if call.attempt_id in self.standing]
        later = (call.attempt_id for call in reversed(stands) if call.began_at >= given_up_at)
        settled = self.read_at - SETTLING_SECONDS
        lacks = [call for call in window if call.attempt_id not in self.standing]
        # A list that is only behind lacks the newest calls, and no call that is older than one it shows.
        newest = max(settled, stands[-1].began_at) if stands else settled
        # Nor is it cut before the attempt: it shows an earlier call, or gives a total.
        reaches_back = self.has_total or any(call.began_at < began_at for call in stands)
        self._created.sort()
        return View(
            read_at=self.read_at,
            is_whole=bool(stands)
            and reaches_back
            and not self.is_cut
            and all(call.began_at > newest for call in lacks),
            contradicts=any(call.listed_at is not None and call.began_at <= settled for call in lacks),
            may_become_whole=any(call.may_be_asked_for(self.read_at) for call in lacks),
            canary_id=next(later, None),
            rows=None if lacks else len(self._created) - bisect_left(self._created, began_at),
        )


def learn_clock(clock: RowClock, known: KnownCall, call: Call) -> None:
    """Learn how far the list's clock is ahead, from a call that is surely the attempt's but for its time."""
    if call.created_at is not None and match_of(known, call, (-float("inf"),) * 2, 0.0) is CallMatch.SAME:
        clock.learn(known.attempt_id, call.created_at.timestamp() - known.began_at, is_live=not call.is_over)
