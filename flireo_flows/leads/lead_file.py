"""A file of people -> leads and rejects, and rejects -> a file that can be mended and sent again.

Every row that is not blank becomes exactly one of the two.
"""

import csv
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from flireo_flows.api.identity import person_key
from flireo_flows.leads.columns import REJECT_COLUMNS, Header, extra, read_header
from flireo_flows.leads.countries import read_country
from flireo_flows.leads.do_not_call import DoNotCall
from flireo_flows.leads.format import DEFAULT_FORMAT, LeadFormat
from flireo_flows.leads.lead import Lead, LeadBatch, Reject, RejectCode
from flireo_flows.leads.opt_out_words import asks_for_no_calls
from flireo_flows.leads.phones import (
    LeadPhone,
    Origin,
    Refusal,
    every_number,
    is_country_code,
    parse_phone,
    row_origin,
    with_area,
)
from flireo_flows.leads.text_file import LeadFileError, Row, read_text, split_rows
from flireo_flows.leads.wish_columns import read_wishes, refuses_calls
from flireo_flows.leads.workbook import is_workbook, read_workbook
from flireo_flows.leads.yes_no import folded
from flireo_flows.leads.zone_names import ZoneRefusal, read_zone
from flireo_flows.leads.zones import (
    ZoneEvidence,
    combined,
    region_of_country,
    region_of_postcode,
    region_of_state,
)

CHECKED_BYTES: Final = 1_048_576  # a header is in the first of them; decoding them takes milliseconds


def read_leads(
    path: Path, format: LeadFormat = DEFAULT_FORMAT, do_not_call: Collection[str] = frozenset()
) -> LeadBatch:
    """Read a CSV, TSV or Excel (.xlsx, first sheet) file of people.

    Rows that the workbook hides are left out, unless the format reads them; their opt-outs hold all the same.
    Blank rows are skipped, and so are the columns that `write_rejects` adds, so a mended rejects file is
    a file of leads.

    Args:
        path: One person a row below a header.
        format: Columns, default region, delimiter and encoding, where they are not to be recognised.
        do_not_call: Numbers in E.164 that become rejects, as `read_do_not_call` gives them.

    Raises:
        LeadFileError: The file as a whole is unusable, or has a header and no rows.
        ValueError: `do_not_call` holds something else than E.164, which would never match.
    """
    _refuse_unusable(do_not_call)
    passed_over: list[str] = []
    rows = _rows(path, format, passed_over=passed_over)
    header = _header(path, rows, format)
    judge = _Judge(header, format, frozenset(map(person_key, do_not_call)))
    verdicts = [judge.judge(row) for row in _shown(rows, judge, format)]
    if not verdicts and not judge.hidden:
        raise _no_rows(path)
    return LeadBatch(
        leads=tuple(judge.final_lead(verdict) for verdict in verdicts if isinstance(verdict, Lead)),
        rejects=tuple(verdict for verdict in verdicts if isinstance(verdict, Reject)),
        columns=header.names,
        hidden=judge.hidden,
        hidden_sheets=tuple(passed_over),
        notes=(do_not_call.in_words,) if isinstance(do_not_call, DoNotCall) and do_not_call.in_words else (),
        other_channels=header.other_channels,
        opted_out_by_text=judge.opted_out_by_text,
    )


def _shown(rows: Iterator[Row], judge: "_Judge", format: LeadFormat) -> Iterator[Row]:
    """The rows that are leads or rejects: those that a workbook hides are neither."""
    for row in rows:
        if row.is_hidden and not format.read_hidden:
            judge.leave_out(row)
        else:
            yield row


def check_file(path: Path, format: LeadFormat = DEFAULT_FORMAT) -> None:
    """Raise what `read_leads` would, as far as the first mebibyte shows it; cheap enough to do first."""
    rows = _rows(path, format, limit=CHECKED_BYTES)
    _header(path, rows, format)
    if next(rows, None) is None:
        raise _no_rows(path)


def _rows(
    path: Path, format: LeadFormat, limit: int = -1, passed_over: list[str] | None = None
) -> Iterator[Row]:
    if is_workbook(path):
        return read_workbook(path, hidden_sheet=format.read_hidden, passed_over=passed_over)
    return split_rows(path, read_text(path, format.encoding, limit), format.delimiter)


