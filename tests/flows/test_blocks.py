"""Blocks: what people save once in Prefect, with secrets that stay secret."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr, ValidationError

from flireo_flows import CallLedger, FlireoCredentials, FlireoPhoneNumber
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.dialect import Dialect

PROJECT = Path(__file__).parents[2]
BLOCKS: tuple[type[Block], ...] = (CallLedger, FlireoCredentials, FlireoPhoneNumber)
EVERY = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)


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


@EVERY
def test_a_block_meets_prefects_own_standard(block: type[Block]) -> None:
    """What `BlockStandardTestSuite` asks for, apart from a logo: that would be fetched from the network."""
    assert block.get_description()
    assert str(block._documentation_url).startswith("https://")
    assert block._block_type_slug and block._block_type_slug.startswith("flireo-")
    for name, field in block.model_fields.items():
        assert field.description and field.description.endswith("."), name
    example = block.get_code_example() or ""
    assert f"from flireo_flows import {block.__name__}" in example
    assert f'{block.__name__}.load("BLOCK_NAME")' in example


@EVERY
def test_a_block_is_found_where_prefect_looks_for_it(block: type[Block]) -> None:
    import flireo_flows

    assert block.__name__ in dir(flireo_flows)
    assert getattr(flireo_flows, block.__name__) is block
    with pytest.raises(AttributeError):
        _ = flireo_flows.FlireoNothing


@pytest.mark.server
@pytest.mark.slow
def test_registering_the_package_shows_its_blocks_and_the_scripts_save_them(at_prefect: str) -> None:
    told = python("-m", "prefect", "block", "register", "-m", "flireo_flows", url=at_prefect)
    assert told.returncode == 0, told.stderr
    for block in BLOCKS:
        assert block.get_block_type_slug() and str(block._block_type_name) in told.stdout

    env = {
        "FLIREO_API_KEY": "fl_live_of_a_script",
        "FLIREO_DIALECT": "hmsovereign",
        "FLIREO_WEBHOOK_SECRET": "whsec_of_a_script",
        "FLIREO_NUMBER_ID": "demo-number",
        "FLIREO_NUMBER": "+31850835037",
        "FLIREO_LEDGER_URL": "sqlite:////tmp/ledger-of-a-script.db",
    }
    scripts = sorted((PROJECT / "blocks").glob("*.py"))
    assert len(scripts) == len(BLOCKS)
    for script in scripts:
        saved = python(str(script), url=at_prefect, **env)
        assert saved.returncode == 0, saved.stderr
        assert "saved flireo-" in saved.stdout
        assert not [
            value for name, value in env.items() if "KEY" in name or "SECRET" in name if value in saved.stdout
        ]

    credentials = FlireoCredentials.load("flireo")
    assert credentials.api_key.get_secret_value() == "fl_live_of_a_script"
    assert credentials.dialect is Dialect.HMSOVEREIGN
    assert FlireoPhoneNumber.load("main").phone_number == "+31850835037"
    assert CallLedger.load("ledger").kind == "sqlite"


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

    loaded, loaded_ledger = FlireoCredentials.load("round-trip"), CallLedger.load("round-trip")
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
