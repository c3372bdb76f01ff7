"""How long a plan takes and what it may cost, in figures and in words."""

from datetime import UTC, datetime, timedelta

from flireo_flows.calling.plan import Estimate
from flireo_flows.calling.simulation import Forecast, estimate
from flireo_flows.policy import CallingPolicy, Tariff

START = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)


def every_minute(count: int, first: timedelta = timedelta(0), seconds: int = 60) -> Forecast:
    """Calls at a steady distance."""
    return Forecast(tuple(START + first + timedelta(seconds=seconds * n) for n in range(count)))


def of(policy: CallingPolicy, slow: Forecast, quick: Forecast | None = None) -> Estimate:
    """An estimate for leads that were never called."""
    return estimate(slow, quick or slow, [0] * len(slow.verdicts), policy, START)


def test_the_cost_lies_between_no_one_answering_and_everyone_talking_at_every_attempt() -> None:
    tariff = Tariff(per_minute=0.20, per_call=0.05, currency="USD")
    policy = CallingPolicy(tariff=tariff, max_attempts=3, assumed_call_seconds=84)  # billed as two minutes
    found = of(policy, every_minute(10))
    assert (found.calls, found.most_calls) == (10, 30)
    assert round(found.least_cost, 2) == 0.50
    assert round(found.most_cost, 2) == 30 * (0.05 + 2 * 0.20)
    assert found.most_minutes == 30 * 84 / 60
    assert "Cost: 0.50 USD (no one answers, no one is called twice) to 13.50 USD" in " ".join(found.in_words)
    assert "Up to 20 further calls" in " ".join(found.in_words)


def test_attempts_that_are_used_up_are_not_counted_again() -> None:
    found = estimate(every_minute(2), every_minute(2), [0, 2], CallingPolicy(max_attempts=3), START)
    assert found.most_calls == 3 + 1
    suppress_after_call = CallingPolicy(max_attempts=3, retry_outcomes=[])
    assert estimate(every_minute(2), every_minute(2), [0, 2], suppress_after_call, START).most_calls == 2


def test_without_a_tariff_it_shows_that_the_cost_is_not_known() -> None:
    found = of(CallingPolicy(), every_minute(3))
    assert found.currency == ""
    assert "No tariff is set" in found.in_words[-1]
    assert "Cost" not in " ".join(found.in_words[:-1])


def test_the_time_is_a_range_where_calls_wait_for_each_other() -> None:
    found = of(CallingPolicy(), every_minute(31, seconds=60), every_minute(31, seconds=6))
    assert "within 3 minutes (no one answers) to 30 minutes (everyone talks)" in found.in_words[0]
    assert "31 first calls, the first one at Mon 2027-03-01 10:00 UTC" in found.in_words[0]


def test_what_one_run_does_not_reach_needs_a_later_one() -> None:
    two_days = Forecast((*every_minute(3).verdicts, *every_minute(2, timedelta(days=1)).verdicts))
    found = of(CallingPolicy(), two_days)
    assert found.in_one_run == 3
    assert "makes 3 of them and ends; 2 need a later run" in found.in_words[1]
    tomorrow = of(CallingPolicy(), every_minute(2, timedelta(days=1)))
    assert "A run started now calls no one and ends" in tomorrow.in_words[1]


def test_no_one_to_call_is_one_sentence() -> None:
    assert of(CallingPolicy(), Forecast(())).in_words == ("No one would be called.",)
