"""When each lead would be called first: the campaign on a clock that does not wait.

Leads that share the same calling hours share a queue, so a closed day is asked about once for all of them, and
time jumps from one call to the next. No lead is called in it that `decide` does not allow at that moment.
"""

import math
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.calling.plan import Estimate
from flireo_flows.calling.run_loop import PATIENCE_SECONDS
from flireo_flows.policy import (
    Allow,
    CallingPolicy,
    Deny,
    History,
    PolicyLead,
    Rule,
    Totals,
    alike,
    campaign_denial,
    decide,
)

HORIZON: Final = timedelta(days=366)  # further ahead nothing is foreseen
# Of the requests a minute, what reading the call list takes while calls are placed; see `rhythm`.
POLL_SHARE: Final = 0.02
# The same for every lead on the same clock, so that none behind the first has to be asked.
OF_THE_CLOCK: Final = frozenset({Rule.OUTSIDE_HOURS, Rule.HOLIDAY})
NEW: Final = History()
A_LITTLE: Final = timedelta(minutes=1)  # until asking again of a rule that named no later moment


@dataclass(frozen=True, slots=True)
class Prospect:
    """A lead, and what happened to it before. What the history holds of the campaign is left out of account."""

    lead: PolicyLead
    history: History = field(default_factory=History)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast calls can follow each other.

    Attributes:
        requests_per_minute: Of the API key (the headers `X-RateLimit-Limit`; contract section 3).
        call_seconds: How long each call is taken to last.
    """

    requests_per_minute: float = 100.0
    call_seconds: float = 180.0

    def spacing(self, policy: CallingPolicy) -> timedelta:
        """Time between the beginnings of two calls."""
        dials = self.requests_per_minute * (1 - POLL_SHARE)
        if policy.calls_per_minute:
            dials = min(dials, policy.calls_per_minute)
        return timedelta(minutes=1 / dials)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast.

    Attributes:
        verdicts: For each prospect, in order: when it would be called first (aware, UTC); why never; or None
            when that would be after the horizon.
        asked: How often `decide` was asked.
        waited: Whether a call had to wait for another one to end.
    """

    verdicts: tuple[datetime | Deny | None, ...]
    asked: int = 0
    waited: bool = False

    @property
    def moments(self) -> list[datetime]:
        """Of all calls, in no order."""
        return [verdict for verdict in self.verdicts if isinstance(verdict, datetime)]


def forecast(
    prospects: Sequence[Prospect], start: datetime, policy: CallingPolicy, pace: Pace, campaign: History
) -> Forecast:
    """Foresee the first call of each lead.

    Args:
        prospects: In the order in which they are called when several are due.
        start: When the campaign is run, aware, UTC. It is taken to be run again whenever a lead is due.
        policy: The rules.
        pace: How fast.
        campaign: What happened in the campaign so far; nothing of it about a single lead counts.
    """
    return _Simulation(prospects, start, policy, pace, campaign).run()


@dataclass(slots=True)
class _Group:
    """Leads about which `decide` must say the same: alike in all that it looks at."""

    at: datetime  # none of them may be called earlier
    waiting: deque[int] = field(default_factory=deque)


@dataclass(slots=True)
class _Clock:
    """Groups whose calling hours are the same. Who is due comes in the order of the file, as in a run."""

    opens_at: datetime
    _due: list[tuple[int, _Group]] = field(default_factory=list)  # a heap: due once it opens, by place
    _later: list[tuple[datetime, int, _Group]] = field(default_factory=list)  # a heap

    @property
    def is_empty(self) -> bool:
        """Whether no lead is left."""
        return not self._due and not self._later

    @property
    def next(self) -> tuple[datetime, int]:
        """When its next lead may be asked about, and that lead's place."""
        if self._due:
            return self.opens_at, self._due[0][0]
        at, place, _ = self._later[0]
        return at, place

    def take(self) -> _Group:
        """The group whose turn it is."""
        return heappop(self._due)[-1] if self._due else heappop(self._later)[-1]

    def put(self, group: _Group) -> None:
        """Have a group wait for its turn; one that is empty is gone."""
        if not group.waiting:
            return
        if group.at <= self.opens_at:
            heappush(self._due, (group.waiting[0], group))
        else:
            heappush(self._later, (group.at, group.waiting[0], group))

    def close(self, until: datetime) -> None:
        """No lead on this clock may be called before it opens."""
        self.opens_at = until
        while self._later and self._later[0][0] <= until:
            _, place, group = heappop(self._later)
            heappush(self._due, (place, group))


