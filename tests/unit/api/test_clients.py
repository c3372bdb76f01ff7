"""Both clients against a real server that behaves badly: how often a request arrives, and what is raised."""

from collections.abc import Callable

import httpx
import pytest

from flireo_flows.api import errors
from flireo_flows.api.agent_config import AgentSettings
from flireo_flows.api.agents import get_agent, update_agent
from flireo_flows.api.calls import create_outbound_call, get_call
from flireo_flows.api.client import Account
from flireo_flows.api.fields import BASE_URLS
from tests.support.api.speaking import (
    ANNA,
    KEY,
    RING_ANNA,
    SPEAKERS,
    MakesSpeaker,
    account,
)

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())


# httpx's own account of what can go wrong, by whether the request can have left by then.
BEFORE = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
AFTER = [
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
    httpx.TooManyRedirects,
]


@BOTH
@pytest.mark.parametrize(
    ("problem", "error"),
    [(problem, errors.NotSent) for problem in BEFORE]
    + [(problem, errors.OutcomeUnknown) for problem in AFTER],
)
def test_a_transport_of_the_users_own_is_judged_like_ours(
    speaker: MakesSpeaker, problem: type[httpx.RequestError], error: type[errors.FlireoError]
) -> None:
    posts = []

    def fail(request: httpx.Request) -> httpx.Response:
        posts.append(request)
        raise problem(f"{KEY} could not call {ANNA}")

    with (
        speaker(account("https://flireo.test"), transport=httpx.MockTransport(fail)) as client,
        pytest.raises(error) as raised,
    ):
        client.send(create_outbound_call(RING_ANNA))
    assert (len(posts), type(raised.value), raised.value.text) == (1, error, problem.__name__)


@pytest.mark.parametrize("make", [get_call, get_agent, lambda value: update_agent(value, AgentSettings())])
@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_id_that_would_make_another_path_is_refused_at_once(
    make: Callable[[str], object], value: str
) -> None:
    with pytest.raises(ValueError, match="the id is empty"):
        make(value)


def test_each_dialect_has_an_address_of_its_own() -> None:
    for dialect, url in BASE_URLS.items():
        assert Account(KEY, dialect=dialect).url == url
    assert Account(KEY, "https://proxy.example.org/flireo/").url == "https://proxy.example.org/flireo"
