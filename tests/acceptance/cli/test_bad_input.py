"""Whatever is wrong is told in one line: what, where, and what to do. No one is called for it."""

import asyncio
import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import delete

from flireo_flows.ledger import Database
from flireo_flows.ledger.schema import runners
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.prefect_support.local_server import free_port
from tests.support.calling.campaign import Campaign
from tests.support.cli.shell import ANNA, BEN, CARLA, COMMAND, LONG, PEOPLE, Shell, served
from tests.support.faulty.server import answer, page, run_faulty
from tests.support.postgres import make_ledger
from tests.support.sandbox.running import RunningSandbox, until


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


HAS_IPV6 = _has_ipv6()


@pytest.mark.parametrize("command", ["run", "automations"])
def test_a_prefect_that_cannot_be_used_is_told_before_anything_is_begun(bare: Shell, command: str) -> None:
    bare.write("automation.yaml", "{name: a, trigger: {}, actions: []}")
    usual = (
        ("leads.csv", "--campaign", "spring", "--agent-id", "a") if command == "run" else ("automation.yaml",)
    )

    def ran(url: str) -> str:
        with temporary_settings({PREFECT_API_URL: url}):
            ended = bare.here(command, *usual, FLIREO_API_KEY="fl_test_k")
        assert ended.status == 1
        return ended.complaint

    nobody = f"127.0.0.1:{free_port()}/api"
    refused = ran(f"http://me:hush@{nobody}")
    assert f"the Prefect API at http://{nobody} cannot be used" in refused and "hush" not in refused
    assert "PREFECT_API_URL" in refused
    assert "'http://' or 'https://'" in ran("nowhere")
    with run_faulty(answer(401, {"detail": "Unauthorized"})) as stranger:
        assert "it answers 401. Check PREFECT_API_KEY" in ran(f"{stranger.url}/api")
    with run_faulty(answer(405, {})) as site:
        assert "it answers 405. Check PREFECT_API_URL" in ran(site.url)
    with run_faulty(page(200)) as site:
        assert "cannot be used" in ran(site.url)
    assert not (bare.folder / "ledger.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "settings", "env", "words"),
    [
        pytest.param(
            (),
            {"revoked_keys": ["sandbox-key"]},
            {},
            ("401", "Check the API key"),
            id="a key that is refused",
        ),
        pytest.param((), {"minutes_balance": 0}, {}, ("balance is empty", "Top it up"), id="no credits"),
        pytest.param(
            ("--agent-id", "agent-9"), {}, {}, ("'agent-9' does not exist", "dashboard"), id="unknown agent"
        ),
        pytest.param(
            ("--number-id", "+31850835037"),
            {},
            {},
            ("does not exist", "Give its id, not the number itself"),
            id="unknown number",
        ),
        pytest.param(
            (), {}, {"FLIREO_BASE_URL": "http://127.0.0.1:1/api/v1"}, ("FLIREO_BASE_URL",), id="unreachable"
        ),
    ],
)
def test_what_is_wrong_with_the_account_is_told_before_the_first_call(
    shell: Shell,
    sandbox: RunningSandbox,
    arguments: tuple[str, ...],
    settings: dict[str, object],
    env: dict[str, str],
    words: tuple[str, ...],
) -> None:
    sandbox.settings(**settings)
    given = arguments if "--agent-id" in arguments else (*arguments, "--agent-id", "demo-agent")
    ended = shell.here("run", "leads.csv", "--campaign", "spring", "--policy", "policy.yaml", *given, **env)
    assert ended.status == 1
    for word in words:
        assert word in ended.complaint
    assert sandbox.placed_calls() == []


