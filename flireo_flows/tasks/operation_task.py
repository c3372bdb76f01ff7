"""Make a Prefect task of an operation: same name, docstring, parameters and result."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from flireo_flows.api import errors
from flireo_flows.api.operation import Effect, Operation, endpoint_of
from flireo_flows.blocks import FlireoCredentials

P = ParamSpec("P")
T = TypeVar("T")

# The client repeats a read for some seconds by itself; these are for an outage of minutes.
READ_RETRY_SECONDS: Final = [10.0, 60.0]
PASSING: Final = (
    errors.NotSent,
    errors.RateLimited,
    errors.ServerFailed,
    errors.TimedOut,
    errors.UnreadableAnswer,
)


# A plain function: of anything else Prefect 3.8 retries nothing.
def may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure may be over by the next try: an outage is, a refusal is not."""
    return isinstance(state.data, PASSING)


def task_for(
    operation: Callable[P, Operation[T]],
) -> Task[Concatenate[FlireoCredentials, P], T]:
    """The synchronous task of an operation: safe in every flow, `.submit`-able and `.map`-able.

    Args:
        operation: A function of `flireo_flows.api`. Only what reads is retried by Prefect.
    """

    def run(credentials: FlireoCredentials, *args: P.args, **kwargs: P.kwargs) -> T:
        with credentials.get_client() as client:
            return client.send(operation(*args, **kwargs))

    _dress(run, operation, operation.__name__)
    return task(run, **_options(operation, ""))


def async_task_for(
    operation: Callable[P, Operation[T]],
) -> Task[Concatenate[FlireoCredentials, P], Coroutine[Any, Any, T]]:
    """The asynchronous twin of `task_for`, named by `async_name`."""

    async def run(credentials: FlireoCredentials, *args: P.args, **kwargs: P.kwargs) -> T:
        async with credentials.get_async_client() as client:
            return await client.send(operation(*args, **kwargs))

    _dress(run, operation, async_name(operation.__name__))
    return task(run, **_options(operation, " (async)"))


def both_tasks_for(
    operation: Callable[P, Operation[T]],
) -> tuple[
    Task[Concatenate[FlireoCredentials, P], T],
    Task[Concatenate[FlireoCredentials, P], Coroutine[Any, Any, T]],
]:
    """The synchronous task of an operation and its asynchronous twin."""
    return task_for(operation), async_task_for(operation)


def async_name(name: str) -> str:
    """The name of an asynchronous twin: `aget_call`, but never `async_resend_domain`, which would be misread."""
    return f"{name}_async" if name.startswith("sync") else f"a{name}"


def _options(operation: Callable[..., Operation[Any]], suffix: str) -> dict[str, Any]:
    reads = endpoint_of(operation).effect is Effect.READS
    return {
        "name": f"Flireo: {operation.__name__.replace('_', ' ')}{suffix}",
        "description": inspect.getdoc(operation),
        "tags": {"flireo", f"flireo-{operation.__module__.rpartition('.')[2]}"},
        "retries": len(READ_RETRY_SECONDS) if reads else 0,
        "retry_delay_seconds": READ_RETRY_SECONDS if reads else 0,
        "retry_condition_fn": may_pass,
        # A cached read is stale, and a cached call is one that was never placed: see docs/never-twice.md.
        "cache_policy": NO_CACHE,
    }


def _dress(run: Callable[..., Any], operation: Callable[..., Operation[Any]], name: str) -> None:
    """Show the operation's own name, docstring and parameters, the credentials in front.

    Not functools.wraps: Prefect binds arguments by signature, and the wrapped one lacks credentials.
    """
    credentials = inspect.Parameter(
        "credentials", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=FlireoCredentials
    )
    original = inspect.signature(operation, eval_str=True)
    run.__name__ = run.__qualname__ = name
    run.__module__ = "flireo_flows.tasks"
    run.__doc__ = operation.__doc__
    signature = original.replace(
        parameters=[credentials, *original.parameters.values()], return_annotation=inspect.Signature.empty
    )
    run.__signature__ = signature  # type: ignore[attr-defined]  # what inspect.signature reads first
