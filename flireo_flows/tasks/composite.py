"""Tasks of more than one request, and the one that takes any operation by its name, with what its form needs."""

import json
import random
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE

from flireo_flows.api import errors
from flireo_flows.api.agents import get_agent
from flireo_flows.api.calls import Call, get_call
from flireo_flows.api.model import Json, JsonObject
from flireo_flows.api.pagination import aiter_calls, iter_calls
from flireo_flows.api.procedure import (
    PollResult,
    PollTiming,
    Procedure,
    ask,
    pause,
    poll,
    run_procedure,
    run_procedure_async,
)
from flireo_flows.api.redaction import masked, redact, secrets_in
from flireo_flows.api.registry import OPERATIONS, raw_operation
from flireo_flows.blocks import FlireoCredentials
from flireo_flows.tasks.operation_task import READ_RETRY_SECONDS, may_pass


class CallNotOverError(TimeoutError):
    """The time is up, and the call is not known to be over. It goes on; wait again whenever you like.

    Attributes:
        call_id: Id of the call, with a phone number in it masked.
        status: The last that was read; empty if no poll was answered.
        waited_seconds: How long it was waited for.
        trouble: Why the last poll failed, redacted; empty if it did not.
    """

    def __init__(self, call_id: str, status: str, waited_seconds: float, trouble: str = "") -> None:
        self.call_id, self.status, self.trouble = redact(call_id), redact(status), trouble
        self.waited_seconds = waited_seconds
        # Unpickling (Prefect stores and sends exceptions) calls us with these.
        super().__init__(self.call_id, self.status, waited_seconds, trouble)

    def __str__(self) -> str:
        status = f"its status is {self.status}" if self.status else "no poll was answered"
        trouble = f" The last poll failed: {self.trouble}" if self.trouble else ""
        return f"call {self.call_id} is not over after {self.waited_seconds:g} s: {status}.{trouble}"


def until_over(call_id: str, patience: PollTiming, grace_seconds: float) -> Procedure[Call]:
    """Wait until a call is over, then a while for its summary and analysis if its agent writes any.

    Args:
        call_id: Id of the call.
        patience: How long to wait in all.
        grace_seconds: Of these, at most so many after the call's end.

    Raises:
        CallNotOverError: The time is up.
        NotFound: There has been no such call for a minute.
        FlireoError: The key or the request was refused.
    """
    operation = get_call(call_id)
    began = yield from pause(0)
    watched = yield from poll(operation, lambda call: call.is_over, patience, _words)
    call = _over(call_id, patience, watched)
    now = yield from pause(0)
    left = min(grace_seconds, began + patience.seconds - now)
    if not _was_answered(call) or left <= 0:
        return call
    wants_analysis = yield from _expects_analysis(call)
    if _has_words(call, wants_analysis):
        return call
    first = min(patience.poll_seconds, left)
    yield from pause(first)
    rest = PollTiming(left - first, patience.poll_seconds, patience.jitter)
    try:
        later = yield from poll(operation, lambda call: _has_words(call, wants_analysis), rest, _words)
    except errors.FlireoError:
        return call  # it is over, whatever became of the polls since
    return later.last or call


def _over(call_id: str, patience: PollTiming, watched: PollResult[Call]) -> Call:
    if watched.last is not None and watched.is_so:
        return watched.last
    status = watched.last.status if watched.last else ""
    raise CallNotOverError(call_id, status, patience.seconds, str(watched.trouble or ""))


def _was_answered(call: Call) -> bool:
    """A call that no one answered has no summary."""
    return call.started_at is not None or bool(call.duration_seconds)


def _has_words(call: Call, wants_analysis: bool) -> bool:
    return call.summary is not None and (call.analysis_result is not None or not wants_analysis)


def _expects_analysis(call: Call) -> Procedure[bool]:
    """Whether an analysis may still come. What cannot be read of the agent may be there."""
    if call.analysis_result is not None:
        return False
    if not call.agent_id:
        return True  # an agent of this call alone: what it writes is not known
    try:
        plan = (yield from ask(get_agent(call.agent_id))).analysis_plan
    except errors.FlireoError:
        return True
    if plan is None or not plan.is_on:
        return False
    return call.messages is None or len(call.messages) >= plan.min_messages_threshold


