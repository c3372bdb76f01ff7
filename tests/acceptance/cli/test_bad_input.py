"""Whatever is wrong is told in one line: what, where, and what to do. Nobody is rung for it."""

import asyncio
import socket
import sqlite3
import subprocess
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import delete

from flireo_flows.cli.sandbox_state import read_state
from flireo_flows.cli.settings import credentials
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
LEADS = "name,phone\nAnna,+442079460001\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, ("There is no such file", "Check the name"), id="missing"),
        pytest.param(b"", ("The file is empty", "Export it again"), id="empty"),
        pytest.param(b"\n\n \n", ("only blank lines", "Export it again"), id="blank"),
        pytest.param(b"name,phone\n", ("no rows below the header",), id="only a header"),
        pytest.param(b"\x00\x01\x02\x00\x03" * 50, ("binary", "CSV"), id="binary"),
        pytest.param(b"%PDF-1.7\n", ("a PDF", "Export the table as CSV"), id="a PDF"),
        pytest.param(b"name,city\nAnna,Leeds\n", ("phone", "name", "city"), id="no phone column"),
        pytest.param(b"name,phone\n\x81\x8d\x8f,+442079460001\n", ("encoding",), id="unknown encoding"),
    ],
)
def test_a_file_that_holds_no_leads_is_told_by_name(
    bare: Shell, content: bytes | None, words: tuple[str, ...]
) -> None:
    if content is not None:
        bare.write("bad.csv", content)
    ended = bare.run_here(leads="bad.csv")
    assert ended.status == 1
    for word in ("bad.csv", *words):
        assert word in ended.complaint


def test_a_file_that_cannot_be_read_and_a_folder_are_told_apart(bare: Shell) -> None:
    (bare.folder / "sealed.csv").symlink_to("/proc/self/mem")  # unreadable for anybody, root too
    (bare.folder / "folder.csv").mkdir()
    assert "cannot be read" in bare.run_here(leads="sealed.csv").complaint
    assert "This is a folder" in bare.run_here(leads="folder.csv").complaint
    assert "There is no such file" in bare.run_here("--do-not-call", "no.txt").complaint


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param("max_attemps: 2", ("max_attemps", "no such field", "max_attempts"), id="unknown key"),
        pytest.param(
            "calling_hours: {begin: '09:00'}",
            ("calling_hours.begin", "no such field", "start"),
            id="inner key",
        ),
        pytest.param(
            "calling_hours: {start: '20:00', end: '09:00'}",
            ("calling_hours", "never open", "start must be before end"),
            id="impossible window",
        ),
        pytest.param("calling_hours: {weekdays: []}", ("calling_hours.weekdays",), id="no weekday"),
        pytest.param("max_attempts: many", ("max_attempts", "integer"), id="no number"),
        pytest.param("max_attempts: 0", ("max_attempts", "greater than or equal to 1"), id="none"),
        pytest.param("a: [1", ("line 1", "not readable as YAML"), id="no YAML"),
        pytest.param("calling_hours: {start: 9}", ("calling_hours.start", '"09:00"'), id="an hour"),
        pytest.param("calling_hours: {end: 20.5}", ("calling_hours.end", '"09:00"'), id="half hours"),
        pytest.param(
            "calling_hours: {breaks: [{start: 12, end: 13}]}",
            ("calling_hours.breaks.0.start", '"09:00"'),
            id="hours of a break",
        ),
        pytest.param(
            "calling_hours: {other_days: [{weekdays: [sat], start: 10}]}",
            ("calling_hours.other_days.0.start", '"09:00"'),
            id="hours of other days",
        ),
        pytest.param(
            "holidays: {closed_dates: [2026-11-31]}",
            ("holidays.closed_dates", "YYYY-MM-DD"),
            id="a date that does not exist",
        ),
        pytest.param(
            "dial_before: 2026-02-30T18:00+01:00",
            ("dial_before", "a moment is written"),
            id="nor this moment",
        ),
        pytest.param("a: " + "[" * 5000, ("nested too deeply",), id="lists without end"),
        pytest.param("max_attempts: " + "1" * 5000, ("not readable",), id="a figure without end"),
        pytest.param("- 1", ("must hold fields", "max_attempts"), id="a list"),
        pytest.param(None, ("No such file", "Check the path"), id="missing"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(
    bare: Shell, policy: str | None, words: tuple[str, ...]
) -> None:
    if policy is not None:
        bare.write("bad.yaml", policy)
    ended = bare.run_here("--policy", "bad.yaml")
    assert ended.status == 1
    for word in ("policy bad.yaml", *words):
        assert word in ended.complaint


@pytest.mark.parametrize("clock", ["9:00", "09:00", "'9:00'", '"09:00"'])
def test_a_policy_may_write_its_times_as_people_do(bare: Shell, clock: str) -> None:
    bare.write("hours.yaml", f"calling_hours:\n  start: {clock}\n  end: 20:30\n  weekdays: [mon, tue, 3]\n")
    ended = bare.run_here("--policy", "hours.yaml")
    assert "FLIREO_API_KEY is not set" in ended.complaint  # so the policy was taken


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("run", "leads.csv", "--agent-id", "a"), "--campaign", id="no campaign"),
        pytest.param(("run", "--campaign", "c", "--agent-id", "a"), "leads", id="no leads"),
        pytest.param(
            ("run", "leads.csv", "--campaign", " ", "--agent-id", "a"), "1 to 80 characters", id="blank name"
        ),
        pytest.param(
            ("run", "leads.csv", "--campaign", "c", "--agent-id", "a", "--deadline", "-1"),
            "--deadline",
            id="negative deadline",
        ),
        pytest.param(
            ("run", "leads.csv", "--campaign", "c", "--agent-id", "a", "--api-key", "k"),
            "--api-key",
            id="a key",
        ),
        pytest.param(("rnu",), "rnu", id="unknown command"),
        pytest.param(("status",), "--campaign", id="status of nothing"),
    ],
)
def test_wrong_usage_ends_with_status_2(bare: Shell, arguments: tuple[str, ...], words: str) -> None:
    ended = bare.here(*arguments)
    assert ended.status == 2
    assert words.lower() in (ended.out + ended.err).lower()
    assert "Traceback" not in ended.err


