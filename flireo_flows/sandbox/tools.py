"""Function tools: which an agent has, what it sends them, and how their answers are read.

Source: contract sections 6 (the three shapes of a tool) and 18.5 (the four shapes of an answer).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.analysis import analysis_of
from flireo_flows.sandbox.delivery import Reply
from flireo_flows.sandbox.seeded_random import Dice
from flireo_flows.sandbox.store import Call, Record

TIMEOUT_SECONDS: Final = 10.0  # real ones, for a synchronous tool (contract section 18.3)
_LONGEST_NOTE: Final = 2000  # characters of an answer in the transcript


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that an agent may call.

    Attributes:
        parameters: JSON Schema of its arguments.
        url: Where it is called.
        secret: Signs the call.
        waits: Whether the conversation waits for the answer; False for an async tool.
        words: What the agent says when an async tool was called.
    """

    name: str
    parameters: Mapping[str, Any]
    url: str
    secret: str | None
    waits: bool
    words: str | None


def tools_used(call: Call, script: Sequence[str] | None) -> list[Tool]:
    """The tools that a call uses, in order: as scripted, else each function tool of its agent once."""
    tools = {tool.name: tool for tool in function_tools(call.agent)}
    names = tools if script is None else script
    return [tools[name] for name in names if name in tools]


def function_tools(agent: Mapping[str, Any]) -> list[Tool]:
    """The function tools of an agent that have somewhere to be called. Built-in ones are left out."""
    listed = _record(agent.get("llm_config")).get("tools")
    read = (_tool(_record(one), agent) for one in (listed if isinstance(listed, list) else ()))
    return [tool for tool in read if tool]


def arguments_of(tool: Tool, call: Call, dice: Dice, number: int) -> dict[str, Any]:
    """Arguments that fit the tool's schema; `number` is which tool call of this call it is, from 1."""
    question = (call.direction, call.destination, call.ring, tool.name, number)
    return analysis_of(tool.parameters, call.plan.mood, dice, *question)


def note_of(tool: Tool, call_id: str, reply: Reply) -> Record:
    """What a synchronous tool's answer adds to the transcript, in whichever shape it came."""
    if reply.body is None:
        return _note(f"{tool.name} failed: {reply.problem}")
    answer = _own_result(reply.body, call_id)
    if isinstance(answer.get("error"), str):
        return _note(f"{tool.name} failed: {answer['error']}")
    data = answer.get("result", answer)
    return _note(f"{tool.name} answered: {json.dumps(data, ensure_ascii=False)}")


def _own_result(body: Record, call_id: str) -> Mapping[str, Any]:
    """The part of an answer that is for this tool call."""
    results = body.get("results")
    if not isinstance(results, list):
        return body
    own = (_record(one) for one in results)
    return next(
        (one for one in own if call_id in (one.get("toolCallId"), one.get("tool_call_id"))),
        {"error": "no result has the id of this tool call"},
    )


def _note(text: str) -> Record:
    return {"role": "system", "content": text[:_LONGEST_NOTE]}


def _tool(listed: Mapping[str, Any], agent: Mapping[str, Any]) -> Tool | None:
    """One tool, flat or nested; None for what is no function, or has no url to be called at."""
    if listed.get("type", "function") != "function":
        return None  # endCall, transferCall
    function, server = _record(listed.get("function")) or listed, _record(listed.get("server"))
    secret = server.get("secret") or agent.get("webhook_secret")
    name = function.get("name")
    own_url = listed.get("url") or server.get("url")
    url = own_url or _url_of(agent)
    if not isinstance(name, str) or not name or not isinstance(url, str):
        return None
    words = next(
        (listed[key] for key in ("asyncResponse", "async_response", "message") if listed.get(key)), None
    )
    return Tool(
        name=name,
        parameters=_record(function.get("parameters")),
        url=url,
        secret=secret if isinstance(secret, str) else None,
        waits=not listed.get("async"),
        words=str(words) if words else None,
    )


def _url_of(agent: Mapping[str, Any]) -> object:
    wanted = EventType.TOOL_CALLS in (agent.get("webhook_events") or ())
    return agent.get("webhook_url") if wanted else None


def _record(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
