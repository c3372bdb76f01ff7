"""What the ending of a request means: a result, a reason to send it again, or an error that is final.

No I/O, no sleep, no clock. Rules: contract sections 2.2, 2.4 and 21.1. The one that matters most: after a request that
calls someone, only an answer that is certainly the API's own refusal proves that no call was placed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

from flireo_flows.api import errors
from flireo_flows.api.model import AnswerFormatError, Json, is_empty, promised
from flireo_flows.api.operation import Effect, Endpoint, Operation
from flireo_flows.api.rate_limit import retry_after
from flireo_flows.api.redaction import hide

T = TypeVar("T")

LIMITED_TRIES: Final = 10  # 429s in a row before a request gives up
READ_TRIES: Final = 4
FIRST_BACKOFF_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 8.0
GATEWAY: Final = 500  # from here on a gateway may speak for the API, in HTML too
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MARKUP: Final = b"<"  # what HTML begins with


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        body: As it came.
        at: When it came, Unix seconds.
        secrets: What the request carried: a server that repeats one in an error is not repeated.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: float
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def complaint(self) -> tuple[str | None, str, str | None]:
        """Code, words and field of an error body, without secrets."""
        code, text, param = envelope(self.body)
        return self._hidden(code), hide(text, self.secrets), self._hidden(param)

    @property
    def request_id(self) -> str | None:
        """`X-Request-Id`, without secrets; None when there was none."""
        return self._hidden(self.headers.get("x-request-id"))

    def _hidden(self, text: str | None) -> str | None:
        return hide(text, self.secrets) if text else None


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer. `left` is False only if the request provably never left us (no connection was made)."""

    left: bool
    text: str
    at: float
    cause: str = ""  # in words, where it is known
    is_too_late: bool = False  # to send, so that nothing was


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again after a while; `error` is what to raise if that is not possible."""

    after: float
    error: errors.FlireoError


def judge(operation: Operation[T], answer: Reply | Lost, tries: int, jitter: float) -> T | Again:
    """What an answer means: a result, a reason to send it again, or an error that is final."""
    if isinstance(answer, Lost):
        return _judge_lost(operation, answer, tries, jitter)
    if 200 <= answer.status < 300:
        return _read(operation, answer)
    if answer.status in operation.endpoint.absent:
        return operation.reads(None)
    error = error_of(operation, answer)
    if answer.status == 429 and tries < LIMITED_TRIES:
        return Again(error.retry_after if error.retry_after is not None else 1.0, error)
    if isinstance(error, errors.ServerFailed) and not error.is_foreign and tries + 1 < READ_TRIES:
        return Again(backoff(tries, jitter), error)
    raise error


def backoff(tries: int, jitter: float) -> float:
    """Seconds before try number `tries + 2`: doubling from 0.5 s to 8 s, of which the upper half is jitter."""
    ceiling = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0**tries)
    return ceiling * (0.5 + jitter / 2)


def error_of(operation: Operation[T], reply: Reply) -> errors.FlireoError:
    """The error that a status other than 2xx stands for. The status decides, never the code."""
    kind: type[errors.FlireoError]
    if reply.status >= 500 or reply.status == 408 or reply.status < 400:
        kind = errors.ServerFailed if operation.effect is Effect.READS else errors.OutcomeUnknown
    else:
        kind = errors.BY_STATUS.get(reply.status, errors.RequestRefused)
        if operation.effect is Effect.PLACES_CALL and reply.status != 429 and not may_be_ours(reply.body):
            kind = errors.OutcomeUnknown  # another server's refusal does not prove that no call was placed
    code, text, param = reply.complaint()
    about = (operation.name, operation.route, reply.status, code, text, param, reply.request_id)
    error = kind(*about, retry_after(reply.headers))
    return error.because(foreign_answer(reply.status, reply.headers, reply.body))


def _judge_lost(operation: Operation[T], lost: Lost, tries: int, jitter: float) -> Again:
    """Only a request that never left, or one that changes nothing, may be sent again."""
    if lost.left and operation.effect is not Effect.READS:
        raise errors.OutcomeUnknown(operation.name, operation.route, text=lost.text)
    kind = errors.TimedOut if lost.left else errors.TooLate if lost.is_too_late else errors.NotSent
    error = kind(operation.name, operation.route, text=lost.text).because(lost.cause)
    # Only the dialer repeats a request that places a call, after a new decision.
    if operation.effect is Effect.PLACES_CALL or tries + 1 >= READ_TRIES:
        raise error
    return Again(backoff(tries, jitter), error)


def _read(operation: Operation[T], reply: Reply) -> T:
    """The result of a 2xx answer. Only what is plainly what was asked for is one (contract section 21.1)."""
    try:
        answer: Json = json.loads(reply.body) if reply.body.strip() else None
        if is_failure(operation.endpoint, answer):
            raise _unread(operation, reply, reply.complaint())
        result = operation.reads(answer)
        check_whole(operation, answer, result)
        return result
    except AnswerFormatError as problem:
        raise _unread(operation, reply, (None, str(problem), None)) from None
    except (ValueError, TypeError, KeyError, RecursionError):
        # A cut or foreign body. The words of the exception may quote it, so they stay here.
        raise _unread(operation, reply, (None, "the answer could not be read", None)) from None


def _unread(
    operation: Operation[T], reply: Reply, complaint: tuple[str | None, str, str | None]
) -> errors.FlireoError:
    """The error of a 2xx answer that is no success; after a change no one knows what became of it."""
    unread = errors.UnreadableAnswer if operation.effect is Effect.READS else errors.OutcomeUnknown
    code, text, param = complaint
    text = text or "the answer is not a success"
    error = unread(operation.name, operation.route, reply.status, code, text, param, reply.request_id)
    return error.because(foreign_answer(reply.status, reply.headers, reply.body))


def is_failure(endpoint: Endpoint, answer: Json) -> bool:
    """Whether an answer calls itself a failure, whatever its status: `{"error": ...}`, `{"success": false}`."""
    if not isinstance(answer, dict):
        return False
    if answer.get("success") is not None and answer["success"] is not True:
        return True
    own = endpoint.has_error and isinstance(answer.get("id"), str) and "message" not in answer
    return bool(answer.get("error")) and not (own and isinstance(answer["error"], str))


def check_whole(operation: Operation[T], answer: Json, result: T) -> None:
    """Hold what was read of a GET against the answer: nothing is not an empty list, nor is one with a total.

    Raises:
        AnswerFormatError: The answer is empty, or reports rows which it does not give.
    """
    if operation.effect is not Effect.READS:
        return
    if answer is None or answer in ({}, ""):
        raise ValueError("nothing")
    is_first = not operation.sends.query.get("offset")
    if is_first and is_empty(result) and promised(answer):
        raise AnswerFormatError("the list is empty, and the answer says that it is not")


def envelope(body: bytes) -> tuple[str | None, str, str | None]:
    """Code, words and field of an error body, in any of the three documented forms (contract section 2.1).

    A body that is no JSON (a gateway's HTML page) gives no words.
    """
    answer = _object(body)
    if answer is None:
        return None, "", None
    inner = answer.get("error")
    nested = inner if isinstance(inner, dict) else {}
    words = nested.get("message") or answer.get("message") or (inner if isinstance(inner, str) else "")
    param = nested.get("param") or answer.get("param")
    code = nested.get("code")
    return _text(code), str(words), _text(param)


def foreign_answer(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Why it is not the API that answered, in words without a URL's path or query; empty where it may be.

    The API answers in JSON, never redirects, and its refusals have an envelope (contract section 2.1). An answer
    without a body shows nothing.

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
    """Whether a body is an error in one of the API's forms; an empty object shows nothing."""
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


def _text(value: object) -> str | None:
    return str(value) if value else None
