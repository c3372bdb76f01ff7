"""No command that a person may copy calls people at night with a live key, or forgets the do-not-call list."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from flireo_flows.cli import app
from tests.support.cases import every
from tests.support.cli.shell import Shell

PROJECT = Path(__file__).parents[3]
TEXTS = sorted(
    file
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "prefect.yaml",
        "automations/*",
        "flows/*.py",
        "blocks/*.py",
        "Makefile",
    )
    for file in PROJECT.glob(pattern)
)
SOURCES = sorted((PROJECT / "flireo_flows").rglob("*.py"))
# With one of these a command is not whole: whoever copies it has to fill in the rest.
ELIDED = "..."
TEST_KEY, SANDBOX = "FLIREO_API_KEY=fl_test_", "FLIREO_BASE_URL=http://127.0.0.1"


def commands_of(text: str) -> Iterator[str]:
    """Every `flireo-flows run` or `plan` of a text that names a file, with what stands before it on its line."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        for found in re.finditer(r"[^`#\"]*flireo-flows (?:run|plan) [^`#\"]*", line):
            command = found[0].strip()
            # "`flireo-flows run` asks" is prose.
            if (
                re.search(r"(?:run|plan) +(?:[\w./-]+\.(?:csv|xlsx)|LEADS|FILE)\b", command)
                and ELIDED not in command
            ):
                yield command


def test_there_are_commands_to_check() -> None:
    found = [command for file in TEXTS for command in commands_of(file.read_text("utf-8"))]
    assert len(found) >= 5
    assert sum("--any-hour" in command for command in found) == 1


@every("file", [*TEXTS, *SOURCES], ids=lambda file: str(file.relative_to(PROJECT)))
def test_a_command_keeps_its_do_not_call_list_and_any_hour_goes_to_the_sandbox_only(file: Path) -> None:
    for command in commands_of(file.read_text("utf-8", errors="replace")):
        assert "--do-not-call" in shlex.split(command), command
        assert "--yes" not in command, command
        if "--any-hour" in command:
            assert TEST_KEY in command and SANDBOX in command, command


@every("file", TEXTS, ids=lambda file: str(file.relative_to(PROJECT)))
def test_any_hour_and_a_live_key_stand_in_no_block_together(file: Path) -> None:
    text = file.read_text("utf-8")
    for block in re.findall(r"```.*?```", text, re.DOTALL) if file.suffix == ".md" else [text]:
        assert "any-hour" not in block or "fl_live" not in block
        assert "any-hour" not in block or (TEST_KEY in block and SANDBOX in block)
        assert "calling_hours: null" not in block or "fl_live" not in block


def test_no_help_shows_a_command_that_calls_at_any_hour(bare: Shell) -> None:
    names = [name for name in app if not name.startswith("-")]
    assert {"run", "plan", "init"} <= set(names)
    for name in names:
        ran = bare.here(name, "--help")
        assert ran.status == 0, name
        assert list(commands_of(ran.out)) == []
