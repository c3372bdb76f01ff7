"""The clock of the call list: how far `created_at` of a call lies from the moment at which we began it.

It need not be the clock of the `Date` header, nor ours. So it is learnt from calls whose attempts we know. One call
may mislead, for the answer to its request may have named an older one; so a clock needs two calls that agree, or
one that was seen while it went on.
"""

from dataclasses import dataclass, field
from typing import Final

AGREE_SECONDS: Final = 600.0  # calls may be created minutes after their requests
MOST_SAMPLES: Final = 500
LEAST_SHARE: Final = 1 / 3  # of all samples: fewer that agree are not the list's clock


@dataclass(slots=True)
class RowClock:
    """What is known of it. Seconds, above 0 where the list's clock is ahead of the ledger's."""

    _samples: dict[int, float] = field(default_factory=dict)
    _live: set[int] = field(default_factory=set)
    _band: tuple[float, float] | None = field(default=None, init=False)
    _is_current: bool = field(
        default=True, init=False
    )  # `_band`, which every call of a page is compared with

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
