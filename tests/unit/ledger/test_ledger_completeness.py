"""How complete the results are: the right figures, whatever told what, and one notice each time they fall short."""

import pytest

from flireo_flows.ledger.completeness import (
    Completeness,
    Delay,
)
from flireo_flows.policy import CallingPolicy


def test_the_default_bound_is_nine_in_ten() -> None:
    assert CallingPolicy().min_completeness == 0.9


@pytest.mark.parametrize(
    ("delay", "said"),
    [
        (Delay(0.25, 9.94), "median 0.2 s, 95% within 9.9 s"),
        (Delay(10, 119.4), "median 10 s, 95% within 119 s"),
        (Delay(120, 7199), "median 2 min, 95% within 120 min"),
        (Delay(7200, 90_000), "median 2.0 h, 95% within 25.0 h"),
    ],
)
def test_a_delay_is_reported_in_the_unit_that_fits(delay: Delay, said: str) -> None:
    assert delay.in_words == said


def test_what_is_not_all_is_never_all() -> None:
    assert (
        Completeness(reports=99_999, reports_due=100_000).rows()["reports in"] == "99,999 of 100,000 (99.9%)"
    )
