"""Send operations: `FlireoClient` from ordinary code, `AsyncFlireoClient` from async code."""

import asyncio
import json
import logging
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar, cast

import httpx

from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.exchange import TOO_LATE, Pause, exchange
from flireo_flows.api.fields import BASE_URLS, Dialect
from flireo_flows.api.judgement import Lost, Reply
from flireo_flows.api.model import JsonObject
from flireo_flows.api.network import cause_of, check_base_url, check_network
from flireo_flows.api.operation import Effect, Operation
from flireo_flows.api.rate_limit import RateLimit
from flireo_flows.api.redaction import MaskedUrls, secret_values
from flireo_flows.api.steady_clock import steady_now

T = TypeVar("T")
USER_AGENT: Final = "flireo-flows/0.1 (prefect)"
SHORTEST_SECRET: Final = 8  # characters; what is shorter is no secret, and may be part of a word

# A connection was never made, so the request never left; every later failure leaves that open.
# (Proxy trouble is met before the request too; what cannot be written down is never written.)
NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    UnicodeEncodeError,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for Flireo, in seconds.

    Attributes:
        connect: For a connection.
        read: For the answer to a request that calls no one.
        call: For the answer to one that calls: calls have been seen to be placed 20 s after the request.
    """

    connect: float = 5.0
    read: float = 30.0
    call: float = 120.0


def check_api_key(key: str) -> str:
    """A key without the spaces around it; it goes into a header: no line break, no space, no letter outside ASCII.

    Raises:
        ValueError: It is empty, or cannot be a key. Does not show it.
    """
    text = key.strip()
    if not text:
        raise ValueError("the API key is empty")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the API key holds characters that no key has; copy it again from the dashboard")
    return text


@dataclass(frozen=True, slots=True)
class Account:
    """The address and the key of an account. The key is shown nowhere, and leaves the process for Flireo only.

    Raises:
        BaseUrlError: No request may be sent to the base URL; see `check_base_url`.
    """

    api_key: str = field(repr=False)
    base_url: str = ""
    dialect: Dialect = Dialect.FLIREO
    timeouts: Timeouts = Timeouts()

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", check_base_url(self.base_url))

    @property
    def url(self) -> str:
        """The base URL without a trailing slash; the dialect's own if none is set."""
        return (self.base_url or BASE_URLS[self.dialect]).rstrip("/")

    def request(self, operation: Operation[T]) -> "Prepared":
        """An operation as it goes out."""
        wait = self.timeouts.call if operation.effect is Effect.PLACES_CALL else self.timeouts.read
        body, content = self._written(operation)
        headers = {"Authorization": f"Bearer {self.api_key}"}
        arguments = {
            "method": operation.endpoint.method,
            "url": self.url + operation.target(self.dialect),
            "headers": headers if body is None else {**headers, "Content-Type": "application/json"},
            "content": content,
            "timeout": httpx.Timeout(wait, connect=self.timeouts.connect),
        }
        secrets = (self.api_key, *secret_values(body))
        return Prepared(arguments, tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET))

    def _written(self, operation: Operation[T]) -> tuple[JsonObject | None, bytes | None]:
        """The body, and the same as JSON. What JSON cannot contain is found before anything is sent."""
        try:
            body = operation.sends.writes(self.dialect)
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            return body, None if body is None else text.encode()
        except InvalidInput:
            raise
        except (TypeError, ValueError, RecursionError):
            text = "the body holds what JSON cannot say, such as NaN"
            raise InvalidInput(operation.name, operation.route, text=text) from None

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Account is not pickled, for it holds the API key: make it where it is used")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is about to go out.

    Attributes:
        arguments: Of httpx's `request`.
        secrets: What it carries and no one may see again: the key, and secrets of the body.
    """

    arguments: dict[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def prepared(account: Account, pacing: RateLimit, operation: Operation[Any]) -> Prepared:
    """As `Account.request`; what cannot be written down was not sent, and takes no room in the rate limit."""
    try:
        return account.request(operation)
    except InvalidInput:
        pacing.lost(left=False)
        raise


# Called after every request: the operation, and the status of its answer (None: there was none).
OnSent = Callable[[Operation[Any], int | None], None]
Unless = Callable[[], Awaitable[bool]]


def ignore_sent(operation: Operation[Any], status: int | None) -> None:
    """Do nothing."""


def reply(response: httpx.Response, secrets: Sequence[str]) -> Reply:
    """An httpx response as a value, with what it may not show again."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content, steady_now(), tuple(secrets))


class TooLateError(Exception):
    """It became too late to send between the decision and the first byte."""


def goes_out(event: str) -> bool:
    """Whether a connection is there and the first byte is about to go out.

    Waiting for the rate limit and making a connection take time, and a machine can sleep in between; afterwards
    no one may have been called.
    """
    return event.endswith("send_request_headers.started")


def check_time(before: float | None) -> None:
    """Look at the clock once more.

    Raises:
        TooLateError: It is past `before`.
    """
    if before is not None and steady_now() > before:
        raise TooLateError


def lost(error: Exception) -> Lost:
    """An httpx error as a value. Its text may hold the URL or the key, so only its kind is kept."""
    is_late = isinstance(error, TooLateError)
    text = TOO_LATE if is_late else type(error).__name__
    left = not isinstance(error, (*NEVER_LEFT, TooLateError))
    return Lost(left=left, text=text, at=steady_now(), cause=cause_of(error), is_too_late=is_late)


