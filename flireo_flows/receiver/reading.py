"""What of a request is believed: its size, its kind, its signature. Whatever is not is refused, and not kept."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.types import Receive, Scope

from flireo_flows.api.webhooks import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, verify

LARGEST_BODY: Final = 5_000_000  # bytes; an hour of talk is some 100 kB of transcript
MOST_DISCARDED: Final = 4 * LARGEST_BODY  # read and thrown away, so that the sender hears the answer
_ABOUT: Final = [(name, name.lower()) for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER)]
_JSON: Final = ("application/json", "+json")


class Refused(Exception):
    """A request that is answered 4xx or 5xx: the status, a code for programs, and words for people."""

    def __init__(self, status: int, code: str, words: str) -> None:
        self.status, self.code, self.words = status, code, words
        super().__init__(status, code, words)


class Gone(Exception):
    """The sender went away before the body was complete."""


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers, names in lower case, as ASGI has them; of several of one name the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def check_kind(headers: Mapping[str, str]) -> None:
    """Refuse what says that it is no JSON, and what says that it is too large to be read.

    Without a word of its kind a body is taken: nothing is sent again, and the signature says more.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.endswith(_JSON):
        raise Refused(415, "wrong_content_type", "send application/json")
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > MOST_DISCARDED:
        raise too_large()


async def read_body(receive: Receive) -> bytes:
    """The raw bytes, which are what is signed; no more of them than we would store.

    Raises:
        Refused: They are too many.
        Gone: They never all came.
    """
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        is_last = not message.get("more_body", False)
        if size > LARGEST_BODY:
            pieces.clear()
            if is_last or size > MOST_DISCARDED:
                raise too_large()
        elif is_last and not pieces:
            return bytes(piece)
        else:
            pieces.append(piece)
            if is_last:
                return b"".join(pieces)


def too_large() -> Refused:
    """The answer to a body over the limit."""
    return Refused(413, "too_large", f"a body may have {LARGEST_BODY} bytes")


def check_signature(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, allow_unsigned: bool
) -> float | None:
    """Refuse what Flireo did not sign just now.

    Args:
        headers: Names in lower case.
        secrets: All that are valid now.
        allow_unsigned: Whether a request without a signature is believed; one with a wrong one never is.

    Returns:
        When it was sent by the sender's clock, Unix seconds; None if nobody signed it.
    """
    about = {name: headers.get(lower, "") for name, lower in _ABOUT}
    if allow_unsigned and (not about[SIGNATURE_HEADER] or not secrets):
        return None
    try:
        verify(body, about, secrets, time.time())
    except SignatureError as error:
        raise Refused(
            401, f"signature_{error.reason.name.lower()}", f"not accepted: {error.reason}"
        ) from None
    return float(about[TIMESTAMP_HEADER])
