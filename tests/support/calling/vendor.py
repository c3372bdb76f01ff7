"""Flireo as far as ringing goes, inside this process and on a clock that a test moves: an httpx transport."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from itertools import count
from typing import Any

import httpx

from flireo_flows.api.fields import iso

Json = dict[str, Any]


class Fate(StrEnum):
    """What becomes of a request that asks for a call."""

    PLACED = "placed"
    ANSWER_LOST = "answer lost"  # the phone calls, no one says so
    ANSWER_CUT = "answer cut"  # the phone calls, the answer cannot be read
    RINGS_LATE = "rings late"  # no one says so, and the phone calls later
    GATEWAY = "gateway"  # 502, and no one is called
    LOST = "lost"  # the request vanishes
    NO_CONNECTION = "no connection"
    REFUSED = "refused"  # 422
    LIMITED = "limited"  # 429
    UNHEARD_OF = "unheard of"  # a status that the contract does not list; the phone calls


@dataclass
class Ring:
    """A phone that called.

    Attributes:
        reference: Of the attempt that asked for it.
        at: Unix seconds of the clock.
    """

    call_id: str
    phone: str
    reference: str
    at: float
    ended_at: float | None = None

    def listed(self) -> Json:
        """The call, as the list shows it."""
        call: Json = {"id": self.call_id, "direction": "outbound", "caller_phone": self.phone}
        call |= {"created_at": iso(datetime.fromtimestamp(self.at, UTC)), "status": "in-progress"}
        if self.ended_at is not None:
            ended = iso(datetime.fromtimestamp(self.ended_at, UTC))
            call |= {"status": "failed", "error": "no answer", "ended_at": ended}
        return call

    def report(self) -> bytes:
        """The end-of-call report, as the platform writes it (contract section 18.4)."""
        message = {
            "type": "end-of-call-report",
            "timestamp": datetime.fromtimestamp(self.ended_at or self.at, UTC).isoformat(),
            "call": {"id": self.call_id, "type": "outboundPhoneCall", "status": "ended"},
            "customer": {"number": self.phone},
            "endedReason": "no answer",
        }
        return json.dumps({"message": message}).encode()


@dataclass
class Vendor(httpx.AsyncBaseTransport):
    """Keeps every call, and says at once when someone is called who must not be.

    Attributes:
        clock: Unix seconds.
        fate: Of the next request that asks for a call.
        can_list: Whether the list of calls can be read.
        late_seconds: How late a phone calls that calls late.
        posts: Requests that asked for a call, by the attempt's reference.
    """

    clock: Callable[[], float]
    fate: Fate = Fate.PLACED
    can_list: bool = True
    late_seconds: float = 60.0
    rings: list[Ring] = field(default_factory=list)
    posts: Counter[str] = field(default_factory=Counter)
    _late: list[Ring] = field(default_factory=list)
    _numbers: Any = field(default_factory=count)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail as a network does."""
        self.ring_late_ones()
        if request.method == "POST":
            return self._called(json.loads(await request.aread()))
        if not self.can_list:
            return self._answer(200, {"calls": "no list today"})
        if not request.url.path.endswith("/calls"):
            called = request.url.path.rpartition("/")[2]
            found = next((ring.listed() for ring in self.rings if ring.call_id == called), None)
            return self._answer(200, found) if found else self._answer(404, {})
        return self._answer(200, self._list(request.url))

    def ring_late_ones(self) -> None:
        """Let those phones call whose time has come."""
        due = [ring for ring in self._late if ring.at <= self.clock()]
        self._late = [ring for ring in self._late if ring not in due]
        for ring in due:
            self._ring(ring)

    @property
    def live(self) -> list[Ring]:
        """Calls that go on."""
        return [ring for ring in self.rings if ring.ended_at is None]

    def hang_up(self, ring: Ring) -> None:
        """Let a call end."""
        ring.ended_at = self.clock()

    def _called(self, body: Json) -> httpx.Response:
        if self.fate is Fate.NO_CONNECTION:
            raise httpx.ConnectError("refused")
        reference = body["first_message"]
        self.posts[reference] += 1
        late = self.late_seconds if self.fate is Fate.RINGS_LATE else 0.0
        ring = Ring(f"call-{next(self._numbers)}", body["destination"], reference, self.clock() + late)
        if self.fate is Fate.RINGS_LATE:
            self._late.append(ring)
        elif self.fate in (Fate.PLACED, Fate.ANSWER_LOST, Fate.ANSWER_CUT, Fate.UNHEARD_OF):
            self._ring(ring)
        return self._answered(ring)

    def _answered(self, ring: Ring) -> httpx.Response:
        match self.fate:
            case Fate.PLACED:
                return self._answer(200, {"success": True, "call_id": ring.call_id})
            case Fate.ANSWER_CUT:
                return httpx.Response(200, content=b'{"success": true, "call')
            case Fate.GATEWAY:
                return self._answer(502, {})
            case Fate.REFUSED:
                return self._answer(422, {"error": {"code": "no", "message": "It cannot be done"}})
            case Fate.LIMITED:
                return httpx.Response(429, headers={"Retry-After": "0.001"})
            case Fate.UNHEARD_OF:
                return self._answer(418, {})
            case _:
                raise httpx.ReadTimeout("no answer")

    def _ring(self, ring: Ring) -> None:
        same = [other.phone for other in self.live if other.phone == ring.phone]
        assert not same, "a phone rings while a call to it goes on"
        assert ring.reference not in {other.reference for other in self.rings}, "an attempt rings twice"
        self.rings.append(ring)

    def _list(self, url: httpx.URL) -> Json:
        since, until = url.params.get("start_date", ""), url.params.get("end_date", "~")
        listed = [ring.listed() for ring in reversed(self.rings)]
        calls = [call for call in listed if since <= call["created_at"] <= until]
        offset = int(url.params.get("offset", "0"))
        page = calls[offset : offset + int(url.params["limit"])]
        return {"calls": page, "pagination": {"total": len(calls)}}

    def _answer(self, status: int, body: Json) -> httpx.Response:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return httpx.Response(status, json=body, headers={"Date": format_datetime(now, usegmt=True)})
