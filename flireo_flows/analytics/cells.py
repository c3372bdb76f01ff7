"""Nested analysis -> flat keys and plain cells. No pandas here: the report reads its keys this way too."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum, auto
from typing import Final

KeyPath = tuple[str, ...]

DEEPEST: Final = 8  # objects nested deeper stay JSON text: a model that rambles must not make columns
INT64: Final = range(-(2**63), 2**63)
EXACT_AS_FLOAT: Final = range(-(2**53), 2**53 + 1)


class Kind(StrEnum):
    """What a column holds."""

    BOOLEAN = auto()
    INTEGER = auto()  # fits 64 bits
    FLOAT = auto()
    TEXT = auto()


def leaves(analysis: Mapping[str, object]) -> Iterator[tuple[KeyPath, object]]:
    """Every value under the path of keys that leads to it, in order.

    A list is one value, and so is an empty object: leaving it out would lose that it was there.
    """
    yield from _leaves(analysis, ())


def _leaves(node: Mapping[str, object], above: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    for key, value in node.items():
        path = (*above, str(key))
        if isinstance(value, Mapping) and value and len(path) < DEEPEST:
            yield from _leaves(value, path)
        else:
            yield path, value


def kind_of(value: object) -> Kind:
    """The narrowest kind that holds this value unchanged."""
    if isinstance(value, bool):  # before int, which every bool is as well
        return Kind.BOOLEAN
    if isinstance(value, int) and value in INT64:
        return Kind.INTEGER
    if isinstance(value, float) and math.isfinite(
        value
    ):  # a table cannot distinguish NaN from "nothing here"
        return Kind.FLOAT
    return Kind.TEXT


def common_kind(values: Iterable[object]) -> Kind:
    """The kind of a column with these values; None counts as empty.

    Whole and fractional numbers are one type in JSON and share a float column, unless a whole number is too
    large for that. Everything else that is mixed becomes text.
    """
    present = [value for value in values if value is not None]
    kinds = {kind_of(value) for value in present}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {Kind.INTEGER, Kind.FLOAT} and all(
        isinstance(value, float) or value in EXACT_AS_FLOAT for value in present
    ):
        return Kind.FLOAT
    return Kind.TEXT


def as_text(value: object) -> str:
    """A value as the text of a cell: text as it is, everything else as JSON."""
    return encodable(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=plain)
    )


def plain(value: object) -> object:
    """What JSON makes of a value it does not know; for `json.dumps(default=...)`."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def encodable(text: str) -> str:
    """The text as UTF-8 can carry it.

    JSON may hold one half of a surrogate pair (`"\\ud83d"`), which no file can: it becomes U+FFFD.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, or `wanted (2)`, `wanted (3)` ... when it is taken."""
    others = set(taken)
    name, number = wanted, 1
    while name in others:
        number += 1
        name = f"{wanted} ({number})"
    return name
