"""What each package offers stands in its `__init__`, with `__all__`."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[3]
CORE = ("api", "leads", "policy", "script")
# Modules that others may import from as well; and the modules of the API's resource groups.
INNER = ("leads.zones", "leads.zone_names", "api.")
PACKAGES = ("analytics", "blocks", "flows", "prefect_support", "receiver", "sandbox", "tasks")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_what_it_offers_and_nothing_else(name: str) -> None:
    package = import_module(f"flireo_flows.{name}")
    offered = list(package.__all__)
    assert offered == sorted(set(offered))
    public = {
        key
        for key, value in vars(package).items()
        if not key.startswith("_") and not isinstance(value, ModuleType) and is_ours(value)
    }
    assert public == set(offered)


def is_ours(value: object) -> bool:
    """Whether it is made here; a constant has no module and counts as ours."""
    return str(getattr(value, "__module__", "flireo_flows")).startswith("flireo_flows")


def test_a_prebuilt_flow_is_named_after_its_module() -> None:
    flows = import_module("flireo_flows.flows")
    named = {name: getattr(flows, name).name for name in flows.__all__ if hasattr(getattr(flows, name), "fn")}
    assert named == {name: name.replace("_", "-") for name in named}
    assert len(named) == 6


def imports() -> Iterator[tuple[str, str, str]]:
    """Each import of ours in the product: the importing package, the module and the name."""
    for file in (PROJECT / "flireo_flows").rglob("*.py"):
        importer = file.relative_to(PROJECT / "flireo_flows").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("flireo_flows."):
                yield from (
                    (importer, node.module.removeprefix("flireo_flows."), it.name) for it in node.names
                )


FROM_OTHERS = [(module, name) for importer, module, name in imports() if importer != module.split(".")[0]]


@pytest.mark.parametrize("name", CORE)
def test_a_package_that_imports_late_offers_each_name_once(name: str) -> None:
    package = import_module(f"flireo_flows.{name}")
    assert len(package.__all__) == len(set(package.__all__))  # ruff keeps them sorted (RUF022)
    for offered in package.__all__:
        module = str(getattr(getattr(package, offered), "__module__", f"flireo_flows.{name}"))
        assert module.startswith((f"flireo_flows.{name}", "builtins", "types", "typing")), offered


def test_packages_import_what_a_package_offers_and_nothing_private() -> None:
    assert [it for it in FROM_OTHERS if it[1].startswith("_") and it[1] != "__version__"] == []
    for module, name in FROM_OTHERS:
        package = module.split(".")[0]
        if package in CORE and not module.startswith(INNER):
            assert module == package, f"import {name} from flireo_flows.{package}"
            assert package == "api" or name in (*import_module(f"flireo_flows.{package}").__all__, "zones"), (
                name
            )
