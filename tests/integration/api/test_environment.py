"""Proxies and certificates of the environment: what cannot be used is one sentence with the variable's name."""

import pickle
from typing import Any

import pytest

from flireo_flows.api import errors
from flireo_flows.api.calls import create_outbound_call
from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient
from flireo_flows.api.network import NetworkSettingError, check_network
from flireo_flows.api.operation import Operation
from flireo_flows.api.organization import get_organization
from tests.integration.api.test_networks import secured
from tests.support.api.speaking import KEY, RING_ANNA, SPEAKERS, MakesSpeaker, account
from tests.support.certificates import Authority
from tests.support.faulty.server import answer, run_faulty

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())
PASSWORD = "correct-horse"

WRONG: dict[str, tuple[str, str, str]] = {
    "SOCKS": (
        "ALL_PROXY",
        f"socks5://me:{PASSWORD}@127.0.0.1:1",
        "names a SOCKS proxy.*pip install 'flireo-flows",
    ),
    "SOCKS, names there": ("HTTPS_PROXY", "socks5h://127.0.0.1:1", "names a SOCKS proxy"),
    "SOCKS, lower case": ("all_proxy", "socks5://127.0.0.1:1", "names a SOCKS proxy"),
    "SOCKS in capitals": ("ALL_PROXY", "SOCKS5://127.0.0.1:1", "names a SOCKS proxy"),
    "SOCKS 4": ("ALL_PROXY", "socks4://127.0.0.1:1", "no proxy's URL"),
    "another scheme": ("HTTP_PROXY", "ftp://127.0.0.1:1", "no proxy's URL"),
    "a slip": ("HTTPS_PROXY", "htp://127.0.0.1:1", "no proxy's URL"),
    "no scheme": ("HTTPS_PROXY", "://127.0.0.1:1", "no proxy's URL"),
    "no port": ("HTTPS_PROXY", f"http://me:{PASSWORD}#x@127.0.0.1:1", "no URL.*percent-encoded"),
    "half an address": ("HTTPS_PROXY", "http://[::1", "no URL"),
    "no host": ("HTTPS_PROXY", "http://", "no host"),
    "too high a port": ("HTTPS_PROXY", "http://127.0.0.1:99999", "no host and port"),
    "a port of letters": ("http_proxy", "127.0.0.1:port", "no URL"),
    "IPv6 in brackets": ("NO_PROXY", "localhost,[::1]", r"its entry '\[::1\]'.*written as ::1"),
    "IPv6 with a port": ("NO_PROXY", "[::1]:8080", "its entry"),
    "an IPv6 network": ("no_proxy", "10.0.0.0/8,fe80::/10", "its entry 'fe80::/10'"),
    "an IPv6 URL": ("NO_PROXY", "http://::1", "its entry"),
    "no file": ("SSL_CERT_FILE", "/nonexistent/ca.pem", "/nonexistent/ca.pem cannot be read: No such file"),
    "a folder": ("SSL_CERT_FILE", "/tmp", "/tmp cannot be read|holds no certificates"),
    "an empty file": ("SSL_CERT_FILE", "/dev/null", "holds no certificates"),
    "no folder": ("SSL_CERT_DIR", "/nonexistent/certs", "there is no folder /nonexistent/certs"),
}
EACH_WRONG = pytest.mark.parametrize(("variable", "value", "says"), WRONG.values(), ids=WRONG.keys())


@EACH_WRONG
def test_a_variable_that_cannot_be_used_is_named_and_its_value_is_not_shown(
    variable: str, value: str, says: str
) -> None:
    with pytest.raises(NetworkSettingError, match=f"^{variable}: .*{says}") as refused:
        check_network({variable: value})
    shown = f"{refused.value} {refused.value!r}"
    assert "\n" not in shown and PASSWORD not in shown
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@BOTH
@EACH_WRONG
def test_no_client_is_made_of_it_and_nothing_is_sent(
    speaker: MakesSpeaker, variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flireo_flows.api import client

    client._tls.cache_clear()
    monkeypatch.setenv(variable, value)
    if variable == "SSL_CERT_DIR" or "no host" in says:
        return  # what httpx itself passes over is found by the command line
    with run_faulty(answer(200, {"id": "o"})) as server, pytest.raises(NetworkSettingError, match=says):
        speaker(account(server.url))
    assert server.requests == []


@pytest.fixture(autouse=True)
def fresh_certificates() -> None:
    """The certificates of the world are read once a process; not in these tests."""
    from flireo_flows.api import client

    client._tls.cache_clear()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ALL_PROXY": "", "NO_PROXY": "", "SSL_CERT_FILE": ""},
        {
            "HTTPS_PROXY": "http://proxy.test:3128",
            "NO_PROXY": "localhost,127.0.0.1,::1,10.0.0.0/8,.example.org,*",
        },
        {"HTTP_PROXY": "proxy.test:3128"},
        {"HTTPS_PROXY": "https://me:pw@proxy.test"},
        {"NO_PROXY": "example.org:8080, *.internal ,fe80::1"},
    ],
)
def test_what_can_be_used_is_used(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    check_network(environment)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    FlireoClient(account("https://127.0.0.1:1")).close()


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


def test_a_task_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from flireo_flows import tasks
    from flireo_flows.blocks import FlireoCredentials

    credentials = FlireoCredentials(api_key=KEY, base_url="http://127.0.0.1:1/api/v1")
    monkeypatch.setenv("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:1")
    with pytest.raises(NetworkSettingError, match=r"^ALL_PROXY: it names a SOCKS proxy"):
        tasks.list_agents.fn(credentials)


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
def test_a_certificate_that_is_not_trusted_is_said_and_nothing_is_sent(
    kind: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, says = CERTIFICATES[kind]
    if kind != "unknown":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with secured(authority.sign(**made).both) as url, FlireoClient(Account(KEY, url)) as client:  # type: ignore[arg-type]
        requests: list[Operation[Any]] = [get_organization(), create_outbound_call(RING_ANNA)]
        for asked in requests:
            with pytest.raises(errors.NotSent, match=says) as refused:
                client.send(asked)
            told = str(refused.value)
            assert "The server's certificate is not trusted" in told
            assert "SSL_CERT_FILE" in told and "FLIREO_BASE_URL" in told
            assert str(pickle.loads(pickle.dumps(refused.value))) == told


async def test_a_name_that_nobody_knows_is_not_blamed_on_a_certificate() -> None:
    async with AsyncFlireoClient(account("https://nowhere.invalid")) as client:
        with pytest.raises(errors.NotSent) as refused:
            await client.send(get_organization())
    assert "certificate" not in str(refused.value)


def test_ones_own_authority_is_trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with secured(authority.sign().both) as url, FlireoClient(Account(KEY, url)) as client:
        assert client.send(get_organization()).id == "secure"
