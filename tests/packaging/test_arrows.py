"""Which way the arrows run between the rooms (docs: design). One look at every import of ours."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import flireo_flows

PACKAGE = Path(flireo_flows.__file__).parent
PROJECT = PACKAGE.parent
# What of ours, and of others', a room may import. Standard library and its own modules go without saying.
ROOMS = {
    "api": {"httpx", "pydantic"},
    "leads": {"flireo_flows.api.numbering", "pydantic", "phonenumbers", "openpyxl", "babel"},
    # Of leads only the values that they give, and the tables of zones.
    "calling": {
        "flireo_flows.api",
        "flireo_flows.leads.lead",
        "flireo_flows.leads.wishes",
        # And how a yes, a no and a wish for no more calls are written.
        "flireo_flows.leads.consent_headers",
        "flireo_flows.leads.opt_out_words",
        "flireo_flows.leads.yes_no",
        "flireo_flows.leads.zones",
        "pydantic",
        "sqlalchemy",
        "aiosqlite",
        "asyncpg",
        "phonenumbers",
        "holidays",
        "jinja2",
        "yaml",
    },
    "analytics": {"flireo_flows.api", "jinja2", "pandas", "pyarrow"},
    "receiver": {
        "flireo_flows.api",
        "flireo_flows.calling.choice",
        "flireo_flows.calling.ledger",
        "flireo_flows.calling.script",
        "flireo_flows.calling.states",
        "flireo_flows.leads.wishes",
        "fastapi",
        "prometheus_client",
        "pydantic",
        "pydantic_core",
        "sqlalchemy",
        "starlette",
    },
    "sandbox": {"flireo_flows.api", "fastapi", "starlette", "uvicorn", "httpx", "pydantic", "pydantic_core"},
    "tasks": {"flireo_flows.api", "flireo_flows.blocks", "prefect"},
}


def imports(file: Path) -> Iterator[str]:
    """Absolute names of what a module imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import hides where it leads"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_arrows_allow(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    allowed = ROOMS[room] | {f"flireo_flows.{room}"}
    for file in files:
        for name in imports(file):
            known = name.partition(".")[0] in sys.stdlib_module_names
            assert known or any(within(name, module) for module in allowed), f"{file} imports {name}"


def test_only_the_command_line_starts_a_sandbox_and_nothing_imports_the_command_line() -> None:
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0]
        for name in imports(file):
            assert not within(name, "flireo_flows.sandbox") or room in ("sandbox", "cli"), f"{file}: {name}"
            assert not within(name, "flireo_flows.cli") or room == "cli", f"{file}: {name}"


def test_nothing_leans_on_what_prefect_calls_its_own() -> None:
    files = [*PACKAGE.rglob("*.py"), *(PROJECT / "flows").glob("*.py"), *(PROJECT / "blocks").glob("*.py")]
    for file in files:
        for name in imports(file):
            parts = [part for part in name.split(".") if part.startswith("_") and not part.endswith("__")]
            assert not parts, f"{file}: {name}"


def test_a_flow_and_a_block_script_import_only_what_a_project_may_lean_on() -> None:
    public = {
        *(
            "blocks",
            "steps",
            "tasks",
            "planning",
            "approving",
            "steering",
            "collecting",
            "exporting",
            "following_up",
        ),
        *("calling.policy", "calling.script", "calling.states", "leads", "api"),
    }
    for file in (*(PROJECT / "flows").glob("*.py"), *(PROJECT / "blocks").glob("*.py")):
        for name in imports(file):
            if name.startswith("flireo_flows"):
                assert any(within(name, f"flireo_flows.{module}") for module in public), f"{file}: {name}"
