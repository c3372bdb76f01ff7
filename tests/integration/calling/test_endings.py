"""Every way in which the one request of an attempt can end, over real connections: judged right, and sent once."""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import httpx
import pytest

from flireo_flows.api import errors
from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.client import AsyncFlireoClient, Timeouts
from flireo_flows.calling import dialer as dialer_module
from flireo_flows.calling.dialer import Dialer
from flireo_flows.calling.post_ending import EVENTS, POST_ENDINGS, PostEnding, ending_of
from flireo_flows.leads import Wishes
from flireo_flows.ledger import Answer, Attempt, Database
from flireo_flows.ledger.messages import attempt_reason, lead_reason
from flireo_flows.script import CallChoice, Caller, ComposeError, Composer, LeadFacts
from tests.support.calling.bad_line import bad_line
from tests.support.calling.campaign import ANNA, BEN, POLICY, Campaign, people, person
from tests.support.faulty.server import (
    Act,
    Request,
    Then,
    answer,
    closed_port,
    cut,
    garbage,
    lost,
    page,
    reset,
    run_faulty,
    silent,
    slow,
)

PLACED: Final = answer(200, {"success": True, "call_id": "call-1", "status": "dialing"})
HASTY: Final = Timeouts(connect=0.4, read=0.4, call=0.4)
REFUSALS: Final = {
    400: "review",
    422: "review",
    401: "waiting",
    402: "waiting",
    403: "waiting",
    404: "waiting",
}


def reported(status: int, phone: str) -> Act:
    """An answer of any status, listed or not, whose body names a call."""
    body = f'{{"success": true, "call_id": "call-{phone}"}}'.encode()
    head = f"HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Act(head.encode() + (b"" if status < 200 or status in (204, 304) else body), then=Then.CLOSE)


def expected(status: int) -> tuple[str, str]:
    """What the ledger says of an attempt and its lead after a status."""
    if 200 <= status < 300 and status != 204:
        return "placed", "calling"
    if status == 429:
        return "not_placed", "waiting"
    return ("not_placed", REFUSALS[status]) if status in REFUSALS else ("unknown", "calling")


async def test_every_status_from_100_to_599_is_judged_and_what_is_not_listed_proves_nothing(
    local: Database,
) -> None:
    called = people(500)
    statuses = {lead.phone: 100 + n for n, lead in enumerate(called)}

    def script(request: Request) -> Act:
        phone = request.json()["destination"]
        return reported(statuses[phone], phone)

    with run_faulty(script) as server:
        roomy = POLICY.model_copy(update={"max_concurrent_calls": 1000})
        patient = Timeouts(
            connect=60, read=60, call=60
        )  # twenty clients begin at once, on a slow machine too
        campaign = Campaign(local, f"{server.url}/api/v1", policy=roomy, timeouts=patient)
        await campaign.take_in(*called)
        book = await campaign.runner()
        for _ in range(25):
            attempts = await campaign.begin(book, most=20)
            await campaign.record(book, *await asyncio.gather(*(ring_alone(campaign, it) for it in attempts)))
    leads = await campaign.leads()
    found = {row.phone: (row.state, leads[row.phone].state) for row in await campaign.attempts()}
    assert found == {phone: expected(status) for phone, status in statuses.items()}
    assert Counter(request.json()["destination"] for request in server.requests) == Counter(list(statuses))


async def ring_alone(campaign: Campaign, attempt: Attempt) -> Answer:
    """Send its request by a dialer that has met nothing yet."""
    async with AsyncFlireoClient(campaign.account) as client:
        return await campaign.dialer(client).dial(attempt)


async def ring_anna(campaign: Campaign) -> tuple[str, str]:
    """Ring, and write down what came of it; the states of the attempt and of the lead."""
    await campaign.take_in(person(ANNA))
    book = await campaign.runner()
    (attempt,) = await campaign.begin(book)
    await campaign.record(book, await ring_alone(campaign, attempt))
    return (await campaign.attempt()).state, (await campaign.lead()).state


UNKNOWN: Final = ("unknown", "calling")
NOT_SENT: Final = ("not_placed", "waiting")
ACCEPTED: Final = ("placed", "calling")


def said(body: bytes, headers: str = "") -> Act:
    """A 200 with these bytes."""
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return Act(head.encode() + body)


