"""Where the API answers: which base URLs may carry the key, and which of them are this machine."""

from ipaddress import ip_address
from typing import Final

import httpx

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
