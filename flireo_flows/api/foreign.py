"""Whether it is the API that answered, or something else at its address: a portal, a gateway, another server."""

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

GATEWAY: Final = 500  # from here on a gateway may speak for the API, in HTML too
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MARKUP: Final = b"<"  # what HTML begins with


def foreign_answer(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Why it is not the API that answered, in words without a URL's path or query; empty where it may be.

    The API answers in JSON, never redirects, and its refusals have an envelope (contract section 2.1). An answer
    without a body tells nothing.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        body: As it came.
    """
    if status in REDIRECTS and headers.get("location"):
        return f"The address redirects{_where(headers['location'])}"
    if status >= GATEWAY or not body.strip():
        return ""
    if "html" in headers.get("content-type", "") or body.lstrip().startswith(MARKUP):
        return "A web page answered"
    if status == 404 and not _has_envelope(body):
        return "A server answered that does not know the path"
    return ""


def may_be_ours(body: bytes) -> bool:
    """Whether a refusal may be the API's: it is a JSON object, or has no body."""
    return not body.strip() or _object(body) is not None


def _has_envelope(body: bytes) -> bool:
    """Whether a body is an error in one of the API's forms; an empty object tells nothing."""
    answer = _object(body)
    return answer is not None and (not answer or "error" in answer or "message" in answer)


def _object(body: bytes) -> Mapping[str, object] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _where(location: str) -> str:
    """The server that a redirect names, without what may be secret in it."""
    try:
        parts = urlsplit(location)
        host = parts.hostname
    except ValueError:
        return " elsewhere"
    return f" to {parts.scheme or 'http'}://{host}" if host and parts.scheme else " to another path"
