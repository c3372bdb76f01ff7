"""`flireo-flows inbox`, and `flireo-flows webhooks` with a receiver of one's own."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys

import httpx
import pytest

from flireo_flows.ledger import Database, Inbox
from flireo_flows.prefect_support.local_server import free_port
from tests.support.calling.incoming import report, webhook
from tests.support.cli.shell import ANNA, COMMAND, LONG, Shell, Started, served
from tests.support.receiver.relay import post, signed
from tests.support.sandbox.running import until

SECRET = "whsec_inbox"
STRANGE = webhook("call-transferred", "call-2", ANNA)


@pytest.fixture
def filled(bare: Shell) -> Shell:
    """A ledger into which came: a report, something that is no JSON, and an event that no one knows."""

    async def fill() -> None:
        async with await Database.open(bare.env["FLIREO_LEDGER_URL"]) as database:
            for body in (report("call-1", ANNA), b"no json, but +442079460001", STRANGE):
                await Inbox(database).store(body)

    asyncio.run(fill())
    return bare


def listed(shell: Shell, *options: str) -> list[dict[str, object]]:
    ran = shell.here("inbox", "list", "--json", *options)
    assert ran.status == 0, ran.err
    rows: list[dict[str, object]] = json.loads(ran.out)
    return rows


def test_the_inbox_is_listed_newest_first_with_numbers_masked(filled: Shell) -> None:
    rows = listed(filled)
    assert [(row["id"], row["event"], row["state"]) for row in rows] == [
        (3, "call-transferred", "unreadable"),
        (2, "", "unreadable"),
        (1, "end-of-call-report", "waiting"),
    ]
    assert [row["customer"] for row in rows] == ["+44********01", "", "+44********01"]
    assert rows[0]["reason"] == "the event type 'call-transferred' is not known"
    assert rows[1]["reason"] == "the body is not JSON (JSONDecodeError)"
    assert [row["id"] for row in listed(filled, "--state", "unreadable", "--limit", "1")] == [3]
    table = filled.here("inbox", "list")
    assert "call-transferred" in table.out and ANNA not in table.out


def test_a_delivery_is_shown_masked_or_as_it_came(filled: Shell) -> None:
    shown = filled.here("inbox", "show", "3")
    assert shown.status == 0
    assert '"type": "call-transferred"' in shown.out
    assert ANNA not in shown.out and "79460001" not in shown.out
    broken = filled.here("inbox", "show", "2")
    assert "no json, but +44********01" in broken.out
    raw = subprocess.run(
        [COMMAND, "inbox", "show", "3", "--raw"],
        env={**filled._environment({})},
        cwd=filled.folder,
        capture_output=True,
        check=True,
    )
    assert raw.stdout == STRANGE


def test_what_is_not_there_is_told(filled: Shell) -> None:
    assert "nothing in the inbox under 99" in filled.here("inbox", "show", "99").complaint
    assert "--limit 0: it has to be 1 or more" in filled.here("inbox", "list", "--limit", "0").complaint
    nothing_named = filled.here("inbox", "replay")
    assert nothing_named.status == 2 and "--all-unreadable" in nothing_named.complaint
    assert filled.here("inbox", "replay", "1", "--all-unreadable").status == 2
    assert filled.here("inbox", "list", "--state", "lost").status == 2


@pytest.mark.parametrize("number", ["99999999999999999999", "2147483648", "-1"])
def test_a_number_that_no_row_can_have_is_told(filled: Shell, number: str) -> None:
    for command in (("show", "--", number), ("replay", "1", "--", number)):
        assert f"ID {number}: no delivery has such a number" in filled.here("inbox", *command).complaint
    assert f"--limit {number}: it has to be" in filled.here("inbox", "list", "--limit", number).complaint


def test_an_empty_inbox_is_told_in_a_line(bare: Shell, filled: Shell) -> None:
    with sqlite3.connect(filled.folder / "ledger.db") as db:
        db.execute("DELETE FROM flireo_inbox WHERE state = 'waiting'")
    db.close()
    ran = filled.here("inbox", "list", "--state", "waiting")
    assert (ran.status, ran.out) == (0, "nothing in the inbox is waiting.\n")
    assert listed(filled, "--state", "waiting") == []
    (filled.folder / "ledger.db").unlink()
    ran = filled.here("inbox", "list")
    assert ran.out == "nothing is in the inbox.\n"
    assert "there is no ledger there" in ran.complaint


def test_dead_letters_are_read_again_and_those_that_can_be_read_wait(filled: Shell) -> None:
    still = filled.here("inbox", "replay", "--all-unreadable")
    assert still.status == 1
    assert still.out.splitlines() == [
        "2: unreadable: the body is not JSON (JSONDecodeError)",
        "3: unreadable: the event type 'call-transferred' is not known",
    ]
    # As when the letter came before an upgrade: an older reader did not understand what today's does.
    with sqlite3.connect(filled.folder / "ledger.db") as db:
        db.execute("UPDATE flireo_inbox SET body = ?, call_id = '' WHERE id = 3", (report("call-3", ANNA),))
    db.close()
    again = filled.here("inbox", "replay", "3", "1", "77")
    assert again.status == 1
    assert again.out.splitlines() == ["3: waiting", "1: waiting", "77: absent"]
    newest = listed(filled)[0]
    assert (newest["state"], newest["call_id"]) == ("waiting", "call-3")
    assert filled.here("inbox", "replay", "3").status == 0


TOOLS = f"""
from flireo_flows.receiver import Receiver