def test_settings_that_are_missing_or_wrong_are_told_by_name_and_never_by_value(bare: Shell) -> None:
    assert "FLIREO_API_KEY is not set" in bare.run_here().complaint
    secret = "fl_live_not to be seen"
    told = bare.run_here(FLIREO_API_KEY=secret).complaint
    assert "FLIREO_API_KEY" in told and "characters that no key has" in told
    assert secret not in told
    told = bare.run_here(FLIREO_API_KEY="k", FLIREO_BASE_URL="api.flireo.com").complaint
    assert "FLIREO_BASE_URL" in told and "https://" in told
    assert "flireo or hmsovereign" in bare.run_here(FLIREO_API_KEY="k", FLIREO_DIALECT="dutch").complaint
    assert "--default-region" in bare.run_here("--default-region", "XX").complaint
    bare.write("file", "")
    assert "--out file/results" in bare.run_here("--out", "file/results").complaint
    demo = bare.here("demo", "--out", "file")
    assert demo.status == 1 and "--out file: the folder cannot be made" in demo.complaint


@pytest.mark.parametrize("command", ["run", "automations"])
def test_a_prefect_that_cannot_be_used_is_told_before_anything_is_begun(bare: Shell, command: str) -> None:
    bare.write("automation.yaml", "{name: a, trigger: {}, actions: []}")
    usual = (
        ("leads.csv", "--campaign", "spring", "--agent-id", "a") if command == "run" else ("automation.yaml",)
    )

    def told(url: str) -> str:
        with temporary_settings({PREFECT_API_URL: url}):
            ended = bare.here(command, *usual, FLIREO_API_KEY="fl_test_k")
        assert ended.status == 1
        return ended.complaint

    nobody = f"127.0.0.1:{free_port()}/api"
    refused = told(f"http://me:hush@{nobody}")
    assert f"the Prefect API at http://{nobody} cannot be used" in refused and "hush" not in refused
    assert "PREFECT_API_URL" in refused
    assert "'http://' or 'https://'" in told("nowhere")
    with run_faulty(answer(401, {"detail": "Unauthorized"})) as stranger:
        assert "it answers 401. Check PREFECT_API_KEY" in told(f"{stranger.url}/api")
    with run_faulty(answer(405, {})) as site:
        assert "it answers 405. Check PREFECT_API_URL" in told(site.url)
    with run_faulty(page(200)) as site:
        assert "cannot be used" in told(site.url)
    assert not (bare.folder / "ledger.db").exists()


@pytest.mark.server
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
    at_prefect: str,
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


