"""When each lead would be called first: against the rules themselves, and against a slow and plain reference."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush

from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.calling.simulation import HORIZON, Pace, Prospect, forecast
from flireo_flows.lifecycle.outcomes import Outcome
from flireo_flows.policy import (
    Allow,
    CallingHours,
    CallingPolicy,
    Caps,
    Deny,
    History,
    PolicyLead,
    Rule,
    Totals,
    decide,
)

MONDAY = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
OPEN = History()
ZONES = st.sampled_from(
    [("Europe/Amsterdam",), ("America/New_York", "America/Los_Angeles"), ("Asia/Tokyo",), ()]
)
MOMENTS = st.one_of(
    st.none(), st.integers(-2000, 4000).map(lambda hours: MONDAY + timedelta(hours=hours / 20))
)


def lead(number: int = 0, zones: tuple[str, ...] = ("Europe/Amsterdam",), **fields: object) -> PolicyLead:
    """A person with a number that is kept for fiction."""
    return PolicyLead(f"+447700900{number % 1000:03d}", zones, **fields)  # type: ignore[arg-type]


@st.composite
def prospects(draw: st.DrawFn) -> list[Prospect]:
    """Some people; some were called before."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        tried = draw(st.integers(0, 2))
        ended = MONDAY - timedelta(minutes=draw(st.integers(0, 300)))
        history = History(
            attempts=tried,
            last_outcome=Outcome.NO_ANSWER if tried else None,
            last_ended_at=ended if tried else None,
            called_at=(ended,) * tried,
            number_called_at=(ended,) * tried,
            do_not_call="person" if draw(st.integers(0, 9)) == 0 else "",
        )
        found.append(Prospect(lead(number, draw(ZONES), dial_before=draw(MOMENTS)), history))
    return found


POLICIES = st.builds(
    CallingPolicy,
    calling_hours=st.sampled_from([None, CallingHours(), CallingHours(start="10:30", end="11:10")]),
    max_attempts=st.integers(1, 3),
    calls_per_minute=st.sampled_from([0, 0.05, 3]),
    other_hour_minutes=st.sampled_from([0, 120]),
    max_concurrent_calls=st.just(1000),
)


@settings(max_examples=80)
@given(prospects(), POLICIES)
def test_it_foresees_what_asking_everyone_one_by_one_would(
    people: list[Prospect], policy: CallingPolicy
) -> None:
    pace = Pace()
    foreseen = forecast(people, MONDAY, policy, pace, OPEN)
    assert [_plain(verdict) for verdict in foreseen.verdicts] == [
        _plain(verdict) for verdict in _reference(people, policy, pace.spacing(policy))
    ]
    for person, verdict in zip(people, foreseen.verdicts, strict=True):
        if isinstance(verdict, datetime):
            assert isinstance(decide(person.lead, verdict, policy, person.history), Allow)


def _reference(
    people: Sequence[Prospect], policy: CallingPolicy, spacing: timedelta
) -> list[datetime | Deny | None]:
    """As a run does it: whoever was put off earliest is asked first, and everyone is asked."""
    waiting = [(MONDAY, place) for place in range(len(people))]
    heapify(waiting)
    verdicts: list[datetime | Deny | None] = [None] * len(people)
    free_at = MONDAY
    while waiting:
        at, place = heappop(waiting)
        moment = max(at, free_at)
        if moment > MONDAY + HORIZON:
            break
        verdict = decide(people[place].lead, moment, policy, people[place].history)
        if isinstance(verdict, Allow):
            verdicts[place], free_at = moment, moment + spacing
        elif verdict.until is None:
            verdicts[place] = verdict
        else:
            heappush(waiting, (verdict.until, place))
    return verdicts


def _plain(verdict: datetime | Deny | None) -> object:
    # Why never: who is asked once it opens may hear that it is too late, who was asked before that it is closed.
    return "never" if isinstance(verdict, Deny) else verdict


