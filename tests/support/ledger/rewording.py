"""Change the wording of every message of the product while it is imported.

A message is a string constant in which two words stand beside each other. Each is changed in another way, by the place
where it stands: a text that is compared with another one is then never equal to it.
"""

import ast
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

PACKAGES = ("ledger", "calling", "policy", "lifecycle", "receiver", "api")
# Their strings are SQL, or words that people write.
NO_MESSAGES = (
    "flireo_flows.ledger.triggers",
    "flireo_flows.ledger.migrations",
    "flireo_flows.lifecycle.analysis_answers",
)
_PROSE = re.compile(r"[a-z]{2,}[,:;]? (?:\{\w*\} )?[a-z]{2,}|^[:;,]? ?[a-z]{2,}[ :]|[ :;][a-z]{2,} ?$")
_SQL = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|PRAGMA|BEGIN|WHERE|FROM|CASE|WHEN|CAST|NOT|VALUES|AND)\b"
)
_DATA = re.compile(r"charset|^%|/json")


class Reworder(ast.NodeTransformer):
    """Rewords the messages of one module, but not its docstrings."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        text = node.value
        if not isinstance(text, str) or not _PROSE.search(text) or _SQL.search(text) or _DATA.search(text):
            return node
        self.count += 1
        parts = re.split(r"(\{[^}]*\})", text)
        changed = "".join(part if part.startswith("{") else _turned(part) for part in parts)
        return ast.copy_location(
            ast.Constant(f"{changed} ~{self.name}:{node.lineno}:{node.col_offset}~"), node
        )


def _turned(text: str) -> str:
    return re.sub(r"[A-Za-z]{2,}", lambda word: word.group()[::-1].lower(), text)


class _Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, **_: Any) -> Any:  # type: ignore[override]
        tree = Reworder(self.name).visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self.get_data(self.path), self.path)  # past every cache


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        package = ".".join(name.split(".")[:2])
        if package not in {f"flireo_flows.{it}" for it in PACKAGES} or name.startswith(NO_MESSAGES):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def reword_all() -> None:
    """Reword whatever of the product is imported from now on."""
    assert not [name for name in sys.modules if name.startswith("flireo_flows.ledger")]
    sys.meta_path.insert(0, _Finder())
