"""Answers that no one would expect: random JSON in place of what an operation should be answered."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api.errors import FlireoError
from flireo_flows.api.judgement import Reply, judge
from flireo_flows.api.registry import OPERATIONS, OperationFunction
from tests.support.api.examples import example

# Names that our models look for, so that values of any kind stand where others are expected.
NAMES = st.sampled_from(
    [
        *("id", "name", "status", "error", "message", "success", "pagination", "total", "summary", "records"),
        *("agents", "agent", "assistants", "numbers", "number", "calls", "call", "call_id", "messages"),
        *("logs", "usage", "duration_seconds", "trunks", "trunk", "address", "port", "voices", "description"),
        *("byok_keys", "openai_secret_id", "providers", "models", "domain", "domains", "created_at"),
        *("campaigns", "campaign", "leads", "lead", "variables", "children", "minutes_balance", "schema"),
        *("toolTemplates", "tool_template", "analysisTemplates", "analysis_template", "llm_config"),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
@settings(max_examples=40, deadline=None)
@given(body=ANYTHING)
def test_an_answer_of_any_shape_is_read_or_is_one_of_our_errors(
    operation: OperationFunction, body: Any
) -> None:
    reply = Reply(200, {}, json.dumps(body).encode(), 0.0)
    with suppress(FlireoError):
        judge(example(operation), reply, tries=0, jitter=0.0)
