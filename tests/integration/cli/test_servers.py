"""`flireo-flows --help`, `sandbox`, `webhooks` and `init`."""

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from flireo_flows.prefect_support.local_server import free_port
from tests.support.cli.shell import COMMAND, Shell, served
from tests.support.sandbox.running import until

HEAVY = ("prefect", "pandas", "sqlalchemy", "fastapi", "pydantic", "httpx", "phonenumbers", "uvicorn")
COMMANDS = (
    *("run", "plan", "status", "why", "pause", "resume", "cancel"),
    *("suppress", "unsuppress", "suppressions", "forget", "demo", "sandbox", "webhooks", "inbox", "init"),
)


def test_help_loads_nothing_heavy_so_it_answers_at_once(bare: Shell) -> None:
    code = f"""
import sys
sys.argv = ["flireo-flows", "--help"]
from flireo_flows.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {HEAVY} if name in sys.modules]
assert not loaded, loaded
"""
    ran = bare.command([sys.executable, "-c", code])
    assert ran.status == 0, ran.err
    for command in COMMANDS:
        assert f" {command} " in ran.out
    for setting in ("FLIREO_API_KEY", "FLIREO_BASE_URL", "FLIREO_DIALECT", "FLIREO_LEDGER_URL"):
        assert setting in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(bare: Shell, command: str) -> None:
    ran = bare(command, "--help")
    assert ran.status == 0
    assert f"flireo-flows {command}" in ran.out
    assert ran.err == ""


def test_the_sandbox_answers_like_flireo_and_stops_at_ctrl_c(bare: Shell) -> None:
    with (
        served(bare, "sandbox", "--time-scale", "1000", ready="/sandbox/health") as url,
        httpx.Client(headers={"Authorization": "Bearer any"}, trust_env=False) as http,
    ):
        answer = http.get(f"{url}/api/v1/agents/demo-agent")
        assert answer.status_code == 200
        assert answer.headers["X-RateLimit-Limit"] == "100"
        taken = bare("sandbox", "--port", url.rpartition(":")[2])
        assert taken.status == 1
        assert "cannot listen on" in taken.complaint and "Choose another --port" in taken.complaint


STATE = """
settings:
  rate_limit: 0
  minutes_balance: 5
agents:
  desk:
    name: Desk
numbers:
  - id: line
    phone_number: +442079460009
    agent_id: desk
"""


def test_the_sandbox_begins_with_a_state_file_and_writes_one(bare: Shell) -> None:
    bare.write("state.yaml", STATE)
    with (
        served(
            bare, "sandbox", "--state", "state.yaml", "--minutes-balance", "7", ready="/sandbox/health"
        ) as url,
        httpx.Client(headers={"Authorization": "Bearer any"}, trust_env=False) as http,
    ):
        assert http.get(f"{url}/api/v1/agents/desk").json()["agent"]["name"] == "Desk"
        assert http.get(f"{url}/api/v1/numbers/line").json()["number"]["agent_id"] == "desk"
        account = http.get(f"{url}/api/v1/account")
        assert account.json()["minutes_balance"] == 7  # the option wins over the file
        assert "X-RateLimit-Limit" not in account.headers
        state = http.get(f"{url}/sandbox/state").text
    bare.write("again.json", state)
    with served(bare, "sandbox", "--state", "again.json", ready="/sandbox/health") as url:
        assert httpx.get(f"{url}/sandbox/state", trust_env=False).json() == json.loads(state)


@pytest.mark.parametrize(
    ("state", "ran"),
    [
        ("agents: [", "line 1: this is not readable as YAML or JSON"),
        ("- agents", "it must hold sections, such as `agents:`"),
        ("settings: 5", "settings: it must hold fields"),
        ("agent: {}", "agent: there is no such field. Fields are agents, "),
        ("settings: {time_scala: 2}", "settings.time_scala: there is no such field. Fields are "),
        ("settings: {time_scale: 0}", "settings.time_scale: Input should be greater than 0"),
        ('settings: {outcomes: {"+442079460009": sings}}', "settings.outcomes.+44"),
        ("settings: {timeout: {share: 2}}", "settings.timeout.share: Input should be less than"),
        ("settings: {timeout: {operations: [sing]}}", "there is no operation 'sing'"),
        ("agents: {desk: {}}", "agents.desk: name is required"),
        ("numbers: {line: {phone_number: '06'}}", "numbers.line: phone_number must be in E.164"),
        ("campaigns: {c: {name: C, agent_id: demo-agent, timezone: Mars}}", "campaigns.c.timezone: "),
    ],
)
def test_a_state_file_that_is_wrong_is_told_by_its_name_and_the_place(
    bare: Shell, state: str, ran: str
) -> None:
    bare.write("state.yaml", state)
    ended = bare.here("sandbox", "--state", "state.yaml", "--port", str(free_port()))
    assert ended.status == 1
    assert "state state.yaml" in ended.complaint
    assert ran in ended.complaint
    assert "+442079460009" not in ended.complaint


def test_a_state_file_that_is_not_there_is_told(bare: Shell) -> None:
    ended = bare.here("sandbox", "--state", "none.yaml", "--port", str(free_port()))
    assert "state none.yaml: No such file or directory. Check the path." in ended.complaint


def test_the_sandbox_explains_itself_to_a_stranger(bare: Shell) -> None:
    ran = bare.here("sandbox", "--help").out
    for word in ("Calls no one", "/api/v1", "Any API key", "demo-agent", "demo-number", "/sandbox/inbound"):
        assert word in ran
    for word in ("--state", "/sandbox/reset", "/sandbox/faults", "/sandbox/calls", "docs/sandbox.md"):
        assert word in ran


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_told_to_stop_stops_quietly(bare: Shell, sent: signal.Signals) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with bare.started("webhooks", "--unsigned", "--port", str(port)) as server:
        server.until_printed("/webhooks/flireo (Ctrl-C stops it)")
        until(lambda: _answers(f"http://127.0.0.1:{port}/health"), 240)
        server.process.send_signal(sent)
        ended = server.ended()
    assert ended.status in (0, 130, -sent)
    assert "Traceback" not in ended.err


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_init_writes_a_project_and_never_overwrites_one(bare: Shell) -> None:
    made = bare("init", "mine")
    assert made.status == 0, made.err
    mine = bare.folder / "mine"
    for file in (
        "flows/outbound_campaign.py",
        "flows/leads.csv",
        "blocks/save_credentials.py",
        "prefect.yaml",
    ):
        assert (mine / file).is_file()
        assert file in made.out
    assert not list(mine.rglob("__pycache__"))

    (mine / "prefect.yaml").write_text("# mine\n")
    (mine / "flows" / "outbound_campaign.py").unlink()
    again = bare("init", "mine")
    assert again.status == 1
    assert "holds" in again.complaint and "choose another folder" in again.complaint
    assert (mine / "prefect.yaml").read_text() == "# mine\n"
    assert not (mine / "flows" / "outbound_campaign.py").exists()  # nothing at all was written

    bare.write("file", "")
    assert "cannot be written" in bare("init", "file/mine").complaint


def test_the_command_is_also_a_module(bare: Shell) -> None:
    as_module = subprocess.run(
        [sys.executable, "-m", "flireo_flows.cli", "--version"], capture_output=True, text=True, check=True
    )
    as_script = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert as_module.stdout == as_script.stdout != ""
