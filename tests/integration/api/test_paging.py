"""Lists are read whole, each row once, while they change and from servers that page badly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.errors import InvalidInput, NotFound
from flireo_flows.api.pagination import (
    aiter_calls,
    iter_calls,
    iter_campaign_leads,
    iter_usage,
)
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.pages import Changing, ids, read
from tests.support.api.speaking import account
from tests.support.faulty.server import Act, Request, answer, run_faulty
from tests.support.sandbox.running import BEN, run_sandbox


@given(
    count=st.integers(0, 40),
    size=st.integers(2, 12),
    changes=st.lists(st.tuples(st.integers(0, 15), st.lists(st.integers(0, 60), max_size=15)), max_size=12),
    tells_total=st.booleans(),
    at_end=st.booleans(),
)
def test_a_row_that_stays_is_given_once_whatever_arrives_and_vanishes(
    count: int, size: int, changes: list[tuple[int, list[int]]], tells_total: bool, at_end: bool
) -> None:
    server = Changing(ids(count), size, list(changes), tells_total, at_end)
    reading = read(server)
    assert len(set(reading.ids)) == len(reading.ids)
    stayed = [row for row in ids(count) if row in server.rows]
    assert [row for row in reading.ids if row in set(stayed)] == stayed
    assert len(reading.offsets) < 500


# The same over real HTTP, for each list and both clients.


def sync_reader(iterate: Callable[..., Iterator[Any]]) -> Callable[..., list[Any]]:
    def read_all(url: str, *args: Any, **kwargs: Any) -> list[Any]:
        with FlireoClient(account(url)) as client:
            return list(iterate(client, *args, **kwargs))

    return read_all


def async_reader(iterate: Callable[..., AsyncIterator[Any]]) -> Callable[..., list[Any]]:
    def read_all(url: str, *args: Any, **kwargs: Any) -> list[Any]:
        async def gather() -> list[Any]:
            async with AsyncFlireoClient(account(url)) as client:
                return [row async for row in iterate(client, *args, **kwargs)]

        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(gather())

    return read_all


READERS = {
    "calls": ("calls", (), sync_reader(iter_calls)),
    "calls, async": ("calls", (), async_reader(aiter_calls)),
    "usage": ("usage", (), sync_reader(iter_usage)),
    "leads": ("leads", ("campaign-1",), sync_reader(iter_campaign_leads)),
}
EACH_LIST = pytest.mark.parametrize(("key", "args", "reader"), READERS.values(), ids=READERS.keys())


def paged(rows: Callable[[int], tuple[list[str], int | None]], key: str, clamp: int = 100) -> Any:
    """A server's script: it looks at `offset`, and gives at most so many rows."""

    def script(request: Request) -> Act:
        asked = {name: int(values[0]) for name, values in parse_qs(urlsplit(request.target).query).items()}
        found, total = rows(asked["offset"])
        body: dict[str, Any] = {key: [{"id": one} for one in found[: min(clamp, asked["limit"])]]}
        if total is not None:
            body["pagination"] = {"total": total, "limit": asked["limit"], "offset": asked["offset"]}
        return answer(200, body)

    return script


@EACH_LIST
@pytest.mark.parametrize("tells_total", [True, False])
def test_a_list_that_grows_and_shrinks_while_it_is_read_loses_and_repeats_nothing(
    key: str, args: tuple[str, ...], reader: Callable[..., list[Any]], tells_total: bool
) -> None:
    changes: list[tuple[int, list[int]]] = [(0, []), (3, []), (0, [0, 1, 2, 3, 5]), (1, [4]), (4, [])]
    server = Changing(ids(30), 5, changes, tells_total)
    with run_faulty(paged(server, key)) as faulty:
        read_ids = [row.id for row in reader(faulty.url, *args, page_size=5)]
    stayed = [row for row in ids(30) if row in server.rows]
    assert len(set(read_ids)) == len(read_ids)
    assert [row for row in read_ids if row in set(stayed)] == stayed


@EACH_LIST
def test_a_server_that_clamps_the_page_is_read_whole(
    key: str, args: tuple[str, ...], reader: Callable[..., list[Any]]
) -> None:
    with run_faulty(paged(Changing(ids(20), 1000), key, clamp=7)) as faulty:
        assert [row.id for row in reader(faulty.url, *args)] == ids(20)
    assert len(faulty.requests) == 4
    assert all("limit=1000" in request.target for request in faulty.requests)


@EACH_LIST
@pytest.mark.parametrize("total", [None, 12])
def test_a_server_that_gives_everything_every_time_is_read_once(
    key: str, args: tuple[str, ...], reader: Callable[..., list[Any]], total: int | None
) -> None:
    with run_faulty(paged(lambda offset: (ids(12), total), key)) as faulty:
        assert [row.id for row in reader(faulty.url, *args)] == ids(12)
    assert len(faulty.requests) <= 3


@EACH_LIST
def test_a_refused_page_is_raised_to_the_reader(
    key: str, args: tuple[str, ...], reader: Callable[..., list[Any]]
) -> None:
    with run_faulty(answer(404)) as faulty, pytest.raises(NotFound):
        reader(faulty.url, *args)


@EACH_LIST
@pytest.mark.parametrize("size", [0, 1, 1001])
def test_a_page_that_no_server_gives_is_not_asked_for(
    key: str, args: tuple[str, ...], reader: Callable[..., list[Any]], size: int
) -> None:
    with run_faulty(answer(500)) as faulty, pytest.raises(InvalidInput, match="from 2 to 1000"):
        reader(faulty.url, *args, page_size=size)
    assert faulty.requests == []


def test_what_is_asked_of_the_calls_is_asked_on_every_page() -> None:
    with run_faulty(paged(Changing(ids(5), 1000), "calls")) as faulty:
        # `paged` reads numbers only, so the filter is one.
        reader = sync_reader(iter_calls)
        assert [row.id for row in reader(faulty.url, status="1", page_size=3)] == ids(5)
    assert len(faulty.requests) == 2
    assert all("status=1" in request.target for request in faulty.requests)


def test_the_calls_of_a_sandbox_are_read_over_its_pages() -> None:
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000)) as sandbox:
        placed = [sandbox.place(BEN).json()["call_id"] for _ in range(7)]
        for reader in (sync_reader(iter_calls), async_reader(aiter_calls)):
            assert [call.id for call in reader(sandbox.base_url, page_size=3)] == placed[::-1]
