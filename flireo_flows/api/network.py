"""Where the API answers, and what the environment sets for the way there: base URLs, proxies and certificates.

Each slip in a variable is one sentence with its name: httpx reads the same ones, and its own errors name none of them
(some end in a traceback).
"""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx

PROXIES: Final = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy")
BYPASSES: Final = ("NO_PROXY", "no_proxy")
PLAIN: Final = ("http", "https")
SOCKS: Final = ("socks5", "socks5h")


class NetworkSettingError(Exception):
    """A variable of the environment keeps us from the network. Shows no value: a proxy's holds its password.

    Attributes:
        variable: Its name.
        problem: What is wrong with it, and what to do.
    """

    def __init__(self, variable: str, problem: str) -> None:
        self.variable, self.problem = variable, problem
        super().__init__(variable, problem)

    def __str__(self) -> str:
        return f"{self.variable}: {self.problem}"


def check_network(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse what neither httpx nor Prefect, which uses it too, can work with.

    Args:
        environment: Variables by name.

    Raises:
        NetworkSettingError: One of them is wrong.
    """
    for name, check in (
        ("SSL_CERT_FILE", _certificates),
        ("SSL_CERT_DIR", _folder),
        *((name, _proxy) for name in PROXIES),
        *((name, _bypass) for name in BYPASSES),
    ):
        # An empty variable is none, as httpx has it.
        if (value := environment.get(name)) and (problem := check(value)):
            raise NetworkSettingError(name, problem)


def _certificates(value: str) -> str:
    """What keeps a file from being read as certificates."""
    try:
        ssl.create_default_context(cafile=value)
    except ssl.SSLError:
        return f"the file {value} holds no certificates in PEM form"
    except (OSError, ValueError) as error:
        return f"the file {value} cannot be read: {getattr(error, 'strerror', None) or 'it is no file name'}"
    return ""


def _folder(value: str) -> str:
    folders = value.split(os.pathsep)
    missing = [folder for folder in folders if not Path(folder).is_dir()]
    return f"there is no folder {missing[0]}" if len(missing) == len(folders) else ""


def _proxy(value: str) -> str:
    """What keeps a proxy's URL from being used; the URL itself is not shown."""
    scheme, sign, _ = value.partition("://")
    scheme = scheme.lower() if sign else "http"
    if scheme in SOCKS and find_spec("socksio") is None:
        return (
            "it names a SOCKS proxy, and the support of those is not installed: "
            "pip install 'flireo-flows[socks]', or name an http:// proxy"
        )
    if scheme not in (*PLAIN, *SOCKS):
        return "it is no proxy's URL; write http://HOST:PORT or socks5://HOST:PORT"
    try:
        url = httpx.URL(value if sign else f"http://{value}")
    except (httpx.InvalidURL, UnicodeError):
        return "it is no URL; write http://HOST:PORT, with special characters of a password percent-encoded"
    if not url.host or (url.port or 1) > 65_535:
        return "it names no host and port; write http://HOST:PORT"
    return ""


def _bypass(value: str) -> str:
    """The first entry that httpx cannot read; an IPv6 address is written without brackets, port or prefix length."""
    for entry in (part.strip() for part in value.split(",")):
        pattern = entry if "://" in entry else f"all://*{entry}"
        try:
            httpx.URL(f"all://[{entry}]" if _is_ipv6(entry) else pattern)
        except (httpx.InvalidURL, UnicodeError):
            hint = " (an IPv6 address is written as ::1, without brackets, port or prefix length)"
            return f"httpx cannot read its entry {entry!r}{hint if ':' in entry else ''}"
    return ""


def _is_ipv6(entry: str) -> bool:
    try:
        ipaddress.IPv6Address(entry.split("/", maxsplit=1)[0])
    except ValueError:
        return False
    return True


def cause_of(error: BaseException) -> str:
    """Why there was no connection, in words, where the environment or a certificate is to blame; else empty."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return (
                f"The server's certificate is not trusted: {seen.verify_message.rstrip('.')} "
                "(SSL_CERT_FILE names a file with certificates of your own)"
            )
        if isinstance(seen, ssl.SSLError):
            return "The server does not speak TLS as https:// asks for it"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, httpx.ProxyError):
        return f"The proxy refused ({' or '.join(filter(os.environ.get, PROXIES)) or 'of this system'})"
    return ""


LIKE: Final = "https://api.flireo.com/api/v1"
HIGHEST_PORT: Final = 65_535


class BaseUrlError(ValueError):
    """A base URL that no request may be sent to. Holds nothing of it: it may contain a password."""


def check_base_url(url: str) -> str:
    """The base URL without surrounding blanks, once it is known to be safe to send the key there.

    Args:
        url: As a person gave it; empty stands for the vendor's own address, and is kept.

    Raises:
        BaseUrlError: It is not an address; it holds user info, a query or a fragment, which requests would drop or
            show in logs; or it would send the key and phone numbers unencrypted to another machine.
    """
    text = url.strip()
    if not text:
        return ""
    parsed = _parsed(text)
    if parsed is None:
        raise BaseUrlError(f"the base URL must look like {LIKE}")
    if "@" in text:
        raise BaseUrlError(
            f"the base URL holds a user name or password; give only the address, such as {LIKE}"
        )
    if "?" in text or "#" in text:
        raise BaseUrlError(
            f"the base URL holds a query (?) or a fragment (#); end it with its path, as in {LIKE}"
        )
    if parsed.scheme == "http" and not _is_loopback(parsed.host):
        raise BaseUrlError(
            "the base URL begins with http://, which would send the API key unencrypted; use https:// "
            "(http:// is only for this machine: localhost, 127.0.0.1 or [::1])"
        )
    return text


def is_loopback(url: str) -> bool:
    """Whether a base URL is an address of this machine, as a sandbox's is.

    Args:
        url: One that `check_base_url` accepts; an empty one is the vendor's.
    """
    parsed = _parsed(url.strip())
    return parsed is not None and _is_loopback(parsed.host)


def _parsed(text: str) -> httpx.URL | None:
    """The URL as the HTTP client reads it, so that no two readings of it differ; None if it is no web address."""
    if not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return None
    is_web = url.scheme in ("http", "https") and bool(url.host) and "%" not in url.host
    return url if is_web and (url.port is None or 0 < url.port <= HIGHEST_PORT) else None


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
