"""One person, one key: the spellings in which one telephone number is met, since national plans changed.

Pure, on digits alone. Which numbers exist, and how a text is read, `leads` knows; here two numbers are only compared.

| Country | The same person | Since |
|---|---|---|
| Argentina | `+54 9 11 ...` (a mobile, from abroad) and `+54 11 ...`; no landline has a mobile's number | 1999 |
| Mexico | `+52 1 55 ...` and `+52 55 ...` | 2019 |
| Brazil | `+55 11 8...` and `+55 11 98...`: mobiles got a 9 | 2016 |
| Italy | `+39 6 ...` and `+39 06 ...`: the 0 belongs to the number | 1998 |
| Benin | `+229 97 ...` and `+229 01 97 ...` | 2024 |
| Côte d'Ivoire | `+225 07 ...` (8 digits) and `+225 ?? 07 ...` (10): compared, but never made a key | 2021 |

Sources: metadata of libphonenumber 9.0; announcements of IFT (Mexico), Anatel (Brazil), ARCEP Bénin, ARTCI.
"""

import re
from typing import Final

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
