"""Which parts of the call list are read: every open call lies in one, and little else does."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.calling.call_list import MOST_WINDOWS, NEAR_SECONDS, Window, windows_of
from flireo_flows.calling.snapshot import EARLY_SECONDS, LATE_SECONDS

NOW = 1_800_000_000.0
DAY = 86_400.0
moments = st.lists(st.floats(NOW - 30 * DAY, NOW), max_size=40)


@given(moments, moments)
def test_every_open_call_lies_in_a_window_however_early_or_late_it_was_created(
    placed: list[float], unknown: list[float]
) -> None:
    windows = windows_of(placed, unknown, NOW)
    for began in placed:
        for created in (began - EARLY_SECONDS, began, min(began + LATE_SECONDS, NOW)):
            assert any(window.holds(created) for window in windows)


@given(moments, moments, st.floats(0, 1))
def test_an_attempt_of_which_no_one_knows_is_looked_for_from_its_beginning_to_the_end_of_the_list(
    placed: list[float], unknown: list[float], share: float
) -> None:
    windows = windows_of(placed, unknown, NOW)
    for began in unknown:
        since = began - EARLY_SECONDS
        created = since + share * (NOW - since)
        assert any(window.holds(created) and window.end is None for window in windows)


@given(moments, moments)
def test_windows_are_few_and_in_order_and_lie_apart(placed: list[float], unknown: list[float]) -> None:
    windows = windows_of(placed, unknown, NOW)
    assert len(windows) <= MOST_WINDOWS
    assert bool(windows) == bool(placed or unknown)
    for one, other in pairwise(windows):
        assert one.end is not None
        assert other.start > one.end + NEAR_SECONDS


@given(moments)
def test_no_window_begins_or_ends_where_no_call_is(placed: list[float]) -> None:
    for window in windows_of(placed, [], NOW):
        assert window.start in [began - EARLY_SECONDS for began in placed]
        if window.end is None:
            assert max(placed) + LATE_SECONDS >= NOW
        else:
            assert window.end in [began + LATE_SECONDS for began in placed]


def test_an_old_open_call_beside_new_ones_does_not_have_everything_between_them_read() -> None:
    old, new = NOW - 5 * 3600, NOW - 60
    assert windows_of([old, new], [], NOW) == (
        Window(old - EARLY_SECONDS, old + LATE_SECONDS),
        Window(new - EARLY_SECONDS, None),
    )


def test_calls_that_were_placed_one_after_the_other_are_one_window() -> None:
    began = [NOW - 7200 + 5 * n for n in range(1000)]
    assert windows_of(began, [], NOW) == (Window(began[0] - EARLY_SECONDS, began[-1] + LATE_SECONDS),)


def test_the_widest_gaps_are_left_out() -> None:
    began = [NOW - n * 10 * DAY / 1000 - (5 * DAY if n >= 500 else 0) for n in range(1, 1001)]
    windows = windows_of(began, [], NOW)
    assert len(windows) <= MOST_WINDOWS
    assert not any(window.holds(NOW - 7 * DAY) for window in windows)


def test_nothing_open_is_nothing_to_read() -> None:
    assert windows_of([], [], NOW) == ()
