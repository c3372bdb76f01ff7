"""Is a webhook really from Flireo? The signature over its raw bytes, and its age (contract section 18.2)."""

import hmac
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

TIMESTAMP_HEADER: Final = "X-Webhook-Timestamp"
SIGNATURE_HEADER: Final = "X-Webhook-Signature"

_PREFIX: Final = "sha256="
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class SignatureProblem(StrEnum):
    """Why a webhook is not believed. The value is safe to log."""

    MISSING_TIMESTAMP = "the timestamp header is missing"
    MALFORMED_TIMESTAMP = "the timestamp is not in Unix seconds"
    STALE = "the timestamp is too far from now"
    MISSING_SIGNATURE = "the signature header is missing"
    NO_SECRET = "no secret is configured to check it with"  # noqa: S105 - a sentence, not a secret
    MISMATCH = "the signature matches no secret"


class SignatureError(Exception):
    """The webhook is not proven to come from Flireo. Answer 401 and read no further."""

    def __init__(self, reason: SignatureProblem) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return self.reason.value


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `X-Webhook-Signature` for a body.

    Args:
        secret: The agent's `webhook_secret`.
        timestamp: Unix seconds, as sent in `X-Webhook-Timestamp`.
        body: The raw bytes that are sent.

    Source: API reference, "Webhooks", signature verification.
    """
    return _PREFIX + _digest(secret, str(timestamp), body)


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secrets: Sequence[str],
    now: float,
    tolerance_seconds: float = 300,
) -> None:
    """Raise unless one of the secrets signed these bytes, recently.

    Args:
        body: The raw bytes as received: JSON that was read and written again has another signature.
        headers: Of the request; names in any case.
        secrets: All that are valid now. Keep two while a secret is being replaced.
        now: Unix seconds.
        tolerance_seconds: Largest age, and largest lead of the sender's clock. The vendor's own is 300.

    Raises:
        SignatureError: With the reason; the first that applies.
    """
    timestamp, signature, usable = _claim(headers, secrets, now, tolerance_seconds)
    # The prefix is in the later documentation only, so a signature counts with and without it.
    given = signature.removeprefix(_PREFIX).lower().encode()
    # A list, not a generator: how long the check takes must not show which secret matched.
    matches = [hmac.compare_digest(_digest(secret, timestamp, body).encode(), given) for secret in usable]
    if not any(matches):
        raise SignatureError(SignatureProblem.MISMATCH)


def verify_headers(
    headers: Mapping[str, str], secrets: Sequence[str], now: float, tolerance_seconds: float = 300
) -> None:
    """Raise for headers with which no body at all would be believed: before it is read. Proves nothing else.

    Args:
        headers: Of the request; names in any case.
        secrets: All that are valid now.
        now: Unix seconds.
        tolerance_seconds: As of `verify`.

    Raises:
        SignatureError: As `verify` would.
    """
    _claim(headers, secrets, now, tolerance_seconds)


def _claim(
    headers: Mapping[str, str], secrets: Sequence[str], now: float, tolerance_seconds: float
) -> tuple[str, str, list[str]]:
    """The timestamp, the signature that is to be checked, and the secrets to check it with."""
    found = {name.lower(): value for name, value in headers.items()}
    timestamp = _fresh_timestamp(found.get(TIMESTAMP_HEADER.lower()), now, tolerance_seconds)
    signature = (found.get(SIGNATURE_HEADER.lower()) or "").strip()
    if not signature:
        raise SignatureError(SignatureProblem.MISSING_SIGNATURE)
    usable = [secret for secret in secrets if secret]  # an empty secret is one that anyone can sign with
    if not usable:
        raise SignatureError(SignatureProblem.NO_SECRET)
    return timestamp, signature, usable


def _fresh_timestamp(header: str | None, now: float, tolerance_seconds: float) -> str:
    timestamp = (header or "").strip()
    if not timestamp:
        raise SignatureError(SignatureProblem.MISSING_TIMESTAMP)
    if not _UNIX_SECONDS.fullmatch(timestamp):
        raise SignatureError(SignatureProblem.MALFORMED_TIMESTAMP)
    if abs(now - int(timestamp)) > tolerance_seconds:
        raise SignatureError(SignatureProblem.STALE)
    return timestamp


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()