receiver = Receiver("sqlite:///ledger.db", ["{SECRET}"])


@receiver.tool("look_up")
def look_up(name: str) -> str:
    return f"{{name}} is known"


async def pipeline() -> None:
    raise RuntimeError("beside")


receiver.run_beside(pipeline)
other = 5
"""


def test_a_receiver_of_ones_own_is_served_with_its_tools_and_logs_json(bare: Shell) -> None:
    bare.write("mine.py", TOOLS)
    call = {
        "id": "tool-1",
        "type": "function",
        "function": {"name": "look_up", "arguments": {"name": "Anna"}},
    }
    body = webhook("tool-calls", toolCallList=[call])
    port = free_port()
    with bare.started("webhooks", "--app", "mine.py:receiver", "--log-json", "--port", str(port)) as server:
        url = f"http://127.0.0.1:{port}"
        server.until_printed("/webhooks/flireo (Ctrl-C stops it)")
        _until_it_answers(server, url)
        answer = post(url, body, signed(SECRET, body, event="tool-calls"))
        assert answer.json() == {"results": [{"toolCallId": "tool-1", "result": "Anna is known"}]}
        server.process.send_signal(signal.SIGTERM)
        ended = server.ended()
    assert "Traceback" not in ended.err
    lines = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    (delivery,) = [line for line in lines if line["message"] == "delivery"]
    assert (delivery["event"], delivery["outcome"], delivery["status"]) == ("tool-calls", "stored", 200)
    assert ["RuntimeError" in line["message"] for line in lines if line["level"] == "error"] == [True]
    assert ANNA not in ended.err and "Anna" not in ended.err and SECRET not in ended.err


def _until_it_answers(server: Started, url: str) -> None:
    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    until(lambda: server._looked(answers()), LONG)


HANGS = f"""
import time
from flireo_flows.receiver import Receiver

receiver = Receiver("sqlite:///ledger.db", ["{SECRET}"], tool_seconds=1)
receiver.tool("hang")(lambda: time.sleep(86_400))
"""


def test_a_server_ends_at_ctrl_c_also_while_a_function_hangs(bare: Shell) -> None:
    bare.write("mine.py", HANGS)
    body = webhook("tool-calls", toolCallList=[{"id": "1", "function": {"name": "hang", "arguments": {}}}])
    port = free_port()
    with bare.started("webhooks", "--app", "mine.py:receiver", "--port", str(port)) as server:
        _until_it_answers(server, f"http://127.0.0.1:{port}")
        answer = post(f"http://127.0.0.1:{port}", body, signed(SECRET, body, event="tool-calls"))
        assert "took too long" in answer.text
        server.interrupt()
        assert "Traceback" not in server.ended().err


def test_a_module_serves_as_well(bare: Shell) -> None:
    bare.write("mine.py", TOOLS)
    with served(bare, "webhooks", "--app", "mine:receiver", ready="/health") as url:
        assert httpx.get(f"{url}/metrics", trust_env=False).is_success


@pytest.mark.parametrize(
    ("named", "ran"),
    [
        ("mine.py", "write MODULE:NAME or FILE.py:NAME"),
        ("none.py:receiver", "there is no file none.py. Check the path."),
        ("no_such_module:receiver", "there is no module no_such_module here. Check the name."),
        ("mine.py:nothing", "there is no such name. It has to be a flireo_flows.receiver.Receiver."),
        (".mine:receiver", "write MODULE:NAME or FILE.py:NAME"),
        ("..:receiver", "write MODULE:NAME or FILE.py:NAME"),
        ("broken.py:receiver", "broken.py, line 2: this is no Python: '(' was never closed."),
        ("broken_too:receiver", "broken_too.py, line 2: this is no Python: '(' was never closed."),
        ("mine.py:other", "other is a int. It has to be a flireo_flows.receiver.Receiver."),
    ],
)
def test_an_app_that_is_none_is_told(bare: Shell, named: str, ran: str) -> None:
    bare.write("mine.py", TOOLS)
    for name in ("broken.py", "broken_too.py"):
        bare.write(name, "receiver = None\nx = (\n")
    assert ran in bare.here("webhooks", "--app", named, "--port", str(free_port())).complaint


def test_a_ledger_that_cannot_be_opened_is_told_before_the_server_starts(bare: Shell) -> None:
    url = "postgresql://user:secret@127.0.0.1:1/none"
    ended = bare.here("webhooks", "--unsigned", "--port", str(free_port()), FLIREO_LEDGER_URL=url)
    assert ended.status == 1
    assert "postgresql" in ended.complaint and "secret" not in ended.complaint


def test_the_help_of_the_inbox_loads_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["flireo-flows", "inbox", "--help"]
from flireo_flows.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
assert not {"prefect", "pandas", "sqlalchemy", "fastapi", "pydantic", "uvicorn"} & set(sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("list", "show", "replay"):
        assert f" {command} " in ended.stdout
