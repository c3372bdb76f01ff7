"""`flireo-flows --help`, `sandbox`, `webhooks` and `init`."""

import signal
import socket
import subprocess
import sys

import httpx
import pytest

from tests.cli.shell import COMMAND, Shell, served
from tests.sandbox.running import until

HEAVY = ("prefect", "pandas", "sqlalchemy", "fastapi", "pydantic", "httpx", "phonenumbers", "uvicorn")
COMMANDS = ("run", "status", "demo", "sandbox", "webhooks", "init")


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
    told = bare.command([sys.executable, "-c", code])
    assert told.status == 0, told.err
    for command in COMMANDS:
        assert f" {command} " in told.out
    for setting in ("FLIREO_API_KEY", "FLIREO_BASE_URL", "FLIREO_DIALECT", "FLIREO_LEDGER_URL"):
        assert setting in told.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(bare: Shell, command: str) -> None:
    told = bare(command, "--help")
    assert told.status == 0
    assert f"flireo-flows {command}" in told.out
    assert told.err == ""


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
