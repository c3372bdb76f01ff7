"""What blocks are good for: calls, webhooks, examples in their documentation, one document a number."""

import json
import re
import runpy
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from flireo_flows import (
    FlireoAgent,
    FlireoPhoneNumber,
    FlireoWebhook,
)
from flireo_flows.api.agent_config import InlineAgent
from flireo_flows.api.agents import update_agent
from flireo_flows.api.fields import Dialect
from flireo_flows.api.webhooks import SignatureError, sign
from tests.support.flows.blocks import REALTIME
from tests.support.sandbox.running import ANNA

PROJECT = Path(__file__).parents[3]
ALL_NUMBERS = str(PROJECT / "blocks" / "save_all_numbers.py")


def test_an_agent_makes_a_call_with_a_saved_agent() -> None:
    number = FlireoPhoneNumber(number_id="demo-number")
    call = FlireoAgent(agent_id="demo-agent", first_message="Hi.").call(ANNA, number)
    assert call.as_body(Dialect.FLIREO) == {
        "destination": ANNA,
        "number_id": "demo-number",
        "agent_id": "demo-agent",
        "first_message": "Hi.",
    }
    with pytest.raises(ValidationError, match=r"E\.164"):
        FlireoAgent(agent_id="demo-agent").call("0850835037")


def test_an_agent_of_its_own_is_sent_with_its_webhook_and_shows_no_secret() -> None:
    webhook = FlireoWebhook(secret=SecretStr("whsec_hush"), url="https://example.com/hook")
    agent = FlireoAgent(config=REALTIME, webhook=webhook)
    assert isinstance(agent.inline(), InlineAgent) and FlireoAgent(agent_id="a").inline() is None
    call = agent.call(ANNA)
    assert call.as_body(Dialect.HMSOVEREIGN) == {
        "destination": ANNA,
        "assistant": {
            **REALTIME,
            "webhook_url": "https://example.com/hook",
            "webhook_secret": "whsec_hush",
            "webhook_events": ["status-update", "end-of-call-report"],
        },
    }
    for shown in (repr(agent), repr(call), str(agent.model_dump()), agent.model_dump_json()):
        assert "whsec_hush" not in shown


@pytest.mark.parametrize("secret", ["whsec_now", "whsec_then"])
def test_a_webhook_is_believed_with_either_secret_for_five_minutes(secret: str) -> None:
    webhook = FlireoWebhook(secret=SecretStr("whsec_now"), previous_secret=SecretStr("whsec_then"))
    body = json.dumps({"message": {}}).encode()
    headers = {"X-Webhook-Timestamp": "1700000000", "X-Webhook-Signature": sign(secret, 1_700_000_000, body)}
    webhook.verify(body, headers, 1_700_000_300)
    with pytest.raises(SignatureError):
        webhook.verify(body, headers, 1_700_000_301)
    with pytest.raises(SignatureError):
        FlireoWebhook(secret=SecretStr("whsec_other")).verify(body, headers, 1_700_000_000)
    assert "whsec" not in repr(webhook)


def test_no_previous_secret_is_not_a_secret_that_anybody_knows() -> None:
    headers = {"X-Webhook-Timestamp": "1700000000", "X-Webhook-Signature": sign("", 1_700_000_000, b"{}")}
    with pytest.raises(SignatureError):
        FlireoWebhook(secret=SecretStr("whsec_now")).verify(b"{}", headers, 1_700_000_000)


def test_an_agent_is_told_of_a_webhook_in_clear_and_of_its_url_only_if_there_is_one() -> None:
    webhook = FlireoWebhook(secret=SecretStr("whsec_now"))
    sent = update_agent("a", webhook.agent_settings()).sends.writes(Dialect.FLIREO)
    assert sent == {"webhook_secret": "whsec_now", "webhook_events": ["status-update", "end-of-call-report"]}


def test_a_number_has_a_document_of_a_stable_name_without_its_digits() -> None:
    name = runpy.run_path(ALL_NUMBERS)["document_name"]
    assert name("demo-number") == "number-demo-number"
    uuid = "0b7c2f9e-6a51-4c6f-9f0a-6d9f4a3f2b10"
    assert name(uuid) == f"number-{uuid}"
    for odd in (ANNA, f"num_{ANNA}", ANNA[1:], "N/1", "x" * 100):
        assert re.fullmatch(r"number-[0-9a-f]{16}", name(odd)) and name(odd) == name(odd)
    assert name("N/1") != name("n/1")