@pytest.mark.server
@pytest.mark.slow
def test_a_ledger_that_cannot_be_used_is_told_by_its_url_without_its_password(
    shell: Shell, sandbox: RunningSandbox, at_prefect: str
) -> None:
    no_database = shell.write("notes.db", "this is no database, but long enough to look like one " * 40)
    assert shell.here(
        "status", "--campaign", "c", FLIREO_LEDGER_URL=f"sqlite:///{no_database}"
    ).complaint.endswith("file is not a database. Check FLIREO_LEDGER_URL and its permissions.")
    assert no_database.read_text().startswith("this is no database")
    elsewhere = "postgresql://me:hush-hush@127.0.0.1:1/ledger"
    told = shell.here("status", "--campaign", "c", FLIREO_LEDGER_URL=elsewhere).complaint
    assert "127.0.0.1:1/ledger" in told and "hush-hush" not in told
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
        db.execute("UPDATE flireo_meta SET value = '99' WHERE key = 'version'")
    db.close()
    ended = shell.run_here("--any-hour", FLIREO_LEDGER_URL=f"sqlite:///{newer}")
    assert ended.status == 1
    assert "a newer flireo-flows wrote it (version 99;" in ended.complaint
    assert "Keep it as it is" in ended.complaint and "another ledger" not in ended.complaint
    assert sandbox.requests() == {}


@pytest.mark.server
@pytest.mark.slow
def test_rows_with_too_many_or_too_few_cells_become_rejects_and_the_others_are_rung(
    shell: Shell, sandbox: RunningSandbox, at_prefect: str
) -> None:
    rows = ["name,phone,city", f"Anna,{ANNA},Leeds", "Ben,+442079460002,York,Hull", "Carla,+442079460003"]
    shell.write("leads.csv", "\n".join(rows))
    ended = shell.run_here("--policy", "policy.yaml")
    assert ended.status == 0, ended.err
    assert [ring["destination"] for ring in sandbox.placed_calls()] == [ANNA]
    rejects = (shell.folder / "results" / "rejects.csv").read_text("utf-8-sig")
    assert "too_many_cells" in rejects and "too_few_cells" in rejects and "Hull" in rejects

    shell.write("none.csv", "name,phone\nAnna,12\n")
    nobody = shell.run_here("--any-hour", leads="none.csv")
    assert nobody.status == 1
    assert "no row of" in nobody.complaint and "rejects.csv says why" in nobody.complaint


def _may_mount() -> bool:
    mounts = "mount -t tmpfs tmpfs /mnt"
    return (
        subprocess.run(["unshare", "-Urm", "sh", "-c", mounts], capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.server
@pytest.mark.slow
def test_a_full_disk_while_exporting_is_told_and_the_next_run_exports(
    shell: Shell, sandbox: RunningSandbox
) -> None:
    if not _may_mount():
        pytest.skip("this machine lets nobody mount a small disk (unshare -Urm)")
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
    assert sorted(ring["destination"] for ring in sandbox.placed_calls()) == sorted(PEOPLE)
    assert {row["state"] for row in shell.results().values()} == {"done"}


def test_a_server_of_ours_says_what_keeps_it_from_starting(bare: Shell, tmp_path: Path) -> None:
    unsigned = bare.here("webhooks", "--port", str(free_port()))
    assert unsigned.status == 1
    assert "FLIREO_WEBHOOK_SECRET is not set" in unsigned.complaint and "--unsigned" in unsigned.complaint
    bare.write("file", "")
    told = bare.here(
        "webhooks", "--unsigned", FLIREO_LEDGER_URL=f"sqlite:///{tmp_path}/file/ledger.db"
    ).complaint
    assert "its folder cannot be made" in told and "FLIREO_LEDGER_URL" in told
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
                )  # they are gone, so that calls are open that nobody waits for
            await Suppressions(database).suppress([CARLA], "said [/no]")

    asyncio.run(place())
    for name in names:
        told = bare.here("status", "--campaign", name)
        assert (told.status, f"{name}: 1 leads" in told.out) == (0, True), told.err
        assert f"{name}: how 0 calls ended" in bare.here("outcomes", "--campaign", name).out
    nobody_there = {"FLIREO_API_KEY": "k", "FLIREO_BASE_URL": "http://127.0.0.1:1/api/v1"}
    collected = bare.here("collect", **nobody_there)
    assert [name for name in names if name in collected.out] == [*names], collected
    assert "said [/no]" in bare.here("suppressions").out


@pytest.mark.parametrize("command", ["status", "collect", "outcomes", "pause"])
def test_what_is_no_text_is_refused(bare: Shell, command: str) -> None:
    told = bare.here(command, "--campaign", "\udcff")
    assert "--campaign: it holds bytes that are no text in UTF-8" in told.err
    assert told.status == 2


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


def test_of_several_secrets_what_signs_itself_takes_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIREO_API_KEY", "k")
    for listed, first in ((" whsec_now  whsec_before ", "whsec_now"), ("whsec_now", "whsec_now")):
        monkeypatch.setenv("FLIREO_WEBHOOK_SECRET", listed)
        assert read_state(None, {}).settings.webhook_secret == first
        assert credentials().webhook_secret.get_secret_value() == first
    monkeypatch.setenv("FLIREO_WEBHOOK_SECRET", " ")
    assert read_state(None, {}).settings.webhook_secret is None
