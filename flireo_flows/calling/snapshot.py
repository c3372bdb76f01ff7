"""One reading of the call list, as far as it matters to attempts: who stands in it, and which calls are no one's."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flireo_flows.api.calls import Call
from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.fit import Fit, fit_of
from flireo_flows.ledger.known_calls import EARLIER, KnownCall
from flireo_flows.lifecycle.absence import View

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
        has_total: Whether it said how many calls it has.
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

    def add(self, page: Sequence[Call], owners: Mapping[str, KnownCall], calls: CallList) -> dict[str, Fit]:
        """Take in a page, and learn the list's clock from it.

        Args:
            page: Of the list.
            owners: The attempts of its calls, of whatever campaign, by call id.
            calls: The list.

        Returns:
            How well the calls that have an attempt fit it, by call id.
        """
        self._created += [call.created_at.timestamp() if call.created_at else float("inf") for call in page]
        for call in page:
            if call.id in owners:
                learn_clock(calls, owners[call.id], call)
        fits: dict[str, Fit] = {}
        for call in page:
            owner = owners.get(call.id)
            if owner is None:
                if call.is_outbound:
                    self.strangers[call.id] = call
                continue
            fits[call.id] = fit_of(owner, call, calls.clock.band, calls.least_skew)
            self.shown.add(owner.attempt_id)
            if fits[call.id] is Fit.SAME:
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
        # Nor is it cut before the attempt: it shows an earlier call, or says how many calls it has.
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


def learn_clock(calls: CallList, known: KnownCall, call: Call) -> None:
    """Learn how far the list's clock is ahead, from a call that is surely the attempt's but for its time."""
    if call.created_at is not None and fit_of(known, call, (-float("inf"),) * 2, 0.0) is Fit.SAME:
        calls.clock.learn(
            known.attempt_id, call.created_at.timestamp() - known.began_at, is_live=not call.is_over
        )
