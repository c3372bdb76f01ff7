"""Flireo at the end of a bad line, a little different from the contract's letter: `with faulty_flireo(...) as flireo`.

It places calls that last a moment, and lists them. Each fault is a switch with a name; without any it is sound.
"""

import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from flireo_flows.api.fields import iso
from tests.support.faulty.server import Act, Request, answer, lost, run_faulty

Json = dict[str, Any]
TALK_SECONDS: Final = 0.5
STRANGER: Final = "+12025550199"  # someone that others call
ALL: Final = 1_000_000


@dataclass(frozen=True)
class Faults:
    """What is wrong with it. Seconds are on its own clock.

    Attributes:
        loses: Of so many requests for a call, the answer to one is lost after the call was placed; 0: none.
        drops: Of so many, one is dropped before a call is placed; 0: none.
        rows_behind: How far `created_at` of the calls is behind its own clock.
        filter_behind: How far the clock that `start_date` and `end_date` are compared with is behind that of the rows.
        clock_behind: How far its own clock is behind ours.
        tells_time: Whether its answers have a `Date` header.
        direction: What the calls say of their direction.
        replicas: How far the databases behind its list lag; they answer in turn.
        vanishing: Share of the calls that each page of the list lacks, at random.
        newest: Only so many calls are ever listed.
        page: Calls a page at most, whatever is asked for.
        ignores: Parameters of the list that have no effect.
        has_total: Whether the list says how many calls there are.
        shows_number: Whether the list shows the number of a call.
        list_answer: What the list answers instead; None: calls.
        shows_calls: Whether a call can be asked for by its id.
        wrong_id: Of so many answers, one has the id of another call; 0: none.
        whose_id: Of which: `older`, `stranger`, `next`, `last`.
        webhook_ids: Whether webhooks have other ids than the answers and the list.
    """

    loses: int = 5
    drops: int = 9
    rows_behind: float = 0.0
    filter_behind: float = 0.0
    clock_behind: float = 0.0
    tells_time: bool = True
    direction: str | None = "outbound"
    replicas: Sequence[float] = (0.0,)
    vanishing: float = 0.0
    newest: int = ALL
    page: int = 1000
    ignores: Collection[str] = ()
    has_total: bool = True
    shows_number: bool = True
    list_answer: Act | None = None
    shows_calls: bool = True
    wrong_id: int = 0
    whose_id: str = "stranger"
    webhook_ids: bool = False


@dataclass
class Placed:
    """A call that was placed.

    Attributes:
        at: Unix seconds of our clock.
    """

    id: str
    phone: str
    at: float
    reported: bool = False