@pytest.mark.parametrize(
    ("act", "ends"),
    [
        (PLACED, ACCEPTED),
        (slow(PLACED, 0.1), ACCEPTED),
        (slow(PLACED, 2.0), UNKNOWN),
        (silent(), UNKNOWN),
        (lost(), UNKNOWN),
        (reset(), UNKNOWN),
        (garbage(), UNKNOWN),
        (Act(b"HTTP/1.1 200", then=Then.CLOSE), UNKNOWN),
        (Act(b"HTTP/1.1 200 OK\r\nContent-Length: 5", then=Then.RESET), UNKNOWN),
        (Act(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", then=Then.CLOSE), UNKNOWN),
        (cut(PLACED), UNKNOWN),
        (cut(PLACED, missing=60), UNKNOWN),
        (page(200), UNKNOWN),
        (said(b"null"), UNKNOWN),
        (said(b'"call-1"'), UNKNOWN),
        (said(b'[{"call_id": "call-1"}]'), UNKNOWN),
        (said(b'{"call_id": null}'), UNKNOWN),
        (said(b'{"call_id": ""}'), UNKNOWN),
        (said(b'{"call_id": {"id": "call-1"}}'), UNKNOWN),
        (said(b'{"success": false, "error": "no"}'), UNKNOWN),
        (said(b'{"call_id": "call-1'), UNKNOWN),
        (said(b"\xff\xfe{"), UNKNOWN),
        (said(b"[" * 100_000), UNKNOWN),
        (said(b'{"call_id": "call-1"}', "Content-Encoding: gzip\r\n"), UNKNOWN),
        (answer(307, headers={"Location": "/api/v1/calls/outbound"}), UNKNOWN),
        (answer(308, headers={"Location": "/api/v1/calls/outbound"}), UNKNOWN),
        (answer(429, {}, {"Retry-After": "0.05"}), NOT_SENT),
        (answer(429), NOT_SENT),
    ],
    ids=lambda value: str(value)[:70],
)
async def test_an_answer_that_proves_nothing_leaves_the_attempt_unknown_and_nothing_is_sent_twice(
    local: Database, act: Act, ends: tuple[str, str]
) -> None:
    with run_faulty(act) as server:
        campaign = Campaign(local, f"{server.url}/api/v1", timeouts=HASTY)
        assert await ring_anna(campaign) == ends
    assert [request.method for request in server.requests] == ["POST"]


@contextmanager
def slammed() -> Iterator[str]:
    """The URL of a server that tears every connection down as soon as it stands."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def slam() -> None:
            with suppress(OSError):
                while True:
                    wire, _ = listener.accept()
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    wire.close()

        thread = threading.Thread(target=slam, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


async def test_where_no_connection_is_made_no_one_was_called(local: Database) -> None:
    with closed_port() as refused, run_faulty(PLACED) as plain, slammed() as torn:
        without_tls = plain.url.removeprefix("http://")
        urls = (refused, "https://nobody.invalid", f"https://{without_tls}", f"https://{torn}")
        for n, url in enumerate(urls):
            campaign = Campaign(local, f"{url}/api/v1", name=f"campaign {n}", timeouts=HASTY)
            assert await ring_anna(campaign) == NOT_SENT
            assert attempt_reason(await campaign.attempt()).startswith("no answer: Connect")
    assert plain.requests == []


async def test_a_request_that_waits_for_a_connection_in_vain_was_not_sent(local: Database) -> None:
    with run_faulty(silent()) as server:
        campaign = Campaign(local, f"{server.url}/api/v1", timeouts=Timeouts(connect=0.2, read=0.2, call=1.0))
        await campaign.take_in(person(ANNA), person(BEN))
        book = await campaign.runner()
        narrow = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        async with AsyncFlireoClient(campaign.account, transport=narrow) as client:
            dialer = campaign.dialer(client)
            client.pacing.answered = True  # so that the second does not wait for the first one's answer
            attempts = await campaign.begin(book)
            await campaign.record(book, *await asyncio.gather(*map(dialer.dial, attempts)))
    assert sorted(row.state for row in await campaign.attempts()) == ["not_placed", "unknown"]
    assert len(server.requests) == 1


class Strange(httpx.AsyncBaseTransport):
    """Fails as no one foresaw."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"no way to {ANNA}")


async def test_what_no_one_foresaw_is_unknown_and_stops_the_run(local: Database) -> None:
    campaign = Campaign(local)
    await campaign.take_in(person(ANNA), person(BEN))
    book = await campaign.runner()
    async with AsyncFlireoClient(campaign.account, transport=Strange()) as client:
        dialer = campaign.dialer(client)
        anna, ben = [await dialer.dial(attempt) for attempt in await campaign.begin(book)]
    await campaign.record(book, anna, ben)
    assert [row.state for row in await campaign.attempts()] == ["unknown", "not_placed"]
    assert isinstance(dialer.stopped_by, errors.OutcomeUnknown)
    assert anna.detail == "no answer: unforeseen: RuntimeError"


def kinds(kind: type[errors.FlireoError] = errors.FlireoError) -> Iterator[type[errors.FlireoError]]:
    """Every kind of error there is."""
    for below in kind.__subclasses__():
        yield below
        yield from kinds(below)


def test_a_kind_of_error_that_no_one_judged_is_unknown() -> None:
    class Novel(errors.BadRequest):
        """Of some later version."""

    assert ending_of(Novel("create_outbound_call", "POST /calls/outbound", 400)) is PostEnding.UNKNOWN
    assert ending_of(errors.FlireoError("create_outbound_call", "POST /calls/outbound")) is PostEnding.UNKNOWN
    judged = {
        kind for kind in kinds() if POST_ENDINGS.get(kind, PostEnding.UNKNOWN) is not PostEnding.UNKNOWN
    }
    never_left = {errors.NotSent, errors.TooLate, errors.InvalidInput}
    assert {kind for kind in POST_ENDINGS if POST_ENDINGS[kind] is PostEnding.NOT_SENT} == never_left
    refusing = {errors.BY_STATUS[status] for status in (*REFUSALS, 429)}
    assert judged == never_left | refusing
    assert set(EVENTS) == set(PostEnding)


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    ("wishes", "state"),
    [
        (Wishes(agent_id="agent-of-anna"), "review"),
        (Wishes(number_id="number-of-anna"), "review"),
        (Wishes(language="nl"), "waiting"),
    ],
    ids=["agent", "number", "neither"],
)
async def test_an_agent_or_number_that_the_leads_own_row_names_stops_no_one_else(
    local: Database, status: int, wishes: Wishes, state: str
) -> None:
    with bad_line(answer(status, {"error": {"code": "no", "message": "No such thing"}})) as line:
        campaign = Campaign(local, line.url)
        await campaign.take_in(person(ANNA, wishes=wishes))
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = campaign.dialer(client)
            (attempt,) = await campaign.begin(book)
            await campaign.record(book, await dialer.dial(attempt))
    assert (await campaign.lead()).state == state
    assert (dialer.stopped_by is None) == (state == "review")


@dataclass(frozen=True)
class Tongue(Composer):
    """Knows no words for Anna, and none that fit for Ben."""

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        if facts.phone == ANNA:
            raise ComposeError("first_message: no value for {{company}}")
        return OutboundCall(destination=facts.phone, agent_id="")


async def test_a_lead_for_whom_no_request_can_be_made_is_put_up_for_review(local: Database) -> None:
    with bad_line() as line:
        campaign = Campaign(local, line.url)
        await campaign.take_in(person(ANNA), person(BEN))
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = Dialer(client, local, Tongue(Caller("agent")))
            answers = [await dialer.dial(attempt) for attempt in await campaign.begin(book)]
        await campaign.record(book, *answers)
    leads = await campaign.leads()
    assert {lead.state for lead in leads.values()} == {"review"}
    assert lead_reason(leads[ANNA]) == "not sent: first_message: no value for {{company}}"
    assert "give exactly one of agent_id and agent_config" in lead_reason(leads[BEN])
    assert (line.posts, dialer.stopped_by) == ([], None)


@pytest.mark.parametrize("why", ["its lease is over", "it was decided too long ago", "held", "closing"])
async def test_what_must_not_be_sent_any_more_is_given_back(local: Database, why: str) -> None:
    with bad_line() as line:
        campaign = Campaign(local, line.url)
        await campaign.take_in(person(ANNA))
        book = await campaign.runner()
        (attempt,) = await campaign.begin(book)
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = campaign.dialer(client)
            if why == "its lease is over":
                dialer.owns_until = local.now() - 0.1
            elif why == "held":
                dialer.held_by = "paused by person"
            elif why == "closing":
                dialer.is_closing = True
            else:
                attempt = replace(attempt, began_at=attempt.began_at - 6)
            await campaign.record(book, await dialer.dial(attempt))
    assert ((await campaign.attempt()).state, (await campaign.lead()).state) == NOT_SENT
    assert line.posts == []


async def test_a_request_that_is_cut_off_by_the_end_of_a_run_is_unknown_and_what_waits_is_given_back(
    local: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialer_module, "GOODBYE_SECONDS", 0.1)
    monkeypatch.setattr(dialer_module, "CONNECTIONS", 1)
    with run_faulty(silent()) as server:
        campaign = Campaign(local, f"{server.url}/api/v1")
        await campaign.take_in(person(ANNA), person(BEN))
        book = await campaign.runner()
        async with AsyncFlireoClient(campaign.account) as client:
            dialer = campaign.dialer(client)
            dialer.start()
            dialer.give(await campaign.begin(book))
            while not server.requests:  # noqa: ASYNC110 - the server's thread writes it
                await asyncio.sleep(0.01)
            await campaign.record(book, *await dialer.stop())
    assert [row.state for row in await campaign.attempts()] == ["unknown", "not_placed"]
    assert [lead.state for lead in (await campaign.leads()).values()] == ["calling", "waiting"]
