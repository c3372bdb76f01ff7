"""Flireo at the end of a bad line: it keeps a list of calls, and answers requests that call as its fields say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flireo_flows.api.fields import iso
from tests.support.faulty.server import Act, Request, answer, run_faulty

Json = dict[str, Any]


@dataclass
class BadLine:
    """A server that listens.

    Attributes:
        url: Base URL of the API.
        acts: What is done with each request that calls, in turn; the last stays. None: as it should be.
        calls: Whether such a request places a call, whatever is answered.
        posts: The numbers that those requests were to call.
        calls: What the list of calls shows, newest first.
        lists: What is done with one who asks for the list, instead of showing it.
        page: Calls a page at most, whatever is asked for.
        tells_total: Whether a page says how many calls there are.
        counts: How many it says; None: as many as there are.
        reads: How often the list was asked for.
        breaks_off: After so many readings the list cannot be read; None: it always can.
        shows: What is done with one who asks for a call by its id, instead of showing it.
        poison: Ids of calls that cannot be shown.
        deaf_to: Parameters of the list that it does not heed.
        arrives: Called after each page that was given.
        limit: Requests a minute that it says it allows; None: it says nothing. It refuses no one.
        given: Calls that were listed so far.
        ahead: Seconds that its clock is ahead of ours, which it sends; None: it sends no time.
    """

    url: str = ""
    acts: list[Act | None] = field(default_factory=list)
    rings: bool = True
    posts: list[str] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    lists: Act | None = None
    page: int = 1000
    tells_total: bool = True
    counts: int | None = None
    reads: int = 0
    breaks_off: int | None = None
    ahead: float | None = None
    shows: Act | None = None
    poison: set[str] = field(default_factory=set)
    deaf_to: set[str] = field(default_factory=set)
    arrives: Callable[[], object] | None = None
    given: int = 0
    limit: int | None = None

    def __call__(self, request: Request) -> Act:
        """What to do with a request."""
        target = urlsplit(request.target)
        if target.path.endswith("/calls/outbound"):
            return self._ring(request.json())
        if not target.path.endswith("/calls"):
            return self._show(unquote(target.path.rpartition("/")[2]))
        self.reads += 1
        if self.breaks_off is not None and self.reads > self.breaks_off:
            return answer(400)
        return self.lists or self._list(parse_qs(target.query))

    def place(self, phone: str, **fields: Any) -> Json:
        """A call that the list shows."""
        call = {
            "id": f"call-{len(self.calls)}-{phone.removeprefix('+')}",
            "status": "in-progress",
            "direction": "outbound",
            "caller_phone": phone,
            "created_at": iso(self._now()),
            **fields,
        }
        self.calls.insert(0, call)
        return call

    def end_all(self, **fields: Any) -> None:
        """Every call is over: no one answered."""
        over = {"status": "failed", "error": "no answer", "ended_at": iso(datetime.now(UTC)), **fields}
        for call in self.calls:
            call.update(over)

    def _ring(self, body: Json) -> Act:
        self.posts.append(body["destination"])
        placed = self.place(body["destination"]) if self.rings else {"id": "call-of-no-one"}
        turn = min(len(self.posts), len(self.acts)) - 1
        as_it_should_be = answer(200, {"success": True, "call_id": placed["id"], "status": "dialing"})
        return (self.acts[turn] if self.acts else None) or as_it_should_be

    def _show(self, call_id: str) -> Act:
        call = next((call for call in self.calls if call["id"] == call_id), None)
        if call_id in self.poison:
            return answer(400)
        return self.shows or (answer(200, call) if call else answer(404))

    def _list(self, query: dict[str, list[str]]) -> Act:
        heeded = {name: value for name, value in query.items() if name not in self.deaf_to}
        offset, limit = int(heeded.get("offset", ["0"])[0]), min(self.page, int(query["limit"][0]))
        since, until = heeded.get("start_date", [""])[0], heeded.get("end_date", ["~"])[0]
        calls = [call for call in self.calls if since <= call["created_at"] <= until]
        page: Json = {"calls": calls[offset : offset + limit]}
        self.given += len(page["calls"])
        if self.tells_total:
            total = len(calls) if self.counts is None else self.counts
            page["pagination"] = {"total": total, "limit": limit, "offset": offset}
        if self.arrives is not None:
            self.arrives()
        headers = {} if self.ahead is None else {"Date": format_datetime(self._now(), usegmt=True)}
        if self.limit is not None:
            resets_at = f"{datetime.now(UTC).timestamp() + 30:.0f}"
            reported = {"Limit": f"{self.limit}", "Remaining": f"{self.limit - 1}", "Reset": resets_at}
            headers |= {f"X-RateLimit-{name}": value for name, value in reported.items()}
        return answer(200, page, headers)

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead or 0.0)


@contextmanager
def bad_line(*acts: Act | None, **fields: Any) -> Iterator[BadLine]:
    """A bad line in threads of this process."""
    line = BadLine(acts=list(acts), **fields)
    with run_faulty(line) as server:
        line.url = f"{server.url}/api/v1"
        yield line
