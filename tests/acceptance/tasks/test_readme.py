"""What README shows in Python does what it says."""

import re
from pathlib import Path
from typing import Any

import pytest

from flireo_flows import FlireoAgent, FlireoCampaignJob
from tests.support.flows.stage import Stage
from tests.support.sandbox.running import ANNA

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def the_block_with(words: str) -> str:
    found: str
    (found,) = [block for block in BLOCKS if words in block]
    return found


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    return names


@pytest.fixture
def blocks(stage: Stage) -> Stage:
    """The documents that README speaks of."""
    stage.credentials.save("flireo", overwrite=True)
    FlireoAgent(agent_id="demo-agent").save("agent", overwrite=True)
    job = FlireoCampaignJob(
        credentials=stage.credentials,
        name="README",
        agent_id="demo-agent",
        timezone="UTC",
        schedule_start_time="00:00",
        schedule_end_time="23:59:59",
    )
    job.save("campaign", overwrite=True)
    return stage


def test_there_is_nothing_in_python_that_no_test_runs() -> None:
    assert len(BLOCKS) == 4


@pytest.mark.server
@pytest.mark.slow
def test_a_flow_of_one_task_and_one_that_calls(blocks: Stage) -> None:
    assert run(the_block_with("def show_agents"))["show_agents"]() == ["Sanne"]
    blocks.sandbox.settings(outcomes={ANNA: ["answered"]})
    assert run(the_block_with("def call_one"))["call_one"](ANNA)
    assert blocks.sandbox.times_called(ANNA) == 1


@pytest.mark.server
@pytest.mark.slow
def test_a_campaign_of_the_vendors_own(blocks: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    blocks.sandbox.settings(outcomes={"+447700900123": ["answered"]})
    run(the_block_with("FlireoCampaignJob"))
    assert blocks.sandbox.times_called("+447700900123") == 1
    assert "{'completed': 1}" in capsys.readouterr().out


def test_the_client_alone(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    call = stage.sandbox.finished(ANNA)
    code = the_block_with("iter_calls").replace(
        'api_key="fl_live_..."', f'api_key="k", base_url="{stage.sandbox.base_url}"'
    )
    run(code.replace('status="ended"', f'status="{call["status"]}"'))
    assert call["id"] in capsys.readouterr().out
