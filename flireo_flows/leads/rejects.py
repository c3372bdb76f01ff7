"""Rejects -> a file that can be mended and sent again."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import mkstemp

from flireo_flows.leads.columns import REJECT_COLUMNS
from flireo_flows.leads.lead import Reject


def write_rejects(rejects: Iterable[Reject], path: Path, columns: Sequence[str] = ()) -> None:
    """Write rejects as CSV (UTF-8 with a byte order mark, so Excel shows accents), all or nothing.

    `reject_line, reject_code, reject_message` come first, then the row as it was. `read_leads` skips the
    three, so a mended file can be sent as it is; what was not mended is rejected again. The file is
    always written, with a header only when there are no rejects.

    Cells are the user's own and are not changed: one beginning with `=` or `@` is a formula to Excel, as
    it was in the file it came from, and Excel may turn `+31...` into a figure unless the column is
    imported as text.

    Args:
        rejects: In the order they are to be written.
        path: Folders that do not exist are made. Only its owner may read the file: it holds people.
        columns: Header of the file that was read (`LeadBatch.columns`), which rows with too few cells
            need to be distinguished from whole ones.
    """
    rejects = list(rejects)
    names = list(dict.fromkeys([*columns, *(name for reject in rejects for name in reject.columns)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = mkstemp(dir=path.parent, prefix=".rejects-")
    try:
        with open(handle, "w", encoding="utf-8-sig", newline="") as file:
            # Everything is quoted: then no cell can look like a delimiter when the file is read back.
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(_rows(rejects, names))
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _rows(rejects: Iterable[Reject], names: Sequence[str]) -> Iterator[list[str | int]]:
    yield [*REJECT_COLUMNS, *names]
    for reject in rejects:
        yield [reject.line, reject.code, reject.message, *_cells(reject, names)]


def _cells(reject: Reject, names: Sequence[str]) -> Iterator[str]:
    """The row's cells up to its last one: a row that was too short stays too short."""
    last = max((names.index(name) for name in reject.columns), default=-1)
    return (reject.columns.get(name, "") for name in names[: last + 1])
