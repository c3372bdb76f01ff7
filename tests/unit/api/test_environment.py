"""Proxies and certificates of the environment: what cannot be used is one sentence with the variable's name."""

import pickle

import pytest

from flireo_flows.api.client import FlireoClient
from flireo_flows.api.network import NetworkSettingError, check_network
from tests.support.api.environment import EACH_WRONG, PASSWORD
from tests.support.api.speaking import KEY, account


@EACH_WRONG
def test_a_variable_that_cannot_be_used_is_named_and_its_value_is_not_shown(
    variable: str, value: str, words: str
) -> None:
    with pytest.raises(NetworkSettingError, match=f"^{variable}: .*{words}") as refused:
        check_network({variable: value})
    shown = f"{refused.value} {refused.value!r}"
    assert "\n" not in shown and PASSWORD not in shown
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


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


def test_a_task_raises_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from flireo_flows import tasks
    from flireo_flows.blocks import FlireoCredentials

    credentials = FlireoCredentials(api_key=KEY, base_url="http://127.0.0.1:1/api/v1")
    monkeypatch.setenv("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:1")
    with pytest.raises(NetworkSettingError, match=r"^ALL_PROXY: it names a SOCKS proxy"):
        tasks.list_agents.fn(credentials)
