"""One name for one campaign, however it is spelled.

`Bar`, `bar`, `bar ` and a `bar` with a zero-width space are one campaign: two of them would call the same people
twice. The first spelling is shown, and all spellings share one key, by which the ledger keeps a campaign. Pure.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, Field

LONGEST: Final = 80  # characters
LONGEST_SHOWN: Final = 89  # as an event shows a name that holds a phone number: with a digest of eight digits
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
    return _checked(given, LONGEST)


def clean_given_name(given: str) -> str:
    """As `clean_name`, for a campaign that is named as an event shows it, which may be somewhat longer."""
    return _checked(given, LONGEST_SHOWN)


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
        raise CampaignNameError(f"a campaign's name has 1 to {LONGEST} characters that can be seen")
    if len(name) > longest:
        raise CampaignNameError(f"a campaign's name has 1 to {LONGEST} characters")
    return name


def _visible(text: str, form: str = "NFC") -> str:
    """The text without what cannot be seen, its white space as single spaces."""
    seen = "".join(it for it in _BLANK.sub("", text) if unicodedata.category(it) != "Cf")
    return unicodedata.normalize(form, _SPACE.sub(" ", seen).strip(" "))  # type: ignore[arg-type]


# For forms: the name of a campaign that may be new, and one that may be given as an event shows it.
CampaignName = Annotated[
    str, Field(min_length=1, max_length=LONGEST, title="Campaign"), AfterValidator(clean_name)
]
KnownCampaignName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_SHOWN, title="Campaign"), AfterValidator(clean_given_name)
]
AnyCampaignName = Annotated[
    str, Field(max_length=LONGEST_SHOWN, title="Campaign"), AfterValidator(clean_optional_name)
]
