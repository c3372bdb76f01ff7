"""What a file of people becomes: leads to call, with what each row asks for, and rejects with the reason for each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent in the lead's row.

    Attributes:
        given: Whether it was given; None when the row has none.
        given_at: When; aware; None when the row has none.
        expires_at: The last moment on which it holds; aware; None when the row has none.
    """

    given: bool | None = None
    given_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one row asks for; empty where it asks for nothing.

    Attributes:
        agent_id: The saved agent that calls this lead, instead of the campaign's.
        language: Language code (`nl`, `en-GB`), for templates, variants and inline agents.
        number_id: Id of the number to call from, instead of the campaign's.
        client: On whose behalf it is called; pools may keep numbers for a client.
        dial_before: Never call at or after it; aware.
        consent: The consent in the row.
    """

    agent_id: str = ""
    language: str = ""
    number_id: str = ""
    client: str = ""
    dial_before: datetime | None = None
    consent: Consent = field(default_factory=Consent)

    def as_json(self) -> str:
        """As the ledger keeps it: only what was asked for, as ASCII JSON."""
        asked = {
            "agent_id": self.agent_id,
            "language": self.language,
            "number_id": self.number_id,
            "client": self.client,
            "dial_before": _text(self.dial_before),
            "consent": self.consent.given,
            "consent_at": _text(self.consent.given_at),
            "consent_until": _text(self.consent.expires_at),
        }
        return json.dumps({key: value for key, value in asked.items() if value not in ("", None)})

    @classmethod
    def from_json(cls, text: str) -> "Wishes":
        """What `as_json` wrote."""
        asked = json.loads(text or "{}")
        return cls(
            agent_id=asked.get("agent_id", ""),
            language=asked.get("language", ""),
            number_id=asked.get("number_id", ""),
            client=asked.get("client", ""),
            dial_before=_moment(asked.get("dial_before")),
            consent=Consent(
                asked.get("consent"), _moment(asked.get("consent_at")), _moment(asked.get("consent_until"))
            ),
        )


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class RejectCode(StrEnum):
    """Why a row is no lead. The codes stand in `rejects.csv` and do not change between versions."""

    MISSING_PHONE = "missing_phone"
    INVALID_PHONE = "invalid_phone"
    NO_COUNTRY = "no_country"  # a national number, and no default region to read it in
    EXCEL_MANGLED = "excel_mangled"  # 3.16E+10: a spreadsheet made a figure of the number
    TWO_NUMBERS = "two_numbers"
    EXTENSION = "extension"
    AMBIGUOUS_PHONE = "ambiguous_phone"  # it lost its +, and may be two numbers
    INVALID_COUNTRY = "invalid_country"  # the row's country or dialling code is none
    COUNTRY_CONFLICT = "country_conflict"  # the row gives two countries
    MISSING_COUNTRY = "missing_country"  # the file has a column for it, and the row leaves it empty
    OLD_NUMBER = "old_number"  # of a numbering plan that was replaced, and may have become several
    # Premium, short and emergency numbers, and kinds that the format does not allow.
    NOT_ALLOWED = "not_allowed"
    DUPLICATE = "duplicate"
    DO_NOT_CALL = "do_not_call"
    TOO_MANY_CELLS = "too_many_cells"
    TOO_FEW_CELLS = "too_few_cells"
    INVALID_TIMEZONE = "invalid_timezone"
    INVALID_AGENT = "invalid_agent"
    INVALID_LANGUAGE = "invalid_language"
    INVALID_NUMBER_ID = "invalid_number_id"
    INVALID_DIAL_BEFORE = "invalid_dial_before"
    INVALID_CONSENT = "invalid_consent"
    INVALID_OPT_OUT = "invalid_opt_out"
    INVALID_CONSENT_DATE = "invalid_consent_date"
    INVALID_CONSENT_UNTIL = "invalid_consent_until"
    MISSING_VARIABLE = "missing_variable"  # the campaign's words need a cell that the row leaves empty


@dataclass(frozen=True, slots=True)
class Lead:
    """A person to call.

    Attributes:
        phone: E.164, with the leading `+`.
        name: As written in the file; empty when there is none.
        columns: Every column of the row by its header, as text without outer spaces, in the file's order.
        zones: IANA names of every time zone the person may be in, as far as the number and the row's time zone,
            postcode, state and country allow. Where these contradict one another, the zones of all. Empty when
            nothing is known.
        line: Line of the file, the header being line 1; a row of several lines has the first of them.
        zone_source: Where the zones come from: `column`, `postcode`, `state`, `country` or `number`; one word for all
            zones, or one for each, separated by spaces. Empty when no zone is known.
        wishes: What else the row asks for.
        state: State, province or region as the row writes it; empty when it has none. May narrow the zones.
        postcode: Postal code as the row writes it; empty when it has none. May narrow the zones.
        note: What was changed to read the number, in words; empty when nothing was.
    """

    phone: str
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    line: int = 0
    zone_source: str = "number"
    wishes: Wishes = field(default_factory=Wishes)
    state: str = ""
    postcode: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no lead: its line, a code, a sentence that says what to mend, and the row itself.

    The message never repeats the number. A row with too many cells keeps the surplus as `(extra 1)`,
    `(extra 2)`, ...; a row with too few has only the columns it reached. `kind` is the kind of number
    (`toll_free` ...) where the format could allow it.
    """

    line: int
    code: RejectCode
    message: str
    columns: Mapping[str, str]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class LeadBatch:
    """All that one file held.

    Attributes:
        leads: In the file's order, each number once.
        rejects: In the file's order.
        columns: The header, in the file's order.
        notes: What a person should know of the do-not-call list it was read with.
        hidden: How many rows were left out because the workbook hides them.
        hidden_sheets: Names of the sheets that were passed over because the workbook hides them.
        other_channels: Columns that were not read because they say who wants no e-mail, SMS or the like.
        opted_out_by_text: How many leads are not called because a cell of no column of consent asks for no more calls.
    """

    leads: tuple[Lead, ...]
    rejects: tuple[Reject, ...]
    columns: tuple[str, ...]
    hidden: int = 0
    hidden_sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    other_channels: tuple[str, ...] = ()
    opted_out_by_text: int = 0
