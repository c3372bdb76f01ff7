"""Phone numbers as people write them -> E.164, or a refusal that says what to mend.

The rules come before the parser, because `phonenumbers` forgives what must not be forgiven: it reads
"call me 0612345678" as a number, drops extensions, and reads the German "030/23125123/24" as one number.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from flireo_flows.leads.lead import RejectCode
from flireo_flows.leads.zones import number_zones


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number that may be rung: E.164 with `+`, and the IANA names of every zone it may be in."""

    e164: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A text that is no number to ring: the code, and what to mend. Does not repeat the number."""

    code: RejectCode
    message: str


def parse_phone(text: str, region: str = "") -> PhoneNumber | Refusal:
    """Read a number that a lead may be rung on.

    Args:
        text: As found in the file: `06 12345678`, `0031612345678`, `+31 (0)6 12345678`, `tel:+31...`.
        region: ISO 3166-1 alpha-2, upper case, of numbers without a country code. Empty: only numbers
            that begin with `+` or `00` are read.
    """
    number = read_number(text, region)
    if isinstance(number, Refusal):
        return number
    if what := NEVER_RUNG.get(number.kind):
        return Refusal(RejectCode.NOT_ALLOWED, f"This is a {what} number, which is never rung.")
    return PhoneNumber(number.e164, number_zones(number.e164, number.kind))


@dataclass(frozen=True, slots=True)
class ValidNumber:
    """A number that exists, of any kind (a `phonenumbers.PhoneNumberType`)."""

    parsed: phonenumbers.PhoneNumber
    kind: int

    @property
    def e164(self) -> str:
        """`+` and digits only."""
        return str(phonenumbers.format_number(self.parsed, PhoneNumberFormat.E164))


def read_number(text: str, region: str = "") -> ValidNumber | Refusal:
    """Read a valid number of any kind, also one that `parse_phone` would not ring."""
    text = _tidy(text)
    if _PLAIN.fullmatch(text):  # no rule below has anything to say, and most numbers are like this
        return _read(text, region)
    refusals = (rule(text) for rule in RULES)
    return next((refusal for refusal in refusals if refusal), None) or _read(text, region)


# A lead is a person, who has none of these; most of them cost money by the minute or reach nobody.
NEVER_RUNG: Final = {
    PhoneNumberType.PREMIUM_RATE: "premium-rate",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PERSONAL_NUMBER: "personal redirection",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company-wide (UAN)",
    PhoneNumberType.VOICEMAIL: "voicemail",
}

LONGEST_TEXT: Final = 100  # characters; no number is that long, and the parser stops at 250
PUNCTUATION: Final = r" \t\u00a0\u2007\u2009\u202f().\u2010-\u2015\u2212-"
_PLAIN: Final = re.compile(r"\+?[0-9][0-9 -]{5,29}")
_SCHEME: Final = re.compile(r"^['’`\s]*(?:tel:)?['\s]*", re.IGNORECASE)
_FIGURE: Final = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?\s*E\s*\+?[0-9]+|\+?[0-9]{6,}[.,]0+", re.IGNORECASE)
_EXTENSION: Final = re.compile(
    r"[0-9)]\s*(?:;?\s*ext\w*|x|toestel|tst|dw|durchwahl|nebenstelle|poste|#|,)[\s.:=]*[0-9]{1,5}$",
    re.IGNORECASE,
)
_PLUS_INSIDE: Final = re.compile(r"(?<=[0-9])[\s(]*\+")
_BETWEEN_NUMBERS: Final = re.compile(rf"[^0-9+/{PUNCTUATION}]+")
_WRITTEN: Final = re.compile(rf"[ (]*\+?[0-9/{PUNCTUATION}]+")


def _tidy(text: str) -> str:
    """Without what programs put around a number: spaces, an apostrophe, `tel:`, invisible marks."""
    if not text.isascii():
        # Windows copies a number out of its contacts with U+202A before and U+202C behind it.
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return _SCHEME.sub("", text).strip()


def _missing(text: str) -> Refusal | None:
    if text:
        return None
    return Refusal(RejectCode.MISSING_PHONE, "The phone number is missing.")


def _too_long(text: str) -> Refusal | None:
    if len(text) <= LONGEST_TEXT:
        return None
    return Refusal(RejectCode.INVALID_PHONE, "This is too long to be a phone number.")


def _mangled(text: str) -> Refusal | None:
    # "31612345678.0" as well: read as text, its last 0 would become a digit of the number.
    if not _FIGURE.fullmatch(text):
        return None
    return Refusal(
        RejectCode.EXCEL_MANGLED,
        "A spreadsheet made a figure of this number and digits may be lost: format the column as text "
        "and enter the number again.",
    )


def _foreign_digits(text: str) -> Refusal | None:
    if text.isascii() or not any(c.isnumeric() and not c.isascii() for c in text):
        return None
    return Refusal(RejectCode.INVALID_PHONE, "Write the number with the plain digits 0 to 9.")


def _extension(text: str) -> Refusal | None:
    if not _EXTENSION.search(text):
        return None
    return Refusal(
        RejectCode.EXTENSION, "An extension cannot be dialled: give the direct number, or leave it out."
    )


def _two_numbers(text: str) -> Refusal | None:
    pieces = _BETWEEN_NUMBERS.split(_PLUS_INSIDE.sub("|+", text))
    if sum(_digits(piece) >= 6 for piece in pieces) < 2:
        return None
    return Refusal(RejectCode.TWO_NUMBERS, "The cell holds two numbers: keep one.")


def _characters(text: str) -> Refusal | None:
    if any(character.isalpha() for character in text):
        return Refusal(RejectCode.INVALID_PHONE, "A phone number holds no letters.")
    if not _digits(text):
        return Refusal(RejectCode.INVALID_PHONE, "The cell holds no digits.")
    if not _WRITTEN.fullmatch(text):
        return Refusal(
            RejectCode.INVALID_PHONE, "Only digits, a leading +, spaces and ( ) - . / may stand in a number."
        )
    return None


RULES: Final[tuple[Callable[[str], Refusal | None], ...]] = (
    _missing,
    _too_long,
    _mangled,
    _foreign_digits,
    _extension,
    _two_numbers,
    _characters,
)


def _digits(text: str) -> int:
    return sum(character.isdecimal() for character in text)


def _read(text: str, region: str) -> ValidNumber | Refusal:
    # A slash may stand behind an area code (030/23125123); behind a whole number it begins another.
    slashes = (place for place, character in enumerate(text) if character == "/")
    if any(_valid(text[:place], region) for place in slashes):
        return Refusal(RejectCode.TWO_NUMBERS, "The cell holds two numbers: keep one.")
    return _valid(text, region) or _why_invalid(text, region)


def _valid(text: str, region: str) -> ValidNumber | None:
    for number in _readings(text, region):
        # Of an unknown kind is what `phonenumbers.is_valid_number` calls not valid: a test holds them
        # together. Asking once instead of twice saves a fifth of the time of a whole import.
        kind = phonenumbers.number_type(number)
        if kind != PhoneNumberType.UNKNOWN:
            return ValidNumber(number, kind)
    return None


def _readings(text: str, region: str) -> Iterator[phonenumbers.PhoneNumber]:
    """What the text may mean: as the region reads it, then with `00` for `+`.

    In this order, since 00 is not the international prefix everywhere (0011 is in Australia).
    """
    plain = text.lstrip(" (")
    readings = [text] if region or plain.startswith("+") else []
    if plain.startswith("00"):
        readings.append("+" + plain[2:])
    for reading in readings:
        try:
            yield phonenumbers.parse(reading, region or None)
        except NumberParseException:
            continue


def _why_invalid(text: str, region: str) -> Refusal:
    readings = list(_readings(text, region))
    international = text.lstrip(" (").startswith(("+", "00"))
    if any(phonenumbers.is_valid_short_number(number) for number in readings):
        return Refusal(RejectCode.NOT_ALLOWED, "Short and emergency numbers are never rung.")
    if not international and not region:
        return Refusal(
            RejectCode.NO_COUNTRY,
            "Begin the number with + and its country code, or set the default country of the file.",
        )
    if not international:
        return Refusal(
            RejectCode.INVALID_PHONE,
            f"No such number exists in {region}; one of another country needs + and its country code.",
        )
    return Refusal(RejectCode.INVALID_PHONE, "No such number exists: a digit may be wrong, missing or extra.")
