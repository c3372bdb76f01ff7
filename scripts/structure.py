"""Count the packages and modules of flireo_flows, print each figure beside its limit, and fail where one is missed.

Run by `make structure`. A package is a direct child of `flireo_flows` that has modules; an arrow is a package that
imports another one; an arrow is upward where the `layers` contract in pyproject.toml has its target above its source or
beside it; a circle is a group of packages that import each other.
"""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = "flireo_flows"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that must not grow over its limit."""

    name: str
    found: int
    limit: int

    def __str__(self) -> str:
        verdict = "" if self.found <= self.limit else "  TOO MANY"
        return f"{self.name:<36}{self.found:>4} of at most {self.limit:>3}{verdict}"


def figures() -> list[Figure]:
    """All figures of the tree as it is."""
    graph = grimp.build_graph(ROOT)
    packages = {child for child in graph.find_children(ROOT) if graph.find_children(child)}
    arrows = _arrows(graph, packages)
    level = _levels()
    upward = {(here, there) for here, there in arrows if level[there] <= level[here]}
    calling = [module for module in graph.modules if module.startswith(f"{ROOT}.calling.")]
    gerunds = [module for module in graph.modules if module.endswith("ing")]
    return [
        Figure("packages", len(packages), 15),
        Figure("arrows between packages", len(arrows), 58),
        Figure("upward arrows", len(upward), 0),
        Figure("circles of packages", _circles(arrows), 0),
        Figure("modules in calling", len(calling), 18),
        Figure("modules that end in -ing", len(gerunds), 6),
    ]


def _arrows(graph: grimp.ImportGraph, packages: set[str]) -> set[tuple[str, str]]:
    """Pairs of packages of which the first imports the second."""
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            here, there = (".".join(name.split(".")[:2]) for name in (module, imported))
            if here != there and {here, there} <= packages:
                found.add((here, there))
    return found


def _levels() -> dict[str, int]:
    """Each package's layer by the contract, 0 for the highest."""
    settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return {
        f"{ROOT}.{name.strip()}": level for level, names in enumerate(layers) for name in names.split("|")
    }


def _circles(arrows: set[tuple[str, str]]) -> int:
    """Groups of packages that reach each other."""
    reach = set(arrows)
    while more := {(a, d) for a, b in reach for c, d in reach if b == c} - reach:
        reach |= more
    return len(
        {
            frozenset(b for a, b in reach if a == one and (b, one) in reach)
            for one, other in reach
            if one == other
        }
    )


def main() -> int:
    """Print the figures. 1 where a limit is missed."""
    found = figures()
    print("\n".join(map(str, found)))
    return int(any(figure.found > figure.limit for figure in found))


if __name__ == "__main__":
    sys.exit(main())
