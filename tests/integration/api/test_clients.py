"""Both clients against a real server that behaves badly: how often a request arrives, and what is raised."""

import time
from typing import Any

import httpx
import pytest

from flireo_flows.api import errors
from flireo_flows.api.agents import create_agent, get_agent, list_agents
from flireo_flows.api.calls import OutboundCall, create_outbound_call, get_call, list_calls
from flireo_flows.api.client import Account, Timeouts
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Operation
from flireo_flows.api.organization import get_organization
from tests.support.api.speaking import (
    ANNA,
    HASTY,
    KEY,
    PATIENT,
    PLACED,
    RING_ANNA,
    SPEAKERS,
    MakesSpeaker,
    account,
)
from tests.support.faulty.server import (
    Act,
    answer,
    closed_port,
    closing,
    cut,
    garbage,
    limited,
    lost,
    page,
    reset,
    run_faulty,
    silent,
    slow,
)

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())

CALL = answer(body={"id": "call-1", "status": "ended"})
ACCEPTED = answer(body=PLACED)
NO_ROOM = {"error": {"code": "unprocessable", "message": "no number"}}

# What the server does with the one POST, and what the caller hears.
FAULTS: dict[str, tuple[Act, type[errors.FlireoError]]] = {
    "400": (answer(400, {"error": "Invalid"}), errors.BadRequest),
    "401": (answer(401, {"error": "Unauthorized"}), errors.AuthenticationFailed),
    "402": (answer(402, {"error": "No credits", "balance": 0}), errors.InsufficientCredits),
    "403": (answer(403, {"error": "Forbidden"}), errors.PermissionDenied),
    "404": (answer(404, {"error": "Not found"}), errors.NotFound),
    "408": (answer(408, {"error": "Timeout"}), errors.OutcomeUnknown),
    "409": (answer(409, {"error": "Conflict"}), errors.Conflict),
    "418": (answer(418, {"error": "Teapot"}), errors.RequestRefused),
    "422": (answer(422, NO_ROOM), errors.Unprocessable),
    "500": (answer(500, {"error": "Oops"}), errors.OutcomeUnknown),
    "502 in HTML": (page(502), errors.OutcomeUnknown),
    "503": (answer(503), errors.OutcomeUnknown),
    "504": (page(504), errors.OutcomeUnknown),
    "redirect": (answer(307, headers={"Location": "/elsewhere"}), errors.OutcomeUnknown),
    "closed": (lost(), errors.OutcomeUnknown),
    "reset": (reset(), errors.OutcomeUnknown),
    "garbage": (garbage(), errors.OutcomeUnknown),
    "body cut": (cut(ACCEPTED), errors.OutcomeUnknown),
    "head cut": (cut(answer(204), missing=10), errors.OutcomeUnknown),
    "200 in HTML": (page(200), errors.OutcomeUnknown),
    "200 without an id": (answer(200, {"success": True}), errors.OutcomeUnknown),
    "200 empty": (answer(200), errors.OutcomeUnknown),
    "204": (answer(204), errors.OutcomeUnknown),
}


@BOTH
@pytest.mark.parametrize("fault", FAULTS)
def test_one_call_is_one_post_whatever_becomes_of_it(speaker: MakesSpeaker, fault: str) -> None:
    act, error = FAULTS[fault]
    with run_faulty([act, ACCEPTED]) as server:
        with speaker(account(server.url)) as client, pytest.raises(error) as raised:
            client.send(create_outbound_call(RING_ANNA))
        assert type(raised.value) is error
    assert [request.target for request in server.requests] == ["/calls/outbound"]


@BOTH
@pytest.mark.parametrize("act", [silent(), slow(ACCEPTED, 60)], ids=["silent", "slow"])
def test_one_call_is_one_post_when_the_answer_is_too_late(speaker: MakesSpeaker, act: Act) -> None:
    with run_faulty([act, ACCEPTED]) as server:
        with speaker(account(server.url, HASTY)) as client, pytest.raises(errors.OutcomeUnknown) as raised:
            client.send(create_outbound_call(RING_ANNA))
        assert raised.value.text == "ReadTimeout"
    assert server.count("POST") == 1


@BOTH
def test_the_answer_to_a_call_is_waited_for_longer_than_others(speaker: MakesSpeaker) -> None:
    with run_faulty(lambda request: slow(ACCEPTED, 0.3) if request.method == "POST" else silent()) as server:
        patient = Timeouts(connect=30, read=0.05, call=30)
        with speaker(account(server.url, patient)) as client:
            assert client.send(create_outbound_call(RING_ANNA)).call_id == "call-1"


