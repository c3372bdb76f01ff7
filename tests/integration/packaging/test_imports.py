"""What import-linter cannot show: that unused parts are not loaded, and what a user's own project leans on."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PUBLIC = ("flows", "blocks", "tasks", "policy", "script", "leads", "lifecycle.states", "api")


def imports(file: Path) -> Iterator[str]:
    """Absolute names of what a module imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


PATTERNS = ("flows/*.py", "blocks/*.py", "flireo_flows/flows/*.py")
FILES = [file for pattern in PATTERNS for file in PROJECT.glob(pattern)]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_projects_own_files_import_only_what_they_may_rely_on(file: Path) -> None:
    for name in imports(file):
        if name.startswith("flireo_flows"):
            assert any(f"{name}.".startswith(f"flireo_flows.{package}.") for package in PUBLIC), name


def test_using_the_api_loads_nothing_of_prefect_or_the_ledger() -> None:
    code = """
import sys, flireo_flows.api.client, flireo_flows.api.registry, flireo_flows.api.webhooks
found = set(sys.modules) & {"prefect", "sqlalchemy", "pandas", "fastapi", "phonenumbers"}
packages = {name.split('.')[1] for name in sys.modules if name.startswith('flireo_flows.')}
assert not found and packages == {'api'}, (found, packages)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
