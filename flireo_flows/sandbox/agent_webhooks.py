"""What an agent asks of the user's servers: tool calls while it talks, its configuration before it answers.

Source: contract sections 6 (the three shapes of a tool) and 18.5 (the four shapes of an answer).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import uuid4

from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox.call_content import analysis_of
from flireo_flows.sandbox.delivery import Exchange, OutgoingWebhook, WebhookReply
from flireo_flows.sandbox.local_platform import Platform
from flireo_flows.sandbox.payloads import assistant_request, tool_calls
from flireo_flows.sandbox.seeded_random import SeededRandom
from flireo_flows.sandbox.store import Record, SandboxCall

TIMEOUT_SECONDS: Final = 10.0  # real ones, for a synchronous tool (contract section 18.3)
_LONGEST_NOTE: Final = 2000  # characters of an answer in the transcript


@dataclass(frozen=True, slots=True)
class AgentTool:
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


def tools_used(call: SandboxCall, script: Sequence[str] | None) -> list[AgentTool]:
    """The tools that a call uses, in order: as scripted, else each function tool of its agent once."""
    tools = {tool.name: tool for tool in function_tools(call.agent)}
    names = tools if script is None else script
    return [tools[name] for name in names if name in tools]


def function_tools(agent: Mapping[str, Any]) -> list[AgentTool]:
    """The function tools of an agent that have somewhere to be called. Built-in ones are left out."""
    listed = mapping_of(agent.get("llm_config")).get("tools")
    read = (_tool(mapping_of(one), agent) for one in (listed if isinstance(listed, list) else ()))
    return [tool for tool in read if tool]


def arguments_of(tool: AgentTool, call: SandboxCall, random: SeededRandom, number: int) -> dict[str, Any]:
    """Arguments that fit the tool's schema; `number` is which tool call of this call it is, from 1."""
    question = (call.direction, call.destination, call.ordinal, tool.name, number)
    return analysis_of(tool.parameters, call.course.mood, random, *question)


def note_of(tool: AgentTool, call_id: str, reply: WebhookReply) -> Record:
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
    own = (mapping_of(one) for one in results)
    return next(
        (one for one in own if call_id in (one.get("toolCallId"), one.get("tool_call_id"))),
        {"error": "no result has the id of this tool call"},
    )


def _note(text: str) -> Record:
    return {"role": "system", "content": text[:_LONGEST_NOTE]}


def _tool(listed: Mapping[str, Any], agent: Mapping[str, Any]) -> AgentTool | None:
    """One tool, flat or nested; None for what is no function, or has no url to be called at."""
    if listed.get("type", "function") != "function":
        return None  # endCall, transferCall
    function, server = mapping_of(listed.get("function")) or listed, mapping_of(listed.get("server"))
    secret = server.get("secret") or agent.get("webhook_secret")
    name = function.get("name")
    own_url = listed.get("url") or server.get("url")
    url = own_url or _url_of(agent)
    if not isinstance(name, str) or not name or not isinstance(url, str):
        return None
    words = next(
        (listed[key] for key in ("asyncResponse", "async_response", "message") if listed.get(key)), None
    )
    return AgentTool(
        name=name,
        parameters=mapping_of(function.get("parameters")),
        url=url,
        secret=secret if isinstance(secret, str) else None,
        waits=not listed.get("async"),
        words=str(words) if words else None,
    )


def _url_of(agent: Mapping[str, Any]) -> object:
    wanted = EventType.TOOL_CALLS in (agent.get("webhook_events") or ())
    return agent.get("webhook_url") if wanted else None


def mapping_of(value: object) -> Mapping[str, Any]:
    """An object of JSON; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


_CONFIGURATION_SECONDS: Final = 5.0  # real ones, for an assistant-request (contract section 18.3)


def ask_who_answers(call: SandboxCall, platform: Platform, then: Callable[[Exchange], None]) -> bool:
    """Send the assistant-request of an inbound call, if its agent wants one.

    Args:
        call: The inbound call.
        platform: Where it comes in.
        then: Is given the exchange, once it has its reply.

    Returns:
        Whether it was sent.
    """
    url = call.agent.get("webhook_url")
    if not url or EventType.ASSISTANT_REQUEST not in (call.agent.get("webhook_events") or ()):
        return False
    body = assistant_request(call, platform.clock.unix_ms(), platform.settings)
    event = EventType.ASSISTANT_REQUEST.value
    webhook = OutgoingWebhook(str(url), call.agent.get("webhook_secret"), event, body)
    exchange = Exchange(call.id, webhook)
    platform.exchanges.append(exchange)

    def answered(reply: WebhookReply) -> None:
        exchange.reply = reply
        then(exchange)

    platform.courier.ask(webhook, _CONFIGURATION_SECONDS, answered)
    return True


def use_tools(call: SandboxCall, talk_seconds: float, platform: Platform, then: Callable[[], None]) -> None:
    """Spread the tool calls of a conversation over its length.

    Args:
        call: That was just answered.
        talk_seconds: How long it will last, in simulated seconds.
        platform: Where it runs.
        then: Called when a tool that the conversation waited for has answered.
    """
    used = tools_used(call, platform.settings.tools.get(call.destination))
    for number, tool in enumerate(used, 1):
        moment = talk_seconds * number / (len(used) + 1)
        platform.schedule.after(moment, partial(_use, call, tool, number, platform, then))


def _use(
    call: SandboxCall, tool: AgentTool, number: int, platform: Platform, then: Callable[[], None]
) -> None:
    if call.is_over:
        return
    tool_call_id = f"tool_{uuid4().hex[:12]}"
    arguments = arguments_of(tool, call, platform.random, number)
    now_ms = platform.clock.unix_ms()
    body = tool_calls(call, tool_call_id, tool.name, arguments, now_ms, platform.settings)
    webhook = OutgoingWebhook(tool.url, tool.secret, EventType.TOOL_CALLS.value, body)
    exchange = Exchange(call.id, webhook)
    platform.exchanges.append(exchange)
    if not tool.waits:
        exchange.outcome = "sent; an async tool's answer is not read"
        if tool.words:
            call.tool_notes.append({"role": "assistant", "content": tool.words})
        return platform.courier.send([webhook])

    def answered(reply: WebhookReply) -> None:
        note = note_of(tool, tool_call_id, reply)
        exchange.reply, exchange.outcome = reply, note["content"]
        call.tool_notes.append(note)
        call.tools_running -= 1
        then()

    call.tools_running += 1
    platform.courier.ask(webhook, TIMEOUT_SECONDS, answered)
