"""Phone numbers as people write them -> E.164, or a refusal with what to mend; and of which country a row's is.

The rules come before the parser, because `phonenumbers` forgives what must not be forgiven: it reads
"call me 0612345678" as a number, drops extensions, and reads the German "030/23125123/24" as one number.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict, TypeVar, Unpack

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from flireo_flows.leads.countries import Country, read_country
from flireo_flows.leads.format import LeadFormat, WithoutPlus
from flireo_flows.leads.lead import RejectCode
from flireo_flows.leads.phone_candidates import (
    NumberDefaults,
    ValidNumber,
    candidates,
    is_international,
    possible_forms,
    readings,
)
from flireo_flows.leads.zones import number_zones


@dataclass(frozen=True, slots=True)
class LeadPhone:
    """A number that may be called: E.164 with `+`, and the IANA names of every zone it may be in.

    Attributes:
        note: What was changed to read it, in words; empty when nothing was.
    """

    e164: str
    zones: tuple[str, ...]
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A text that is no number to call: the code, and what to mend. Does not repeat the number.

    Attributes:
        kind: The kind of number, one of `SPECIAL_KINDS`, where that is all that is wrong with it.
    """

    code: RejectCode
    message: str
    kind: str = ""


class Known(TypedDict, total=False):
    """What is known of a number beside its text.

    Attributes:
        code: Country calling code that the row gives.
        without_plus: How the file writes numbers without `+`: `national`, `international`; empty: either.
        kinds: Values of `SPECIAL_KINDS` that may be called.
    """

    code: int
    without_plus: WithoutPlus
    kinds: Collection[str]


def parse_phone(text: str, region: str = "", **known: Unpack[Known]) -> LeadPhone | Refusal:
    """Read a number that a lead may be called on.

    Args:
        text: As found in the file: `06 12345678`, `0031612345678`, `+31 (0)6 12345678`, `tel:+31...`.
        region: ISO 3166-1 alpha-2, upper case, of numbers without a country code. Empty: only numbers
            that begin with `+` or `00` are read.
        known: What else is known of the number, see `Known`.

    Returns:
        A refusal also for a text that may be two numbers.
    """
    kinds = known.get("kinds", ())
    number = read_number(text, region, **known)
    if isinstance(number, Refusal):
        return number
    if number.kind == PhoneNumberType.PREMIUM_RATE:
        return Refusal(RejectCode.NOT_ALLOWED, "This is a premium-rate number, which is never called.")
    kind = SPECIAL_KINDS.get(number.kind, "")
    if kind and kind not in kinds:
        what = kind.replace("_", "-")
        words = f"This is a {what} number, which is not called unless call_kinds names {kind}."
        return Refusal(RejectCode.NOT_ALLOWED, words, kind)
    return LeadPhone(number.e164, number_zones(number.e164, number.kind), number.note)


def read_number(text: str, region: str = "", **known: Unpack[Known]) -> ValidNumber | Refusal:
    """Read a valid number of any kind, also one that `parse_phone` would not call."""
    home = NumberDefaults(region, known.get("code", 0), known.get("without_plus", ""))
    text = tidy(text)
    if _PLAIN.fullmatch(text):  # no rule below has anything to say, and most numbers are like this
        return _read(text, home)
    return next((refusal for applies, refusal in RULES if applies(text)), None) or _read(text, home)


def every_number(text: str, region: str = "", **known: Unpack[Known]) -> tuple[str, ...]:
    """Every number that a text may mean, E.164: for do-not-call lists, where more is safer than less."""
    home = NumberDefaults(region, known.get("code", 0), known.get("without_plus", ""))
    text = tidy(text)
    if not _PLAIN.fullmatch(text) and any(applies(text) for applies, _ in RULES):
        return ()
    if found := readings(text, home):
        return tuple(number.e164 for number in found)
    forms = (form for it in candidates(text, home) for form in possible_forms(it.parsed))
    return tuple(dict.fromkeys(phonenumbers.format_number(form, PhoneNumberFormat.E164) for form in forms))


# Most of them cost money or reach no person. Company-wide numbers (UAN in libphonenumber: 088 in the Netherlands, 03 in
# Britain, 058 in Switzerland ...) are ordinary ones: they cost the usual, and a company may have no other.
SPECIAL_KINDS: Final[Mapping[int, str]] = {
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.VOICEMAIL: "voicemail",
}

