"""What a call's analysis answers under a key, compared as a person compares."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from flireo_flows.leads import YesNo, header_words, leaning_answer, word_set, yes_or_no

# An answer to compare with that stands for every way to say it.
YES_OR_NO: Final[Mapping[str, YesNo]] = {
    "true": YesNo.YES,
    "yes": YesNo.YES,
    "false": YesNo.NO,
    "no": YesNo.NO,
}
# Beside the words of a key they change nothing: callerWantsNoCalls, is_opted_out, dnc_requested.
_BEFORE: Final = word_set(
    "the caller customer callee lead user person contact client prospect is was has have did"
)
_BEHIND: Final = word_set("flag requested request")


def has_answer(analysis: object, key: str, wanted: str) -> bool:
    """Whether an analysis gives an answer.

    Args:
        analysis: As it came; None when there is none.
        key: Of the analysis; `wishes.no_calls` is a key within another, unless it is a key itself.
        wanted: The answer, whatever its case: `true` is every way to say yes (`ja`, `Yes.`, 1, `{"value": true}`), and
            `false` every way to say no. Of a list, one value is enough.
    """
    return any(_same(answer, wanted, yes_or_no) for answer in _under(analysis, key))


def alike(analysis: object, key: str) -> list[object]:
    """Every answer under a key or one that is written differently, at the top or in an object one level below.

    `wants_no_calls` is also `wantsNoCalls`, `Wants no calls`, `caller_wants_no_calls`, and that within `contact`.
    """
    exact, wanted = list(_under(analysis, key)), _bare(key)
    return exact or [value for name, value in fields(analysis) if _bare(name) == wanted]


def fields(analysis: object) -> Iterator[tuple[str, object]]:
    """The keys of an analysis and of the objects one level below, with their answers."""
    if not isinstance(analysis, Mapping):
        return
    for key, value in analysis.items():
        yield str(key), value
        for inner in value if isinstance(value, list | tuple) else [value]:
            if isinstance(inner, Mapping):
                yield from ((str(name), below) for name, below in inner.items())


def is_answer(answer: object, wanted: str) -> bool:
    """As `has_answer`, of one answer; where a yes or a no is asked for, an answer that begins with it is one."""
    return _same(answer, wanted, leaning_answer)


def is_unclear(answer: object, wanted: str) -> bool:
    """Whether a yes or a no is asked for and the answer is neither; not answered is not unclear."""
    return wanted.strip().casefold() in YES_OR_NO and yes_or_no(answer) is YesNo.UNCLEAR


def _under(analysis: object, key: str) -> Iterable[object]:
    """What the analysis has under a key, be the key itself dotted or a path."""
    if not isinstance(analysis, Mapping):
        return ()
    if key in analysis:
        return (analysis[key],)
    first, dot, rest = key.partition(".")
    return _under(analysis.get(first), rest) if dot else ()


def _same(answer: object, wanted: str, read: Callable[[object], YesNo]) -> bool:
    """As a person compares: `True` is `true`, and `Ja.` as well."""
    asked = wanted.strip().casefold()
    if asked in YES_OR_NO:
        return read(answer) is YES_OR_NO[asked]
    several = answer if isinstance(answer, list | tuple) else (answer,)
    return any(_text(one) == asked for one in several)


def _text(answer: object) -> str:
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)  # in JSON 1 and 1.0 are the same
    return "" if answer is None else str(answer).strip().casefold()


@lru_cache(maxsize=4096)  # the same keys come with every call
def _bare(key: str) -> str:
    words = [word for part in key.split(".") for word in header_words(part)]
    while len(words) > 1 and words[0] in _BEFORE:
        words = words[1:]
    while len(words) > 1 and words[-1] in _BEHIND:
        words = words[:-1]
    return "".join(words)
