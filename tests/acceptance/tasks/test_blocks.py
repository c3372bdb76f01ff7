"""Blocks: what people save once in Prefect, with secrets that stay secret."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.exceptions import ParameterTypeError
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from pydantic import SecretStr, ValidationError

from flireo_flows import (
    CallLedger,
    FlireoAgent,
    FlireoCampaignJob,
    FlireoCredentials,
    FlireoPhoneNumber,
    FlireoWebhook,
)
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.dialect import Dialect
from flireo_flows.cli.run import load_flow
from tests.support.flows.documents import load
from tests.support.prefect_api import ask
from tests.support.sandbox.running import ANNA, RunningSandbox

PROJECT = Path(__file__).parents[3]
BLOCKS: tuple[type[Block], ...] = (
    CallLedger,
    FlireoAgent,
    FlireoCampaignJob,
    FlireoCredentials,
    FlireoPhoneNumber,
    FlireoWebhook,
)
EVERY = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
REALTIME = {
    "llm_config": {"provider": "xai_realtime", "messages": [{"role": "system", "content": "Be kind."}]}
}
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


class TestStandard(BlockStandardTestSuite):
    """What Prefect asks of every block."""

    @pytest.fixture(params=BLOCKS, ids=lambda block: block.__name__)
    def block(self, request: pytest.FixtureRequest) -> type[Block]:
        """Each of ours."""
        block: type[Block] = request.param
        return block

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """Prefect's own test fetches the picture from the network and measures it. These are 72 pixels square."""
        folder = r"https://cdn\.jsdelivr\.net/gh/jdecked/twemoji@15\.1\.0/assets/72x72"
        assert re.fullmatch(rf"{folder}/[0-9a-f]+\.png", str(block._logo_url))


def test_no_two_blocks_look_alike() -> None:
    for one in ("_logo_url", "_block_type_slug", "_block_type_name", "_description"):
        assert len({str(getattr(block, one)) for block in BLOCKS}) == len(BLOCKS)


@EVERY
def test_a_block_names_its_place_among_ours(block: type[Block]) -> None:
    assert str(block._documentation_url).startswith("https://")
    assert block._block_type_slug and block._block_type_slug.startswith("flireo-")
    assert re.search(rf"from flireo_flows import .*\b{block.__name__}\b", block.get_code_example() or "")


@EVERY
def test_a_reference_to_a_document_could_not_be_taken_for_the_block_itself(block: type[Block]) -> None:
    assert block.model_json_schema()["required"]


@EVERY
def test_a_block_is_found_where_prefect_looks_for_it(block: type[Block]) -> None:
    import flireo_flows

    assert block.__name__ in dir(flireo_flows)
    assert getattr(flireo_flows, block.__name__) is block
    with pytest.raises(AttributeError):
        _ = flireo_flows.FlireoNothing


@pytest.mark.server
@pytest.mark.slow
def test_registering_the_package_shows_its_blocks_and_the_scripts_save_them(
    at_prefect: str, sandbox: RunningSandbox
) -> None:
    told = python("-m", "prefect", "block", "register", "-m", "flireo_flows", url=at_prefect)
    assert told.returncode == 0, told.stderr
    for block in BLOCKS:
        assert block.get_block_type_slug() and str(block._block_type_name) in told.stdout

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


def test_a_ledger_of_nowhere_lies_in_the_users_data_directory() -> None:
    url = CallLedger().database_url()
    assert url.startswith("sqlite:////") and url.endswith("/flireo-flows/ledger.db")
    assert str(Path.cwd()) not in url


