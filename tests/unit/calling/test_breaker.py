"""When too many of the last calls failed: counted without a clock or a ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.calling.circuit_breaker import MOST_SHOWN, failures_shown, trips
from flireo_flows.ledger.campaigns import CallEnding
from flireo_flows.policy import Breaker
from tests.support.calling.campaign import ANNA, BEN


def calls(failed: int, fine: int) -> list[CallEnding]:
    """So many of each."""
    return [CallEnding(ANNA, True, "503")] * failed + [CallEnding(BEN, False)] * fine


@pytest.mark.parametrize(
    ("failed", "fine", "does"),
    [(5, 5, False), (6, 5, True), (5, 0, True), (4, 0, False), (3, 1, False), (0, 9, False)],
)
def test_it_trips_above_the_share_and_not_with_fewer_calls_than_it_takes(
    failed: int, fine: int, does: bool
) -> None:
    assert bool(trips(calls(failed, fine), Breaker(failure_share=0.5, fewest_calls=5))) is does


def test_a_share_of_one_trips_once_all_of_them_fail() -> None:
    breaker = Breaker(failure_share=1, fewest_calls=3)
    assert not trips(calls(9, 1), breaker)
    assert trips(calls(3, 0), breaker)


def test_switched_off_it_never_trips() -> None:
    assert not trips(calls(100, 0), Breaker(enabled=False))


def test_it_shows_how_many_failed_and_what_to_do() -> None:
    assert trips(calls(6, 2), Breaker(failure_share=0.5, window_seconds=120, fewest_calls=5)) == (
        "6 of the last 8 calls failed (75%, and the policy pauses above 50% within 120 seconds); "
        "look at the last failures, then resume the campaign"
    )


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 1), st.integers(1, 40))
def test_it_trips_exactly_where_the_share_is_reached(
    failed: int, fine: int, share: float, fewest: int
) -> None:
    total = failed + fine
    above = total >= fewest and failed > 0 and (failed / total > share or fine == 0)
    assert bool(trips(calls(failed, fine), Breaker(failure_share=share, fewest_calls=fewest))) is above


def test_the_last_failures_are_shown_newest_first_without_the_number() -> None:
    ended = [CallEnding(ANNA, True, f"reason {n}") for n in range(30)] + [CallEnding(BEN, False, "fine")]
    reported = failures_shown([*ended, CallEnding(BEN, True)])
    assert reported[:2] == ("+44********02: no reason was given", "+44********01: reason 29")
    assert len(reported) == MOST_SHOWN