LONGEST_TEXT: Final = 100  # characters; no number is that long, and the parser stops at 250
PUNCTUATION: Final = r" \t\u00a0\u2007\u2009\u202f().\u2010-\u2015\u2212-"
_PLAIN: Final = re.compile(r"\+?[0-9][0-9 -]{5,29}")
# ="0612345678", lest Excel make a figure of it; and =+31612345678, which it made of +31612345678.
_FORMULA: Final = re.compile(r'\s*=?\s*"(?P<text>.*)"\s*|\s*=(?P<number>\s*\+?[0-9][0-9 ]+)', re.DOTALL)
_SCHEME: Final = re.compile(
    r"^['’`\s]*(?:(?:tel|phone|mobile|callto|whatsapp|sms|p)\s*:)?['\s]*", re.IGNORECASE
)
# As spreadsheets show figures: 31,612,345,678 in English, 9,87,65,43,210 in India, 31'612'345'678 in Switzerland.
_GROUPED: Final = re.compile(r"\+?[0-9]{1,4}(?:(?:,[0-9]{2,4}){2,}|(?:['’][0-9]{3}){2,})")
_FIGURE: Final = re.compile(
    r"\+?[0-9]+(?:[.,][0-9]+)?\s*E\s*\+?[0-9]+|\+?[0-9]{6,}[.,]0+"
    r"|[1-9][0-9]{0,2}(?:[.,'’\s][0-9]{3}){2,}[.,][0-9]{1,2}",
    re.IGNORECASE,
)
_EXTENSION: Final = re.compile(
    r"[0-9)]\s*(?:;?\s*ext\w*|x|toestel|tst|dw|durchwahl|nebenstelle|poste|#|,)[\s.:=]*[0-9]{1,5}$",
    re.IGNORECASE,
)
_PLUS_INSIDE: Final = re.compile(r"(?<=[0-9])[\s(]*\+")
_BETWEEN_NUMBERS: Final = re.compile(rf"[^0-9+/{PUNCTUATION}]+")
_WRITTEN: Final = re.compile(rf"[ (]*\+?[0-9/{PUNCTUATION}]+")


def tidy(text: str) -> str:
    """Without what programs put around a number: spaces, an apostrophe, `tel:`, `="..."`, invisible marks."""
    if not text.isascii():
        # Windows copies a number out of its contacts with U+202A before and U+202C behind it.
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    if formula := _FORMULA.fullmatch(text):
        text = formula["text"] or formula["number"] or ""
    text = _SCHEME.sub("", text).strip().rstrip("'’`")
    return re.sub(r"[,'’]", "", text) if _GROUPED.fullmatch(text) else text


def _has_foreign_digits(text: str) -> bool:
    return not text.isascii() and any(c.isnumeric() and not c.isascii() for c in text)


def _holds_two(text: str) -> bool:
    pieces = _BETWEEN_NUMBERS.split(_PLUS_INSIDE.sub("|+", text))
    return sum(_digits(piece) >= 6 for piece in pieces) > 1


def _digits(text: str) -> int:
    return sum(character.isdecimal() for character in text)


_MANGLED: Final = (
    "A spreadsheet made a figure of this number and digits may be lost: format the column as text and enter the number "
    "again."
)
_EXTENDED: Final = "An extension cannot be dialled: give the direct number, or leave it out."
_UNWRITTEN: Final = "Only digits, a leading +, spaces and ( ) - . / may stand in a number."
_TWO: Final = Refusal(RejectCode.TWO_NUMBERS, "The cell holds two numbers: keep one.")
# What is wrong with a text, and its refusal, in the order of the reasons.
RULES: Final[tuple[tuple[Callable[[str], object], Refusal], ...]] = (
    (lambda text: not text, Refusal(RejectCode.MISSING_PHONE, "The phone number is missing.")),
    (
        lambda text: len(text) > LONGEST_TEXT,
        Refusal(RejectCode.INVALID_PHONE, "This is too long to be a phone number."),
    ),
    # "31612345678.0" as well: read as text, its last 0 would become a digit of the number.
    (_FIGURE.fullmatch, Refusal(RejectCode.EXCEL_MANGLED, _MANGLED)),
    (
        _has_foreign_digits,
        Refusal(RejectCode.INVALID_PHONE, "Write the number with the plain digits 0 to 9."),
    ),
    (_EXTENSION.search, Refusal(RejectCode.EXTENSION, _EXTENDED)),
    (_holds_two, _TWO),
    (
        lambda text: any(character.isalpha() for character in text),
        Refusal(RejectCode.INVALID_PHONE, "A phone number holds no letters."),
    ),
    (lambda text: not _digits(text), Refusal(RejectCode.INVALID_PHONE, "The cell holds no digits.")),
    (lambda text: not _WRITTEN.fullmatch(text), Refusal(RejectCode.INVALID_PHONE, _UNWRITTEN)),
)


def _read(text: str, home: NumberDefaults) -> ValidNumber | Refusal:
    # A slash may stand behind an area code (030/23125123); behind a whole number it begins another.
    slashes = (place for place, character in enumerate(text) if character == "/")
    if any(readings(text[:place], home) for place in slashes):
        return _TWO
    found = readings(text, home)
    if len(found) == 1:
        return found[0]
    return _ambiguous(found) if found else _why_invalid(text, home)


