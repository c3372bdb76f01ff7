"""What a person should know of how a file was read, before anyone is called."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from flireo_flows.api.redaction import redact
from flireo_flows.leads.lead import LeadBatch

LINES_SHOWN: Final = 5
COLUMNS_SHOWN: Final = 10


def reading_notes(batch: LeadBatch) -> Iterator[str]:
    """Numbers that were changed to be read, rows whose kind of number a setting would allow, and what was left out.

    Args:
        batch: What the file gave.
    """
    yield from batch.notes
    changed: dict[str, list[int]] = {}
    for lead in batch.leads:
        if lead.note:
            changed.setdefault(lead.note, []).append(lead.line)
    for note, lines in changed.items():
        are = "number ({}) is" if len(lines) == 1 else "numbers ({}) are"
        yield f"{len(lines)} {are.format(_lines(lines))} {note}."
    for kind, count in Counter(reject.kind for reject in batch.rejects if reject.kind).most_common():
        what = kind.replace("_", "-")
        rows = f"1 row holds a {what} number" if count == 1 else f"{count} rows hold {what} numbers"
        which = "which is not called" if count == 1 else "which are not called"
        yield f"{rows}, {which}; to call them, name the kind in call_kinds (--call-kinds {kind})."
    yield from _left_out(batch)


def _left_out(batch: LeadBatch) -> Iterator[str]:
    if batch.hidden:
        rows = "row is" if batch.hidden == 1 else "rows are"
        yield f"{batch.hidden} hidden {rows} left out; read_hidden (--read-hidden) calls them as well."
    if batch.hidden_sheets:
        named = ", ".join(redact(repr(name)) for name in batch.hidden_sheets[:COLUMNS_SHOWN])
        yield f"Not read, as the workbook hides it: sheet {named}; read_hidden (--read-hidden) reads the first sheet."
    if batch.other_channels:
        named = ", ".join(redact(repr(name)) for name in batch.other_channels[:COLUMNS_SHOWN])
        yield f"Not read, as these columns are not about calls: {named}."
    if count := batch.opted_out_by_text:
        people = "lead is" if count == 1 else "leads are"
        yield f"{count} {people} not called: a cell such as a status or a note asks for no more calls."


def _lines(lines: Sequence[int]) -> str:
    named = ", ".join(map(str, lines[:LINES_SHOWN])) + (", ..." if len(lines) > LINES_SHOWN else "")
    return f"line {named}" if len(lines) == 1 else f"lines {named}"
