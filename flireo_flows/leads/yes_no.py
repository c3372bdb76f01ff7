"""A yes or a no, as people and language models write it: in a cell of a file and in a call's analysis.

What can be read in two ways is neither. So words are left out that mean one thing in one language and another in
the next: `nie` is no in Polish and never in German, `ya` is yes in Indonesian and already in Spanish. They count where
the reading calls no one.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class YesNo(StrEnum):
    """What an answer means."""

    YES = "yes"
    NO = "no"
    EMPTY = "empty"  # not answered
    UNCLEAR = "unclear"  # answered, and neither yes nor no


def word_set(text: str) -> frozenset[str]:
    """The words of a text that has nothing else in it."""
    return frozenset(text.split())


def folded(text: str, keep: str = "") -> str:
    """The letters and digits of a text in lower case, without accents; and the characters of `keep`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum() or character in keep)


_WORD: Final = re.compile(r"[^\W_]+")


def plain_words(text: str) -> list[str]:
    """The words of a text without case, accents and signs."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _WORD.findall(bare.replace("'", "").replace("’", "").replace("ı", "i"))


def plain_set(text: str) -> frozenset[str]:
    """The same words as a set."""
    return frozenset(plain_words(text))


# In the languages that agents speak, and what programs write. Compared without case, accents and signs.
YES_WORDS: Final = plain_set(
    """
    yes y yeah yep yup ja j jap jep jawohl jazeker oui ouais si sim tak ano igen kyllä joo evet iya vâng da ναι
    true t wahr vrai waar verdadero verdadeiro vero prawda on 1 o да так はい 네 예 是 是的 نعم हाँ हां
    """
)
NO_WORDS: Final = plain_set(
    """
    no n nope nee neen nein non nao nej nei nem ei hayir tidak không όχι false f falsch faux onwaar falso off 0
    нет не ні いいえ 아니요 아니오 否 不是 لا नहीं
    """
)
# A yes in one language or program and something else in the next; and a no.
YES_SOMEWHERE: Final = frozenset({"ya", "co", "x"})
NO_SOMEWHERE: Final = frozenset({"nie", "ne", "nu", "ikke", "inte"})
_TICKS: Final = frozenset("✓✔☑✅")
# What may stand beside a yes or a no and changes nothing.
FILLERS: Final = word_set(
    """
    please thanks thank you sir madam absolutely definitely certainly sure of course exactly correct
    graag hoor zeker bedankt dank je u wel alstublieft alsjeblieft
    danke bitte gerne sicher naturlich merci bien sur sil vous plait absolument
    gracias por favor claro grazie certo per favore obrigado obrigada
    prosze prosim klopt
    """
)
_NOT_AT_ALL: Final = word_set("not at all")  # beside a no
_BOTH: Final = word_set("and or et en und ou y e o oder of")
# Keys under which a model wraps its answer.
WRAPPERS: Final = ("value", "answer", "result", "response", "bool", "boolean")


def yes_or_no(answer: object) -> YesNo:
    """Read an answer that is to be a yes or a no.

    Args:
        answer: A text (`Yes.`, `nee hoor`), a boolean, 1 or 0, an object around one (`{"value": true}`), or a list.
            Of a list, one yes is enough.
    """
    match answer:
        case None:
            return YesNo.EMPTY
        case bool():
            return YesNo.YES if answer else YesNo.NO
        case int() | float():
            return YesNo.YES if answer == 1 else YesNo.NO if answer == 0 else YesNo.UNCLEAR
        case str():
            return _of_text(answer)
        case Mapping():
            return _of_object(answer)
        case list() | tuple():
            return _of_several([yes_or_no(one) for one in answer])
        case _:
            return YesNo.UNCLEAR


def leaning_answer(answer: object) -> YesNo:
    """As `yes_or_no`, but an answer that only begins with a yes or a no counts as one: `Yes, he hung up at once`.

    Only for decisions where the word it begins with cannot lead to a call.
    """
    read = yes_or_no(answer)
    if read is not YesNo.UNCLEAR:
        return read
    match answer:
        case str():
            return _beginning(plain_words(answer))
        case Mapping():
            found = _wrapped(answer)
            return leaning_answer(found[0]) if found else YesNo.UNCLEAR
        case list() | tuple():
            return _of_several([leaning_answer(one) for one in answer])
        case _:
            return YesNo.UNCLEAR


def _of_text(text: str) -> YesNo:
    if not text.strip():
        return YesNo.EMPTY
    if set(text.strip()) <= _TICKS:
        return YesNo.YES
    words = plain_words(text)
    if re.fullmatch(r"[01]\.0+", text.strip()):  # a figure of a spreadsheet
        words = words[:1]
    first = _word(words[0]) if words else None
    if first is None:
        return YesNo.UNCLEAR
    same, others = (YES_WORDS, FILLERS) if first is YesNo.YES else (NO_WORDS, FILLERS | _NOT_AT_ALL)
    return first if set(words) <= same | others else YesNo.UNCLEAR


def _word(word: str) -> YesNo | None:
    return YesNo.YES if word in YES_WORDS else YesNo.NO if word in NO_WORDS else None


def _beginning(words: list[str]) -> YesNo:
    if len(words) == 1 and words[0] in YES_SOMEWHERE | NO_SOMEWHERE:
        return YesNo.YES if words[0] in YES_SOMEWHERE else YesNo.NO
    first = _word(words[0]) if words else None
    # "1.5"; "yes/no"; "ja und nein"
    if first is None or words[0].isdigit() or set(words) <= YES_WORDS | NO_WORDS | _BOTH:
        return YesNo.UNCLEAR
    return first


def _wrapped(answer: Mapping[object, object]) -> list[object]:
    """What an object wraps, in a list; empty if it is not one that wraps an answer."""
    named = {"".join(plain_words(str(key))): value for key, value in answer.items()}
    return next(([named[key]] for key in WRAPPERS if key in named), [])


def _of_object(answer: Mapping[object, object]) -> YesNo:
    if not answer:
        return YesNo.EMPTY
    found = _wrapped(answer)
    return yes_or_no(found[0]) if found else YesNo.UNCLEAR


def _of_several(read: list[YesNo]) -> YesNo:
    order = (YesNo.YES, YesNo.UNCLEAR, YesNo.NO)
    return next((one for one in order if one in read), YesNo.EMPTY)
