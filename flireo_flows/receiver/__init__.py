"""The webhook receiver: an ASGI app that stores what Flireo sends before it answers."""

from flireo_flows.ledger.audit import KnownCaller
from flireo_flows.receiver.assistant_request import AssistantAnswer
from flireo_flows.receiver.receiver import Receiver, create_app
from flireo_flows.receiver.tool import ToolContext, ToolError

__all__ = ["AssistantAnswer", "KnownCaller", "Receiver", "ToolContext", "ToolError", "create_app"]
