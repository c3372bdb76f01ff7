"""Tasks of more than one request, and the one that takes any operation by its name."""

import random
from datetime import datetime
from typing import Any, Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flireo_flows.api.calls import Call
from flireo_flows.api.model import Json, JsonObject
from flireo_flows.api.pagination import aiter_calls, iter_calls
from flireo_flows.api.poll import PollTiming
from flireo_flows.api.procedure import run_procedure, run_procedure_async
from flireo_flows.api.registry import raw_operation
from flireo_flows.blocks import FlireoCredentials
from flireo_flows.tasks.call_wait import until_over
from flireo_flows.tasks.operation_task import READ_RETRY_SECONDS, may_pass

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
# It may change something or ring somebody, so Prefect repeats nothing of it; the client repeats what only reads.
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
        CallNotOver: The time is up. The call goes on; wait again whenever you like.
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
