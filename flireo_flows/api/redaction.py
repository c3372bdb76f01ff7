"""What may be shown of a phone number or of a text that came from outside."""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

# An id and a date have as many digits as a phone number, and help whoever reads an error.
KEPT: Final = (
    r"(?P<kept>\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b"
    r"|\b(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?(?![\d-]))"
)
# Whatever stands before it: a call id holds one after a "_", a quoted one comes after "%2B".
_BETWEEN: Final = r"[\s().\-/\u2010-\u2015]{0,3}"
PHONE: Final = rf"(?:\+|\d{_BETWEEN})\d(?:{_BETWEEN}\d){{6,}}"  # 7 digits after a "+", 8 without
PRIVATE: Final = re.compile(f"{KEPT}|{PHONE}", re.IGNORECASE)
TOKEN: Final = re.compile(r"\b(?:fl_(?:live|test)_\w+|whsec_\w+|Bearer\s+\S+)", re.IGNORECASE)
LONGEST: Final = 300  # characters of a server's text that an error carries


def mask_phone(phone: str) -> str:
    """Show the country and the last two digits: `+31*******78`.

    Args:
        phone: E.164, or whatever stood in its place.
    """
    if len(phone) < 7:
        return "*" * len(phone)
    return f"{phone[:3]}{'*' * (len(phone) - 5)}{phone[-2:]}"


def mask_numbers(text: str) -> str:
    """Mask phone numbers and tokens in a text that people must see whole."""
    return PRIVATE.sub(_mask_match, TOKEN.sub("***", text))


def redact(text: str) -> str:
    """Mask phone numbers and tokens in a text from outside, and cut it to 300 characters."""
    masked = mask_numbers(text)
    return masked if len(masked) <= LONGEST else f"{masked[:LONGEST]}..."


class MaskedUrls(logging.Filter):
    """Masks numbers in the URLs that httpx logs for every request: a call id in a path may hold one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; let every one pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(_shown(value) for value in record.args)
        return True


def _shown(value: object) -> object:
    return PRIVATE.sub(_mask_match, str(value)) if type(value).__name__ == "URL" else value


def _mask_match(found: re.Match[str]) -> str:
    return found["kept"] or mask_phone(re.sub(r"[^\d+]", "", found.group()))


HIDDEN: Final = "***"
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# By whole words, so that neither `max_tokens` nor `keyterms` is one.
_SENSITIVE: Final = "secret secrets password passwords passwd token apikey authorization credentials"
_SECRET: Final = frozenset(_SENSITIVE.split())
_SECRET_KEYS: Final = frozenset({"api", "access", "private", "secret"})  # before "key"


def is_secret(name: str) -> bool:
    """Whether a key's name shows that its value is a secret, in either key case: `webhookSecret`, `api_key`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return not _SECRET.isdisjoint(words) or any(
        first in _SECRET_KEYS and second in ("key", "keys") for first, second in pairwise(words)
    )


def without_secrets(value: Any) -> Any:
    """The same JSON, with `***` for every value whose key names a secret; null stays null."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if is_secret(str(name)) and inner not in (None, "") else without_secrets(inner)
            for name, inner in value.items()
        }
    return [without_secrets(item) for item in value] if isinstance(value, list | tuple) else value


def masked(value: Any) -> Any:
    """The same JSON without secrets, and with phone numbers and tokens masked in every text, number and key.

    Texts are cut to 300 characters.
    """
    return _masked(without_secrets(value))


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without these secrets, as they are or as JSON spells them, once or twice."""
    for secret in secrets:
        for spelled in {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]}:
            text = text.replace(spelled, HIDDEN)
    return text


def levels_of(value: Any) -> int:
    """How many levels deep JSON is, however deep: every other function here stops at what Python can walk down."""
    levels, level = 0, [value]
    while level:
        level = [inner for outer in level for _, inner in _parts(outer)]
        levels += 1
    return levels


def cut_off(value: Any, levels: int) -> Any:
    """The same JSON without what lies deeper than so many levels."""
    if isinstance(value, dict):
        return {name: cut_off(inner, levels - 1) for name, inner in value.items()} if levels > 1 else {}
    if isinstance(value, list | tuple):
        return [cut_off(item, levels - 1) for item in value] if levels > 1 else []
    return value


def secrets_in(value: Any, where: str = "") -> Iterator[str]:
    """Where JSON holds a secret in clear, such as `llm_config.tools.0.server.secret`."""
    return (place for place, secret in _secrets(value, where) if isinstance(secret, str | int))


def secret_values(value: Any) -> Iterator[str]:
    """The secrets that JSON holds in clear."""
    return (secret for _, secret in _secrets(value) if isinstance(secret, str))


def _secrets(value: Any, where: str = "") -> Iterator[tuple[str, object]]:
    """Place and value of each secret; what a key that names a secret holds is looked into where it is no text."""
    for name, inner in _parts(value):
        place = f"{where}.{name}" if where else str(name)
        if isinstance(value, dict) and is_secret(str(name)) and isinstance(inner, str | int) and inner != "":
            yield place, inner
        else:
            yield from _secrets(inner, place)


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {redact(str(name)): _masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and not isinstance(value, bool) and redact(str(value)) != str(value):
        return redact(str(value))  # a number without its plus
    return value
