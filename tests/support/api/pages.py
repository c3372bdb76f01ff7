"""Lists of pages that change while they are read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flireo_flows.api.calls import list_calls
from flireo_flows.api.operation import Operation, Sends, endpoint_of
from flireo_flows.api.pagination import (
    Rows,
    walk,
)


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
