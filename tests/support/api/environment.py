"""Variables of the network that cannot be used."""

import pytest

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
EACH_WRONG = pytest.mark.parametrize(("variable", "value", "words"), WRONG.values(), ids=WRONG.keys())
