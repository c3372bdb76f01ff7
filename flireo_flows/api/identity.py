"""One key for one person and for one campaign, however the number or the name is spelled. Pure.

Numbers are compared on digits alone: which numbers exist, and how a text is read, `leads` knows. Plans changed:

| Country | The same person | Since |
|---|---|---|
| Argentina | `+54 9 11 ...` (a mobile, from abroad) and `+54 11 ...`; no landline has a mobile's number | 1999 |
| Mexico | `+52 1 55 ...` and `+52 55 ...` | 2019 |
| Brazil | `+55 11 8...` and `+55 11 98...`: mobiles got a 9 | 2016 |
| Italy | `+39 6 ...` and `+39 06 ...`: the 0 belongs to the number | 1998 |
| Benin | `+229 97 ...` and `+229 01 97 ...` | 2024 |
| Côte d'Ivoire | `+225 07 ...` (8 digits) and `+225 ?? 07 ...` (10): compared, but never made a key | 2021 |

Sources: metadata of libphonenumber 9.0; announcements of IFT (Mexico), Anatel (Brazil), ARCEP Bénin, ARTCI.

`Bar`, `bar`, `bar ` and a `bar` with a zero-width space are one campaign: two of them would call the same people
twice. The first spelling is shown, and all spellings share one key, by which the ledger keeps a campaign.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, Field

_E164: Final = re.compile(r"\+[1-9][0-9]{6,17}")

# (digits of another spelling, the digits that stand for all spellings)
_SPELLINGS: Final = (
    (re.compile(r"549([1-9][0-9]{9})"), r"54\1"),
    (re.compile(r"521([1-9][0-9]{9})"), r"52\1"),
    (re.compile(r"55([1-9][1-9])([6-9][0-9]{7})"), r"55\g<1>9\2"),
    (re.compile(r"229([0-9]{8})"), r"22901\1"),
    # Not 3 (mobiles) nor 800, 803, 84, 89: those are numbers as they are.
    (re.compile(r"39((?!80[03]|84|89)[1-24-9][0-9]{5,9})"), r"390\1"),
)
_COUNTRIES: Final = ("54", "52", "55", "229", "39")  # whose numbers have several spellings; most have one
# The other way: what else a key may have been spelled as.
_OTHERS: Final = (
    (re.compile(r"54([1-8][0-9]{9})"), r"549\1"),
    (re.compile(r"52([2-9][0-9]{9})"), r"521\1"),
    (re.compile(r"55([1-9][1-9])9([6-9][0-9]{7})"), r"55\1\2"),
    (re.compile(r"22901([0-9]{8})"), r"229\1"),
    (re.compile(r"390((?!80[03]|84|89)[1-24-9][0-9]{5,9})"), r"39\1"),
    (re.compile(r"225(?:0[157]|2[157])([0-9]{8})"), r"225\1"),
)


def person_key(phone: str) -> str:
    """The key of the person that a number reaches: equal for every spelling of the number.

    Args:
        phone: E.164. Anything else is returned as it is.

    Returns:
        E.164 in form. Not a number to dial: an Argentine mobile's key lacks its 9.
    """
    return f"+{_key(phone[1:])}" if _E164.fullmatch(phone) else phone


def spellings(phone: str) -> frozenset[str]:
    """Every spelling, in the form of E.164, in which the number of a person may have been written down."""
    key = person_key(phone)
    if not _E164.fullmatch(key):
        return frozenset({phone})
    others = (f"+{other}" for pattern, form in _OTHERS if (other := _rewritten(key[1:], pattern, form)))
    return frozenset({phone, key, *others})


def same_person(one: str, other: str) -> bool:
    """Whether two numbers, as a server writes them, are spellings of one. Characters beside digits do not count."""
    if one == other:
        return True
    mine, theirs = _key(digits(one)), _key(digits(other))
    return mine == theirs or theirs in _short_ivorian(mine) or mine in _short_ivorian(theirs)


def digits(phone: str) -> str:
    """The digits of a number, without the `00` that stands for a `+`."""
    return "".join(character for character in phone if character.isdigit()).removeprefix("00")


def comparable(phone: str) -> str:
    """The digits of the person's key, for numbers as a server writes them: `+54 9 11 ...`, `0054 11 ...`."""
    return _key(digits(phone))


