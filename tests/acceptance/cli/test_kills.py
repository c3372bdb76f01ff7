"""Killed in the middle, again and again: everyone is called once, and every result is in."""

import json
from collections import Counter
from pathlib import Path

import pytest

from flireo_flows.prefect_support.local_server import free_port
from flireo_flows.sandbox import SandboxSettings
from tests.support.cli.shell import LONG, Shell
from tests.support.sandbox.running import run_sandbox, until

pytestmark = pytest.mark.slow

SECRET = "whsec_of_the_kills"
CROWD = {f"+442079460{n:03d}": f"Person {n}" for n in range(500)}
POLICY = """
calling_hours: null
max_concurrent_calls: 100
reconcile_grace_seconds: 3
poll_seconds: 1
"""
RUN = ("run", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", "--policy", "policy.yaml")


@pytest.mark.timeout(900)
def test_five_hundred_leads_a_bad_line_and_two_kills_and_everyone_is_called_once(
    bare: Shell,
) -> None:
    port = free_port()
    settings = SandboxSettings(
        rate_limit=0,
        time_scale=40,
        lose_answer_share=0.03,
        bad_gateway_share=0.02,
        webhook_drop_share=0.1,
        webhook_double_share=0.1,
        webhook_url=f"http://127.0.0.1:{port}/webhooks/flireo",
        webhook_secret=SECRET,
        seed=7,
    )
    bare.write_leads(CROWD)
    bare.write("policy.yaml", POLICY)
    bare.env |= {"FLIREO_API_KEY": "k", "FLIREO_WEBHOOK_SECRET": SECRET}
    with run_sandbox(settings) as sandbox, bare.started("webhooks", "--port", str(port)) as receiver:
        receiver.until_printed("/webhooks/flireo")
        bare.env["FLIREO_BASE_URL"] = sandbox.base_url
        for many in (60, 220):
            with bare.started(*RUN) as run:
                run.until_called(sandbox, many)
                run.kill()
        last = bare(*RUN)
        assert last.status == 0, last.out + last.err
        assert "500 of 500 leads final" in last.out

        faults = sandbox.requests()
        assert faults["POST /calls/outbound", 0] > 0 and faults["POST /calls/outbound", 502] > 0
        webhooks = sandbox.health()["webhooks"]
        assert webhooks["dropped"] > 0 and webhooks["doubled"] > 0 and webhooks["delivered"] > 0

        results = bare.results()
        assert set(results) == set(CROWD)
        assert {row["state"] for row in results.values()} == {"done"}
        assert {row["attempts"] for row in results.values()} == {"1"}
        called = Counter(call["destination"] for call in sandbox.placed_calls())
        assert called == dict.fromkeys(CROWD, 1)
        calls = [call for page in range(1) for call in sandbox.api.get("/calls?limit=1000").json()["calls"]]
        analysed = {call["id"]: call["analysis_result"] for call in calls if call["analysis_result"]}
        assert len(analysed) > 100
        by_call = {row["call_id"]: row for row in results.values()}
        for call_id, analysis in analysed.items():
            for key, value in analysis.items():
                assert by_call[call_id][f"analysis.{key}"] == _cell(value), (call_id, key)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_without_a_prefect_api_a_run_starts_no_process_and_leaves_none_behind(
    bare: Shell, tmp_path: Path
) -> None:
    slow = SandboxSettings(rate_limit=0, talk_seconds_min=3600, talk_seconds_max=3600)
    bare.env |= {"FLIREO_API_KEY": "k", "PREFECT_HOME": str(tmp_path / "home")}
    bare.write("policy.yaml", POLICY)
    with run_sandbox(slow) as sandbox:
        bare.env["FLIREO_BASE_URL"] = sandbox.base_url
        with bare.started(*RUN) as killed:
            killed.until_called(sandbox, 3)
            assert len(_of(tmp_path)) == 1
            killed.kill()
        until(lambda: not _of(tmp_path), LONG)

        ended = bare(*RUN, "--no-wait")
        assert ended.status == 3, ended.err
        until(lambda: not _of(tmp_path), LONG)
        assert len(sandbox.placed_calls()) == 3


def _of(home: Path) -> list[str]:
    """Processes whose environment names a folder: those that the run started, and theirs."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and str(home / "home") in (process / "environ").read_text(
                errors="replace"
            ):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended while we looked, or is none of ours
    return [command for command in found if command]
