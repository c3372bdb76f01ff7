"""A shell in an empty folder, and a sandbox to call through."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli.shell import POLICY, Shell
from tests.support.sandbox.running import RunningSandbox, run_sandbox


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    """A shell with a file of three leads and no settings."""
    shell = Shell(tmp_path, {"FLIREO_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}"})
    shell.write_leads()
    shell.write("policy.yaml", POLICY)
    return shell


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A local Flireo of the test's own."""
    with run_sandbox() as running:
        yield running


@pytest.fixture
def shell(bare: Shell, sandbox: RunningSandbox) -> Shell:
    """A shell whose settings are right: the sandbox and a key."""
    bare.env |= {
        "FLIREO_API_KEY": "sandbox-key",
        "FLIREO_BASE_URL": sandbox.base_url,
    }
    return bare
