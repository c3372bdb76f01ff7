"""A base URL that would show the key or send it in clear is refused before any request, in one sentence."""

import pytest
from pydantic import SecretStr, ValidationError

from flireo_flows.api.client import Account
from flireo_flows.api.network import BaseUrlError, check_base_url, is_loopback
from flireo_flows.blocks import FlireoCredentials

UNENCRYPTED = [
    "http://api.flireo.com/api/v1",
    "HTTP://API.FLIREO.COM/api/v1",
    "http://192.168.1.20:8099/api/v1",
    "http://10.0.0.5/api/v1",
    "http://0.0.0.0:8099/api/v1",
    "http://128.0.0.1/api/v1",
    "http://[fe80::1]:8099/api/v1",
    "http://[2001:db8::1]/api/v1",
    "http://localhost.example.com/api/v1",
    "http://127.0.0.1.example.com/api/v1",
    "http://localhost6/api/v1",
    "http://0x7f.1/api/v1",
    "http://127.1/api/v1",
    "http://sandbox:8099/api/v1",
]
USER_INFO = [
    "https://me:hush@api.flireo.com/api/v1",
    "https://hush@api.flireo.com/api/v1",
    "https://@api.flireo.com/api/v1",
    "http://me:hush@127.0.0.1:8099/api/v1",
    "http://127.0.0.1@api.flireo.com/api/v1",
    "https://fl_live_hush:@api.flireo.com",
]
QUERY_OR_FRAGMENT = [
    "https://api.flireo.com/api/v1?key=hush",
    "https://api.flireo.com/api/v1?",
    "https://api.flireo.com?x=1",
    "http://127.0.0.1:8099/api/v1?x=hush",
    "https://api.flireo.com/api/v1#hush",
    "https://api.flireo.com/api/v1#",
    "http://[::1]:8099/api/v1#a",
]
NO_ADDRESS = [
    "api.flireo.com",
    "api.flireo.com/api/v1",
    "127.0.0.1:8099",
    "//api.flireo.com/api/v1",
    "ftp://127.0.0.1/",
    "file:///api/v1",
    "ws://127.0.0.1/api/v1",
    "https:/api.flireo.com",
    "https://",
    "https:///api/v1",
    "http://no such host/",
    "http://[::1/",
    "https://api.flireo.com:99999/api/v1",
    "https://api.flireo.com:abc/api/v1",
    "https://api.fli\nreo.com/api/v1",
    "https://api.flireo.com\\@example.com",
    "http://127.0.0.1%2eexample.com/",
    "http://ⓛocalhost/",
]
REFUSED = [
    *((url, "https://") for url in UNENCRYPTED),
    *((url, "user name or password") for url in USER_INFO),
    *((url, "query (?) or a fragment (#)") for url in QUERY_OR_FRAGMENT),
    *((url, "must look like https://api.flireo.com/api/v1") for url in NO_ADDRESS),
]
LOOPBACK = [
    "http://127.0.0.1:8099/api/v1",
    "http://127.0.0.1/api/v1/",
    "http://127.8.9.10:1/api/v1",
    "http://localhost:8099/api/v1",
    "http://LocalHost/api/v1",
    "http://[::1]:8099/api/v1",
    "https://[0:0:0:0:0:0:0:1]/api/v1",
    "https://localhost:8099/api/v1",
]
REMOTE = [
    "",
    "https://api.flireo.com/api/v1",
    "https://proxy.example.org/flireo/",
    "https://10.0.0.5:8443/api/v1",
]


@pytest.mark.parametrize(("url", "words"), REFUSED)
def test_an_unsafe_base_url_is_refused_in_one_sentence_that_does_not_show_it(url: str, words: str) -> None:
    with pytest.raises(BaseUrlError) as by_account:
        Account("fl_live_x", url)
    with pytest.raises(ValidationError) as by_block:
        FlireoCredentials(api_key=SecretStr("fl_live_x"), base_url=url)
    for said in (str(by_account.value), str(by_block.value)):
        assert words in said and "hush" not in said
    assert "\n" not in str(by_account.value)


@pytest.mark.parametrize("url", [*LOOPBACK, *REMOTE])
def test_addresses_of_this_machine_and_encrypted_ones_are_accepted(url: str) -> None:
    assert check_base_url(f" {url} ") == url
    assert (
        Account("k", url).base_url == FlireoCredentials(api_key=SecretStr("k"), base_url=url).base_url == url
    )
    assert is_loopback(url) is (url in LOOPBACK)