@pytest.mark.slow
def test_a_ledger_that_cannot_be_used_is_told_by_its_url_without_its_password(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    no_database = shell.write("notes.db", "this is no database, but long enough to look like one " * 40)
    assert shell.here(
        "status", "--campaign", "c", FLIREO_LEDGER_URL=f"sqlite:///{no_database}"
    ).complaint.endswith("file is not a database. Check FLIREO_LEDGER_URL and its permissions.")
    assert no_database.read_text().startswith("this is no database")
    elsewhere = "postgresql://me:hush-hush@127.0.0.1:1/ledger"
    ran = shell.here("status", "--campaign", "c", FLIREO_LEDGER_URL=elsewhere).complaint
    assert "127.0.0.1:1/ledger" in ran and "hush-hush" not in ran
    assert (
        "sqlite:///FILE" in shell.here("status", "--campaign", "c", FLIREO_LEDGER_URL="ledger.db").complaint
    )

    newer = shell.folder / "newer.db"
    assert (
        "there is no ledger there"
        in shell.here("status", "--campaign", "c", FLIREO_LEDGER_URL=f"sqlite:///{newer}").complaint
    )
    assert not newer.exists()
    make_ledger(f"sqlite:///{newer}")
    with sqlite3.connect(newer) as db:
        db.execute("UPDATE flireo_version SET version_num = '0099'")
    db.close()
    ended = shell.run_here("--any-hour", FLIREO_LEDGER_URL=f"sqlite:///{newer}")
    assert ended.status == 1
    assert "a newer flireo-flows wrote it (version 99;" in ended.complaint
    assert "Keep it as it is" in ended.complaint and "another ledger" not in ended.complaint
    assert sandbox.requests() == {}


@pytest.mark.slow
def test_rows_with_too_many_or_too_few_cells_become_rejects_and_the_others_are_called(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    rows = ["name,phone,city", f"Anna,{ANNA},Leeds", "Ben,+442079460002,York,Hull", "Carla,+442079460003"]
    shell.write("leads.csv", "\n".join(rows))
    ended = shell.run_here("--policy", "policy.yaml")
    assert ended.status == 0, ended.err
    assert [call["destination"] for call in sandbox.placed_calls()] == [ANNA]
    rejects = (shell.folder / "results" / "rejects.csv").read_text("utf-8-sig")
    assert "too_many_cells" in rejects and "too_few_cells" in rejects and "Hull" in rejects

    shell.write("none.csv", "name,phone\nAnna,12\n")
    nobody = shell.run_here("--any-hour", leads="none.csv")
    assert nobody.status == 1
    assert "no row of" in nobody.complaint and "rejects.csv has the reason" in nobody.complaint


def _may_mount() -> bool:
    mounts = "mount -t tmpfs tmpfs /mnt"
    return (
        subprocess.run(["unshare", "-Urm", "sh", "-c", mounts], capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.slow
def test_a_full_disk_while_exporting_is_told_and_the_next_run_exports(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    if not os.environ.get("CI") and not _may_mount():
        pytest.skip("this machine lets no one mount a small disk (unshare -Urm)")
    small = shell.folder / "small"
    small.mkdir()
    policy = shell.folder / "policy.yaml"
    command = f"{COMMAND} run leads.csv --campaign spring --agent-id demo-agent --policy {policy} --out small"
    mount = f"mount -t tmpfs -o size=12k tmpfs {small}"
    full = shell.command(["unshare", "-Urm", "sh", "-c", f"{mount} && exec {command}"])
    assert full.status == 1
    assert "Could not write" in full.complaint
    assert "the disk is full; free some space there and export again" in full.complaint

    again = shell.run("--policy", "policy.yaml")
    assert again.status == 0, again.err
    assert sorted(call["destination"] for call in sandbox.placed_calls()) == sorted(PEOPLE)
    assert {row["state"] for row in shell.results().values()} == {"done"}


def test_a_server_of_ours_says_what_keeps_it_from_starting(bare: Shell, tmp_path: Path) -> None:
    unsigned = bare.here("webhooks", "--port", str(free_port()))
    assert unsigned.status == 1
    assert "FLIREO_WEBHOOK_SECRET is not set" in unsigned.complaint and "--unsigned" in unsigned.complaint
    bare.write("file", "")
    ran = bare.here(
        "webhooks", "--unsigned", FLIREO_LEDGER_URL=f"sqlite:///{tmp_path}/file/ledger.db"
    ).complaint
    assert "its folder cannot be made" in ran and "FLIREO_LEDGER_URL" in ran
    assert "--lose-answer-share" in bare.here("sandbox", "--lose-answer-share", "2").complaint
    assert "--dialect" in bare.here("sandbox", "--dialect", "dutch").complaint


def test_a_ledger_that_is_a_folder_is_told_in_one_line(bare: Shell) -> None:
    for _ in range(4):
        ended = bare("status", "--campaign", "c", FLIREO_LEDGER_URL=f"sqlite:///{bare.folder}")
        assert ended.status == 1
        assert "there is no ledger" in ended.complaint


def test_names_of_campaigns_are_shown_as_they_are_and_no_text_is_told(bare: Shell) -> None:
    names = ("q3 [/retry]", "spring [new]")

    async def place() -> None:
        async with await Database.open(bare.env["FLIREO_LEDGER_URL"]) as database:
            for name, phone in zip(names, (ANNA, BEN), strict=True):
                campaign = Campaign(database, name=name)
                await campaign.placed(await campaign.runner(), f"call-{name}", phone)
            async with database.write() as db:
                await db.execute(
                    delete(runners)
                )  # they are gone, so that calls are open that no one waits for
            await Suppressions(database).suppress([CARLA], "said [/no]")

    asyncio.run(place())
    for name in names:
        ran = bare.here("status", "--campaign", name)
        assert (ran.status, f"{name}: 1 leads" in ran.out) == (0, True), ran.err
        assert f"{name}: how 0 calls ended" in bare.here("outcomes", "--campaign", name).out
    nobody_there = {"FLIREO_API_KEY": "k", "FLIREO_BASE_URL": "http://127.0.0.1:1/api/v1"}
    collected = bare.here("collect", **nobody_there)
    assert [name for name in names if name in collected.out] == [*names], collected
    assert "said [/no]" in bare.here("suppressions").out


def test_a_server_listens_on_whatever_address_it_can(bare: Shell) -> None:
    with served(bare, "webhooks", "--unsigned", "--host", "localhost", ready="/health"):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = bare.here("webhooks", "--unsigned", "--port", str(port))
        assert f"cannot listen on 127.0.0.1:{port}: " in ended.complaint
    for arguments in (("--port", "99999"), ("--host", "no-such-host.invalid")):
        assert "cannot listen on" in bare.here("webhooks", "--unsigned", *arguments).complaint


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "::"])
def test_a_server_listens_on_an_address_of_the_newer_kind(bare: Shell, host: str) -> None:
    port = free_port()
    with bare.started("webhooks", "--unsigned", "--host", host, "--port", str(port)) as server:
        server.until_printed(f"http://[{host}]:{port}/webhooks/flireo (Ctrl-C stops it)")
        until(lambda: server._looked(_answers(f"http://[::1]:{port}/health")), LONG)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False
