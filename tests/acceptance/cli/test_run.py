"""`flireo-flows run`: a campaign from a shell, its exit status, and how it carries on."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from flireo_flows.leads.zone_names import zone_names
from flireo_flows.sandbox import SandboxSettings
from tests.support.cli.shell import ANNA, BEN, CARLA, LONG, PEOPLE, Shell
from tests.support.faketime import LIBRARY, needs_faketime
from tests.support.prefect_api import ask
from tests.support.sandbox.running import RunningSandbox, run_sandbox, until

pytestmark = pytest.mark.slow

CROWD = {f"+4420794601{n:02d}": f"Person {n}" for n in range(30)}
# So slow that a test can act while people are being called.
SLOWLY = "calling_hours: null\nmax_concurrent_calls: 100\ncalls_per_minute: 60\npoll_seconds: 0.5\n"


def called(sandbox: RunningSandbox) -> Counter[str]:
    return Counter(call["destination"] for call in sandbox.placed_calls())


def test_a_campaign_ends_with_status_0_and_the_same_command_again_sends_nothing(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    sandbox.settings(outcomes={ANNA: ["answered"], BEN: ["busy"], CARLA: ["voicemail"]})
    shell.write_leads({**PEOPLE, "+4420794": "Dora"})
    command = ("--policy", "policy.yaml", "--number-id", "demo-number")

    first = shell.run(*command)
    assert first.status == 0, first.err
    assert "3 of 3 leads final" in first.out
    assert "calling hours are OFF (the policy)" in first.err
    results = shell.results()
    assert {phone: row["outcome"] for phone, row in results.items()} == {
        ANNA: "answered",
        BEN: "busy",
        CARLA: "voicemail",
    }
    assert {row["state"] for row in results.values()} == {"done"}
    assert {row["attempts"] for row in results.values()} == {"1"}
    assert results[ANNA]["analysis.interest"]
    assert {call["number_id"] for call in sandbox.placed_calls()} == {"demo-number"}
    made = {file.name for file in (shell.folder / "results").iterdir()}
    assert made == {"results.csv", "results.jsonl", "results.parquet", "rejects.csv", "report.html"}
    assert "Dora" in (shell.folder / "results" / "rejects.csv").read_text("utf-8-sig")
    for file in made:
        assert file in first.out

    before, stamp = sandbox.requests(), (shell.folder / "results" / "results.csv").read_bytes()
    again = shell.run(*command)
    assert again.status == 0, again.err
    assert sandbox.requests() == before
    assert (shell.folder / "results" / "results.csv").read_bytes() == stamp

    figures = json.loads(shell("status", "--campaign", "spring", "--json").out)
    assert figures["leads"] == 3
    assert figures["states"] == {"done": 3}
    assert figures["outcomes"] == {"answered": 1, "busy": 1, "voicemail": 1}
    assert figures["attempts"] == {"ended": 3}
    assert (figures["unknown"], figures["review"]) == (0, 0)
    by_route = Counter[str]()
    for (route, _), count in before.items():
        by_route[route] += count
    assert figures["requests"] == dict(by_route)
    complete = figures["completeness"]
    assert (complete["ended"], complete["reports_due"], complete["by_list"]) == (3, 2, 2)
    assert (complete["report_share"], complete["missing"]) == (1.0, 0)
    assert 0 <= complete["report_delay"]["median"] <= complete["report_delay"]["p95"]
    tables = shell("status", "--campaign", "spring").out
    for words in ("spring: 3 leads", "voicemail", "POST /calls/outbound", "for review", "unknown"):
        assert words in tables
    for words in ("reports in", "2 of 2 (100%)", "by webhook", "report after", "closed without a report"):
        assert words in tables
    report = (shell.folder / "results" / "report.html").read_text("utf-8")
    assert "How complete the results are" in report and "2 of 2 (100%)" in report
    nobody = shell("status", "--campaign", "autumn")
    assert nobody.status == 1
    assert "'autumn'" in nobody.complaint and "spring" in nobody.complaint


@pytest.mark.server
def test_where_a_prefect_api_is_configured_the_run_is_recorded_there(
    shell: Shell, sandbox: RunningSandbox, prefect_url: str
) -> None:
    ended = shell.run("--policy", "policy.yaml", PREFECT_API_URL=prefect_url)
    assert ended.status == 0, ended.err
    assert called(sandbox) == Counter(list(PEOPLE))
    named = {"flows": {"name": {"any_": ["outbound-campaign"]}}, "sort": "START_TIME_DESC", "limit": 1}
    (recorded,) = ask(prefect_url, "POST", "flow_runs/filter", named)
    assert recorded["state"]["type"] == "COMPLETED"
    assert recorded["parameters"]["campaign"] == "spring"
    assert not [phone for phone in PEOPLE if phone[1:] in json.dumps(recorded)]


def test_a_run_that_does_not_wait_leaves_open_leads_with_status_3_and_a_later_one_collects(
    shell: Shell,
) -> None:
    talk = {"talk_seconds_min": 3600, "talk_seconds_max": 3600}  # at real speed: until someone ends it
    settings = SandboxSettings(
        rate_limit=0, outcomes={phone: ["answered"] for phone in PEOPLE}, report_delay_seconds=0, **talk
    )
    with run_sandbox(settings) as slow:
        shell.env["FLIREO_BASE_URL"] = slow.base_url
        deadline = shell.run("--policy", "policy.yaml", "--deadline", "8")
        assert deadline.status == 3, deadline.err
        assert "3 leads are still open (the deadline ended the run)" in deadline.out

        left = shell.run("--policy", "policy.yaml", "--no-wait")
        assert left.status == 3, left.err
        assert "line 2, +44*" in left.out and "its call runs, or its result is not in yet" in left.out
        assert "Run the same command again to continue." in left.out
        assert ANNA not in left.out + left.err
        assert {row["state"] for row in shell.results().values()} == {"calling"}

        for call in slow.placed_calls():
            end = partial(slow.api.post, f"/calls/{call['call_id']}/control", json={"type": "end-call"})
            until(lambda end=end: end().is_success, LONG)  # type: ignore[misc] # no type for a default
            slow.settle(call["call_id"])
        collected = shell.run("--policy", "policy.yaml")
        assert collected.status == 0, collected.err
        assert {row["outcome"] for row in shell.results().values()} == {"answered"}
        assert called(slow) == Counter(list(PEOPLE))


def _where_nobody_is_called_now() -> str:
    """A zone in which it is no calling time for an hour, as near to these people's own as there is one."""
    now, home = datetime.now(UTC), ZoneInfo("Europe/London")
    zones = [name for name in zone_names() if zone_names()[name] == name]
    closed = [
        zone
        for zone in zones
        if not {(now + timedelta(hours=late)).astimezone(ZoneInfo(zone)).hour for late in (0, 1)}
        & {*range(9, 20)}
    ]
    return min(closed, key=lambda zone: abs(_offset(now, ZoneInfo(zone)) - _offset(now, home)))


