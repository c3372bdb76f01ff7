"""A run does not wait for a call of another campaign whose result no one collects: it reads it, or ends and says so."""

import json

import pytest

from flireo_flows.sandbox import SandboxSettings
from tests.support.cli.shell import ANNA, BEN, LONG, Shell
from tests.support.sandbox.running import RunningSandbox, run_sandbox, until

pytestmark = pytest.mark.slow

AGENT = ("--agent-id", "demo-agent", "--number-id", "demo-number", "--policy", "policy.yaml")
TALK = {"talk_seconds_min": 3600, "talk_seconds_max": 3600}  # at real speed: until someone ends it


def end_call(sandbox: RunningSandbox, call_id: str) -> None:
    path = f"/calls/{call_id}/control"
    until(lambda: sandbox.api.post(path, json={"type": "end-call"}).is_success, LONG)
    sandbox.settle(call_id)


def attempts_of(shell: Shell, campaign: str) -> dict[str, int]:
    figures = json.loads(shell("status", "--campaign", campaign, "--json").out)
    attempts: dict[str, int] = figures["attempts"]
    return attempts


def test_a_run_ends_and_names_the_campaign_and_reads_the_result_of_a_call_that_has_ended(
    shell: Shell,
) -> None:
    settings = SandboxSettings(
        rate_limit=0, outcomes={ANNA: ["answered"], BEN: ["answered"]}, report_delay_seconds=0, **TALK
    )
    shell.write_leads({ANNA: "Anna"}, "one.csv")
    shell.write_leads({ANNA: "Anna", BEN: "Ben"}, "both.csv")
    with run_sandbox(settings) as slow:
        shell.env["FLIREO_BASE_URL"] = slow.base_url
        first = shell("run", "one.csv", "--campaign", "A one", *AGENT, "--no-wait")
        assert first.status == 3, first.err
        (call,) = slow.placed_calls()

        # Anna's call goes on, and no one collects it: Ben is called, and the run ends.
        second = shell("run", "both.csv", "--campaign", "B", *AGENT, "--no-wait")
        assert second.status == 3, second.err
        assert "open call of campaign A one" in second.out
        assert "flireo-flows collect --campaign 'A one'" in second.out
        assert ANNA not in second.out + second.err
        assert [call["destination"] for call in slow.placed_calls()] == [ANNA, BEN]

        # Its call has ended. No one told the ledger, and the next run of B finds out by itself.
        end_call(slow, call["call_id"])
        assert attempts_of(shell, "A one") == {"placed": 1}
        third = shell("run", "both.csv", "--campaign", "B", *AGENT, "--no-wait")
        assert third.status == 3, third.err
        assert attempts_of(shell, "A one") == {"ended": 1}
        assert "open call of campaign" not in third.out
