"""docs/architecture.md shows the code as it is."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest

from flireo_flows.lifecycle.states import MOVES

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
LINTER: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
NODE = re.compile(r'^    (\w+)\["([\w.]+)"\]$', re.M)
EDGE = re.compile(r"^    (\w+) (-->|-\.->) (\w+)$", re.M)


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@cache
def arrows() -> frozenset[tuple[str, str]]:
    graph = grimp.build_graph("flireo_flows", cache_dir=None)
    pairs = {
        (module.split(".")[1], imported.split(".")[1])
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if module.count(".") and imported.count(".")
    }
    return frozenset((one, other) for one, other in pairs if one != other and "_version" not in (one, other))


def test_the_packages_and_their_arrows_are_those_of_the_import_graph() -> None:
    assert {name.strip("`") for name, _ in rows("Packages")} == {name for pair in arrows() for name in pair}
    drawn = {(one, other) for one, _, other in EDGE.findall(section("Import rules"))}
    assert drawn == {pair for pair in arrows() if pair[0] != "cli"}


def test_there_are_no_more_packages_and_arrows_than_agreed() -> None:
    assert len({name for pair in arrows() for name in pair}) <= 15
    assert len(arrows()) <= 58


def test_the_layers_and_rules_are_those_that_the_import_linter_keeps() -> None:
    (layers,) = (contract["layers"] for contract in LINTER["contracts"] if contract["type"] == "layers")
    assert [re.findall(r"`(\w+)`", names) for _, names in rows("Import rules")] == [
        layer.split(" | ") for layer in layers
    ]
    named = re.findall(r"^- (.+)$", section("Import rules"), re.M)
    assert named == [contract["name"] for contract in LINTER["contracts"] if contract["type"] != "layers"]


def test_the_states_are_those_of_the_table_of_moves() -> None:
    table = [[cell.replace("`", "") for cell in row] for row in rows("States of an attempt")]
    assert table == [
        [state.value, event.value, target.value]
        for state, moves in MOVES.items()
        for event, target in moves.items()
    ]


def source_of(name: str) -> ast.AST:
    """The definition of `package.module.name` or `package.module.Class.name`."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        file = PROJECT.joinpath("flireo_flows", *parts[:length]).with_suffix(".py")
        if file.is_file():
            found: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
            for part in parts[length:]:
                found = next(it for it in ast.walk(found) if getattr(it, "name", "") == part)
            return found
    raise LookupError(name)


WAYS = [title for title in re.findall(r"^## (.+)$", PAGE, re.M) if title.startswith("The way of")]


@pytest.mark.parametrize("way", WAYS)
def test_each_step_of_a_way_calls_the_next(way: str) -> None:
    nodes, edges = dict(NODE.findall(section(way))), EDGE.findall(section(way))
    assert nodes and {name for one, _, other in edges for name in (one, other)} == set(nodes)
    for one, arrow, other in edges:
        source, _ = source_of(nodes[one]), source_of(nodes[other])
        used = {getattr(it, "attr", getattr(it, "id", "")) for it in ast.walk(source)}
        last = nodes[other].rpartition(".")[2]
        assert arrow == "-.->" or last in used, f"{nodes[one]} does not call {last}"


def test_every_place_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:\w+\.){2,}\w+)`", PAGE)
    assert len(named) >= 10
    for name in named:
        if name != "lifecycle.states.MOVES":
            source_of(name)
