"""What of a text may stand in a report that is mailed around: no phone number, address or name of a person."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MASK: Final = "•••"
NAME_WITHHELD: Final = "(a name)"
EMPTY: Final = "(empty)"
LONGEST: Final = 40  # characters

# A date has as many digits as a phone number, and identifies no person.
ISO_DATE: Final = (
    r"(?P<date>(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d:?\d\d)?)?(?!\d))"
)
PHONE: Final = r"\+?\d(?:[^\w,;:]{0,3}\d){6,}"
EMAIL: Final = r"[^\s@]+@[^\s@]+"
PRIVATE: Final = re.compile(f"{ISO_DATE}|{EMAIL}|{PHONE}")
# Control and format characters, and halves of surrogate pairs: invisible, and they can hide a number.
UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs"})


@dataclass(frozen=True, slots=True)
class Labels:
    """Makes labels of untrusted text, knowing the names that must not show.

    Attributes:
        names: Full names and the words of them, casefolded.
    """

    names: frozenset[str]

    @classmethod
    def without(cls, names: Iterable[str]) -> "Labels":
        """Labels that do not name these people."""
        folded = {name.casefold().strip() for name in names}
        return cls(frozenset({*folded, *(word for name in folded for word in words(name))} - {""}))

    def label(self, text: str) -> str:
        """The text on one line, at most 40 characters, without names, phone numbers and mail addresses."""
        line = one_line(text)
        return NAME_WITHHELD if self.holds_name(line) else shortened(masked(line)) or EMPTY

    def holds_name(self, text: str) -> bool:
        """Whether the text is a name, or one of its words is.

        Words of three letters and fewer count only when alone: "van" is a name's part and a Dutch word.
        """
        folded = text.casefold().strip()
        return folded in self.names or any(len(word) > 3 and word in self.names for word in words(folded))


def words(text: str) -> list[str]:
    """The words of a text; `anna_jansen` is two."""
    return re.findall(r"[^\W_]+", text)


def one_line(text: str) -> str:
    """The text without line breaks and invisible characters."""
    spaced = " ".join(text.split())
    return "".join(character for character in spaced if unicodedata.category(character) not in UNPRINTABLE)


def masked(text: str) -> str:
    """The text with phone numbers and mail addresses blotted out; ISO dates stay."""
    return PRIVATE.sub(lambda found: found["date"] or MASK, text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, cut to `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
