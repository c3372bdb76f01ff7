"""What an agent asks of other people's servers: its tools while it talks, its configuration before it answers."""

from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import uuid4

from flireo_flows.api.webhooks import EventType
from flireo_flows.sandbox import tools
from flireo_flows.sandbox.clock import Clock
from flireo_flows.sandbox.delivery import Courier, Reply, Webhook
from flireo_flows.sandbox.exchanges import Exchange, Exchanges
from flireo_flows.sandbox.payloads import assistant_request, tool_calls
from flireo_flows.sandbox.schedule import Schedule
from flireo_flows.sandbox.seeded_random import Dice
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.store import Call
from flireo_flows.sandbox.tools import Tool

_CONFIGURATION_SECONDS: Final = 5.0  # real ones, for an assistant-request (contract section 18.3)


class Talking:
    """Asks, and keeps a record of what was answered."""

    def __init__(
        self,
        settings: SandboxSettings,
        clock: Clock,
        schedule: Schedule,
        courier: Courier,
        dice: Dice,
        exchanges: Exchanges,
    ) -> None:
        self._settings, self._clock, self._schedule = settings, clock, schedule
        self._courier, self._dice, self._exchanges = courier, dice, exchanges

    def ask_who_answers(self, call: Call, then: Callable[[Exchange], None]) -> bool:
        """Send the assistant-request of a call that rings in, if its agent wants one.

        Args:
            call: That rings.
            then: Is given the exchange, once it has its reply.

        Returns:
            Whether it was sent.
        """
        url = call.agent.get("webhook_url")
        if not url or EventType.ASSISTANT_REQUEST not in (call.agent.get("webhook_events") or ()):
            return False
        body = assistant_request(call, self._clock.unix_ms(), self._settings)
        event = EventType.ASSISTANT_REQUEST.value
        webhook = Webhook(str(url), call.agent.get("webhook_secret"), event, body)
        exchange = self._exchanges.begin(call.id, webhook)

        def answered(reply: Reply) -> None:
            exchange.reply = reply
            then(exchange)

        self._courier.ask(webhook, _CONFIGURATION_SECONDS, answered)
        return True

    def use_tools(self, call: Call, talk_seconds: float, then: Callable[[], None]) -> None:
        """Spread the tool calls of a conversation over its length.

        Args:
            call: That was just answered.
            talk_seconds: How long it will last, in simulated seconds.
            then: Called when a tool that the conversation waited for has answered.
        """
        used = tools.tools_used(call, self._settings.tools.get(call.destination))
        for number, tool in enumerate(used, 1):
            moment = talk_seconds * number / (len(used) + 1)
            self._schedule.after(moment, partial(self._use, call, tool, number, then))

    def _use(self, call: Call, tool: Tool, number: int, then: Callable[[], None]) -> None:
        if call.is_over:
            return
        tool_call_id = f"tool_{uuid4().hex[:12]}"
        arguments = tools.arguments_of(tool, call, self._dice, number)
        now_ms = self._clock.unix_ms()
        body = tool_calls(call, tool_call_id, tool.name, arguments, now_ms, self._settings)
        webhook = Webhook(tool.url, tool.secret, EventType.TOOL_CALLS.value, body)
        exchange = self._exchanges.begin(call.id, webhook)
        if not tool.waits:
            exchange.outcome = "sent; an async tool's answer is not read"
            if tool.words:
                call.tool_notes.append({"role": "assistant", "content": tool.words})
            return self._courier.send([webhook])

        def answered(reply: Reply) -> None:
            note = tools.note_of(tool, tool_call_id, reply)
            exchange.reply, exchange.outcome = reply, note["content"]
            call.tool_notes.append(note)
            call.tools_running -= 1
            then()

        call.tools_running += 1
        self._courier.ask(webhook, tools.TIMEOUT_SECONDS, answered)