@BOTH
def test_a_refused_connection_is_known_to_have_called_no_one(speaker: MakesSpeaker) -> None:
    with closed_port() as url, speaker(account(url)) as client, pytest.raises(errors.NotSent) as raised:
        client.send(create_outbound_call(RING_ANNA))
    assert raised.value.text == "ConnectError"


@BOTH
@pytest.mark.parametrize("key", ["pasted…", "two\nlines"])
def test_what_cannot_be_written_down_is_known_to_have_called_no_one(speaker: MakesSpeaker, key: str) -> None:
    with (
        speaker(Account(key, "http://127.0.0.1:1/", timeouts=PATIENT)) as client,
        pytest.raises(errors.NotSent) as raised,
    ):
        client.send(create_outbound_call(RING_ANNA))
    assert key not in str(raised.value)


@BOTH
@pytest.mark.parametrize("fault", [answer(500), page(502), lost(), reset(), cut(CALL)])
def test_reading_is_tried_again(speaker: MakesSpeaker, fault: Act) -> None:
    with run_faulty([fault, CALL]) as server, speaker(account(server.url)) as client:
        assert client.send(get_call("call-1")).is_over
    assert server.count("GET") == 2


@BOTH
@pytest.mark.parametrize("operation", [create_agent("Sanne"), create_outbound_call(RING_ANNA)])
def test_what_was_limited_had_no_effect_and_is_sent_again(
    speaker: MakesSpeaker, operation: Operation[Any]
) -> None:
    done = answer(201, {**PLACED, "agent": {"id": "agent-1"}})
    with run_faulty([limited("0.1"), done]) as server, speaker(account(server.url)) as client:
        client.send(operation)
    assert [request.method for request in server.requests] == ["POST", "POST"]
    assert server.requests[0].body == server.requests[1].body


@BOTH
def test_a_limit_that_ends_too_late_is_not_waited_out(speaker: MakesSpeaker) -> None:
    with run_faulty(limited("86400")) as server:
        with speaker(account(server.url)) as client, pytest.raises(errors.RateLimited) as raised:
            client.send(create_outbound_call(RING_ANNA), before=time.time() + 3600)
        assert raised.value.retry_after == 86_400
    assert server.count("POST") == 1


@BOTH
def test_what_calls_has_a_fresh_connection_and_what_reads_shares_one(speaker: MakesSpeaker) -> None:
    everything = answer(body={**PLACED, "id": "call-1"})
    with run_faulty(everything) as server, speaker(account(server.url)) as client:
        for _ in range(3):
            client.send(get_call("call-1"))
            client.send(create_outbound_call(RING_ANNA))
    by_method: dict[str, list[int]] = {"GET": [], "POST": []}
    for request in server.requests:
        by_method[request.method].append(request.connection)
    assert len(set(by_method["POST"])) == 3
    assert len(set(by_method["GET"])) == 1
    assert not {*by_method["POST"]} & {*by_method["GET"]}


@BOTH
def test_a_connection_that_the_server_closed_meanwhile_costs_no_call(speaker: MakesSpeaker) -> None:
    with run_faulty(closing(ACCEPTED)) as server, speaker(account(server.url)) as client:
        for _ in range(5):
            assert client.send(create_outbound_call(RING_ANNA)).call_id == "call-1"
    assert server.connections == [1, 2, 3, 4, 5]


