"""What README shows for the sandbox can be copied into a shell, line by line."""

import re
from pathlib import Path

import pytest

from flireo_flows.sandbox import SandboxSettings
from tests.support.cli.shell import COMMAND, Shell
from tests.support.sandbox.running import run_sandbox

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
SANDBOX = "http://127.0.0.1:8099/api/v1"
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def the_block_with(words: str) -> str:
    found: str
    (found,) = [block for block in BLOCKS if words in block]
    return found


@pytest.mark.slow
def test_the_sample_is_called_in_the_sandbox_without_a_question(bare: Shell) -> None:
    # A live key in the environment of whoever copies it makes no difference: the command brings its own.
    bare.env |= {"FLIREO_API_KEY": "fl_live_of_a_person"}
    bare.env["PATH"] = f"{COMMAND.parent}:/usr/bin:/bin"
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=1000)) as sandbox:
        copied = the_block_with("flireo-flows init") + the_block_with("--any-hour")
        ended = bare.command(["sh", "-ec", copied.replace(SANDBOX, sandbox.base_url)])
        assert ended.status == 0, ended.err
        assert "may call" not in ended.err
        assert len(sandbox.placed_calls()) == 55
    assert (bare.folder / "my-calls" / "results" / "results.csv").is_file()
