"""Blocks: what people save once in Prefect, with secrets that stay secret."""

import re
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
from flireo_flows.flows import outbound_campaign
from tests.support.flows.blocks import BLOCKS, EVERY_BLOCK, REALTIME
from tests.support.sandbox.running import ANNA


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
    for one in ("_logo_url", "_block_type_slug", "_block_type_name"):
        assert len({str(getattr(block, one)) for block in BLOCKS}) == len(BLOCKS)
    assert len({block.get_description() for block in BLOCKS}) == len(BLOCKS)


@EVERY_BLOCK
def test_a_block_names_its_place_among_ours(block: type[Block]) -> None:
    assert str(block._documentation_url).startswith("https://")
    assert block._block_type_slug and block._block_type_slug.startswith("flireo-")
    assert re.search(rf"from flireo_flows import .*\b{block.__name__}\b", block.get_code_example() or "")


@EVERY_BLOCK
def test_a_reference_to_a_document_could_not_be_taken_for_the_block_itself(block: type[Block]) -> None:
    assert block.model_json_schema()["required"]


@EVERY_BLOCK
def test_a_block_is_found_where_prefect_looks_for_it(block: type[Block]) -> None:
    import flireo_flows

    assert block.__name__ in dir(flireo_flows)
    assert getattr(flireo_flows, block.__name__) is block
    with pytest.raises(AttributeError):
        _ = flireo_flows.FlireoNothing


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


@EVERY_BLOCK
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
        outbound_campaign.validate_parameters({**given, "ledger": {"URL": "postgresql://db/ledger"}})
    assert "ledger: Value error, there is no field 'URL': did you mean 'url'?" in str(refused.value)


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
        outbound_campaign.validate_parameters({**usual, **blocks, "deadline_seconds": -1})
    assert "Parameter validation failed" in caplog.text and "demo-number" in caplog.text
    agent = FlireoAgent(agent_id="a", first_message=f"Ring {ANNA}.")
    one_time = FlireoAgent(config={**REALTIME, "first_message": f"Ring {ANNA}."})
    for text in (caplog.text, str(agent), repr(one_time)):
        assert ANNA[3:] not in text and "hush" not in text
