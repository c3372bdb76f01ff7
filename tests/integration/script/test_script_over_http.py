"""What a script composes, at a server of either dialect."""

from typing import Any

import pytest

from flireo_flows.api.calls import create_outbound_call
from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.fields import Dialect
from flireo_flows.sandbox import SandboxSettings
from flireo_flows.script import (
    Caller,
)
from tests.support.calling.scripts import SANNE, composer, inline
from tests.support.sandbox.running import run_sandbox

FLIREO, LATER = Dialect.FLIREO, Dialect.HMSOVEREIGN


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_server_of_either_dialect_takes_what_is_composed(dialect: Dialect) -> None:
    scripts: list[dict[str, Any]] = [
        {},
        {"first_message": "Hi {{ name }}!"},
        {"agent_config": inline()},
        {"agent_config": inline(), "system_message": "You are in {{ city }}.", "first_message": "Hi."},
    ]
    if dialect is LATER:
        scripts.append({"system_message": "You are in {{ city }}."})
    settings = SandboxSettings(dialect=dialect, rate_limit=0, time_scale=1000)
    with run_sandbox(settings) as sandbox:
        async with AsyncFlireoClient(Account("sandbox-key", sandbox.base_url, dialect)) as client:
            for script in scripts:
                campaign = composer(dialect, Caller("demo-agent", "demo-number"), **script)
                campaign = await campaign.with_agent_models(client, campaign.agents_to_read([]))
                call = campaign.compose(SANNE, campaign.choose(SANNE), "attempt-1")
                assert (await client.send(create_outbound_call(call))).call_id
        assert sandbox.times_called(SANNE.phone) == len(scripts)
