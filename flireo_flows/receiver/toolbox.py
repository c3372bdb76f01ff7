"""Answer `tool-calls`: each call of a request gets a result, or a clear error for the model, in time."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_jsonable_python

from flireo_flows.api.redaction import redact
from flireo_flows.api.webhooks import KeyCase, ToolCall, ToolCalls
from flireo_flows.receiver.function_call import FunctionCall, TooBusyError, TooSlowError, call_within
from flireo_flows.receiver.logs import place_of
from flireo_flows.receiver.tool import InvalidArgumentsError, Tool, ToolContext, ToolError

REMEMBERED_SECONDS: Final = 600.0  # how long the answer to a request is kept for a doubled delivery
REMEMBERED: Final = 1000  # answers
ID_KEY: Final = {KeyCase.CAMEL: "toolCallId", KeyCase.SNAKE: "tool_call_id"}
_log: Final = logging.getLogger("flireo_flows.receiver")


class ToolOutcome(StrEnum):
    """What became of one call of a tool."""

    ANSWERED = "answered"
    UNKNOWN = "unknown_tool"
    INVALID = "invalid_arguments"
    REFUSED = "refused"  # the function refused, with a reason for the model
    FAILED = "failed"
    SLOW = "too_slow"
    BUSY = "too_busy"  # not called


class Toolbox:
    """The tools of a receiver."""

    def __init__(self, on_handled: Callable[[str, str, float], None]) -> None:
        """Begin without a tool.

        Args:
            on_handled: Receives the tool, the outcome and the seconds of each call.
        """
        self.tools: dict[str, Tool] = {}
        self._on_handled = on_handled
        self._remembered: OrderedDict[str, tuple[float, asyncio.Task[dict[str, Any]]]] = OrderedDict()

    def add(self, tool: Tool) -> None:
        """Register a tool.

        Raises:
            ValueError: There is one of that name.
        """
        if tool.name in self.tools:
            raise ValueError(f"tool {tool.name!r}: there is a function of that name already")
        self.tools[tool.name] = tool

    async def answer(self, event: ToolCalls, case: KeyCase, digest: str, deadline: float) -> dict[str, Any]:
        """The body of the answer. The same request again gets the same answer, and calls nothing.

        Args:
            event: What is asked.
            case: In which case the keys came.
            digest: Of the request's body.
            deadline: When to answer at the latest, on the clock of `time.monotonic`.
        """
        self._forget()
        known = self._remembered.get(digest)
        if known is None:
            task = asyncio.create_task(self._answer(event, case, deadline))
            known = self._remembered[digest] = (time.monotonic(), task)
        # The sender may be gone by then; the functions were called, and the answer is kept.
        return await asyncio.shield(known[1])

    def _forget(self) -> None:
        oldest = time.monotonic() - REMEMBERED_SECONDS
        while self._remembered and (
            len(self._remembered) >= REMEMBERED or next(iter(self._remembered.values()))[0] < oldest
        ):
            self._remembered.popitem(last=False)

    async def _answer(self, event: ToolCalls, case: KeyCase, deadline: float) -> dict[str, Any]:
        calls = (self._one(event, call, ID_KEY[case], deadline) for call in event.tool_calls)
        return {"results": list(await asyncio.gather(*calls))}

    async def _one(self, event: ToolCalls, call: ToolCall, id_key: str, deadline: float) -> dict[str, Any]:
        began = time.monotonic()
        outcome, given = await self._called(event, call, deadline)
        seconds = time.monotonic() - began
        known = call.name if call.name in self.tools else "unknown"
        self._on_handled(known, outcome.value, seconds)
        if outcome is ToolOutcome.ANSWERED:
            return {id_key: call.id, "result": given}
        _log.warning(
            "a tool gave no result",
            extra={"tool": known, "outcome": outcome.value, "ms": round(seconds * 1000)},
        )
        # That a result may be an error stands in no source; so the words also stand where a result is read.
        return {id_key: call.id, "error": given, "result": {"error": given}}

    async def _called(self, event: ToolCalls, call: ToolCall, deadline: float) -> tuple[ToolOutcome, Any]:
        tool = self.tools.get(call.name)
        if tool is None:
            return ToolOutcome.UNKNOWN, f"there is no function {redact(call.name)!r} here"
        try:
            given = await call_within(
                deadline - time.monotonic(),
                FunctionCall(
                    tool.function,
                    read=lambda: ((), tool.read(call.arguments, ToolContext.of(event, call.id, call.name))),
                    write=lambda given: to_jsonable_python(given, inf_nan_mode="null"),
                ),
            )
            return ToolOutcome.ANSWERED, given
        except InvalidArgumentsError as error:
            _log.warning("invalid arguments", extra={"tool": call.name, "fields": error.fields})
            return ToolOutcome.INVALID, error.words
        except TooSlowError:
            return (
                ToolOutcome.SLOW,
                "the function took too long and was cut off; it may still have had an effect",
            )
        except TooBusyError:
            return ToolOutcome.BUSY, "too much is going on here; the function was not called"
        except ToolError as error:
            return ToolOutcome.REFUSED, str(error)
        except PydanticSerializationError:
            _log.warning("a tool's result has no JSON form", extra={"tool": call.name})
            return ToolOutcome.FAILED, "the function's result could not be sent"
        # Whatever the user's function raises: the model gets an error, the call goes on.
        except Exception as error:
            _log.warning(
                "a tool failed: %s", type(error).__name__, extra={"tool": call.name, **place_of(error)}
            )
            return ToolOutcome.FAILED, "the function failed"
