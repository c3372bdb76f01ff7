"""Whole lists, row by row, of what the API gives in pages: calls, usage, a campaign's leads.

A list changes while it is read: rows arrive at its front (calls are listed newest first), and rows vanish
from it (a call leaves the filter `status="in-progress"`), so that an offset does not mean the same twice. And
servers clamp the page, leave out the total or ignore the offset (contract sections 4 and 17.2).

`walk` is the reading without the I/O, as `exchange` is for one request: it yields what to ask, and is sent
the page. Every row that is there from the first request to the last answer is given once, in the list's order.
"""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from flireo_flows.api.calls import LARGEST_PAGE, Call, list_calls
from flireo_flows.api.campaigns import CampaignLead, list_campaign_leads
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.errors import InvalidInput, UnreadableAnswer
from flireo_flows.api.model import Page
from flireo_flows.api.operation import Operation
from flireo_flows.api.usage import UsageLog, list_usage

SMALLEST_PAGE: Final = 2  # rows; pages overlap by one
MOST_PAGES: Final = 10_000  # a list that does not end by then never will
FAR: Final = 1_000_000  # rows; no list grows by so many while it is read


class Identified(Protocol):
    """A row that can be known again."""

    @property
    def id(self) -> str:
        """Opaque."""


Row = TypeVar("Row", bound=Identified)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Rows(Page, Generic[Row]):
    """A page. `total` is None when the server does not report it."""

    rows: tuple[Row, ...]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Step(Generic[Row]):
    """Give these rows to whoever reads the list, then have `asks` answered; None: the list is at its end."""

    rows: tuple[Row, ...]
    asks: Operation[Rows[Row]] | None


PageRequest = Callable[[int], Operation[Rows[Row]]]  # the request for the page at an offset


def walk(ask: PageRequest[Row]) -> Generator[Step[Row], Rows[Row], None]:
    """Read a list to its end: yields steps, is sent the page that each asks for.

    Pages overlap by a row. A page without any row that is known may lie beyond a gap, because rows vanished
    before it; so it is not taken, and the reading steps back until it meets a known row or the list's start.

    Args:
        ask: Makes the request for the page at an offset.

    Raises:
        UnreadableAnswer: The list does not end.
    """
    seen: set[str] = set()
    fresh: tuple[Row, ...] = ()
    offset, widest, back = 0, SMALLEST_PAGE, 0
    overlaps = heeds_offset = False
    for _ in range(MOST_PAGES):
        page = yield Step(fresh, ask(offset))
        given = len({row.id for row in page.rows})  # a row that stands twice in a page is one
        widest = max(widest, given)
        if overlaps and offset and not any(row.id in seen for row in page.rows):
            back = max(widest - 1, 2 * back)
            fresh, offset = (), max(0, offset - back)
            continue
        fresh, back = _unseen(page.rows, seen), 0
        end = offset + (given if given > 1 else len(page.rows))
        # A total that is less than what was given is not believed.
        if not page.rows or page.total == end:
            break
        if not fresh and not heeds_offset and (given > 1 or not overlaps):
            # Nothing new: rows arrived in front, or the server always gives the same page. Where no row can
            # be, a server that looks at the offset gives none.
            beyond = yield Step((), ask(end + FAR))
            if beyond.rows:
                break
            heeds_offset = True
        overlaps = given > 1  # a page of one row that overlaps would be the same row for ever
        offset = end - overlaps
    else:
        asked = ask(offset)
        raise UnreadableAnswer(asked.name, asked.route, text="the list does not end")
    yield Step(fresh, None)


def _unseen(rows: tuple[Row, ...], seen: set[str]) -> tuple[Row, ...]:
    """The rows that are new, which are then known."""
    fresh = {row.id: row for row in rows if row.id not in seen}
    seen.update(fresh)
    return tuple(fresh.values())


