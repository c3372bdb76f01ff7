"""Lists are read whole, each row once, while they change and from servers that page badly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api.calls import list_calls
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.errors import InvalidInput, NotFound, UnreadableAnswer
from flireo_flows.api.operation import Operation, Sends, endpoint_of
from flireo_flows.api.pagination import (
    FAR,
    MOST_PAGES,
    Rows,
    aiter_calls,
    aiter_campaign_leads,
    aiter_usage,
    iter_calls,
    iter_campaign_leads,
    iter_usage,
    walk,
)
from flireo_flows.sandbox import SandboxSettings
from tests.support.api.speaking import account
from tests.support.faulty.server import Act, Request, answer, run_faulty
from tests.support.sandbox.running import BEN, run_sandbox


@dataclass(frozen=True)
class Row:
    id: str


def ask(offset: int) -> Operation[Rows[Row]]:
    """The request for a page, of which only the offset counts here."""
    return Operation(endpoint_of(list_calls), lambda body: Rows(()), Sends(query={"offset": offset}))


@dataclass
class Reading:
    """What came of a walk."""

    ids: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)


def read(serve: Callable[[int], tuple[list[str], int | None]]) -> Reading:
    """Walk through what a server gives from an offset on: ids, and perhaps a total."""
    reading = Reading()
    step = next(steps := walk(ask))
    while step.asks is not None:
        offset = step.asks.sends.query["offset"]
        assert isinstance(offset, int)
        reading.offsets.append(offset)
        ids, total = serve(offset)
        step = steps.send(Rows(tuple(map(Row, ids)), total))
        reading.ids += [row.id for row in step.rows]
    return reading


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("total", [None, 7])
@pytest.mark.parametrize("size", [3, 5, 100])
def test_rows_that_stand_several_times_in_a_page_are_read_once_and_the_list_ends(
    times: int, total: int | None, size: int
) -> None:
    rows = [f"r{n}" for n in range(7)]
    reading = read(
        lambda offset: ([row for row in rows[offset : offset + size] for _ in range(times)], total)
    )
    assert reading.ids == rows
    assert len(reading.offsets) < 12


@dataclass
class Changing:
    """A list that is changed before each request is answered, newest first unless it says otherwise.

    Attributes:
        rows: Ids.
        size: Rows a page.
        changes: For each request: how many rows arrive, and which fall out, by their place.
        tells_total: Whether the server says how many there are.
        at_end: Rows arrive at the end, as leads do.
    """

    rows: list[str]
    size: int
    changes: list[tuple[int, list[int]]] = field(default_factory=list)
    tells_total: bool = True
    at_end: bool = False
    arrived: int = 0

    def __call__(self, offset: int) -> tuple[list[str], int | None]:
        if self.changes:
            arrivals, leavers = self.changes.pop(0)
            gone = {place % len(self.rows) for place in leavers} if self.rows else set()
            self.rows = [row for place, row in enumerate(self.rows) if place not in gone]
            for _ in range(arrivals):
                self.arrived += 1
                self.rows.insert(len(self.rows) if self.at_end else 0, f"new-{self.arrived}")
        return self.rows[offset : offset + self.size], len(self.rows) if self.tells_total else None


def ids(count: int) -> list[str]:
    return [f"row-{number}" for number in range(count)]


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


@given(count=st.integers(0, 30), size=st.integers(1, 9), tells_total=st.booleans())
def test_a_list_at_rest_is_read_in_its_order_with_hardly_a_request_more_than_pages(
    count: int, size: int, tells_total: bool
) -> None:
    reading = read(Changing(ids(count), size, tells_total=tells_total))
    assert reading.ids == ids(count)
    pages = count // max(1, size - 1) + 1
    assert len(reading.offsets) <= pages + 2


@settings(max_examples=30, deadline=None)  # some of them take ten thousand pages
@given(
    pages=st.lists(
        st.tuples(st.lists(st.sampled_from(ids(6)), max_size=4), st.none() | st.integers(-5, 50)),
        min_size=1,
        max_size=8,
    ),
)
def test_a_server_that_answers_anything_is_not_read_for_ever(pages: list[tuple[list[str], Any]]) -> None:
    asked = 0

    def serve(offset: int) -> tuple[list[str], int | None]:
        nonlocal asked
        asked += 1
        return pages[asked % len(pages)]

    try:
        given_ids = read(serve).ids
    except UnreadableAnswer:
        given_ids = []
    assert len(set(given_ids)) == len(given_ids)
    assert asked <= MOST_PAGES + 1


def test_a_list_without_an_end_is_an_error_and_not_a_loop() -> None:
    with pytest.raises(UnreadableAnswer, match="the list does not end"):
        read(lambda offset: ([f"row-{offset}", f"row-{offset + 1}"], None))


def test_a_server_that_ignores_the_offset_is_asked_three_times_at_most() -> None:
    reading = read(lambda offset: (ids(5), None))
    assert reading.ids == ids(5)
    assert reading.offsets == [0, 4, 9 + FAR]
    assert read(lambda offset: (ids(5), 5)).offsets == [0]
    assert read(lambda offset: (ids(1), None)).ids == ids(1)


def test_a_page_that_is_the_same_because_rows_arrived_is_no_end() -> None:
    server = Changing(ids(6), 3, [(0, []), (2, []), (2, [])], tells_total=False)
    assert [row for row in read(server).ids if row.startswith("row")] == ids(6)


def test_a_total_that_is_less_than_what_came_is_not_believed() -> None:
    assert read(lambda offset: (ids(9)[offset : offset + 3], 1)).ids == ids(9)


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
    "usage, async": ("logs", (), async_reader(aiter_usage)),
    "leads": ("leads", ("campaign-1",), sync_reader(iter_campaign_leads)),
    "leads, async": ("leads", ("campaign-1",), async_reader(aiter_campaign_leads)),
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
def test_a_refused_page_is_the_readers_to_hear(
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
        placed = [sandbox.ring(BEN).json()["call_id"] for _ in range(7)]
        for reader in (sync_reader(iter_calls), async_reader(aiter_calls)):
            assert [call.id for call in reader(sandbox.base_url, page_size=3)] == placed[::-1]
