"""Results as one flat table, a row a lead, with types that hold in every file format."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import pandas as pd

from flireo_flows.analytics.cells import (
    KeyPath,
    Kind,
    as_text,
    common_kind,
    encodable,
    free_name,
    leaves,
)
from flireo_flows.ledger import LeadResult

T = TypeVar("T")
Cells = dict[int, T]  # by row; a row without the key has no cell

BEFORE_ANALYSIS: Final[Mapping[str, tuple[Kind, Callable[[LeadResult], object]]]] = {
    "phone": (Kind.TEXT, lambda result: result.phone),
    "name": (Kind.TEXT, lambda result: result.name),
    "state": (Kind.TEXT, lambda result: str(result.state)),
    "outcome": (Kind.TEXT, lambda result: str(result.outcome)),
    "attempts": (Kind.INTEGER, lambda result: result.attempts),
    "call_id": (Kind.TEXT, lambda result: result.call_id),
    "duration_seconds": (Kind.INTEGER, lambda result: result.duration_seconds),
    "summary": (Kind.TEXT, lambda result: result.summary),
}
REASON: Final = "reason"
ALREADY_THERE: Final = frozenset({"phone", "name"})


def results_table(results: Iterable[LeadResult]) -> pd.DataFrame:
    """One row a lead, in the order given.

    Columns, in this order: `phone`, `name`, `state`, `outcome`, `attempts`, `call_id`, `duration_seconds`,
    `summary`; `analysis.<key>` for every key of the analysis in order of first appearance; the lead's own
    columns but `phone` and `name`, under `lead.<header>` when another column has that name; `reason`.

    Analysis: nested objects become `analysis.a.b` (to eight levels, below which they stay JSON text), lists
    JSON text, and a key with values of mixed types text. Two keys that flatten to one name both stay, the
    later as `analysis.a.b (2)`. Types are pandas' nullable `string`, `Int64`, `Float64` and `boolean`.
    """
    rows = list(results)
    table: dict[str, pd.Series] = {}
    for name, (kind, read) in BEFORE_ANALYSIS.items():
        table[name] = _column([read(row) for row in rows], kind)
    for path, cells in _analysis_cells(rows).items():
        name = free_name(encodable(".".join(("analysis", *path))), table)
        table[name] = _column(_dense(cells, len(rows)), common_kind(cells.values()))
    for header, texts in _own_cells(rows).items():
        name = encodable(header)
        taken = name in table or name == REASON
        name = free_name(f"lead.{name}" if taken else name, table)
        table[name] = _column(_dense(texts, len(rows)), Kind.TEXT)
    table[REASON] = _column([str(row.reason) for row in rows], Kind.TEXT)
    return pd.DataFrame(table)


def _analysis_cells(rows: Sequence[LeadResult]) -> dict[KeyPath, Cells[object]]:
    # Kept by path, not by dotted name: {"a.b": 1} and {"a": {"b": 2}} are different keys.
    cells: dict[KeyPath, Cells[object]] = {}
    for number, row in enumerate(rows):
        for path, value in leaves(row.analysis or {}):
            cells.setdefault(path, {})[number] = value
    return cells


def _own_cells(rows: Sequence[LeadResult]) -> dict[str, Cells[str]]:
    cells: dict[str, Cells[str]] = {}
    for number, row in enumerate(rows):
        for header, text in row.columns.items():
            if header not in ALREADY_THERE:
                cells.setdefault(header, {})[number] = text
    return cells


def _dense(cells: Mapping[int, object], height: int) -> list[object]:
    return [cells.get(number) for number in range(height)]


def _column(values: Sequence[object], kind: Kind) -> pd.Series:
    match kind:
        case Kind.BOOLEAN:
            return pd.Series(values, dtype="boolean")
        case Kind.INTEGER:
            return pd.Series(values, dtype="Int64")
        case Kind.FLOAT:
            return pd.Series(values, dtype="Float64")
        case Kind.TEXT:
            texts = [None if value is None else as_text(value) for value in values]
            return pd.Series(texts, dtype="string")
