"""Which numbers that exist a text may mean. Where it may mean two, no one is called by a guess.

A number that lost its `+` looks like a national one: `4917604069012` is a mobile in Berlin, or a landline in East
Frisia with the area code 04917. Both exist, so the text alone settles nothing.

A number written before a country changed its numbering plan is read as the new one, with a note, where it became
exactly one. Where it did not, the reject names the change of the plan, so that no one looks for a typing error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from flireo_flows.api.identity import person_key
from flireo_flows.leads.format import WithoutPlus


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


def current_form(parsed: phonenumbers.PhoneNumber) -> "ValidNumber | None":
    """What a number that does not exist (any more) became, where that is one number for certain."""
    change = _CHANGES.get(parsed.country_code or 0)
    found = change and change.before.fullmatch(phonenumbers.national_significant_number(parsed))
    if not change or not found:
        return None
    form = _form(parsed.country_code, found.expand(change.after))
    return ValidNumber(form, phonenumbers.number_type(form), change.note) if form else None


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


ITALY: Final = 39


@dataclass(frozen=True, slots=True)
class NumberDefaults:
    """What is known of numbers that are written without `+`.

    Attributes:
        region: ISO 3166-1 alpha-2, upper case, whose national numbers they may be; empty: unknown.
        code: Country calling code that the row itself gives; 0: none. Then it is a number of that code.
        without_plus: `national` or `international` where the file's format sets it; empty: either.
    """

    region: str = ""
    code: int = 0
    without_plus: WithoutPlus = ""


@dataclass(frozen=True, slots=True)
class ValidNumber:
    """A number that exists, of any kind (a `phonenumbers.PhoneNumberType`).

    Attributes:
        note: What was changed for it to exist, in words; empty when nothing was.
    """

    parsed: phonenumbers.PhoneNumber
    kind: int
    note: str = ""

    @property
    def e164(self) -> str:
        """`+` and digits only."""
        return str(phonenumbers.format_number(self.parsed, PhoneNumberFormat.E164))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One way to read a text: parsed, whether or not such a number exists."""

    parsed: phonenumbers.PhoneNumber
    is_national: bool


def readings(text: str, home: NumberDefaults) -> list[ValidNumber]:
    """The numbers that a text may mean, each once: none, one, or several, of which none is to be called.

    Args:
        text: Digits and what may stand between them.
        home: What is known of numbers without `+`.
    """
    found = [(number, it.is_national) for it in candidates(text, home) if (number := _number(it.parsed))]
    if not is_international(text):
        found = [(number, is_national) for number, is_national in found if _is_at_home(number, home, found)]
    numbers = [number for number, _ in found]
    # With an Italian area code that lacks its 0, as before 1998, many an Italian mobile would be two numbers.
    certain = [it for it in numbers if not (it.note and it.parsed.country_code == ITALY)]
    return _distinct(certain or numbers)


def _is_at_home(number: ValidNumber, home: NumberDefaults, found: list[tuple[ValidNumber, bool]]) -> bool:
    """Whether it is of the row's country; where the row has none, whether more than the missing `+` speaks for it."""
    code = number.parsed.country_code
    if home.code:
        return bool(code == home.code)
    if home.without_plus == "international" or any(is_national for _, is_national in found):
        return True
    return bool(code == phonenumbers.country_code_for_region(home.region))


def candidates(text: str, home: NumberDefaults) -> Iterator[_Candidate]:
    """The ways to read a text, in the order of what is most usual."""
    plain = text.lstrip(" (")
    if plain.startswith("+"):
        yield from _parsed(text, home.region, is_national=False)
        return
    if home.region and _may_be_national(plain, home):
        yield from _parsed(text, home.region, is_national=True)
    if plain.startswith("00"):  # not everywhere the international prefix: 0011 is in Australia
        yield from _parsed(f"+{plain[2:]}", home.region, is_national=False)
    elif plain[:1] != "0" and _may_be_international(home):
        yield from (
            it for it in _parsed(f"+{plain}", "", is_national=False) if _fits_brackets(text, it.parsed)
        )


def is_international(text: str) -> bool:
    """Whether a text itself shows that it begins with a country code."""
    return text.lstrip(" (").startswith(("+", "00"))


def _may_be_national(plain: str, home: NumberDefaults) -> bool:
    # No country code begins with 0, so a 0 in front is a national one whatever the format is.
    return home.without_plus != "international" or plain.startswith("0")


def _may_be_international(home: NumberDefaults) -> bool:
    if home.without_plus == "international":
        return True
    return home.without_plus == "" and bool(home.region)


_BRACKETS: Final = re.compile(r"\s*\(\s*([0-9]+)\s*\)")


def _fits_brackets(text: str, parsed: phonenumbers.PhoneNumber) -> bool:
    """Brackets in front hold an area code, unless they hold a country code and no more: (475) is not +47 5."""
    found = _BRACKETS.match(text)
    return found is None or int(found[1]) == parsed.country_code


def _parsed(text: str, region: str, *, is_national: bool) -> Iterator[_Candidate]:
    try:
        yield _Candidate(phonenumbers.parse(text, region or None), is_national)
    except NumberParseException:
        return


def _number(parsed: phonenumbers.PhoneNumber) -> ValidNumber | None:
    # Of an unknown kind is what `phonenumbers.is_valid_number` calls not valid: a test holds them together.
    # Asking once instead of twice saves a fifth of the time of a whole import.
    kind = phonenumbers.number_type(parsed)
    if kind != PhoneNumberType.UNKNOWN:
        return ValidNumber(parsed, kind)
    return current_form(parsed)


def _distinct(numbers: list[ValidNumber]) -> list[ValidNumber]:
    if len(numbers) < 2:
        return numbers
    return list({person_key(number.e164): number for number in reversed(numbers)}.values())[::-1]
