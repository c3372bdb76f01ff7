"""`flireo-flows run --no-wait`, then `flireo-flows collect`: no one waits, and nothing is lost."""

from collections.abc import Iterator

import pytest

from flireo_flows.sandbox import SandboxSettings
from tests.support.cli.shell import ANNA, BEN, CARLA, PEOPLE, Shell
from tests.support.sandbox.running import RunningSandbox, run_sandbox

OUTCOMES = {ANNA: ("answered",), BEN: ("busy",), CARLA: ("voicemail",)}


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Calls last for seconds."""
    with run_sandbox(SandboxSettings(rate_limit=0, time_scale=20, outcomes=OUTCOMES)) as running:
        yield running


@pytest.mark.slow
def test_open_calls_are_status_3_for_a_run_that_does_not_wait_and_for_collecting(shell: Shell) -> None:
    with run_sandbox(SandboxSettings(rate_limit=0, outcomes=dict.fromkeys(PEOPLE, ("answered",)))) as slow:
        shell.env["FLIREO_BASE_URL"] = slow.base_url
        first = shell.run("--policy", "policy.yaml", "--no-wait")
        assert first.status == 3, first.err
        assert "3 leads are still open" in first.out
        look = shell("collect")
        assert look.status == 3, look.err
        assert "spring" in look.out
        slow.settings(revoked_keys=["sandbox-key"])
        refused = shell("collect")
        assert refused.status == 1
        assert "401" in refused.complaint or "unauthorized" in refused.complaint


@pytest.mark.slow
def test_a_campaign_that_no_one_waits_for_is_collected_to_the_end(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    shell.run("--policy", "policy.yaml", "--no-wait")
    collected = shell("collect", "--campaign", "spring", "--patience", "120")
    assert collected.status == 0, collected.err
    again = shell("collect")
    assert (again.status, again.out) == (0, "No call is open that a run does not wait for.\n")
    assert len(sandbox.placed_calls()) == 3

    last = shell.run("--policy", "policy.yaml")
    assert last.status == 0, last.err
    assert {phone: row["outcome"] for phone, row in shell.results().items()} == {
        phone: outcome for phone, (outcome,) in OUTCOMES.items()
    }
    assert set(shell.results()) == set(PEOPLE)
    assert len(sandbox.placed_calls()) == 3

    unknown = shell("collect", "--campaign", "sprong")
    assert unknown.status == 1
    assert "no campaign 'sprong'" in unknown.complaint


def test_collecting_needs_a_key_and_says_so(bare: Shell) -> None:
    ended = bare.here("collect", FLIREO_API_KEY="")
    assert ended.status == 1
    assert "FLIREO_API_KEY is not set" in ended.complaint


def test_a_patience_below_nothing_is_refused(bare: Shell) -> None:
    assert bare.here("collect", "--patience", "-1").status == 2