def test_calls_keep_the_distance_of_the_rate_and_of_the_policy() -> None:
    people = [Prospect(lead(n)) for n in range(50)]
    by_api = forecast(people, MONDAY, CallingPolicy(max_concurrent_calls=1000), Pace(100), OPEN).moments
    assert len(by_api) == 50
    assert by_api[-1] - by_api[0] == 49 * timedelta(minutes=1 / 98)  # two in a hundred requests read the list
    slow = CallingPolicy(max_concurrent_calls=1000, calls_per_minute=10)
    by_policy = forecast(people, MONDAY, slow, Pace(100), OPEN).moments
    assert by_policy[-1] - by_policy[0] == 49 * timedelta(seconds=6)


def test_never_more_calls_at_once_than_allowed_those_that_go_on_now_included() -> None:
    people = [Prospect(lead(n)) for n in range(20)]
    policy = CallingPolicy(max_concurrent_calls=3)
    foreseen = forecast(people, MONDAY, policy, Pace(100, call_seconds=60), History(live=2))
    assert foreseen.waited
    moments = sorted([MONDAY, MONDAY, *foreseen.moments])
    assert all(
        later - earlier >= timedelta(seconds=60) for earlier, later in zip(moments, moments[3:], strict=False)
    )
    assert moments[-1] < MONDAY + timedelta(minutes=8)


def test_a_cap_on_a_day_moves_calls_to_the_next_and_one_on_the_campaign_ends_them() -> None:
    people = [Prospect(lead(n)) for n in range(7)]
    policy = CallingPolicy(
        caps_per_day=Caps(calls=3), caps_per_campaign=Caps(calls=6), day_zone="Europe/Amsterdam"
    )
    used = Totals(calls=1)
    foreseen = forecast(people, MONDAY, policy, Pace(), History(day=used, campaign=used))
    days = [verdict.date().isoformat() for verdict in foreseen.verdicts if isinstance(verdict, datetime)]
    assert days == ["2027-03-01"] * 2 + ["2027-03-02"] * 3
    refused = [verdict.reason for verdict in foreseen.verdicts if isinstance(verdict, Deny)]
    assert refused == [Rule.CALL_CAP] * 2


def test_whose_turn_is_more_than_a_year_ahead_is_left_open() -> None:
    people = [Prospect(lead(n)) for n in range(400)]
    policy = CallingPolicy(calling_hours=None, caps_per_day=Caps(calls=1))
    foreseen = forecast(people, MONDAY, policy, Pace(), OPEN)
    assert len(foreseen.moments) == 367
    assert set(foreseen.verdicts[367:]) == {None}


def test_no_one_is_asked_again_and_again_while_others_are_called_for_days() -> None:
    policy = CallingPolicy(calls_per_minute=2, max_attempts=3, max_concurrent_calls=1000)
    asked = {}
    for count in (1_000, 8_000):
        # Half of them have a past of their own, so that each must be asked about alone.
        people = [
            Prospect(
                lead(n),
                History(
                    attempts=1, last_outcome=Outcome.BUSY, last_ended_at=MONDAY - timedelta(days=1, seconds=n)
                )
                if n % 2
                else OPEN,
            )
            for n in range(count)
        ]
        foreseen = forecast(people, MONDAY, policy, Pace(), OPEN)
        assert len(foreseen.moments) == count
        asked[count] = foreseen.asked / count
    assert asked[8_000] <= 1.05 * asked[1_000] <= 1.2


def test_whoever_is_on_the_phone_is_foreseen_once_that_call_is_over() -> None:
    people = [Prospect(lead(number), History(has_open_call=number < 2)) for number in range(3)]
    pace = Pace(call_seconds=300)
    foreseen = forecast(people, MONDAY, CallingPolicy(calling_hours=None), pace, OPEN)
    first, second, third = foreseen.verdicts
    assert third == MONDAY
    assert first == MONDAY + timedelta(seconds=300)
    assert isinstance(second, datetime) and second > MONDAY + timedelta(seconds=300)
    assert foreseen.asked == len(people)