@BOTH
@pytest.mark.parametrize(
    ("call_id", "quoted"),
    [
        ("call-_+447700900001_abc", "call-_%2B447700900001_abc"),
        ("a/b", "a%2Fb"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("100%", "100%25"),
        ("%2B", "%252B"),
        ("é", "%C3%A9"),
        ("a b", "a%20b"),
        ("..a", "..a"),
    ],
)
def test_an_id_arrives_as_it_is(speaker: MakesSpeaker, call_id: str, quoted: str) -> None:
    with run_faulty(CALL) as server, speaker(account(server.url)) as client:
        client.send(get_call(call_id))
    assert server.requests[0].target == f"/calls/{quoted}"


@BOTH
def test_a_request_names_its_key_and_its_kind(speaker: MakesSpeaker) -> None:
    with run_faulty(ACCEPTED) as server, speaker(account(f"{server.url}/api/v1/")) as client:
        client.send(create_outbound_call(RING_ANNA))
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/api/v1/calls/outbound")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("flireo-flows/")
    assert request.json() == {"destination": ANNA, "number_id": "number-1", "agent_id": "agent-1"}


@BOTH
def test_what_reads_sends_no_body(speaker: MakesSpeaker) -> None:
    with run_faulty(CALL) as server, speaker(account(server.url)) as client:
        client.send(get_call("call-1"))
    assert server.requests[0].body == b""
    assert "content-type" not in server.requests[0].headers


SAVED = OutboundCall(destination=ANNA, agent_id="agent-1", first_message="Hi Anna.")
INLINE = OutboundCall(
    destination=ANNA, number_id="number-1", agent_config={"llm_config": {"provider": "xai_realtime"}}
)


@BOTH
@pytest.mark.parametrize(
    ("dialect", "call", "body"),
    [
        (Dialect.FLIREO, SAVED, {"agent_id": "agent-1", "first_message": "Hi Anna."}),
        (
            Dialect.HMSOVEREIGN,
            SAVED,
            {"assistant_id": "agent-1", "assistant_override": {"first_message": "Hi Anna."}},
        ),
        (
            Dialect.FLIREO,
            INLINE,
            {"number_id": "number-1", "agent_config": {"llm_config": {"provider": "xai_realtime"}}},
        ),
        (
            Dialect.HMSOVEREIGN,
            INLINE,
            {"number_id": "number-1", "assistant": {"llm_config": {"provider": "xai_realtime"}}},
        ),
    ],
)
def test_a_call_is_asked_for_in_the_words_of_the_dialect(
    speaker: MakesSpeaker, dialect: Dialect, call: OutboundCall, body: dict[str, object]
) -> None:
    with run_faulty(ACCEPTED) as server, speaker(account(server.url, dialect=dialect)) as client:
        client.send(create_outbound_call(call))
    assert server.requests[0].json() == {"destination": ANNA, **body}
    assert server.requests[0].target == "/calls/outbound"


@BOTH
def test_the_paths_are_those_of_the_dialect(speaker: MakesSpeaker) -> None:
    everything = answer(body={"agents": [], "id": "x", "calls": []})
    with run_faulty(everything) as server:
        for dialect in Dialect:
            with speaker(account(server.url, dialect=dialect)) as client:
                client.send(list_agents())
                client.send(get_agent("a"))
                client.send(get_organization())
                client.send(list_calls())
    targets = [request.target.partition("?")[0] for request in server.requests]
    assert targets[:4] == ["/agents", "/agents/a", "/account", "/calls"]
    assert targets[4:] == ["/assistants", "/assistants/a", "/organizations", "/calls"]


@BOTH
def test_each_request_that_was_sent_is_reported(speaker: MakesSpeaker) -> None:
    sent = []
    with run_faulty([lost(), answer(500), CALL]) as server:
        listening = {"on_sent": lambda operation, status: sent.append((operation.name, status))}
        with speaker(account(server.url), **listening) as client:
            client.send(get_call("call-1"))
    assert sent == [("get_call", None), ("get_call", 500), ("get_call", 200)]


class SleepyTransport(httpx.HTTPTransport):
    """The machine sleeps after the request was decided and before its first byte goes out."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        time.sleep(0.4)
        return super().handle_request(request)


class AsyncSleepyTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        time.sleep(0.4)  # noqa: ASYNC251 - a machine that sleeps asks no event loop
        return await super().handle_async_request(request)


@BOTH
def test_a_machine_that_slept_before_the_first_byte_calls_no_one(speaker: MakesSpeaker) -> None:
    sleepy = SleepyTransport() if speaker is SPEAKERS["FlireoClient"] else AsyncSleepyTransport()
    with run_faulty(ACCEPTED) as server:
        with (
            speaker(account(server.url), transport=sleepy) as client,
            pytest.raises(errors.NotSent, match="too late to send"),
        ):
            client.send(create_outbound_call(RING_ANNA), before=time.time() + 0.2)
        assert server.count("POST") == 0


@BOTH
@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800"])
def test_what_json_cannot_say_is_found_before_anything_is_sent(speaker: MakesSpeaker, value: object) -> None:
    odd = create_agent("Sanne", {"of_mine": value})  # type: ignore[arg-type]
    with (
        run_faulty(answer(200, {"agent": {"id": "a"}})) as server,
        speaker(account(server.url)) as client,
        pytest.raises(InvalidInput, match="what JSON cannot say"),
    ):
        client.send(odd)
    assert server.requests == []