def _words(call: Call) -> str:
    """A call in some words for the log, without its number."""
    written = [
        name
        for name, value in (("summary", call.summary), ("analysis", call.analysis_result))
        if value is not None
    ]
    return f"call {redact(call.status)}{', with ' + ' and '.join(written) if written else ''}"


AN_HOUR: Final = 3600.0  # seconds; longer than any call
POLL_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 120.0
CALLS: Final[dict[str, Any]] = {"tags": {"flireo", "flireo-calls"}, "cache_policy": NO_CACHE}
RETRIED: Final[dict[str, Any]] = {
    **CALLS,
    "retries": len(READ_RETRY_SECONDS),
    "retry_delay_seconds": READ_RETRY_SECONDS,
    "retry_condition_fn": may_pass,
}
# It may change something or call someone, so Prefect repeats nothing of it; the client repeats what only reads.
ANYTHING: Final[dict[str, Any]] = {"tags": {"flireo"}, "cache_policy": NO_CACHE, "retries": 0}


# A failed poll decides nothing here, so there is nothing for Prefect to repeat.
@task(name="Flireo: wait for call", retries=0, **CALLS)
def wait_for_call(
    credentials: FlireoCredentials,
    call_id: str,
    timeout_seconds: float = AN_HOUR,
    poll_seconds: float = POLL_SECONDS,
    grace_seconds: float = GRACE_SECONDS,
) -> Call:
    """Wait until a call is over, and for its summary and analysis if its agent writes any.

    Failed polls decide nothing, nor does a call that is not there yet for a minute after it was placed.

    Args:
        credentials: The API key of the organization.
        call_id: Id of the call.
        timeout_seconds: How long to wait in all, by the wall clock; 0 looks once.
        poll_seconds: First pause between two polls; they grow up to a minute.
        grace_seconds: How long of that to wait, at most, for the summary and analysis after the call's end.

    Returns:
        The call that is over; without a summary or analysis that did not come in time.

    Raises:
        CallNotOverError: The time is up. The call goes on; wait again whenever you like.
        NotFound: There has been no such call for a minute.
        AuthenticationFailed: The key was refused.

    Source: contract sections 9.4 and 15.2.
    """
    patience = PollTiming(timeout_seconds, poll_seconds, random.random())  # noqa: S311 - jitter
    with credentials.get_client() as client:
        return run_procedure(until_over(call_id, patience, grace_seconds), client, get_run_logger().info)


@task(name="Flireo: wait for call (async)", retries=0, description=wait_for_call.description, **CALLS)
async def await_for_call(
    credentials: FlireoCredentials,
    call_id: str,
    timeout_seconds: float = AN_HOUR,
    poll_seconds: float = POLL_SECONDS,
    grace_seconds: float = GRACE_SECONDS,
) -> Call:
    """As `wait_for_call`, for async flows."""
    patience = PollTiming(timeout_seconds, poll_seconds, random.random())  # noqa: S311 - jitter
    async with credentials.get_async_client() as client:
        return await run_procedure_async(
            until_over(call_id, patience, grace_seconds), client, get_run_logger().info
        )


@task(name="Flireo: list all calls", **RETRIED)
def list_all_calls(
    credentials: FlireoCredentials,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    status: str = "",
) -> list[Call]:
    """Read all calls of a time, each once, newest first, in as few requests as possible.

    All of them are held in memory, with their transcripts: for a busy year ask month by month.

    Args:
        credentials: The API key of the organization.
        start_date: Only calls created at or after this time.
        end_date: Only calls created at or before this time.
        status: Only calls with this status (`connecting`, `in-progress`, `ended`, `failed`); empty for all.

    Source: contract sections 4 and 9.1.
    """
    with credentials.get_client() as client:
        return list(iter_calls(client, status=status, start_date=start_date, end_date=end_date))


@task(name="Flireo: list all calls (async)", description=list_all_calls.description, **RETRIED)
async def alist_all_calls(
    credentials: FlireoCredentials,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    status: str = "",
) -> list[Call]:
    """As `list_all_calls`, for async flows."""
    async with credentials.get_async_client() as client:
        every = aiter_calls(client, status=status, start_date=start_date, end_date=end_date)
        return [call async for call in every]


