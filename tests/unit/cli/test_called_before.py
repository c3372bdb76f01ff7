"""At the command line: who was called before is not called again by another spelling, campaign or a new ledger."""

from pathlib import Path

import pytest

from tests.support.cli.shell import ANNA, Shell


@pytest.mark.parametrize("name", ["\u200b", " \u00a0", "\ufeff", "ba\x07r", "\u3164", "x" * 90])
@pytest.mark.parametrize("command", ["run", "plan", "status", "why", "pause", "resume", "cancel", "collect"])
def test_a_name_that_cannot_be_seen_is_wrong_usage(bare: Shell, command: str, name: str) -> None:
    leads = {"run": ["leads.csv"], "plan": ["leads.csv"], "why": [ANNA]}.get(command, [])
    refused = bare.here(command, *leads, "--campaign", name)
    assert refused.status == 2
    assert "campaign's name" in refused.err
    assert not Path(bare.folder / "ledger.db").exists()
