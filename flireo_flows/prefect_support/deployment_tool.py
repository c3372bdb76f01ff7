"""A tool that starts a Prefect deployment and answers at once: for what takes longer than a caller waits."""

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from prefect.client.orchestration import get_client
from prefect.deployments import arun_deployment
from pydantic_core import to_jsonable_python

from flireo_flows.api.redaction import mask_phone
from flireo_flows.receiver import ToolContext

STARTED: Final = "It has been started."


def starts_deployment(
    deployment: str,
    *,
    like: Callable[..., Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    call: str = "call",
    with_numbers: bool = False,
    answer: Any = STARTED,
) -> Callable[..., Awaitable[Any]]:
    """A function to be registered as a tool. It starts one run, whose parameters are the tool's arguments.

    The same tool call delivered again starts no second run. Whether the run succeeds is not waited for; where
    Prefect is not reached or has no such deployment, the model gets the error that the function failed.

    Args:
        deployment: `FLOW/DEPLOYMENT`.
        like: A function whose parameters are the tool's arguments, and whose docstring is its description; it
            is never called. Without one, whatever the model sends is passed on.
        parameters: Others that the flow is given.
        call: The flow's parameter that is given the call (`call_id`, `tool_call_id`, `tool`,
            `customer_number`, `platform_number`, `metadata`); empty if it has none.
        with_numbers: Whether the numbers of the call are whole. Prefect shows a run's parameters to everyone
            who sees the run, so they are masked by default.
        answer: The model's result.

    Example:
        ```python
        def send_offer(product: str) -> None:
            "Send the caller an offer for a product."

        receiver.tool("send_offer")(starts_deployment("send-offer/send-offer", like=send_offer))
        ```
    """
    fixed = dict(parameters or {})

    async def tool(**arguments: Any) -> Any:
        context: ToolContext = arguments.pop(CONTEXT)
        given = {**fixed, **to_jsonable_python(arguments)}
        if call:
            given[call] = _told(context, with_numbers)
        # A client of our own: the one that it would make is never closed, and keeps its connection.
        async with get_client() as client:
            await arun_deployment(
                deployment,
                client=client,
                parameters=given,
                timeout=0,
                as_subflow=False,
                tags=["flireo-tool"],
                idempotency_key=_key(deployment, context),
            )
        return answer

    tool.__name__ = like.__name__ if like else "start"
    tool.__doc__ = inspect.getdoc(like) if like else f"Start {deployment}."
    # Not functools.wraps: what is asked for is the function's parameters, and the call beside them.
    tool.__signature__ = _signature(like)  # type: ignore[attr-defined]
    return tool


CONTEXT: Final = "flireo_tool_context"  # a name that no argument has


def _signature(like: Callable[..., Any] | None) -> inspect.Signature:
    keyword = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter(CONTEXT, keyword, annotation=ToolContext)
    if like is None:
        return inspect.Signature([context, inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)])
    asked = inspect.signature(like, eval_str=True).parameters.values()
    return inspect.Signature([*(parameter.replace(kind=keyword) for parameter in asked), context])


def _told(context: ToolContext, with_numbers: bool) -> dict[str, Any]:
    shown = str if with_numbers else mask_phone
    return {
        "call_id": context.call_id,
        "tool_call_id": context.tool_call_id,
        "tool": context.tool,
        "customer_number": shown(context.customer_number),
        "platform_number": shown(context.platform_number),
        "metadata": dict(context.metadata),
    }


def _key(deployment: str, context: ToolContext) -> str:
    """One run a tool call. As a digest, for a call id may hold a number."""
    named = "\n".join((deployment, context.call_id, context.tool_call_id))
    return f"flireo-{hashlib.sha256(named.encode()).hexdigest()}"
