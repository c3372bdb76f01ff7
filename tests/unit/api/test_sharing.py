"""Clients that share one key and hear nothing of each other but what the headers say, in simulated time."""

import math
import random
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flireo_flows.api.rate_limit import RateLimit
from tests.support.api.limited_server import LimitedServer, Simulation

ROUNDINGS = pytest.mark.parametrize("rounded", [math.ceil, math.floor], ids=["rounded up", "rounded down"])
BY_THE_CLOCK = 0.37  # of a window, between the whole minute and the edge


def jitter(seed: int, least: float = 0.02, most: float = 0.08) -> Callable[[], float]:
    chance = random.Random(seed)
    return lambda: chance.uniform(least, most)


def refused_later(server: LimitedServer) -> int:
    """How often after the first window, which all may begin at its very end, not knowing of each other yet."""
    return sum(at > server.windows[0].ends for at in server.refused)


@ROUNDINGS
@pytest.mark.parametrize("begins", ["by the clock", "with a request"])
@pytest.mark.parametrize("joins", [0.0, 0.4], ids=["together", "later"])
@pytest.mark.parametrize("seconds", [30.0, 60.0])
@pytest.mark.parametrize("clients", [2, 3])
def test_runners_that_share_a_key_use_it_up_and_none_is_refused(
    clients: int, seconds: float, joins: float, begins: str, rounded: Callable[[float], int]
) -> None:
    phase = BY_THE_CLOCK * seconds if begins == "by the clock" else None
    server = LimitedServer(100, seconds, phase, rounded, skew=1.3)
    simulation, pacings = Simulation(server, jitter(clients)), [RateLimit() for _ in range(clients)]
    for number, pacing in enumerate(pacings):
        simulation.at(number * joins * seconds, partial(simulation.client, pacing))
    simulation.run(12 * seconds)
    assert refused_later(server) == 0
    assert server.rate(1, len(server.windows) - 1) >= 0.97


@settings(max_examples=40, deadline=None)
@given(
    clients=st.integers(2, 4),
    limit=st.integers(60, 300),
    seconds=st.integers(30, 60),
    by_the_clock=st.booleans(),
    skew=st.floats(-3, 3),
    latency=st.floats(0.01, 0.15),
    rounded=st.sampled_from([math.ceil, math.floor]),
    seed=st.integers(0, 1000),
)
# They begin a second before a window's end, so that each sees the others hurry.
@example(
    clients=4,
    limit=120,
    seconds=49,
    by_the_clock=True,
    skew=-1.4852,
    latency=0.01,
    rounded=math.ceil,
    seed=48,
)
def test_whatever_clocks_and_networks_hardly_any_request_of_any_runner_is_refused(
    clients: int,
    limit: int,
    seconds: int,
    by_the_clock: bool,
    skew: float,
    latency: float,
    rounded: Callable[[float], int],
    seed: int,
) -> None:
    phase = BY_THE_CLOCK * seconds if by_the_clock else None
    server = LimitedServer(limit, seconds, phase, rounded, skew)
    simulation = Simulation(server, jitter(seed, latency / 2, latency * 1.5))
    for number in range(clients):
        simulation.at(0.1 * number, lambda: simulation.client(RateLimit()))
    simulation.run(5 * seconds)
    assert refused_later(server) <= 1
    assert server.rate(1, len(server.windows) - 1) >= 0.9


@pytest.mark.parametrize("phase", [22.2, None])
def test_whoever_comes_later_gets_a_fair_share_and_what_is_left_by_one_that_leaves_is_used(
    phase: float | None,
) -> None:
    server = LimitedServer(100, 60.0, phase)
    simulation, stays, leaves = Simulation(server, jitter(1)), RateLimit(), RateLimit()
    shares: list[float] = []
    simulation.client(stays)
    simulation.at(130, lambda: simulation.client(leaves, seconds=8 * 60))
    simulation.at(590, lambda: shares.append(stays.others.share(needed=100 / 60)))
    simulation.run(20 * 60)
    assert server.refused == []
    assert 0.4 <= shares[0] <= 0.6
    assert not stays.others.are_there
    assert server.rate(1, len(server.windows) - 1) >= 0.97


@pytest.mark.parametrize("phase", [22.2, None])
@pytest.mark.parametrize("clients", [1, 2])
def test_beside_someone_who_follows_no_plan_the_rest_is_used_and_seldom_too_much(
    clients: int, phase: float | None
) -> None:
    server, chance = LimitedServer(100, 60.0, phase), random.Random(1)
    simulation = Simulation(server, jitter(1))
    simulation.stranger(lambda: chance.expovariate(0.5))
    for _ in range(clients):
        simulation.client(RateLimit())
    simulation.run(12 * 60)
    assert simulation.refused <= len(server.windows) / 2
    assert server.rate(1, len(server.windows) - 1) >= 0.94


@ROUNDINGS
@pytest.mark.parametrize("clients", [1, 2, 3])
def test_a_limit_that_changes_is_followed_by_all(clients: int, rounded: Callable[[float], int]) -> None:
    server = LimitedServer(100, 30.0, phase=0.0, rounded=rounded)
    simulation = Simulation(server, jitter(clients))
    for _ in range(clients):
        simulation.client(RateLimit())

    def change(limit: int) -> Callable[[], None]:
        return lambda: setattr(server, "limit", limit)

    simulation.at(160, change(60))  # 20 s into a window no more than 60 are used
    simulation.at(220, change(150))
    simulation.run(400)
    *_, before, sinking, low, rising, high, _, _, _, _ = server.use(until=simulation.now)
    assert server.refused == []
    assert [before, sinking, low] == pytest.approx([100, 60, 60], abs=3)
    assert rising == pytest.approx(150, abs=3)
    assert high == pytest.approx(150, abs=4)
