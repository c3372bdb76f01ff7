"""How fast requests may go, told to a server that counts them, in simulated time."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flireo_flows.api.rate_limit import (
    FEELERS,
    FEWEST_TO_FEEL,
    MANY,
    WINDOWS_TO_FEEL,
    RateLimit,
    number,
    retry_after,
)
from tests.support.api.limited_server import START, LimitedServer, Simulation, constant, simulate

ROUNDINGS = pytest.mark.parametrize("rounded", [math.ceil, math.floor], ids=["rounded up", "rounded down"])


def mean(use: list[int]) -> float:
    return sum(use) / len(use)


@ROUNDINGS
@pytest.mark.parametrize("skew", [-3.0, -1.3, 0.0, 0.7, 3.0])
@pytest.mark.parametrize(("limit", "seconds"), [(100, 60), (1000, 60), (100, 10), (20, 10), (20, 5), (1, 5)])
def test_everything_that_is_allowed_is_sent_and_nothing_more(
    limit: int, seconds: float, skew: float, rounded: Callable[[float], int]
) -> None:
    server = LimitedServer(limit, seconds, phase=0.37 * seconds, rounded=rounded, skew=skew)
    use = simulate(server, windows=5, clients=[RateLimit()])
    assert server.refused == []
    assert mean(use) >= 0.97 * limit


@settings(max_examples=150, deadline=None)
@given(
    per_second=st.floats(0.2, 8),
    seconds=st.integers(5, 60),
    phase=st.floats(0, 1),
    skew=st.floats(-3, 3),
    latency=st.floats(0.005, 0.3),
    unrest=st.floats(0, 0.9),
    rounded=st.sampled_from([math.ceil, math.floor]),
    seed=st.integers(0, 1000),
)
def test_no_clock_network_or_rounding_makes_a_client_go_too_fast_or_stall(
    per_second: float,
    seconds: int,
    phase: float,
    skew: float,
    latency: float,
    unrest: float,
    rounded: Callable[[float], int],
    seed: int,
) -> None:
    limit, chance = max(1, int(per_second * seconds)), random.Random(seed)
    server = LimitedServer(limit, seconds, phase * seconds, rounded, skew)
    use = simulate(server, 9, [RateLimit()], lambda: latency * (1 + unrest * chance.uniform(-1, 1)))
    assert server.refused == []
    # Only where the length of a window is being found out may requests that were kept back for it come too late.
    short = [taken for taken in use if taken < min(0.97 * limit, limit - 1)]
    assert len(short) <= WINDOWS_TO_FEEL
    assert min(use) >= min(0.97 * limit, limit - 2 * FEELERS)


@settings(max_examples=80, deadline=None)
@given(
    per_second=st.floats(0.2, 8),
    seconds=st.integers(5, 60),
    skew=st.floats(-3, 3),
    latency=st.floats(0.005, 0.3),
    rounded=st.sampled_from([math.ceil, math.floor]),
)
@example(per_second=100 / 60, seconds=60, skew=0.0, latency=0.05, rounded=math.ceil)
@example(per_second=100 / 60, seconds=13, skew=-0.63, latency=0.3, rounded=math.ceil)
@example(per_second=5.6, seconds=5, skew=0.5, latency=0.3, rounded=math.ceil)
@example(per_second=1.0945, seconds=21, skew=1.0, latency=0.3, rounded=math.ceil)
def test_a_window_that_begins_with_a_request_is_filled_and_the_next_begun_within_three_seconds(
    per_second: float, seconds: int, skew: float, latency: float, rounded: Callable[[float], int]
) -> None:
    limit = max(1, int(per_second * seconds))
    server = LimitedServer(limit, seconds, None, rounded, skew)
    use = simulate(server, 9, [RateLimit()], constant(latency))
    assert server.refused == []
    # While the length is being found out, what is kept back for it may come too late to be let in ...
    kept_back = FEELERS if limit >= max(FEWEST_TO_FEEL, seconds) else 0
    assert mean(use) >= min(0.97 * limit, limit - 1 - kept_back)
    # ... and then never again.
    assert min(use[1 + WINDOWS_TO_FEEL :]) >= min(0.97 * limit, limit - 1)
    begun = [window.ends - seconds for window in server.windows]
    pauses = [start - window.ends for window, start in zip(server.windows, begun[1:], strict=False)]
    # A second each: the end is told in whole seconds, so is the Date, and we wait for one to be safe.
    assert max(pauses[1:]) <= 3 + 2 * latency


@ROUNDINGS
@pytest.mark.parametrize("skew", [-3.0, 0.0, 0.7])
@pytest.mark.parametrize("begins", [0.0, 0.4, 0.9])
@pytest.mark.parametrize(
    ("limit", "seconds", "early", "later"),
    [(100, 60, 0.97, 0.98), (100, 10, 0.96, 0.98), (60, 10, 0.95, 0.97), (20, 5, 0.88, 0.95)],
)
def test_where_windows_begin_with_a_request_their_length_is_found_and_no_time_lost(
    limit: int,
    seconds: float,
    early: float,
    later: float,
    begins: float,
    skew: float,
    rounded: Callable[[float], int],
) -> None:
    server = LimitedServer(limit, seconds, None, rounded, skew)
    simulation = Simulation(server, constant(0.05))
    simulation.at(begins, lambda: simulation.client(RateLimit()))
    simulation.run(8 * seconds)
    assert server.refused == []
    assert server.rate(0, 4) >= early
    assert server.rate(1, 5) >= later


@ROUNDINGS
@pytest.mark.parametrize("phase", [None, 3.0])
def test_a_length_that_changes_is_found_out_without_harm(
    phase: float | None, rounded: Callable[[float], int]
) -> None:
    server = LimitedServer(100, 10.0, phase, rounded)
    simulation = Simulation(server)
    simulation.client(RateLimit())
    simulation.at(48, lambda: setattr(server, "seconds", 15.0))
    simulation.at(123, lambda: setattr(server, "seconds", 8.0))
    simulation.run(200)
    assert len(server.refused) <= 2
    assert min(server.use(until=simulation.now)) >= 90


def test_requests_are_spread_over_the_window() -> None:
    server = LimitedServer(60, 60.0, phase=0.0)
    simulation, pacing = Simulation(server), RateLimit()
    simulation.client(pacing)
    simulation.run(70)  # the first window ends 40 seconds after the start
    assert len(server.windows) == 2
    assert 25 <= server.windows[-1].taken <= 35


@ROUNDINGS
def test_a_limit_that_changes_is_followed(rounded: Callable[[float], int]) -> None:
    server = LimitedServer(100, 10.0, phase=0.0, rounded=rounded)
    simulation = Simulation(server)
    simulation.client(RateLimit())

    def change(limit: int) -> Callable[[], None]:
        return lambda: setattr(server, "limit", limit)

    simulation.at(23, change(40))  # 30 of the 100 are used by then
    simulation.at(45, change(200))
    simulation.run(70)
    assert server.refused == []
    _, before, halved, _, raised, _ = server.use(until=simulation.now)
    assert (before, halved, raised) == (40, 40, 200)


def test_a_limit_that_sinks_below_what_was_sent_costs_one_refusal_and_is_then_kept() -> None:
    server = LimitedServer(100, 10.0, phase=0.0)
    simulation = Simulation(server)
    simulation.client(RateLimit())
    simulation.at(28, lambda: setattr(server, "limit", 20))
    simulation.run(60)
    assert len(server.refused) <= 1
    assert min(server.use(until=simulation.now)[-3:]) >= 19  # one is kept back to find the window's end


@pytest.mark.parametrize("skew", [-3.0, 3.0])
def test_without_a_date_header_a_clock_that_is_off_costs_a_refusal_a_window_at_most(skew: float) -> None:
    server = LimitedServer(100, 60, phase=22.2, skew=skew, dates=False)
    use = simulate(server, 5, [RateLimit()])
    assert len(server.refused) <= len(server.windows)
    assert mean(use) >= 0.95 * 100


def test_no_headers_no_limit() -> None:
    pacing = RateLimit()
    assert (pacing.wait(START), pacing.ready(START, 1.0)) == (0.0, 1)  # one goes ahead and asks
    pacing.sent(START)
    assert pacing.wait(START) > 0
    pacing.received({"date": "Thu, 09 Oct 2025 08:53:20 GMT"}, 200, START, START + 0.1)
    for _ in range(500):
        assert (pacing.wait(START + 1), pacing.ready(START + 1, 1.0)) == (0.0, MANY)
        pacing.sent(START + 1)
    assert pacing.others.sent == 0  # nothing is remembered of each request


def test_the_first_request_goes_alone_but_not_forever() -> None:
    pacing = RateLimit()
    pacing.sent(START)
    assert 0 < pacing.wait(START + 4.9) < 0.1
    assert pacing.wait(START + 5.1) == 0  # the answer may never come
    pacing.lost(left=True)
    assert pacing.wait(START + 5.2) == 0


def reports(remaining: int, *, seconds: float = 30, limit: int = 30) -> dict[str, str]:
    """Headers of an answer that came at the start, of a window with so many seconds left."""
    figures = {"limit": limit, "remaining": remaining, "reset": START + seconds}
    return {f"x-ratelimit-{name}": str(int(figure)) for name, figure in figures.items()}


def informed(remaining: int, **others: int) -> RateLimit:
    """What received one answer, at the start."""
    pacing = RateLimit()
    pacing.sent(START)
    pacing.received(reports(remaining, **others), 200, START, START)
    return pacing


def test_a_used_up_window_is_waited_for_until_it_has_surely_ended() -> None:
    pacing = informed(remaining=0)
    assert pacing.wait(START + 10) == 21
    assert pacing.ready(START + 10, horizon=20) == 0
    assert pacing.wait(START + 31) == 0


def test_an_answer_that_was_overtaken_changes_nothing() -> None:
    pacing = informed(remaining=10)
    for late in (reports(remaining=50), reports(remaining=99, seconds=-30)):
        pacing.sent(START)
        pacing.received(late, 200, START, START + 1)
    assert (pacing.remaining, pacing.resets_at) == (10, START + 30)


def test_room_that_is_only_feared_to_be_taken_is_looked_for_again_soon() -> None:
    pacing = informed(remaining=1)
    pacing.sent(START)
    assert 0 < pacing.wait(START + 10) <= 0.1
    pacing.received(reports(remaining=1), 200, START, START + 11)  # the server had counted it before
    assert pacing.wait(START + 29) == 0


def test_a_request_that_was_lost_on_the_way_may_have_been_counted() -> None:
    pacing = informed(remaining=1)
    pacing.sent(START)
    pacing.lost(left=True)
    assert pacing.wait(START + 10) == 21  # until the next window


def test_a_request_that_never_left_was_not_counted() -> None:
    pacing = informed(remaining=1)
    pacing.sent(START)
    pacing.lost(left=False)
    assert pacing.wait(START + 29) == 0


def test_an_answer_without_the_headers_may_have_been_counted() -> None:
    pacing = informed(remaining=1)
    pacing.sent(START)
    pacing.received({}, 502, START, START + 1)  # a gateway's
    assert pacing.wait(START + 10) == 21


def test_how_many_may_go_soon_is_what_the_spacing_allows() -> None:
    pacing = informed(remaining=29)
    assert pacing.ready(START, horizon=10) in (10, 11)  # about one a second, the first at once
    assert pacing.ready(START, horizon=1000) == 29
    assert informed(remaining=29, seconds=1).ready(START, horizon=0) == 29  # the end is near: all at once


def test_a_request_that_is_kept_back_to_find_the_edge_is_offered_when_it_is_due() -> None:
    server = LimitedServer(100, 10.0, None)
    simulation, pacing = Simulation(server), RateLimit()
    simulation.client(pacing)
    simulation.run(9.2)
    waits = pacing.wait(simulation.now)
    assert 0 < waits < 1
    assert pacing.ready(simulation.now, horizon=waits / 2) == 0
    assert pacing.ready(simulation.now, horizon=waits) == 1


def test_a_429_stops_everything_for_as_long_as_its_header_asks() -> None:
    pacing = informed(remaining=50)
    pacing.sent(START)
    pacing.received({**reports(remaining=0), "retry-after": "12"}, 429, START, START)
    assert pacing.wait(START) == 12
    other = informed(remaining=50)
    other.sent(START)
    other.received(reports(remaining=0), 429, START, START)
    assert other.wait(START) == 31  # it says nothing: until the window has ended


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("100", 100.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        (None, None),
        ("", None),
        ("many", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_a_header_is_a_figure_or_nothing(text: str | None, figure: float | None) -> None:
    assert number(text) == figure


@given(st.text())
def test_whatever_a_server_writes_waiting_stays_finite_and_forward(text: str) -> None:
    wait = retry_after({"retry-after": text})
    assert wait is None or 0 <= wait <= 86_400


HEADER = st.one_of(st.text(), st.integers().map(str), st.floats().map(str), st.datetimes().map(str))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from(
                    ["date", "retry-after", *(f"x-ratelimit-{n}" for n in ("limit", "remaining", "reset"))]
                ),
                HEADER,
            ),
            st.sampled_from([200, 429, 502]),
        )
    )
)
def test_no_headers_make_it_raise_or_wait_for_more_than_some_days(
    answers: list[tuple[dict[str, str], int]],
) -> None:
    pacing, now = RateLimit(), START
    for headers, status in answers:
        assert 0 <= pacing.wait(now) < 3 * 86_400
        assert pacing.ready(now, 1.0) >= 0
        pacing.sent(now)
        pacing.received(headers, status, now, now)
        now += 1