def _offset(now: datetime, zone: ZoneInfo) -> float:
    return (now.astimezone(zone).utcoffset() or timedelta()).total_seconds()


def test_at_night_no_one_is_called_unless_any_hour_is_said_and_never_who_said_no(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    zone = _where_nobody_is_called_now()
    rows = [f"{name},{phone},{zone}" for phone, name in PEOPLE.items()]
    shell.write("leads.csv", "\n".join(["name,phone,timezone", *rows]))

    night = shell.run()
    assert night.status == 3, night.err
    assert "OFF" not in night.err
    assert "outside hours, until" in night.out
    assert sandbox.placed_calls() == []
    assert {(row["state"], row["reason"]) for row in shell.results().values()} == {
        ("waiting", "outside_hours")
    }

    shell.write("no.txt", f"{BEN}\n")
    anyway = shell.run("--any-hour", "--do-not-call", "no.txt")
    assert anyway.status == 0, anyway.err
    assert "calling hours are OFF (--any-hour): people may be called at night" in anyway.err
    assert called(sandbox) == {ANNA: 1, CARLA: 1}
    ben = shell.results()[BEN]
    assert (ben["attempts"], ben["state"], ben["reason"]) == ("0", "skipped", "do_not_call")
    assert "do_not_call" in (shell.folder / "results" / "rejects.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("trouble", "mended", "words"),
    [
        pytest.param(
            {"revoked_keys": ["sandbox-key"]},
            {"revoked_keys": []},
            ("401", "revoked", "Check the API key (FLIREO_API_KEY"),
            id="key revoked",
        ),
        pytest.param(
            {"minutes_balance": 0},
            {"minutes_balance": 1000},
            ("402", "Top up the Flireo balance"),
            id="no credits",
        ),
    ],
)
def test_what_stops_a_run_in_the_middle_is_told_and_the_next_run_continues(
    shell: Shell,
    sandbox: RunningSandbox,
    trouble: dict[str, object],
    mended: dict[str, object],
    words: tuple[str, ...],
) -> None:
    shell.write_leads(CROWD)
    shell.write("slowly.yaml", SLOWLY)
    with shell.started(
        "run", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", "--policy", "slowly.yaml"
    ) as first:
        first.until_called(sandbox, 3)
        sandbox.settings(**trouble)
        stopped = first.ended()
    assert stopped.status == 1
    for word in (*words, "the campaign stopped with", "run the same command again"):
        assert word in stopped.complaint
    assert len(shell.results()) == len(CROWD)
    assert 3 <= sum(called(sandbox).values()) < len(CROWD)

    sandbox.settings(**mended)
    again = shell.run("--policy", "policy.yaml")
    assert again.status == 0, again.err
    assert called(sandbox) == Counter(list(CROWD))
    assert {row["state"] for row in shell.results().values()} == {"done"}


def test_ctrl_c_while_dialling_loses_nothing_and_the_next_run_continues(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    shell.write_leads(CROWD)
    shell.write("slowly.yaml", SLOWLY)
    with shell.started(
        "run", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", "--policy", "slowly.yaml"
    ) as first:
        first.until_called(sandbox, 3)
        first.interrupt()
        stopped = first.ended()
    assert stopped.status == 130
    assert "interrupted" in stopped.complaint and "run the same command again" in stopped.complaint
    assert sum(called(sandbox).values()) < len(CROWD)

    again = shell.run("--policy", "policy.yaml")
    assert again.status == 0, again.err
    assert called(sandbox) == Counter(list(CROWD))
    assert {row["attempts"] for row in shell.results().values()} == {"1"}


@needs_faketime
@pytest.mark.parametrize("hours", [5, -5])
def test_a_machine_whose_clock_is_five_hours_off_calls_no_one_and_ends_with_status_4(
    shell: Shell, sandbox: RunningSandbox, hours: int
) -> None:
    ended = shell.run("--policy", "policy.yaml", LD_PRELOAD=LIBRARY, FAKETIME=f"{hours:+d}h")
    assert ended.status == 4, ended.out + ended.err
    assert "this machine's clock says 20" in ended.complaint and "Flireo's clock says 20" in ended.complaint
    assert sandbox.placed_calls() == []
