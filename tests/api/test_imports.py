"""Which way the arrows run: the API room stands alone."""

import ast
import subprocess
import sys
from pathlib import Path

import flireo_flows.api

ROOM = Path(flireo_flows.api.__file__).parent
ALLOWED = {"httpx", "pydantic", "pydantic_core"}
FOREIGN = ("prefect", "sqlalchemy", "pandas", "fastapi", "phonenumbers")


def imported(source: str) -> set[str]:
    """Absolute names of the modules that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides where it leads"
            names.add(node.module or "")
    return names


def test_the_api_imports_only_itself_httpx_pydantic_and_the_standard_library() -> None:
    modules = list(ROOM.rglob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for name in imported(module.read_text(encoding="utf-8")):
            top = name.partition(".")[0]
            ours = name == "flireo_flows.api" or name.startswith("flireo_flows.api.")
            assert ours or top in ALLOWED | sys.stdlib_module_names, f"{module.name} imports {name}"


def test_using_the_api_loads_nothing_of_prefect_or_the_ledger() -> None:
    code = f"""
import sys, flireo_flows.api.client, flireo_flows.api.registry, flireo_flows.api.webhooks
found = set(sys.modules) & set({FOREIGN})
rooms = {{name.split('.')[1] for name in sys.modules if name.startswith('flireo_flows.')}}
assert not found and rooms == {{'api'}}, (found, rooms)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
