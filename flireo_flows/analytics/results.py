"""Results as one flat table, a row a lead, and as files. Each file is replaced as a whole: no one reads half of one."""

import codecs
import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
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
    plain,
)
from flireo_flows.analytics.files import ExportError, explaining, local_path, replacing
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
JSONL_FIELDS: Final = (
    *("phone", "name", "state", "reason", "outcome", "attempts", "call_id", "duration_seconds"),
    *("started_at", "ended_at", "summary", "analysis", "columns"),
)
# What a spreadsheet may read as the start of a formula; the wide forms in East Asian settings.
FORMULA_STARTS: Final = tuple("=@\t\r\n\0＝＠＋－")
SIGNS: Final = ("+", "-")
NUMBER_OR_PHONE: Final = re.compile(r"[+-][0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?|\+[0-9]( ?[0-9])+")


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


@dataclass(frozen=True, slots=True)
class ExportedFiles:
    """What an export wrote.

    Attributes:
        csv: `results.csv`.
        jsonl: `results.jsonl`.
        parquet: `results.parquet`; None when pyarrow is not installed.
        rows: Leads in each file.
    """

    csv: Path
    jsonl: Path
    parquet: Path | None
    rows: int


def export_results(results: Iterable[LeadResult], directory: Path) -> ExportedFiles:
    """Write `results.csv`, `results.jsonl` and, with pyarrow, `results.parquet`.

    Args:
        results: One a lead.
        directory: Made when it is not there. Earlier files in it are replaced, one by one.

    Raises:
        ExportError: A file could not be written; its earlier version is still there.
    """
    directory = local_path(directory)
    rows = list(results)
    table = results_table(rows)
    with explaining(directory):
        directory.mkdir(parents=True, exist_ok=True)
    csv_path, jsonl_path = directory / "results.csv", directory / "results.jsonl"
    write_csv(table, csv_path)
    write_jsonl(rows, jsonl_path)
    parquet_path = directory / "results.parquet" if find_spec("pyarrow") else None
    if parquet_path:
        write_parquet(table, parquet_path)
    return ExportedFiles(csv_path, jsonl_path, parquet_path, len(rows))


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write UTF-8 CSV, quoted after RFC 4180, that is safe to open in a spreadsheet.

    Names, summaries and analysis come from strangers and from a language model, and a spreadsheet runs a
    cell that begins with `=` (OWASP: CSV injection). So text, headers too, gets a leading `'` when it begins
    with `=`, `@`, a tab, a line end or NUL, or with `+` or `-` and is not purely a number or a phone number:
    `+31612345678` stays as it is. JSONL and Parquet hold the exact text.

    Raises:
        ExportError: The file could not be written.
    """
    columns = [table[name].tolist() for name in table.columns]
    with replacing(path) as file:
        # A stream writer rather than TextIOWrapper: it does not close or flush the file behind our back.
        rows = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\r\n")
        rows.writerow([guarded(name) for name in table.columns])
        rows.writerows([_csv_cell(value) for value in row] for row in zip(*columns, strict=True))


def guarded(text: str) -> str:
    """The text as a spreadsheet shows it instead of running it: with a `'` before what may be a formula."""
    if text.startswith(FORMULA_STARTS):
        return f"'{text}"
    if text.startswith(SIGNS) and not NUMBER_OR_PHONE.fullmatch(text):
        return f"'{text}"
    return text


def _csv_cell(value: object) -> str:
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"  # as the same value reads in a mixed, so textual, column
    return guarded(value) if isinstance(value, str) else str(value)


def write_jsonl(results: Iterable[LeadResult], path: Path) -> None:
    """Write one JSON object a lead and line, with exact values.

    `analysis` stays nested (null when there is none), the lead's own columns stand under `columns`, and times
    are ISO 8601. What JSON does not have, NaN and the infinities, is written as text.

    Raises:
        ExportError: The file could not be written.
    """
    rows = list(results)  # before the file is made: an error of the source is not an error of the disk
    with replacing(path) as file:
        file.writelines(_line({name: getattr(row, name) for name in JSONL_FIELDS}) for row in rows)


def _line(record: Mapping[str, object]) -> bytes:
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, default=plain)
    except ValueError:
        record = {key: _without_nan(value) for key, value in record.items()}
        text = json.dumps(record, ensure_ascii=False, default=plain)
    if encodable(text) != text:
        text = json.dumps(record, default=plain)  # half a surrogate pair survives only as \udXXX
    return f"{text}\n".encode()


def _without_nan(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, Mapping):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return value


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write the table as Parquet, with an explicit type for each column.

    Left to guess, Arrow calls a column without values `null`, and the next export of the same campaign has
    another schema.

    Raises:
        ExportError: The file could not be written, or pyarrow is not installed.
    """
    if not find_spec("pyarrow"):
        raise ExportError(path, "pyarrow is not installed", "install flireo-flows[parquet]")
    import pyarrow as pa  # noqa: PLC0415 (an extra)
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {"string": pa.string(), "Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}
    schema = pa.schema([(name, types[str(table[name].dtype)]) for name in table.columns])
    arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False)
    with replacing(path) as file:
        pq.write_table(arrow, file)
