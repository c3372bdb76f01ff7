"""No secret is shown by the errors of a real exchange."""

import json
import logging

import pytest

from flireo_flows.api import errors
from flireo_flows.api.calls import create_outbound_call, get_call
from flireo_flows.api.client import Account, FlireoClient
from flireo_flows.api.errors import FlireoError
from tests.support.api.shown import shown
from tests.support.api.speaking import ANNA, KEY, PATIENT, RING_ANNA, SPEAKERS, MakesSpeaker, account
from tests.support.faulty.server import answer, run_faulty

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())


@BOTH
@pytest.mark.parametrize("key", [KEY, "an-older-key-0815-without-prefix"])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 402, 404, 408, 409, 422, 500])
def test_a_server_that_repeats_number_and_key_is_not_repeated(
    speaker: MakesSpeaker, key: str, status: int
) -> None:
    echo = f"Bearer {key} may not call {ANNA}, that is 0044 7700 900001, with {key}"
    body = {"error": {"code": f"no-{key}-{ANNA}", "message": echo, "param": f"destination={ANNA}&{key}"}}
    headers = {"X-Request-Id": f"{key}/{ANNA}", "Location": f"/{key}/{ANNA}"}
    with (
        run_faulty(answer(status, body, headers)) as server,
        speaker(Account(key, server.url, timeouts=PATIENT)) as client,
        pytest.raises(FlireoError) as raised,
    ):
        client.send(create_outbound_call(RING_ANNA))
    assert server.requests[0].headers["authorization"] == f"Bearer {key}"  # it was sent all the same
    for secret in (key, ANNA, "7700900001", "7700 900001"):
        assert secret not in shown(raised.value)


def test_no_one_is_shown_in_the_words_of_a_body_that_cannot_be_read() -> None:
    body = {"id": None, "caller_phone": ANNA, "messages": [{"role": "user", "content": ANNA}]}
    with (
        run_faulty(answer(200, body)) as server,
        FlireoClient(account(server.url)) as client,
        pytest.raises(errors.OutcomeUnknown) as raised,
    ):
        client.send(create_outbound_call(RING_ANNA))
    assert json.dumps(ANNA) not in shown(raised.value)
    assert ANNA not in shown(raised.value)


@BOTH
def test_the_log_of_the_http_library_shows_no_number_of_a_call_id(
    speaker: MakesSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with (
        run_faulty(answer(200, {"id": f"call-_{ANNA}_a"})) as server,
        speaker(Account(KEY, server.url, timeouts=PATIENT)) as client,
    ):
        client.send(get_call(f"call-_{ANNA}_a"))
    assert "HTTP Request: GET" in caplog.text
    assert ANNA[1:] not in caplog.text
