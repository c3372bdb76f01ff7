"""How long a plan takes and what it may cost: a range, and what lies at its ends, in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flireo_flows.calling.run_loop import PATIENCE_SECONDS
from flireo_flows.calling.simulation import Foreseen
from flireo_flows.policy import CallingPolicy


@dataclass(frozen=True, slots=True)
class Estimate:
    """A range. The API tells no prices, so the money is the tariff's.

    Attributes:
        calls: First calls: one for each lead that is planned.
        most_calls: With every further attempt that the policy allows.
        begins_at: When the first call begins, aware; None when there is none.
        ends_at: When the last first call begins if everybody talks for the assumed time.
        soonest_end: When it does if nobody answers.
        in_one_run: First calls that a run started now makes before it ends; the others need a later run.
        call_seconds: How long a call is taken to last when somebody talks.
        most_minutes: Of talk, when everybody talks at every attempt.
        least_cost: When nobody answers and nobody is rung twice.
        most_cost: When everybody talks at every attempt.
        currency: ISO 4217; empty without a tariff.
    """

    calls: int
    most_calls: int
    begins_at: datetime | None
    ends_at: datetime | None
    soonest_end: datetime | None
    in_one_run: int
    call_seconds: int
    most_minutes: float
    least_cost: float
    most_cost: float
    currency: str

    @property
    def in_words(self) -> tuple[str, ...]:
        """Sentences, most important first."""
        if self.begins_at is None or self.ends_at is None or self.soonest_end is None:
            return ("Nobody would be rung.",)
        return (*self._time(self.begins_at, self.soonest_end, self.ends_at), self._attempts, self._money)

    def _time(self, begins: datetime, soonest: datetime, latest: datetime) -> tuple[str, ...]:
        quick, slow = _length(soonest - begins), _length(latest - begins)
        within = (
            f"within {slow}"
            if quick == slow
            else f"within {quick} (nobody answers) to {slow} (everybody talks)"
        )
        first = (
            f"{_count(self.calls, 'first call')}, the first one at {_moment(begins)}, all of them {within}."
        )
        if self.in_one_run == self.calls:
            return (first,)
        later = self.calls - self.in_one_run
        if not self.in_one_run:
            return (
                first,
                "A run started now rings nobody and ends: run the same command later, or on a schedule.",
            )
        return (
            first,
            f"A run started now makes {self.in_one_run} of them and ends; {later} need a later run of the same "
            "command, or a schedule.",
        )

    @property
    def _attempts(self) -> str:
        more = self.most_calls - self.calls
        if not more:
            return "Nobody is rung a second time."
        return f"Up to {_count(more, 'further call')} for who is not reached, as the policy allows."

    @property
    def _money(self) -> str:
        if not self.currency:
            return "No tariff is set (the policy's `tariff`), so the cost is not estimated."
        return (
            f"Cost: {self.least_cost:,.2f} {self.currency} (nobody answers, nobody is rung twice) to "
            f"{self.most_cost:,.2f} {self.currency} (everybody talks for {self.call_seconds} seconds, rounded up to "
            "whole minutes, at every attempt). An estimate by your tariff; the API tells no prices."
        )


def estimate(
    slow: Foreseen, quick: Foreseen, attempts_used: Sequence[int], policy: CallingPolicy, start: datetime
) -> Estimate:
    """Estimate a plan.

    Args:
        slow: What was foreseen with everybody talking for the assumed time.
        quick: What was foreseen with nobody answering.
        attempts_used: Of each lead that is planned to be rung.
        policy: The rules, the tariff and the assumed length of a call among them.
        start: When the campaign is run, aware.
    """
    moments, soonest = sorted(slow.moments), sorted(quick.moments)
    calls = len(attempts_used)
    rung_again = bool(policy.retry_outcomes or policy.retry_delays)
    most_calls = sum(max(1, policy.max_attempts - used) if rung_again else 1 for used in attempts_used)
    tariff, seconds = policy.tariff, policy.assumed_call_seconds
    has_tariff = bool(tariff.per_minute or tariff.per_call)
    # The vendor's own sample bills 84 seconds as 2 minutes (contract section 11).
    dearest = tariff.per_call + tariff.per_minute * math.ceil(seconds / 60)
    return Estimate(
        calls=calls,
        most_calls=most_calls,
        begins_at=moments[0] if moments else None,
        ends_at=moments[-1] if moments else None,
        soonest_end=soonest[-1] if soonest else None,
        in_one_run=_in_one_run(moments, start),
        call_seconds=seconds,
        most_minutes=most_calls * seconds / 60,
        least_cost=calls * tariff.per_call if has_tariff else 0.0,
        most_cost=most_calls * dearest if has_tariff else 0.0,
        currency=tariff.currency if has_tariff else "",
    )


def _in_one_run(moments: Sequence[datetime], start: datetime) -> int:
    """How many calls are made before a run ends because nobody may be rung for some minutes."""
    last = start
    for number, moment in enumerate(moments):
        if moment > last + timedelta(seconds=PATIENCE_SECONDS):
            return number
        last = moment
    return len(moments)


def _length(time: timedelta) -> str:
    minutes = math.ceil(time.total_seconds() / 60)
    if minutes < 120:
        return _count(max(1, minutes), "minute")
    hours = math.ceil(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{math.ceil(hours / 24)} days"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _moment(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M} UTC"