@pytest.mark.parametrize(
    ("block", "fields", "words"),
    [
        pytest.param(FlireoCredentials, {"api_key": " "}, "the API key is empty", id="no key"),
        pytest.param(
            FlireoCredentials, {"api_key": "hush hush"}, "characters that no key has", id="two words"
        ),
        pytest.param(
            FlireoCredentials, {"api_key": "hush\nhush"}, "characters that no key has", id="two lines"
        ),
        pytest.param(
            FlireoCredentials,
            {"api_key": "k", "base_url": "hush.example"},
            "must look like https://",
            id="address",
        ),
        pytest.param(
            FlireoCredentials, {"api_key": "k", "read_timeout_seconds": 0}, "greater than 0", id="timeout"
        ),
        pytest.param(
            FlireoCredentials, {"api_key": "k", "dialect": "dutch"}, "'flireo' or 'hmsovereign'", id="dialect"
        ),
        pytest.param(FlireoAgent, {}, "exactly one of agent_id and config", id="no agent"),
        pytest.param(
            FlireoAgent,
            {"agent_id": "a", "config": {"llm_config": {"provider": "xai_realtime"}}},
            "exactly one of agent_id and config",
            id="two agents",
        ),
        pytest.param(
            FlireoAgent,
            {"config": {"llm_config": {"provider": "openai"}}},
            "stt_config: is required",
            id="deaf",
        ),
        pytest.param(
            FlireoAgent,
            {"config": {"llm_config": {"provider": "xai_realtime"}, "webhook_secret": "hush hush"}},
            "webhook_secret: a secret does not belong here",
            id="secret",
        ),
        pytest.param(FlireoWebhook, {"secret": " "}, "the secret is empty", id="no secret"),
        pytest.param(
            FlireoWebhook, {"secret": "s", "url": "hush.example"}, "must look like https://", id="hook"
        ),
        pytest.param(FlireoPhoneNumber, {"number_id": ""}, "at least 1 character", id="no number id"),
        pytest.param(
            FlireoPhoneNumber, {"number_id": "n", "phone_number": "0850835037"}, "E.164", id="no country code"
        ),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_in_words(
    block: type[Block], fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        block(**fields)
    assert "hush\nhush" not in str(refused.value) and "hush hush" not in str(refused.value)
    assert "0850835037" not in str(refused.value)


FITTING: dict[type[Block], dict[str, Any]] = {
    CallLedger: {"url": "sqlite:////nowhere/ledger.db"},
    FlireoAgent: {"agent_id": "demo-agent"},
    FlireoCampaignJob: {"credentials": {"api_key": "k"}, "campaign_id": "c"},
    FlireoCredentials: {"api_key": "k"},
    FlireoPhoneNumber: {"number_id": "demo-number"},
    FlireoWebhook: {"secret": "whsec_hush"},
}


@EVERY
def test_a_block_is_not_made_with_a_field_that_it_does_not_have(block: type[Block]) -> None:
    block(**FITTING[block])
    with pytest.raises(
        ValidationError, match=f"no field 'colour': the fields are {next(iter(FITTING[block]))}"
    ):
        block(**FITTING[block], colour="hush hush")


@pytest.mark.parametrize(
    ("block", "fields", "words"),
    [
        (CallLedger, {"URL": "postgresql://me:hush@db/ledger"}, "no field 'URL': did you mean 'url'"),
        (
            FlireoCredentials,
            {"api_key": "hush", "base_ulr": "http://x"},
            "'base_ulr': did you mean 'base_url'",
        ),
        (FlireoCredentials, {"api_key": "hush", "webhookSecret": "hush"}, "did you mean 'webhook_secret'"),
        (FlireoPhoneNumber, {"number_id": "n", "phonenumber": ANNA}, "did you mean 'phone_number'"),
        (FlireoWebhook, {"secret": "hush", "previos_secret": "hush"}, "did you mean 'previous_secret'"),
        (
            FlireoCampaignJob,
            {"credentials": {"api_key": "hush", "base-url": "http://x"}, "campaign_id": "c"},
            "'base-url': did you mean 'base_url'",
        ),
    ],
)
def test_a_misspelt_field_is_told_with_the_one_that_is_meant(
    block: type[Block], fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        block(**fields)
    assert "hush" not in str(refused.value) and ANNA not in str(refused.value)
    with pytest.raises(ValidationError, match=words):  # as a stored document, too: it lacks what is meant
        block.model_validate(fields)


def test_a_misspelt_field_in_a_form_is_told_by_parameter() -> None:
    given = {"leads": "leads.csv", "campaign": "spring", "credentials": {"api_key": "k"}}
    with pytest.raises(ParameterTypeError) as refused:
        load_flow().validate_parameters({**given, "ledger": {"URL": "postgresql://db/ledger"}})
    assert "ledger: Value error, there is no field 'URL': did you mean 'url'?" in str(refused.value)


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


def test_what_prefect_logs_of_a_runs_blocks_holds_no_number_and_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    blocks = {
        "credentials": FlireoCredentials(api_key=SecretStr("fl_live_hush")),
        "ledger": CallLedger(url=SecretStr("postgresql://me:hush@db/ledger")),
        "number": FlireoPhoneNumber(number_id="demo-number", phone_number=ANNA, used_for=f"for {ANNA}"),
        "webhook": FlireoWebhook(secret=SecretStr("whsec_hush")),
    }
    usual = {"leads": "leads.csv", "campaign": "spring"}
    with pytest.raises(ParameterTypeError):
        load_flow().validate_parameters({**usual, **blocks, "deadline_seconds": -1})
    assert "Parameter validation failed" in caplog.text and "demo-number" in caplog.text
    agent = FlireoAgent(agent_id="a", first_message=f"Ring {ANNA}.")
    one_time = FlireoAgent(config={**REALTIME, "first_message": f"Ring {ANNA}."})
    for text in (caplog.text, str(agent), repr(one_time)):
        assert ANNA[3:] not in text and "hush" not in text
