"""Everything that can go wrong between us and Flireo.

FlireoError
 ├── InvalidInput          an argument cannot be right: nothing was sent
 ├── BadRequest            400
 ├── AuthenticationFailed  401
 ├── InsufficientCredits   402
 ├── PermissionDenied      403
 ├── NotFound              404
 ├── Conflict              409
 ├── Unprocessable         422
 ├── RateLimited           429
 ├── RequestRefused        any other 4xx but 408
 ├── ServerFailed          5xx, of a request that changes nothing
 ├── UnreadableAnswer      2xx that is not what was asked for, of a request that changes nothing
 ├── NotSent               no connection: Flireo never saw it
 │   └── TooLate           it became too late to send
 ├── TimedOut              no answer in time, of a request that changes nothing
 └── OutcomeUnknown        the request may have arrived and may have had its effect

Source of the statuses: contract section 2.2.
"""

from typing import Final, Self

from flireo_flows.api.redaction import redact


class FlireoError(Exception):
    """Flireo refused, failed or was not reached. Holds no secret and no full phone number.

    Attributes:
        operation: Name of the operation, for example `create_outbound_call`.
        route: Method and path template, for example `POST /calls/outbound`.
        status: HTTP status; None when there was no answer.
        code: `error.code` of the answer, redacted; None when it had none. An open set (contract section 2.3).
        text: The server's words, redacted.
        param: The field the server complains of, redacted; None when it names none.
        request_id: `X-Request-Id` of the answer, redacted; None when there was none.
        retry_after: Seconds the server asked us to wait; None when it did not.
        cause: What stands between us and the API, where it is known; ours, without a secret. With a status: it was not
            the API that answered, but something else at its address.
    """

    remedy = ""
    cause = ""

    def __init__(
        self,
        operation: str,
        route: str,
        status: int | None = None,
        code: str | None = None,
        text: str = "",
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.operation, self.route, self.status, self.retry_after = operation, route, status, retry_after
        self.text = redact(text)
        # The server chooses these three as well, and may repeat in them what it was sent.
        self.code, self.param, self.request_id = (
            redact(given) if given else None for given in (code, param, request_id)
        )
        # Unpickling (Prefect stores and sends exceptions) calls us with these.
        super().__init__(
            operation, route, status, self.code, self.text, self.param, self.request_id, retry_after
        )

    def because(self, cause: str) -> Self:
        """The same error, with its cause."""
        self.cause = cause  # it travels with the error when that is pickled, as all of its attributes do
        return self

    @property
    def is_foreign(self) -> bool:
        """Whether something else than the API answered. Such a 404 proves nothing about the resource."""
        return bool(self.cause) and self.status is not None

    def __str__(self) -> str:
        what = " ".join(str(part) for part in (self.status, self.code) if part) or "no answer"
        field = f" (field {self.param})" if self.param else ""
        request = f" [request {self.request_id}]" if self.request_id else ""
        words = f": {self.text}" if self.text else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        if self.cause:
            remedy = f" {self.cause}. {NOT_THE_API if self.is_foreign else self.remedy}"
        return f"Flireo {self.route}: {what}{words}{field}{request}.{remedy}"


class InvalidInput(FlireoError, ValueError):
    """An argument cannot be right, so nothing was sent. `param` names it, `text` has the reason."""

    def __str__(self) -> str:
        return f"{self.operation}: {self.text} (nothing was sent)"


class BadRequest(FlireoError):
    """400: the request is malformed or failed validation."""


class AuthenticationFailed(FlireoError):
    """401: the API key is missing, wrong, expired or revoked."""

    remedy = (
        "Check the API key (FLIREO_API_KEY, or the flireo-credentials block); keys are made in the dashboard."
    )


class InsufficientCredits(FlireoError):
    """402: the balance is empty; no one was called."""

    remedy = "Top up the Flireo balance, then run the campaign again: it continues where it stopped."


class PermissionDenied(FlireoError):
    """403: the key is valid, the resource is someone else's."""

    remedy = "Use an API key of the organization that owns the agent and the number."


class NotFound(FlireoError):
    """404: no such resource."""


class Conflict(FlireoError):
    """409: a duplicate, or the resource's state does not allow it."""


class Unprocessable(FlireoError):
    """422: understood, but it cannot be done."""


class RateLimited(FlireoError):
    """429: too many requests; `retry_after` is how long to wait. The request had no effect."""


class RequestRefused(FlireoError):
    """Any other 4xx except 408."""


class ServerFailed(FlireoError):
    """5xx in answer to a request that changes nothing."""


class UnreadableAnswer(FlireoError):
    """2xx in answer to a request that changes nothing, but not what was asked for.

    No JSON, no list where one belongs, an object without an id, an error with the status 200 (contract section 21.1).
    """


class NotSent(FlireoError):
    """No connection, or it became too late to send: Flireo never saw the request."""

    remedy = "Check the base URL (FLIREO_BASE_URL) and the network."


class TooLate(NotSent):
    """It became too late to send. The network is not to blame."""

    remedy = ""


class TimedOut(FlireoError):
    """No usable answer to a request that changes nothing."""


class OutcomeUnknown(FlireoError):
    """The request may have arrived. Never send it again: the reconciler finds out.

    So it is too when a 2xx calls itself a failure (`{"error": ...}`, `{"success": false}`): no source documents that,
    so it does not prove that nothing was done.
    """


NOT_THE_API: Final = (
    "That is not the API: check the base URL (FLIREO_BASE_URL, or the field base_url of the flireo-credentials block); "
    "it ends in /api/v1."
)

BY_STATUS: Final[dict[int, type[FlireoError]]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    402: InsufficientCredits,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: RateLimited,
}