class _Simulation:
    def __init__(
        self,
        prospects: Sequence[Prospect],
        start: datetime,
        policy: CallingPolicy,
        pace: Pace,
        campaign: History,
    ) -> None:
        self._policy, self._start = policy, start
        self._are_ringing = [prospect.history.has_open_call for prospect in prospects]
        # As they are once the calls to them are over that may go on now.
        self._prospects = [
            replace(it, history=replace(it.history, has_open_call=False)) if it.history.has_open_call else it
            for it in prospects
        ]
        self._spacing, self._length = pace.spacing(policy), timedelta(seconds=pace.call_seconds)
        self._free_at = start
        self._totals = _CampaignTotals(policy, campaign, start, self._length)
        self._verdicts: list[datetime | Deny | None] = [None] * len(prospects)
        self._asked = 0
        self._clocks = self._queue_up()

    def run(self) -> Forecast:
        """Call until no lead is left, or none may be called any more."""
        while self._clocks:
            at, _, clock = heappop(self._clocks)
            moment = max(at, self._free_at)
            if moment > self._start + HORIZON:
                break
            held = self._totals.held(moment)
            if held is None:
                self._ask(clock, moment)
            elif held.until is None:
                self._give_up(clock, held)
            else:
                self._free_at = max(moment, held.until)
            if not clock.is_empty:
                heappush(self._clocks, (*clock.next, clock))
        return Forecast(tuple(self._verdicts), self._asked, self._totals.waited)

    def _ask(self, clock: _Clock, moment: datetime) -> None:
        group = clock.take()
        prospect = self._prospects[group.waiting[0]]
        self._asked += 1
        verdict = decide(prospect.lead, moment, self._policy, prospect.history)
        if isinstance(verdict, Allow):
            self._verdicts[group.waiting.popleft()] = moment
            self._free_at = moment + self._spacing
            self._totals.call_began(moment)
        elif verdict.until is None:
            self._refuse(group, verdict)
        else:
            group.at = verdict.until if verdict.until > moment else moment + A_LITTLE
            if verdict.reason in OF_THE_CLOCK:
                clock.close(self._opens(prospect, moment, group.at))
        clock.put(group)

    def _opens(self, prospect: Prospect, moment: datetime, until: datetime) -> datetime:
        """When the clock of a lead opens, for any lead; `until` is when that lead may be called."""
        if prospect.history == NEW and prospect.lead.dial_before is None:
            return until
        # What happened to the lead may hold it back for longer than its clock does.
        self._asked += 1
        any_lead = decide(replace(prospect.lead, dial_before=None), moment, self._policy, NEW)
        if isinstance(any_lead, Deny) and any_lead.reason in OF_THE_CLOCK and any_lead.until:
            return max(moment, any_lead.until)
        return moment

    def _give_up(self, clock: _Clock, held: Deny) -> None:
        """A cap that no time lifts holds back every lead on this clock."""
        while not clock.is_empty:
            self._refuse(clock.take(), held)

    def _refuse(self, group: _Group, denial: Deny) -> None:
        for place in group.waiting:
            self._verdicts[place] = denial
        group.waiting.clear()

    def _queue_up(self) -> list[tuple[datetime, int, _Clock]]:
        groups: dict[Hashable, tuple[Hashable, _Group]] = {}
        for place, prospect in enumerate(self._prospects):
            lead = prospect.lead
            hours = alike(lead, self._policy)
            has_open_call = self._are_ringing[place]
            same = (hours, lead.consent, lead.dial_before, prospect.history, has_open_call)
            # A call that goes on now is taken to last as long as any other.
            at = self._start + self._length if has_open_call else self._start
            _, group = groups.setdefault(same, (hours, _Group(at)))
            group.waiting.append(place)
        clocks: dict[Hashable, _Clock] = {}
        for shared, group in groups.values():
            clock = clocks.setdefault(shared, _Clock(self._start))
            clock.put(group)
        queue: list[tuple[datetime, int, _Clock]] = []
        for clock in clocks.values():
            heappush(queue, (*clock.next, clock))
        return queue