def iter_calls(
    client: FlireoClient,
    status: str = "",
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    page_size: int = LARGEST_PAGE,
) -> Iterator[Call]:
    """All calls, newest first, each once.

    A call is as it was when its page was read. Those that are placed while reading may be there or not.

    Args:
        client: Sends a request a page.
        status: Only calls with this status; empty for all.
        start_date: Only calls created at or after this time.
        end_date: Only calls created at or before this time.
        page_size: Calls a request, 2 to 1000.

    Raises:
        FlireoError: As `list_calls`, at any page.

    Source: contract sections 4 and 9.1.
    """
    return _drive(client, call_pages(status, start_date, end_date, page_size))


def aiter_calls(
    client: AsyncFlireoClient,
    status: str = "",
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    page_size: int = LARGEST_PAGE,
) -> AsyncIterator[Call]:
    """As `iter_calls`, for async code."""
    return _adrive(client, call_pages(status, start_date, end_date, page_size))


def iter_usage(
    client: FlireoClient,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    page_size: int = LARGEST_PAGE,
) -> Iterator[UsageLog]:
    """All usage records, newest first, each once.

    Args:
        client: Sends a request a page.
        start_date: Only records made at or after this time.
        end_date: Only records made at or before this time.
        page_size: Records a request, 2 to 1000.

    Raises:
        FlireoError: As `list_usage`, at any page.

    Source: contract sections 4 and 11.
    """
    pages = _pages(
        lambda offset: list_usage(page_size, offset, start_date, end_date),
        lambda page: Rows(page.logs, page.total),
        page_size,
    )
    return _drive(client, pages)


def iter_campaign_leads(
    client: FlireoClient, campaign_id: str, page_size: int = LARGEST_PAGE
) -> Iterator[CampaignLead]:
    """All leads of a campaign, oldest first, each once; also from a server that gives all in one page.

    Args:
        client: Sends a request a page.
        campaign_id: Id of the campaign.
        page_size: Leads a request, 2 to 1000.

    Raises:
        FlireoError: As `list_campaign_leads`, at any page.

    Source: contract sections 4 and 17.2.
    """
    return _drive(client, lead_pages(campaign_id, page_size))


def _drive(client: FlireoClient, ask: PageRequest[Row]) -> Iterator[Row]:
    step = next(steps := walk(ask))
    while step.asks is not None:
        step = steps.send(client.send(step.asks))
        yield from step.rows


async def _adrive(client: AsyncFlireoClient, ask: PageRequest[Row]) -> AsyncIterator[Row]:
    step = next(steps := walk(ask))
    while step.asks is not None:
        step = steps.send(await client.send(step.asks))
        for row in step.rows:
            yield row


def call_pages(
    status: str, start_date: datetime | None, end_date: datetime | None, size: int
) -> PageRequest[Call]:
    """The requests for the pages of the calls, for `walk`; arguments as those of `iter_calls`."""
    return _pages(
        lambda offset: list_calls(size, offset, status, start_date, end_date),
        lambda page: Rows(page.calls, page.total),
        size,
    )


def lead_pages(campaign_id: str, size: int = LARGEST_PAGE) -> PageRequest[CampaignLead]:
    """The requests for the pages of a campaign's leads, for `walk`."""
    return _pages(
        lambda offset: list_campaign_leads(campaign_id, size, offset),
        lambda page: Rows(page.leads, page.total),
        size,
    )


def _pages(
    ask: Callable[[int], Operation[Answer]], rows: Callable[[Answer], Rows[Row]], size: int
) -> PageRequest[Row]:
    """The requests, their answers read as rows. What is wrong with them is raised before the first row."""

    def page(offset: int) -> Operation[Rows[Row]]:
        asked = ask(offset)
        return Operation(asked.endpoint, lambda answer: rows(asked.reads(answer)), asked.sends)

    first = page(0)
    if not SMALLEST_PAGE <= size <= LARGEST_PAGE:
        text = f"page_size: write a number from {SMALLEST_PAGE} to {LARGEST_PAGE}"
        raise InvalidInput(first.name, first.route, text=text, param="page_size")
    return page