def _ambiguous(found: Sequence[ValidNumber]) -> Refusal:
    codes = list(dict.fromkeys(f"+{number.parsed.country_code}" for number in found))
    if len(codes) > 1:
        what, who = (
            f"numbers of {' and '.join(codes)}",
            "A country or dialling code in the row settles it, and ",
        )
    else:
        what, who = f"different numbers of {codes[0]}", "And "
    return Refusal(
        RejectCode.AMBIGUOUS_PHONE,
        f"Without a + this may be two {what}: write it with + and its country code, or with the 0 of a national "
        f"number. {who}numbers_without_plus in the format settles it for all rows.",
    )


def _why_invalid(text: str, home: NumberDefaults) -> Refusal:
    found = [candidate.parsed for candidate in candidates(text, home)]
    if any(phonenumbers.is_valid_short_number(number) for number in found):
        return Refusal(RejectCode.NOT_ALLOWED, "Short and emergency numbers are never called.")
    if any(possible_forms(number) for number in found):
        return Refusal(
            RejectCode.OLD_NUMBER,
            "Côte d'Ivoire put two digits before its numbers in 2021, which differ by operator: find the number of "
            "10 digits.",
        )
    if not is_international(text) and not home.region and not found:
        return Refusal(
            RejectCode.NO_COUNTRY,
            "Begin the number with + and its country code, or set the default country of the file.",
        )
    if not is_international(text) and home.region:
        return Refusal(
            RejectCode.INVALID_PHONE,
            f"No such number exists in {home.region}; one of another country needs + and its country code.",
        )
    return Refusal(RejectCode.INVALID_PHONE, "No such number exists: a digit may be wrong, missing or extra.")


Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True)
class Origin:
    """Of which country a row's number is.

    Attributes:
        region: ISO 3166-1 alpha-2; empty: unknown.
        code: Country calling code that the row itself gives; 0: none.
        is_missing: The file has a column for it, and the row leaves it empty.
    """

    region: str = ""
    code: int = 0
    is_missing: bool = False


def row_origin(columns: Mapping[Key, str], where: Sequence[Key], form: LeadFormat) -> Origin | Refusal:
    """The origin of one row's number.

    Args:
        columns: The row, by the name or the place of its columns.
        where: Those of countries and dialling codes.
        form: Has the default, and whether it holds for rows that name none.
    """
    cells = [cell for name in where if (cell := columns.get(name, ""))]
    if not cells:
        if where and not form.default_region_for_empty_country:
            return Origin(is_missing=True)
        return Origin(form.default_region)
    read = [read_country(cell) for cell in cells]
    if not all(read):
        return Refusal(
            RejectCode.INVALID_COUNTRY,
            "The country is no code or name such as NL, Netherlands or 31; if the column holds something else, let "
            "country_column or dialling_code_column be -.",
        )
    return _one_of([country for country in read if country])


def _one_of(countries: Sequence[Country]) -> Origin | Refusal:
    named = list(dict.fromkeys(country.region for country in countries if country.is_named))
    codes = {country.code for country in countries}
    if len(codes) > 1 or len(named) > 1:
        return Refusal(RejectCode.COUNTRY_CONFLICT, "The row gives two countries: correct one of the cells.")
    return Origin(named[0] if named else countries[0].region, codes.pop())


_AREA_CODE: Final = re.compile(r"\(?\s*([0-9]{1,6})\s*\)?")
_COUNTRY_CODE: Final = re.compile(r"\(?\s*(?:\+|00)\s*[1-9][0-9 -]{0,6}\)?")


def is_country_code(cell: str) -> bool:
    """Whether a cell of such a column holds the code of a country: `+31`, `0031`."""
    return bool(_COUNTRY_CODE.fullmatch(tidy(cell)))


def with_area(columns: Mapping[str, str], phone: str, area: str, origin: Origin) -> str | Refusal:
    """The text of a row's number, with the area code that stands beside it.

    A number that begins with `+`, `0` or that code needs none.

    Args:
        columns: The row.
        phone: Name of its phone column.
        area: Name of its column of area codes; empty: none.
        origin: Of which country the number is.
    """
    text, found = columns.get(phone, ""), _AREA_CODE.fullmatch(tidy(columns.get(area, "")))
    number = tidy(text).lstrip(" (")
    if not found or not number or number.startswith(("+", "0")):
        return text
    whole = f"{found[1]} {number}"
    if not isinstance(read_number(whole, origin.region, code=origin.code), Refusal):
        return whole
    if re.sub(r"[^0-9]", "", number).startswith(found[1].lstrip("0") or "0"):
        return text
    return Refusal(
        RejectCode.AMBIGUOUS_PHONE,
        "The row has an area code or prefix beside its number, and the two make no number: write the whole number in "
        "the phone column, or the country's code as +31 in the other.",
    )
