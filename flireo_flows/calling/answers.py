"""What a call's analysis says under a key, compared as a person compares."""

from collections.abc import Iterable, Mapping
from typing import Final

_ABSENT: Final = object()
# A model that is asked for a yes or a no may write one of these.
_SAYS_SO: Final[Mapping[str, frozenset[str]]] = {
    "true": frozenset({"true", "yes", "y", "1"}),
    "false": frozenset({"false", "no", "n", "0"}),
}


def says(analysis: object, key: str, wanted: str) -> bool:
    """Whether an analysis gives an answer.

    Args:
        analysis: As it came; None when there is none.
        key: Of the analysis; `wishes.no_calls` is a key within another, unless it is a key itself.
        wanted: The answer, whatever its case: `true` is `True`, and also `yes`, `y` and `1`; `false` is also `no`,
            `n` and `0`. Of a list, one value is enough.
    """
    return any(_same(answer, wanted) for answer in _answers(analysis, key))


def _answers(analysis: object, key: str) -> Iterable[object]:
    """What the analysis has under a key, be the key itself dotted or a path; each value of a list."""
    found = _under(analysis, key)
    return found if isinstance(found, list | tuple) else (found,)


def _under(analysis: object, key: str) -> object:
    if not isinstance(analysis, Mapping):
        return _ABSENT
    if key in analysis:
        return analysis[key]
    first, dot, rest = key.partition(".")
    return _under(analysis.get(first), rest) if dot else _ABSENT


def _same(answer: object, wanted: str) -> bool:
    """As a person compares: `True` is `true`, and `Yes` as well."""
    if answer is _ABSENT:
        return False
    told, asked = _text(answer), wanted.strip().casefold()
    return told == asked or told in _SAYS_SO.get(asked, ())


def _text(answer: object) -> str:
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)  # JSON does not tell 1 from 1.0
    return "" if answer is None else str(answer).strip().casefold()
