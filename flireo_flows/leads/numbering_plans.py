"""Numbers as they were written before a country changed its numbering plan.

Where each old number became exactly one new number, it is read as that one, with a note. Where it did not, the reject
names the change of the plan, so that no one looks for a typing error.
"""

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType


@dataclass(frozen=True, slots=True)
class CurrentForm:
    """What an old number became, and what was changed."""

    parsed: phonenumbers.PhoneNumber
    note: str


@dataclass(frozen=True, slots=True)
class _Change:
    """One country's change: national digits before, and after."""

    before: re.Pattern[str]
    after: str
    note: str


_CHANGES: Final = {
    52: _Change(
        re.compile(r"(?:1|01|044|045)([2-9][0-9]{9})"),
        r"\1",
        "written as in Mexico before 2019 (with 1, 01, 044 or 045); read without it",
    ),
    55: _Change(
        re.compile(r"([1-9][1-9])([689][0-9]{7})"),
        r"\g<1>9\2",
        "written as Brazilian mobiles were before 2016; read with the 9 that was put before them",
    ),
    229: _Change(
        re.compile(r"([0-9]{8})"),
        r"01\1",
        "written as in Benin before 2024 (8 digits); read with the 01 that was put before them",
    ),
    39: _Change(
        re.compile(r"([1-24-9][0-9]{5,10})"),
        r"0\1",
        "written without the 0 of an Italian area code; read with it",
    ),
}
IVORY_COAST: Final = 225
_IVORIAN: Final = re.compile(r"[0-9]{8}")
_PREFIXES: Final = ("01", "05", "07", "21", "25", "27")  # of Moov, MTN and Orange: mobiles, then landlines


def current_form(parsed: phonenumbers.PhoneNumber) -> CurrentForm | None:
    """What a number that does not exist (any more) became, where that is one number for certain."""
    change = _CHANGES.get(parsed.country_code or 0)
    found = change and change.before.fullmatch(phonenumbers.national_significant_number(parsed))
    if not change or not found:
        return None
    form = _form(parsed.country_code, found.expand(change.after))
    return CurrentForm(form, change.note) if form else None


def possible_forms(parsed: phonenumbers.PhoneNumber) -> tuple[phonenumbers.PhoneNumber, ...]:
    """What an old number may have become where its digits alone do not decide: in Côte d'Ivoire, by the operator."""
    digits = phonenumbers.national_significant_number(parsed)
    if parsed.country_code != IVORY_COAST or not _IVORIAN.fullmatch(digits):
        return ()
    forms = (_form(IVORY_COAST, prefix + digits) for prefix in _PREFIXES)
    return tuple(form for form in forms if form)


def _form(code: int | None, digits: str) -> phonenumbers.PhoneNumber | None:
    try:
        form = phonenumbers.parse(f"+{code}{digits}")
    except NumberParseException:
        return None
    return form if phonenumbers.number_type(form) != PhoneNumberType.UNKNOWN else None
