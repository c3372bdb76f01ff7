"""What a campaign came to, in counts. No names, no numbers of people, no presentation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from flireo_flows.ledger import LeadResult

# A transferred call was answered by a person first.
REACHED: Final = frozenset({"answered", "transferred"})
NO_OUTCOME_YET: Final = "no outcome yet"
NO_REASON: Final = "no reason given"


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of leads, except where another unit is named.

    Attributes:
        rows: Rows in the file: leads and rejects.
        leads: People to call.
        called: Called at least once.
        reached: A person answered the last call, also when it was transferred then.
        reached_analysed: Of those, with an analysis.
        ended: With a call that is over.
        ended_analysed: Of those, with an analysis.
        talk_seconds: Length of each call in which a person answered, in seconds.
        outcomes: Outcome of the last call of the leads that were called.
    """

    rows: int
    leads: int
    called: int
    reached: int
    reached_analysed: int
    ended: int
    ended_analysed: int
    talk_seconds: Sequence[int]
    outcomes: Mapping[str, int]

    @property
    def median_talk_minutes(self) -> float | None:
        """None when no one was reached."""
        return median(self.talk_seconds) / 60 if self.talk_seconds else None

    @property
    def total_talk_minutes(self) -> float:
        """Minutes of all calls in which a person answered."""
        return sum(self.talk_seconds) / 60


def count(results: Sequence[LeadResult], rejects: int) -> Figures:
    """Count the results of a campaign whose file also had `rejects` rows that are no leads."""
    called = [result for result in results if result.attempts > 0]
    reached = [result for result in called if result.outcome in REACHED]
    ended = [result for result in results if is_over(result)]
    return Figures(
        rows=len(results) + rejects,
        leads=len(results),
        called=len(called),
        reached=len(reached),
        reached_analysed=sum(bool(result.analysis) for result in reached),
        ended=len(ended),
        ended_analysed=sum(bool(result.analysis) for result in ended),
        talk_seconds=[r.duration_seconds for r in reached if r.duration_seconds is not None],
        outcomes=dict(Counter(str(r.outcome) or NO_OUTCOME_YET for r in called).most_common()),
    )


def is_over(result: LeadResult) -> bool:
    """Whether the last call of a lead has ended. Without a call id no call came about."""
    return bool(result.call_id) and (result.ended_at is not None or bool(result.outcome))


def reasons(results: Iterable[LeadResult], state: str) -> Counter[str]:
    """How many leads are in a state, by the reason given."""
    return Counter(str(result.reason) or NO_REASON for result in results if result.state == state)