@task(name="Flireo: call operation", **ANYTHING)
def call_operation(
    credentials: FlireoCredentials,
    operation: str,
    ids: dict[str, str] | None = None,
    query: dict[str, str | int | None] | None = None,
    body: JsonObject | None = None,
) -> Json:
    """Have any operation answered, with a body as JSON: the way out where a model of ours is in the way.

    Args:
        credentials: The API key of the organization.
        operation: Its name, such as `get_call`: docs/operations.md lists them.
        ids: Values of the path's placeholders, such as `{"id": "call-1"}`.
        query: Query parameters.
        body: The body, by the names of the API in the credentials' dialect.

    Returns:
        The answer as JSON, with whatever it holds; None for an empty one.

    Raises:
        InvalidInput: There is no such operation, or what it takes is not what is given; nothing was sent.
        FlireoError: As the operation's own task.

    Source: contract section 5.
    """
    request = raw_operation(operation, ids, query, body)
    with credentials.get_client() as client:
        return client.send(request)


@task(name="Flireo: call operation (async)", description=call_operation.description, **ANYTHING)
async def acall_operation(
    credentials: FlireoCredentials,
    operation: str,
    ids: dict[str, str] | None = None,
    query: dict[str, str | int | None] | None = None,
    body: JsonObject | None = None,
) -> Json:
    """As `call_operation`, for async flows."""
    request = raw_operation(operation, ids, query, body)
    async with credentials.get_async_client() as client:
        return await client.send(request)


# mypy reads an enum's members from literals only; who runs any operation chooses it in a form.
OperationName = StrEnum(  # type: ignore[misc]
    "OperationName", {function.__name__: function.__name__ for function in OPERATIONS}
)
OperationName.__doc__ = "Every operation of the API, by its operationId (contract section 5)."


SECRET_BLOCK: Final = "secret_block"  # noqa: S105 - {"secret_block": "NAME"} stands for a secret
MOST_SHOWN: Final = 50_000  # characters: the UI's list of artifacts loads every one in full


class PlainSecretError(ValueError):
    """A parameter holds a secret in clear. Prefect stores and shows parameters, so it is not sent."""


def fill_in_secrets(body: Mapping[str, Any]) -> JsonObject:
    """The body with its secrets, which are given by the names of Prefect's Secret blocks.

    Args:
        body: JSON in which `{"secret_block": "NAME"}` stands for the secret of that block.

    Raises:
        PlainSecretError: A secret stands in it as it is; names the field.
        ValueError: There is no such block.
    """
    if place := next(secrets_in(_emptied(body)), None):
        raise PlainSecretError(
            f"{place} is a secret, and parameters are stored and shown: save it as a Secret block, "
            f'and write {{"{SECRET_BLOCK}": "NAME"}} here. Nothing was sent; the secret was seen, so change it'
        )
    return {name: _filled(value) for name, value in body.items()}


def show_answer(operation: str, answer: Json) -> None:
    """Show an answer as an artifact, with phone numbers masked and secrets removed.

    Args:
        operation: Name of the operation.
        answer: Its answer as JSON.
    """
    text = json.dumps(masked(answer), indent=2, ensure_ascii=False, default=str)
    cut = f"{text[:MOST_SHOWN]}\n... (cut)" if len(text) > MOST_SHOWN else text
    create_markdown_artifact(
        f"```json\n{cut}\n```",
        key=f"flireo-{operation.replace('_', '-')}",
        description=f"The answer to {operation}; phone numbers masked, secrets removed.",
    )


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {SECRET_BLOCK}


def _emptied(value: Any) -> Any:
    """The body without its references, which are no secrets."""
    if _is_reference(value):
        return None
    if isinstance(value, Mapping):
        return {name: _emptied(inner) for name, inner in value.items()}
    return [_emptied(item) for item in value] if isinstance(value, list | tuple) else value


def _filled(value: Any) -> Any:
    if _is_reference(value):
        # `_sync` is for the dispatcher around `load`, which its types do not show: never a coroutine here.
        loaded = cast(Secret[Any], Secret.load(str(value[SECRET_BLOCK]), _sync=True))  # type: ignore[call-arg]
        return loaded.get()
    if isinstance(value, Mapping):
        return {name: _filled(inner) for name, inner in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list | tuple) else value
