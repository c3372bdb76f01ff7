"""Lists are read whole, each row once, while they change and from servers that page badly."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api.errors import UnreadableAnswer
from flireo_flows.api.pagination import (
    FAR,
    MOST_PAGES,
)
from tests.support.api.pages import Changing, ids, read


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
