"""Answers that cannot be read, and what comes of them."""

import json
from typing import Any

from flireo_flows.api import errors
from flireo_flows.api.operation import Effect, Operation, endpoint_of
from flireo_flows.api.registry import OPERATIONS, OperationFunction
from tests.support.api.played_exchange import play, said
from tests.support.cases import every

# Every documented key of every list there is.
LISTS: dict[str, tuple[str, ...]] = {
    "list_agents": ("agents", "assistants"),
    "list_tool_templates": ("toolTemplates", "tool_templates"),
    "list_numbers": ("numbers",),
    "list_calls": ("calls",),
    "list_usage": ("logs", "usage"),
    "list_sip_trunks": ("trunks", "sip_trunks"),
    "list_voices": ("voices",),
    "get_byok_config": ("providers",),
    "list_resend_domains": ("domains",),
    "list_analysis_templates": ("analysisTemplates", "analysis_templates"),
    "list_campaigns": ("campaigns",),
    "list_campaign_leads": ("leads",),
}
BY_NAME = {function.__name__: function for function in OPERATIONS}
EACH_LIST = every("name", LISTS)
EACH = every("function", OPERATIONS, ids=lambda function: function.__name__)
THING = {"id": "thing-1"}


def came_of(operation: Operation[Any], body: object) -> Any:
    """The result of a 200 with a body in JSON, or the error."""
    return play(operation, said(200, json.dumps(body).encode())).outcome


# Successes

FAILURES: dict[str, dict[str, Any]] = {
    "flat": {"error": "Not allowed"},
    "flat with a message": {"error": "Forbidden", "message": "no"},
    "nested": {"error": {"code": "internal_error", "message": "boom"}},
    "nested, nothing said": {"error": {"code": None}},
    "a list": {"error": ["boom"]},
    "true": {"error": True},
    "a number": {"error": 500},
    "with details": {"error": "bad", "details": ["name: too long"]},
    "no success": {"success": False},
    "no success, with words": {"success": False, "message": "not now"},
    "both": {"success": False, "error": "boom"},
    "success and an error": {"success": True, "error": "boom"},
    "success as text": {"success": "false"},
    "success as other text": {"success": "no"},
    "success as a number": {"success": 0},
    "success as an object": {"success": {}},
}
EACH_FAILURE = every("body", FAILURES.values(), ids=FAILURES.keys())


def unread(function: OperationFunction) -> type[errors.FlireoError]:
    """The error of an answer that is no success: after a change it is not known what became of it."""
    reads = endpoint_of(function).effect is Effect.READS
    return errors.UnreadableAnswer if reads else errors.OutcomeUnknown
