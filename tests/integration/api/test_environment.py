"""Proxies and certificates of the environment: what cannot be used is one sentence with the variable's name."""

import pickle
from typing import Any

import pytest

from flireo_flows.api import errors
from flireo_flows.api.calls import create_outbound_call
from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient
from flireo_flows.api.network import NetworkSettingError
from flireo_flows.api.operation import Operation
from flireo_flows.api.organization import get_organization
from tests.integration.api.test_networks import secured
from tests.support.api.environment import EACH_WRONG
from tests.support.api.speaking import KEY, RING_ANNA, SPEAKERS, MakesSpeaker, account
from tests.support.certificates import Authority
from tests.support.faulty.server import answer, run_faulty

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())


@BOTH
@EACH_WRONG
def test_no_client_is_made_of_it_and_nothing_is_sent(
    speaker: MakesSpeaker, variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flireo_flows.api import client

    client._tls.cache_clear()
    monkeypatch.setenv(variable, value)
    if variable == "SSL_CERT_DIR" or "no host" in words:
        return  # what httpx itself passes over is found by the command line
    with run_faulty(answer(200, {"id": "o"})) as server, pytest.raises(NetworkSettingError, match=words):
        speaker(account(server.url))
    assert server.requests == []


@pytest.fixture(autouse=True)
def fresh_certificates() -> None:
    """The certificates of the world are read once a process; not in these tests."""
    from flireo_flows.api import client

    client._tls.cache_clear()


@BOTH
def test_a_proxy_that_refuses_is_named(speaker: MakesSpeaker, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_faulty(answer(407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            speaker(account("https://flireo.test/api/v1")) as client,
            pytest.raises(errors.NotSent) as refused,
        ):
            client.send(create_outbound_call(RING_ANNA))
    assert "The proxy refused (HTTPS_PROXY)" in str(refused.value)


# Certificates


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


CERTIFICATES = {
    "unknown": ({}, "unable to get local issuer certificate|self-signed"),
    "expired": ({"expired": True}, "certificate has expired"),
    "another host's": ({"name": "elsewhere.test"}, "not valid for '127.0.0.1'"),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_is_not_trusted_is_reported_and_nothing_is_sent(
    kind: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, words = CERTIFICATES[kind]
    if kind != "unknown":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with secured(authority.sign(**made).both) as url, FlireoClient(Account(KEY, url)) as client:  # type: ignore[arg-type]
        requests: list[Operation[Any]] = [get_organization(), create_outbound_call(RING_ANNA)]
        for asked in requests:
            with pytest.raises(errors.NotSent, match=words) as refused:
                client.send(asked)
            reported = str(refused.value)
            assert "The server's certificate is not trusted" in reported
            assert "SSL_CERT_FILE" in reported and "FLIREO_BASE_URL" in reported
            assert str(pickle.loads(pickle.dumps(refused.value))) == reported


async def test_a_name_that_no_one_knows_is_not_blamed_on_a_certificate() -> None:
    async with AsyncFlireoClient(account("https://nowhere.invalid")) as client:
        with pytest.raises(errors.NotSent) as refused:
            await client.send(get_organization())
    assert "certificate" not in str(refused.value)


def test_ones_own_authority_is_trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with secured(authority.sign().both) as url, FlireoClient(Account(KEY, url)) as client:
        assert client.send(get_organization()).id == "secure"
