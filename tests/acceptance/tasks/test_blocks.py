"""Blocks: what people save once in Prefect, with secrets that stay secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr

from flireo_flows import (
    CallLedger,
    FlireoAgent,
    FlireoCampaignJob,
    FlireoCredentials,
    FlireoPhoneNumber,
    FlireoWebhook,
)
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.fields import Dialect
from tests.support.flows.blocks import BLOCKS, REALTIME
from tests.support.flows.documents import load
from tests.support.prefect_api import ask
from tests.support.sandbox.running import RunningSandbox

PROJECT = Path(__file__).parents[3]
SCRIPTS = sorted((PROJECT / "blocks").glob("*.py"))
FIRST = ("save_credentials.py", "save_ledger.py", "save_webhook.py")  # others refer to their documents


def python(*arguments: str, url: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run Python beside the session's Prefect server."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PREFECT_API_URL": url, **env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.server
@pytest.mark.slow
def test_registering_the_package_shows_its_blocks_and_the_scripts_save_them(
    at_prefect: str, sandbox: RunningSandbox
) -> None:
    ran = python("-m", "prefect", "block", "register", "-m", "flireo_flows", url=at_prefect)
    assert ran.returncode == 0, ran.stderr
    for block in BLOCKS:
        assert block.get_block_type_slug() and str(block._block_type_name) in ran.stdout

    env = {
        "FLIREO_API_KEY": "fl_live_of_a_script",
        "FLIREO_BASE_URL": sandbox.base_url,
        "FLIREO_DIALECT": "hmsovereign",
        "FLIREO_WEBHOOK_SECRET": "whsec_of_a_script",
        "FLIREO_WEBHOOK_PREVIOUS_SECRET": "whsec_before_a_script",
        "FLIREO_WEBHOOK_URL": "https://example.com/webhooks/flireo",
        "FLIREO_NUMBER_ID": "demo-number",
        "FLIREO_NUMBER": "+31850835037",
        "FLIREO_LEDGER_URL": "sqlite:////tmp/ledger-of-a-script.db",
        "FLIREO_AGENT_ID": "demo-agent",
        "FLIREO_CAMPAIGN_NAME": "autumn",
        "FLIREO_CAMPAIGN_TIMEZONE": "Europe/Amsterdam",
    }
    assert len(SCRIPTS) == len(BLOCKS) + 1  # and one for all numbers
    for script in sorted(SCRIPTS, key=lambda script: script.name not in FIRST):
        saved = python(str(script), url=at_prefect, **env)
        assert saved.returncode == 0, saved.stderr
        assert "saved flireo-" in saved.stdout
        assert not [
            value for name, value in env.items() if "KEY" in name or "SECRET" in name if value in saved.stdout
        ]
        assert "+31850835037" not in saved.stdout

    job = load(FlireoCampaignJob, "campaign")
    assert (job.name, job.agent_id, job.schedule_end_time) == ("autumn", "demo-agent", "20:00:00")
    assert job.credentials.api_key.get_secret_value() == "fl_live_of_a_script"
    assert job.ledger is not None and job.on_blocked == "refuse"
    assert job.ledger.database_url() == "sqlite:////tmp/ledger-of-a-script.db"
    assert load(FlireoWebhook, "webhook").secrets == ("whsec_of_a_script", "whsec_before_a_script")
    assert load(FlireoAgent, "agent").agent_id == "demo-agent"
    assert load(FlireoPhoneNumber, "number-demo-number").phone_number == "+31850835037"
    credentials = load(FlireoCredentials, "flireo")
    assert credentials.api_key.get_secret_value() == "fl_live_of_a_script"
    assert credentials.dialect is Dialect.HMSOVEREIGN
    assert load(FlireoPhoneNumber, "main").phone_number == "+31850835037"
    assert load(CallLedger, "ledger").kind == "sqlite"


@pytest.mark.server
def test_what_was_saved_comes_back_with_its_secrets_masked(at_prefect: str) -> None:
    secret = FlireoCredentials(
        api_key=SecretStr("fl_live_round_trip"),
        base_url=" http://127.0.0.1:8099/api/v1 ",
        webhook_secret=SecretStr("whsec_round_trip"),
    )
    secret.save("round-trip", overwrite=True)
    ledger = CallLedger(url=SecretStr("postgresql://me:hush@db/ledger"))
    ledger.save("round-trip", overwrite=True)

    loaded, loaded_ledger = load(FlireoCredentials, "round-trip"), load(CallLedger, "round-trip")
    assert loaded.api_key.get_secret_value() == "fl_live_round_trip"
    assert loaded.base_url == "http://127.0.0.1:8099/api/v1"
    assert loaded_ledger.database_url() == "postgresql://me:hush@db/ledger"
    assert loaded_ledger.kind == "postgresql"
    for shown in (repr(loaded), str(loaded.model_dump()), loaded.model_dump_json(), repr(loaded_ledger)):
        assert "round_trip" not in shown and "hush" not in shown
    with loaded.get_client() as client:
        assert isinstance(client, FlireoClient)
    assert isinstance(loaded.get_async_client(), AsyncFlireoClient)


@pytest.mark.server
def test_a_document_of_a_later_version_is_loaded_without_what_it_has_more(
    at_prefect: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = FlireoWebhook(secret=SecretStr("whsec_now"), url="https://example.com/hook").save(
        "later", overwrite=True
    )
    more = {"data": {"retries": 3}, "merge_existing_data": True}
    ask(at_prefect, "PATCH", f"block_documents/{kept}", more)
    FlireoAgent(config=REALTIME, webhook=load(FlireoWebhook, "later")).save("later", overwrite=True)
    caplog.clear()
    agent = load(FlireoAgent, "later")
    for webhook in (
        load(FlireoWebhook, "later"),
        Block.load_from_ref({"block_document_slug": "flireo-webhook/later"}),
        agent.webhook,
    ):
        assert isinstance(webhook, FlireoWebhook)
        assert (webhook.secrets, webhook.url) == (("whsec_now",), "https://example.com/hook")
        assert not hasattr(webhook, "retries")
    assert caplog.text.count("has a field 'retries', which this version of flireo-flows does not know") == 3
