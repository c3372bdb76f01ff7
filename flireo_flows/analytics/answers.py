"""What the calls answered: a summary of every key of the analysis, fit to be mailed around."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from flireo_flows.analytics.cells import KeyPath, Kind, as_text, common_kind, leaves
from flireo_flows.analytics.labels import Labels

MOST_KEYS: Final = 24
MOST_CHOICES: Final = 6
MOST_DISTINCT: Final = 12  # more different values than this are free text, not a choice
SHOWN_FROM: Final = 2  # a value that only one person gave may say who it is
OTHER: Final = "other"


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