@dataclass
class FaultyFlireo:
    """A server that listens.

    Attributes:
        url: Base URL of the API.
        placed: Calls that we asked it to place, oldest first.
        others: Calls that it has beside those.
        posts: Requests for a call, by number.
    """

    faults: Faults
    url: str = ""
    placed: list[Placed] = field(default_factory=list)
    others: list[Placed] = field(default_factory=list)
    posts: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    wrong_answers: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    def calls_to(self) -> Counter[str]:
        """How often each number was called."""
        return Counter(call.phone for call in self.placed)

    def __call__(self, request: Request) -> Act:
        """What to do with a request."""
        with self._turn:
            target = urlsplit(request.target)
            if target.path.endswith("/calls/outbound"):
                return self._call(request.json()["destination"])
            if "/calls" not in target.path:
                return self._of_account(target.path)
            if not target.path.endswith("/calls"):
                return self._show(unquote(target.path.rpartition("/")[2]))
            self.reads += 1
            return self.faults.list_answer or self._list(parse_qs(target.query))

    def _of_account(self, path: str) -> Act:
        """An agent, a number or the account, as a run asks for them before it calls anyone."""
        kind, _, name = path.removeprefix("/api/v1/").partition("/")
        fields = {"id": name, "name": name, "is_active": True, "minutes_balance": 1000}
        return self._answer({kind.removesuffix("s"): fields}) if name else self._answer(fields)

    def due_reports(self) -> list[bytes]:
        """End-of-call reports of calls that are over, each once; only they hold an analysis."""
        with self._turn:
            due = [call for call in self.placed if not call.reported and _now() >= call.at + TALK_SECONDS]
            for call in due:
                call.reported = True
            return [self._report(call) for call in due]

    def _report(self, call: Placed) -> bytes:
        ahead = -self.faults.clock_behind
        message = {
            "type": "end-of-call-report",
            "timestamp": _moment(_now() + ahead),
            "call": {"id": self.webhook_id(call), "type": "outboundPhoneCall", "status": "ended"},
            "customer": {"number": call.phone},
            "durationSeconds": TALK_SECONDS,
            "summary": self.words(call.phone),
            "analysis": {"of": call.phone[-4:]},
        }
        return json.dumps({"message": message}).encode()

    def webhook_id(self, call: Placed) -> str:
        """The id by which webhooks know a call."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, call.id)) if self.faults.webhook_ids else call.id

    def words(self, phone: str) -> str:
        """What is said in a call to a number, and in no other."""
        return f"Hello, is this {phone[-4:]}?"

    def _call(self, phone: str) -> Act:
        self.posts[phone] += 1
        count, faults = sum(self.posts.values()), self.faults
        if faults.drops and count % faults.drops == faults.drops - 1:
            return lost()
        call = Placed(f"call-_{phone}_{count}", phone, _now())
        self.placed.append(call)
        if faults.loses and count % faults.loses == faults.loses - 1:
            return lost()
        call_id = call.id
        if faults.wrong_id and count % faults.wrong_id == faults.wrong_id - 1:
            call_id = self._wrong_id(phone, call)
            self.wrong_answers += call_id != call.id
        return self._answer({"success": True, "call_id": call_id, "status": "dialing"})

    def _wrong_id(self, phone: str, call: Placed) -> str:
        match self.faults.whose_id:
            case "older":  # of a call to the same person, days ago
                other = Placed(f"old-{phone}", phone, call.at - 2 * 86_400)
            case "stranger":
                other = Placed(f"other-{phone}", STRANGER, call.at - 1)
            case "last":  # of the call before, whose answer came already
                return self.placed[-2].id if len(self.placed) > 1 else call.id
            case _:
                raise AssertionError(self.faults.whose_id)
        self.others.append(other)
        return other.id

    def _show(self, call_id: str) -> Act:
        if not self.faults.shows_calls:
            return answer(500, {"error": "no"})
        found = [call for call in (*self.placed, *self.others) if call.id == call_id]
        return self._answer(self._listed(found[0])) if found else answer(404)

    def _list(self, query: dict[str, list[str]]) -> Act:
        faults = self.faults
        heeded = {name: value for name, value in query.items() if name not in faults.ignores}
        behind = faults.replicas[self.reads % len(faults.replicas)]
        seen = [call for call in (*self.others, *self.placed) if call.at <= _now() - behind]
        calls = sorted(map(self._listed, seen), key=lambda call: str(call["created_at"]), reverse=True)
        since, until = heeded.get("start_date", [""])[0], heeded.get("end_date", ["~"])[0]
        calls = [call for call in calls if since <= self._filtered_at(call) <= until][: faults.newest]
        if faults.vanishing:
            calls = [call for call in calls if self._random.random() >= faults.vanishing]
        offset, limit = int(heeded.get("offset", ["0"])[0]), min(faults.page, int(query["limit"][0]))
        page: Json = {"calls": calls[offset : offset + limit]}
        if faults.has_total:
            page["pagination"] = {"total": len(calls), "limit": limit, "offset": offset}
        return self._answer(page)

    def _filtered_at(self, call: Json) -> str:
        created = datetime.fromisoformat(call["created_at"]).timestamp()
        return _moment(created - self.faults.filter_behind)

    def _listed(self, call: Placed) -> Json:
        """A call as the list shows it."""
        ours = _now()
        is_over = ours >= call.at + TALK_SECONDS
        ahead = -self.faults.clock_behind - self.faults.rows_behind
        listed: Json = {
            "id": call.id,
            "status": "ended" if is_over else "in-progress",
            "direction": self.faults.direction,
            "caller_phone": call.phone if self.faults.shows_number else None,
            "created_at": _moment(call.at + ahead),
            "started_at": _moment(call.at + ahead),
        }
        if is_over:
            talk = [
                {"role": "assistant", "content": self.words(call.phone)},
                {"role": "user", "content": "Yes."},
            ]
            ended = {"ended_at": _moment(call.at + TALK_SECONDS + ahead), "duration_seconds": 1}
            listed |= {**ended, "summary": self.words(call.phone), "messages": talk}
        return listed

    def _answer(self, body: Json) -> Act:
        ours = _now() - self.faults.clock_behind
        fields = {"Date": format_datetime(datetime.fromtimestamp(ours, UTC), usegmt=True)}
        return answer(200, body, fields if self.faults.tells_time else {})


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _moment(seconds: float) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC))


@contextmanager
def faulty_flireo(**faults: Any) -> Iterator[FaultyFlireo]:
    """A faulty Flireo in threads of this process."""
    flireo = FaultyFlireo(Faults(**faults))
    with run_faulty(flireo) as server:
        flireo.url = f"{server.url}/api/v1"
        yield flireo