def _header(path: Path, rows: Iterator[Row], format: LeadFormat) -> Header:
    row = next(rows, None)
    if row is None:
        raise LeadFileError.at(path, "The file holds only blank lines.", "Export it again.")
    return read_header(path, row.line, row.cells, format)


def _no_rows(path: Path) -> LeadFileError:
    return LeadFileError.at(path, "There are no rows below the header.", "Put one person on each row.")


def _refuse_unusable(do_not_call: Collection[str]) -> None:
    unusable = sum(not (number.startswith("+") and number[1:].isdecimal()) for number in do_not_call)
    if unusable:
        raise ValueError(f"{unusable} do-not-call numbers are not in E.164; read them with read_do_not_call")


@dataclass(slots=True)
class _Judge:
    """Decides row by row, and remembers which number stood on which line."""

    header: Header
    form: LeadFormat
    do_not_call: frozenset[str]
    lines: dict[str, int] = field(default_factory=dict)
    refusing: set[str] = field(default_factory=set)  # numbers that a row that is no lead opts out
    hidden: int = 0
    opted_out_by_text: int = 0

    def leave_out(self, row: Row) -> None:
        """A row that is hidden: only its opt-out counts."""
        self.hidden += 1
        self._note_opt_out(dict(zip(self.header.names, self._own_cells(row.cells), strict=False)))

    def judge(self, row: Row) -> Lead | Reject:
        cells = self._own_cells(row.cells)
        columns = dict(zip(self.header.names, cells, strict=False))
        verdict = self._refuse_width(columns, cells) or self._lead(row.line, columns)
        if isinstance(verdict, Refusal):
            self._note_opt_out(columns)
            return Reject(row.line, verdict.code, verdict.message, columns, verdict.kind)
        self.lines[person_key(verdict.phone)] = row.line
        return verdict

    def final_lead(self, lead: Lead) -> Lead:
        """The lead, without consent if any row of the number opts out: the file's order decides nothing here."""
        if person_key(lead.phone) not in self.refusing:
            return lead
        return replace(lead, wishes=replace(lead.wishes, consent=replace(lead.wishes.consent, given=False)))

    def _note_opt_out(self, columns: dict[str, str]) -> None:
        """An opt-out in a row holds for its number, whatever else is wrong with the row."""
        if not (refuses_calls(columns, self.header.wishes) or self._asks_for_no_calls(columns)):
            return
        origin = self._origin(columns)
        # Where no one knows the country, the default one is a guess that calls no one.
        if isinstance(origin, Refusal) or origin.is_missing:
            origin = Origin(self.form.default_region)
        alone = columns.get(self.header.phone, "")
        whole = with_area(columns, self.header.phone, self.header.area, origin)
        for text in {alone, whole if isinstance(whole, str) else alone}:
            self.refusing.update(map(person_key, every_number(text, origin.region, code=origin.code)))

    def _origin(self, columns: dict[str, str]) -> Origin | Refusal:
        """Of which country the row's number is."""
        area, where = self.header.area, self.header.countries
        if area and is_country_code(columns.get(area, "")):
            where = (*where, area)
        # A state in Dutch, a country or a state in German.
        if not where and folded(self.header.state) == "staat":
            named = read_country(columns.get(self.header.state, ""))
            where = (self.header.state,) if named and named.is_named else ()
        return row_origin(columns, where, self.form)

    def _asks_for_no_calls(self, columns: dict[str, str]) -> bool:
        """Whether a status, a tag or a note of the row plainly asks for no more calls."""
        return any(
            asks_for_no_calls(columns.get(name, ""), is_mark=is_mark) for name, is_mark in self.header.texts
        )

    def _own_cells(self, cells: list[str]) -> list[str]:
        if self.header.dropped:
            cells = [cell for place, cell in enumerate(cells) if place not in self.header.dropped]
        # Empty cells behind the last column say nothing: spreadsheets save them.
        while len(cells) > len(self.header.names) and not cells[-1]:
            cells = cells[:-1]
        return cells

    def _refuse_width(self, columns: dict[str, str], cells: list[str]) -> Refusal | None:
        """Judge the number of cells; surplus cells are put into `columns`, so that nothing is lost."""
        expected = len(self.header.names)
        columns.update({extra(n): cell for n, cell in enumerate(cells[expected:], start=1)})
        counts = f"The row has {len(cells)} cells and the header {expected}"
        if len(cells) > expected:
            return Refusal(
                RejectCode.TOO_MANY_CELLS,
                f"{counts}: put a cell that holds the delimiter in quotation marks.",
            )
        if len(cells) < expected:
            return Refusal(RejectCode.TOO_FEW_CELLS, f"{counts}: add what is missing, if only delimiters.")
        return None

    def _lead(self, line: int, columns: dict[str, str]) -> Lead | Refusal:
        phone = self._phone(columns)
        if isinstance(phone, Refusal):
            return phone
        person = person_key(phone.e164)
        if person in self.do_not_call:
            return Refusal(RejectCode.DO_NOT_CALL, "The number is on the do-not-call list.")
        if first := self.lines.get(person):
            return Refusal(RejectCode.DUPLICATE, f"The same number stands on line {first}.")
        zones = self._zones(phone, columns)
        if isinstance(zones, Refusal):
            return zones
        names, source = zones
        wishes = read_wishes(columns, self.header.wishes, names)
        if isinstance(wishes, Refusal):
            return wishes
        if wishes.consent.given is not False and self._asks_for_no_calls(columns):
            self.opted_out_by_text += 1
            wishes = replace(wishes, consent=replace(wishes.consent, given=False))
        name = columns.get(self.header.name, "")
        state, postcode = columns.get(self.header.state, ""), columns.get(self.header.postcode, "")
        return Lead(phone.e164, name, columns, names, line, source, wishes, state, postcode, phone.note)

    def _phone(self, columns: dict[str, str]) -> LeadPhone | Refusal:
        origin = self._origin(columns)
        if isinstance(origin, Refusal):
            return origin
        without_plus, kinds = self.form.numbers_without_plus, self.form.call_kinds
        text = with_area(columns, self.header.phone, self.header.area, origin)
        if isinstance(text, Refusal):
            return text
        phone = parse_phone(text, origin.region, code=origin.code, without_plus=without_plus, kinds=kinds)
        if origin.is_missing and isinstance(phone, Refusal) and phone.code is RejectCode.NO_COUNTRY:
            return Refusal(
                RejectCode.MISSING_COUNTRY,
                "The row names no country, so its number needs + and its country code; or fill the cell, or let the "
                "format say that the default country holds for rows without one.",
            )
        return phone

    def _zones(self, phone: LeadPhone, columns: dict[str, str]) -> tuple[tuple[str, ...], str] | Refusal:
        """Every zone the person may be in, and the source of each, as `Lead.zone_source` writes it."""
        where = (self.header.timezone, self.header.postcode, self.header.state)
        column, postcode, state = (columns.get(name, "") for name in where)
        named = read_zone(column) if column else ()
        if isinstance(named, ZoneRefusal):
            return Refusal(RejectCode.INVALID_TIMEZONE, named.message)
        if not (column or postcode or state or self.header.countries):  # most files
            return phone.zones, "number" if phone.zones else ""
        origin = self._origin(columns)
        country = origin.region if isinstance(origin, Origin) and origin.code else ""
        row = (
            ZoneEvidence("column", named),
            ZoneEvidence("postcode", region_of_postcode(postcode, phone.e164, country).zones),
            ZoneEvidence("state", region_of_state(state, phone.e164, country).zones),
            ZoneEvidence("country", region_of_country(country, phone.e164).zones),
        )
        names, sources = combined(phone.zones, row)
        return names, " ".join(sources if len(set(sources)) > 1 else sources[:1])


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
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(_reject_rows(rejects, names))
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _reject_rows(rejects: Iterable[Reject], names: Sequence[str]) -> Iterator[list[str | int]]:
    yield [*REJECT_COLUMNS, *names]
    for reject in rejects:
        yield [reject.line, reject.code, reject.message, *_reject_cells(reject, names)]


def _reject_cells(reject: Reject, names: Sequence[str]) -> Iterator[str]:
    """The row's cells up to its last one: a row that was too short stays too short."""
    last = max((names.index(name) for name in reject.columns), default=-1)
    return (reject.columns.get(name, "") for name in names[: last + 1])
