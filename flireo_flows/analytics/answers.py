"""What the calls answered: a summary of every key of the analysis, without a phone number, address or name in it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from flireo_flows.analytics.cells import KeyPath, Kind, as_text, common_kind, leaves

MOST_KEYS: Final = 24
MOST_CHOICES: Final = 6
MOST_DISTINCT: Final = 12  # more different values than this are free text, not a choice
SHOWN_FROM: Final = 2  # a value that only one person gave may say who it is
OTHER: Final = "other"
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


@dataclass(frozen=True, slots=True)
class YesNoCounts:
    """A boolean key."""

    key: str
    answers: int
    yes: int


@dataclass(frozen=True, slots=True)
class FewValues:
    """A key with few different values.

    Attributes:
        key: Its label.
        answers: Calls that have it.
        counts: Calls by value, the most frequent first, all rarer ones as `other`. A list of several values
            counts under each.
    """

    key: str
    answers: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """A numeric key."""

    key: str
    answers: int
    least: float
    middle: float
    most: float


@dataclass(frozen=True, slots=True)
class FreeText:
    """A key with many different values. They are not quoted: they are about people."""

    key: str
    answers: int
    distinct: int


Answer: TypeAlias = YesNoCounts | FewValues | Spread | FreeText


@dataclass(frozen=True, slots=True)
class Answers:
    """The keys answered most often, and how many more there are."""

    keys: Sequence[Answer]
    left_out: int


def summarise(analyses: Iterable[Mapping[str, object]], labels: Labels) -> Answers:
    """Summarise each key, in order of first appearance; at most 24, those with the most answers."""
    values: dict[KeyPath, list[object]] = {}
    for analysis in analyses:
        for path, value in leaves(analysis):
            if value is not None:
                values.setdefault(path, []).append(value)
    common = set(sorted(values, key=lambda path: -len(values[path]))[:MOST_KEYS])
    kept = [_summary(labels.label(".".join(path)), values[path], labels) for path in values if path in common]
    return Answers(kept, left_out=len(values) - len(kept))


def _summary(key: str, values: Sequence[object], labels: Labels) -> Answer:
    kind = common_kind(values)
    if kind is Kind.BOOLEAN:
        return YesNoCounts(key, len(values), sum(value is True for value in values))
    if kind in {Kind.INTEGER, Kind.FLOAT}:
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return Spread(key, len(values), min(numbers), median(numbers), max(numbers))
    return _choice_or_text(key, values, labels)


def _choice_or_text(key: str, values: Sequence[object], labels: Labels) -> FewValues | FreeText:
    texts = [_texts(value) for value in values]
    counts = Counter(text for several in texts for text in several)
    common = {text: number for text, number in counts.most_common(MOST_CHOICES) if number >= SHOWN_FROM}
    rest = sum(not several <= common.keys() for several in texts)
    if len(counts) > MOST_DISTINCT or not common or rest > sum(common.values()):
        return FreeText(key, len(values), len(counts))
    shown = Counter[str]()
    for text, number in common.items():
        shown[labels.label(text)] += number
    return FewValues(key, len(values), {**shown, **({OTHER: rest} if rest else {})})


def _texts(value: object) -> set[str]:
    # Several choices at once come as a list of texts; each counts.
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {as_text(item) for item in value}
    return {as_text(value)}