def _key(number: str) -> str:
    if not number.startswith(_COUNTRIES):
        return number
    found = (_rewritten(number, pattern, form) for pattern, form in _SPELLINGS)
    return next(filter(None, found), number)


def _rewritten(number: str, pattern: re.Pattern[str], form: str) -> str:
    found = pattern.fullmatch(number)
    return found.expand(form) if found else ""


def _short_ivorian(number: str) -> tuple[str, ...]:
    return (number[:3] + number[5:],) if number.startswith("225") and len(number) == 13 else ()


LONGEST_NAME: Final = 80  # characters
# As an event shows a name that holds a phone number: with a digest of eight digits.
LONGEST_SHOWN_NAME: Final = 89
# What shows nothing and is no format character (category Cf): the rest of Unicode's Default_Ignorable_Code_Point
# (DerivedCoreProperties.txt), and the blank of Braille.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SPACE: Final = re.compile(r"[^\S\x1c-\x1f]+")  # Python takes four separators for space that Unicode does not
_MOST_STEPS: Final = 8  # two are enough for every character of Unicode


class CampaignNameError(ValueError):
    """A text that cannot be a campaign's name. Gives the reason, without the text: it may hold a phone number."""


def clean_name(given: str) -> str:
    """A name as it is shown: NFC, without invisible characters, runs of white space as one space.

    Args:
        given: As a person or a program wrote it.

    Raises:
        CampaignNameError: Nothing is left, it is too long, or it holds a control character.
    """
    return _checked(given, LONGEST_NAME)


def clean_given_name(given: str) -> str:
    """As `clean_name`, for a campaign that is named as an event shows it, which may be somewhat longer."""
    return _checked(given, LONGEST_SHOWN_NAME)


def clean_optional_name(given: str) -> str:
    """As `clean_given_name`; an empty text stays empty."""
    return clean_given_name(given) if given else ""


@lru_cache(maxsize=4096)
def name_key(given: str) -> str:
    """What all spellings of a name have in common; the key of a key is itself.

    Compatible characters count as the same (NFKC: full-width letters, ligatures), and so do upper and lower case.

    Args:
        given: Any spelling, or an empty text, whose key is empty. Never raises: a name is checked where it comes
            in (`clean_name`).
    """
    key = given
    for _ in range(_MOST_STEPS):
        before, key = key, _visible(unicodedata.normalize("NFKC", _visible(key)).casefold(), "NFKC")
        if key == before:
            break
    return key


def _checked(given: str, longest: int) -> str:
    name = _visible(given)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise CampaignNameError("a campaign's name holds no control characters")
    if not name_key(name):
        raise CampaignNameError(f"a campaign's name has 1 to {LONGEST_NAME} characters that can be seen")
    if len(name) > longest:
        raise CampaignNameError(f"a campaign's name has 1 to {LONGEST_NAME} characters")
    return name


def _visible(text: str, form: str = "NFC") -> str:
    """The text without what cannot be seen, its white space as single spaces."""
    seen = "".join(it for it in _BLANK.sub("", text) if unicodedata.category(it) != "Cf")
    return unicodedata.normalize(form, _SPACE.sub(" ", seen).strip(" "))  # type: ignore[arg-type]


# For forms: the name of a campaign that may be new, and one that may be given as an event shows it.
CampaignName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME, title="Campaign"), AfterValidator(clean_name)
]
KnownCampaignName = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_SHOWN_NAME, title="Campaign"),
    AfterValidator(clean_given_name),
]
AnyCampaignName = Annotated[
    str, Field(max_length=LONGEST_SHOWN_NAME, title="Campaign"), AfterValidator(clean_optional_name)
]
