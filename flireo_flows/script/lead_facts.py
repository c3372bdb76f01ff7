"""What is known of a lead when its call is composed, what is chosen for it, and what its row offers to templates."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flireo_flows.leads import Lead, Wishes

# Under this an attempt's reference stands in a call's metadata, which the vendor sends back with reports.
ATTEMPT_KEY: Final = "flireo_flows_attempt"


class ComposeError(Exception):
    """No request can be composed for this lead, so it is not called. Names the variable or setting; holds no number."""


class NoClientNumberError(ComposeError):
    """The lead's row names a client on whose behalf it is called, and no number belongs to that client."""

    def __init__(self) -> None:
        super().__init__(
            "no number belongs to this row's client (on_behalf_of), and it is never called from another client's: add "
            "a number of the client to the script's number pool, or give the row its number (number_id)"
        )

    def __reduce__(self) -> tuple[type["NoClientNumberError"], tuple[()]]:
        return type(self), ()


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """A lead, as far as choosing and composing need it.

    Attributes:
        phone: E.164.
        name: As written in the file.
        columns: The row of the file.
        wishes: What the row asks for.
        number_id: Caller id of an earlier attempt, which is kept; empty at the first.
        variant: Of an earlier attempt, which is kept; empty at the first.
    """

    phone: str
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    number_id: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class CallChoice:
    """What was chosen for one attempt; it is written down with it.

    Attributes:
        agent_id: The saved agent; empty for an inline one.
        number_id: The caller id; empty lets Flireo pick one.
        variant: Name of the A/B variant; empty without variants.
    """

    agent_id: str = ""
    number_id: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """A saved agent and the number it calls from.

    Attributes:
        agent_id: Id of the saved agent; empty for none.
        number_id: Id of the number; empty lets Flireo pick one.
    """

    agent_id: str
    number_id: str = ""


def facts_of(lead: Lead) -> LeadFacts:
    """A lead of a file, as far as choosing and composing need it."""
    return LeadFacts(lead.phone, lead.name, lead.columns, lead.wishes)


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one lead.

    Attributes:
        values: Those with a value: an empty cell is no value, so a template that needs it has no words.
        empty: Those whose cell is empty.
        withheld: Those that hold the lead's phone number: words are shown in plans and reports.
        shared: Plain forms of several headers; no one could say which of them would be spoken.
    """

    values: Mapping[str, str]
    empty: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    def why_missing(self, variable: str) -> str:
        """Why a variable has no value, to stand behind its name."""
        if variable in self.withheld:
            return "is the lead's phone number, which no words may hold"
        if variable in self.shared:
            return "may be either of two columns: write the header of one exactly, or rename one"
        if variable in self.empty:
            return "is empty in this row and has no default"
        return "is no column of the file and has no default"


NO_VARIABLES: Final = Variables({})


def variables(facts: LeadFacts) -> Variables:
    """The row's columns, under their headers and under a plain form of these; and `name` and `language`.

    `Appointment Day` is `appointment_day`. A header counts before a plain form, and both before `name` and
    `language`.
    """
    offered = {"name": facts.name, "language": facts.wishes.language}
    plain = {header: plain_form(header) for header in facts.columns}
    shared = frozenset(form for form, count in Counter(plain.values()).items() if count > 1)
    offered |= {plain[header]: cell for header, cell in facts.columns.items() if plain[header] not in shared}
    offered |= facts.columns
    digits = _digits(facts.phone)
    empty = frozenset(name for name, cell in offered.items() if not cell.strip())
    withheld = frozenset(name for name, cell in offered.items() if _is_number(cell, digits))
    kept = offered.keys() - empty - withheld
    return Variables({name: offered[name] for name in kept}, empty, withheld, shared - facts.columns.keys())


_OTHER: Final = re.compile(r"\W+")
_LEAST: Final = 7  # digits: fewer are a house number, a year or a price


def plain_form(header: str) -> str:
    """A header as a template can write it: lower case, `_` for whatever is no letter or figure."""
    plain = _OTHER.sub("_", header.lower()).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal())


def _is_number(cell: str, phone: str) -> bool:
    """Whether a cell is the lead's number, as `+31 20 ...`, `0031...` or `020 ...`."""
    if len(cell) > 100:
        return False
    digits = _digits(cell.replace("(0)", "")).lstrip("0")
    return len(digits) >= _LEAST and phone.endswith(digits)
