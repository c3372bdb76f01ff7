"""What of a request is believed: its size, its kind, its signature. Whatever is not is refused, and not kept."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.types import Receive, Scope

from flireo_flows.api.webhooks import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureError,
    verify,
    verify_headers,
)

LARGEST_BODY: Final = 5_000_000  # bytes; an hour of talk is some 100 kB of transcript
MOST_DISCARDED: Final = 4 * LARGEST_BODY  # read and thrown away, so that the sender gets the answer
READING_SECONDS: Final = 10.0
MOST_AT_ONCE: Final = 10 * LARGEST_BODY  # bytes of bodies that came in part; most come in one piece
_ABOUT: Final = [(name, name.lower()) for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER)]
_JSON: Final = ("application/json", "+json")


class RequestRefusedError(Exception):
    """A request that is answered 4xx or 5xx: the status, a code for programs, and words for people."""

    def __init__(self, status: int, code: str, words: str) -> None:
        self.status, self.code, self.words = status, code, words
        super().__init__(status, code, words)


class SenderGoneError(Exception):
    """The sender went away before the body was complete."""


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers, names in lower case, as ASGI has them; of several of one name the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def check_kind(headers: Mapping[str, str]) -> None:
    """Refuse what declares itself no JSON, or too large to be read.

    Without a content type a body is taken: nothing is sent again, and the signature proves more.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.endswith(_JSON):
        raise RequestRefusedError(415, "wrong_content_type", "send application/json")
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > MOST_DISCARDED:
        raise too_large()


class BodyReader:
    """Reads the bodies of requests, which are not authenticated yet: time and memory are bounded."""

    def __init__(self, seconds: float = READING_SECONDS, most: int = MOST_AT_ONCE) -> None:
        """Begin with none.

        Args:
            seconds: In which a body has to come.
            most: Bytes of unfinished bodies that are held at the same time.
        """
        self._seconds, self._most, self._held = seconds, most, 0

    async def read(self, receive: Receive) -> bytes:
        """The raw bytes, which are what is signed; no more of them than we would store.

        Raises:
            RequestRefusedError: They are too many, come too slowly, or too much of others is under way.
            SenderGoneError: They never all came.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._read(receive)
        except TimeoutError:
            raise RequestRefusedError(
                408, "too_slow", f"a body has to come within {self._seconds:g} s"
            ) from None

    async def _read(self, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size = held = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise SenderGoneError
                piece = message.get("body", b"")
                size += len(piece)
                is_last = not message.get("more_body", False)
                if size > LARGEST_BODY:
                    pieces.clear()
                    self._held, held = self._held - held, 0
                    if is_last or size > MOST_DISCARDED:
                        raise too_large()
                elif is_last and not pieces:
                    return bytes(piece)
                else:
                    if self._held + len(piece) > self._most:
                        raise RequestRefusedError(
                            503, "too_busy", "too many bodies are under way; send it again"
                        )
                    pieces.append(piece)
                    self._held, held = self._held + len(piece), held + len(piece)
                    if is_last:
                        return b"".join(pieces)
        finally:
            self._held -= held


def too_large() -> RequestRefusedError:
    """The answer to a body over the limit."""
    return RequestRefusedError(413, "too_large", f"a body may have {LARGEST_BODY} bytes")


def check_headers(headers: Mapping[str, str], secrets: Sequence[str], *, allow_unsigned: bool) -> None:
    """Refuse, before its body is read, what could not be believed whatever the body is.

    Args:
        headers: Names in lower case.
        secrets: All that are valid now.
        allow_unsigned: As of `check_signature`.
    """
    about = _about(headers)
    if not _is_unsigned(about, secrets, allow_unsigned=allow_unsigned):
        try:
            verify_headers(about, secrets, time.time())
        except SignatureError as error:
            raise _unproven(error) from None


def check_signature(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, allow_unsigned: bool
) -> float | None:
    """Refuse what Flireo did not sign just now.

    Args:
        headers: Names in lower case.
        secrets: All that are valid now.
        allow_unsigned: Whether a request without a signature is believed; one with a wrong one never is.

    Returns:
        When it was sent by the sender's clock, Unix seconds; None if it is unsigned.
    """
    about = _about(headers)
    if _is_unsigned(about, secrets, allow_unsigned=allow_unsigned):
        return None
    try:
        verify(body, about, secrets, time.time())
    except SignatureError as error:
        raise _unproven(error) from None
    return float(about[TIMESTAMP_HEADER])


def _about(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers.get(lower, "") for name, lower in _ABOUT}


def _is_unsigned(about: Mapping[str, str], secrets: Sequence[str], *, allow_unsigned: bool) -> bool:
    return allow_unsigned and (not about[SIGNATURE_HEADER] or not secrets)


def _unproven(error: SignatureError) -> RequestRefusedError:
    return RequestRefusedError(401, f"signature_{error.reason.name.lower()}", f"not accepted: {error.reason}")


REMEMBERED: Final = 1000  # differences, for memory is not endless
REMEMBERED_SECONDS: Final = 900.0


class SenderClock:
    """Learns from when deliveries were signed, and when they came.

    One that was long under way looks like a clock that is behind. None comes before it was signed; so of all
    the differences the largest one has the least delay in it, and is the nearest to the truth.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def ahead(self, sent_at: float | None, now: float) -> float:
        """Seconds by which the platform's clock is ahead of ours; negative if it is behind.

        Args:
            sent_at: Signed timestamp of what just came, Unix seconds; None if it is unsigned.
            now: Unix seconds of the ledger's clock.
        """
        seen = self._seen
        while seen and seen[0][0] < now - REMEMBERED_SECONDS:
            seen.popleft()
        if sent_at is not None:
            # The largest is the first: what came earlier and is smaller can never be it again.
            while seen and seen[-1][1] <= sent_at - now:
                seen.pop()
            if len(seen) < REMEMBERED:
                seen.append((now, sent_at - now))
        return seen[0][1] if seen else 0.0