class _CampaignTotals:
    """The campaign's totals as they grow, and what they hold back."""

    def __init__(self, policy: CallingPolicy, campaign: History, start: datetime, length: timedelta) -> None:
        self._policy, self._length = policy, length
        self._zone = ZoneInfo(policy.day_zone)
        self._today = start.astimezone(self._zone).date()
        self._totals = (campaign.run, campaign.day, campaign.campaign)
        # Calls that go on now are taken to last as long as any other.
        self._ends: deque[datetime] = deque([start + length] * campaign.live)
        self.waited = False

    def held(self, moment: datetime) -> Deny | None:
        """What holds every lead back at a moment; its `until` is after it, or None for good."""
        while self._ends and self._ends[0] <= moment:
            self._ends.popleft()
            self._count(lambda totals: _ended(totals, self._length))
        today = moment.astimezone(self._zone).date()
        if today != self._today:
            self._today, self._totals = today, (self._totals[0], Totals(), self._totals[2])
        run, day, campaign = self._totals
        history = History(live=len(self._ends), run=run, day=day, campaign=campaign)
        denial = campaign_denial(moment, self._policy, history)
        if denial is None or denial.until is None or denial.until > moment:
            return denial
        # It waits for a call to end.
        self.waited = True
        return replace(denial, until=self._ends[0] if self._ends else moment + A_LITTLE)

    def call_began(self, moment: datetime) -> None:
        """A call begins."""
        self._ends.append(moment + self._length)
        self._count(_begun)

    def _count(self, change: Callable[[Totals], Totals]) -> None:
        run, day, campaign = self._totals
        self._totals = (change(run), change(day), change(campaign))


def _begun(totals: Totals) -> Totals:
    return replace(totals, calls=totals.calls + 1, open_calls=totals.open_calls + 1)


def _ended(totals: Totals, length: timedelta) -> Totals:
    seconds = length.total_seconds()
    return Totals(
        totals.calls,
        totals.seconds + seconds,
        max(0, totals.open_calls - 1),
        totals.minutes + math.ceil(seconds / 60),
    )


def estimate(
    slow: Forecast, quick: Forecast, attempts_used: Sequence[int], policy: CallingPolicy, start: datetime
) -> Estimate:
    """Estimate a plan.

    Args:
        slow: The forecast with every call answered for the assumed time.
        quick: The forecast with none answered.
        attempts_used: Of each lead that is planned to be called.
        policy: The rules, the tariff and the assumed length of a call among them.
        start: When the campaign is run, aware.
    """
    moments, soonest = sorted(slow.moments), sorted(quick.moments)
    calls = len(attempts_used)
    called_again = bool(policy.retry_outcomes or policy.retry_delays)
    most_calls = sum(max(1, policy.max_attempts - used) if called_again else 1 for used in attempts_used)
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
    """How many calls are made before a run ends because no lead may be called for some minutes."""
    last = start
    for number, moment in enumerate(moments):
        if moment > last + timedelta(seconds=PATIENCE_SECONDS):
            return number
        last = moment
    return len(moments)