# httpx logs the URL of every request at INFO, and whoever turns that on sees call ids.
logging.getLogger("httpx").addFilter(MaskedUrls())

FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError, TooLateError)


class FlireoClient:
    """Sends operations and waits for their answers. One a thread; close it, or use it in `with`.

    Args:
        account: The address and the key of an account.
        on_sent: Called after every request that was sent.
        transport: Another httpx transport; for tests and special networks.
    """

    def __init__(
        self, account: Account, on_sent: OnSent = ignore_sent, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.account, self.pacing, self._on_sent = account, RateLimit(), on_sent
        with _environment_named():
            self._pooled = httpx.Client(transport=transport, **_options(fresh=False))
            self._fresh = httpx.Client(transport=transport, **_options(fresh=True))

    def send(self, operation: Operation[T], before: float | None = None) -> T:
        """Have an operation answered.

        Args:
            operation: What to send.
            before: Unix seconds after which it must not go out any more.

        Raises:
            FlireoError: See `flireo_flows.api.errors`.
        """
        steps = exchange(operation, self.pacing, steady_now(), random.random(), before)  # noqa: S311 - jitter
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    step = steps.send(steady_now())
                else:
                    step = steps.send(self._transmit(operation, before))
        except StopIteration as done:
            return cast(T, done.value)  # StopIteration does not say what it carries

    def _transmit(self, operation: Operation[T], before: float | None) -> Reply | Lost:
        http = self._fresh if operation.effect is Effect.PLACES_CALL else self._pooled

        def trace(event: str, info: object) -> None:
            if goes_out(event):
                check_time(before)

        request = prepared(self.account, self.pacing, operation)
        try:
            response = http.request(**request.arguments, extensions=_traced(trace, before is not None))
            answer: Reply | Lost = reply(response, request.secrets)
        except FAILURES as error:
            answer = lost(error)
        except BaseException:
            self.pacing.lost(left=True)  # stopped on the way: it may have been counted
            raise
        self._on_sent(operation, answer.status if isinstance(answer, Reply) else None)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._pooled.close()
        self._fresh.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncFlireoClient:
    """As `FlireoClient`, for async code: one an event loop; close it, or use it in `async with`."""

    def __init__(
        self,
        account: Account,
        on_sent: OnSent = ignore_sent,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.account, self.pacing, self._on_sent = account, RateLimit(), on_sent
        with _environment_named():
            self._pooled = httpx.AsyncClient(transport=transport, **_options(fresh=False))
            self._fresh = httpx.AsyncClient(transport=transport, **_options(fresh=True))

    def now(self) -> float:
        """The clock that `send`'s `before` is measured by: `steady_now`, Unix seconds."""
        return steady_now()

    async def send(
        self, operation: Operation[T], before: float | None = None, unless: Unless | None = None
    ) -> T:
        """Have an operation answered; see `FlireoClient.send`.

        Args:
            operation: What to send.
            before: Unix seconds after which it must not go out any more.
            unless: Asked right before it goes out: True keeps it back, as if it were too late.
        """
        steps = exchange(operation, self.pacing, steady_now(), random.random(), before)  # noqa: S311 - jitter
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    step = steps.send(steady_now())
                else:
                    step = steps.send(await self._transmit(operation, before, unless))
        except StopIteration as done:
            return cast(T, done.value)  # StopIteration does not say what it carries

    async def _transmit(
        self, operation: Operation[T], before: float | None, unless: Unless | None
    ) -> Reply | Lost:
        http = self._fresh if operation.effect is Effect.PLACES_CALL else self._pooled

        async def trace(event: str, info: object) -> None:
            if goes_out(event):
                if unless is not None and await unless():
                    raise TooLateError
                check_time(before)

        request = prepared(self.account, self.pacing, operation)
        try:
            response = await http.request(
                **request.arguments, extensions=_traced(trace, before is not None or unless is not None)
            )
            answer: Reply | Lost = reply(response, request.secrets)
        except FAILURES as error:
            answer = lost(error)
        except BaseException:
            self.pacing.lost(left=True)  # stopped on the way: it may have been counted
            raise
        self._on_sent(operation, answer.status if isinstance(answer, Reply) else None)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._pooled.aclose()
        await self._fresh.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: to read the certificates of the world takes 50 ms."""
    return httpx.create_ssl_context()


def _traced(trace: Callable[[str, object], object], may_be_kept: bool) -> dict[str, Any]:
    """httpx's hook for what happens on the wire; only where something may keep it back, for it costs a little."""
    return {"trace": trace} if may_be_kept else {}


def _options(*, fresh: bool) -> dict[str, Any]:
    """Of a client. A request that calls someone never reuses a connection.

    A kept-alive connection that the server closed meanwhile fails after the request was written, and then
    no one can say whether it was seen. A fresh one fails before.
    """
    limits = httpx.Limits(max_keepalive_connections=0 if fresh else 5, max_connections=None)
    return {"verify": _tls(), "limits": limits, "headers": {"User-Agent": USER_AGENT}}


@contextmanager
def _environment_named() -> Iterator[None]:
    """An error of httpx about the environment is raised with the variable's name."""
    try:
        yield
    except (ImportError, OSError, ValueError, httpx.InvalidURL):
        check_network()
        raise
