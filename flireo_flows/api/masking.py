"""Secrets and phone numbers in JSON of any shape: where they are, and the same JSON without them."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from flireo_flows.api.model import Json
from flireo_flows.api.redaction import redact

HIDDEN: Final = "***"
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# By whole words, so that neither `max_tokens` nor `keyterms` is one.
_SECRET: Final = frozenset(
    {
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "token",
        "apikey",
        "authorization",
        "credentials",
    }
)
_SECRET_KEYS: Final = frozenset({"api", "access", "private", "secret"})  # before "key"


def is_secret(name: str) -> bool:
    """Whether a key's name says that its value is a secret, in either key case: `webhookSecret`, `api_key`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return not _SECRET.isdisjoint(words) or any(
        first in _SECRET_KEYS and second in ("key", "keys") for first, second in pairwise(words)
    )


def without_secrets(value: Json) -> Json:
    """The same JSON, with `***` for every value whose key names a secret; null stays null."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if is_secret(str(name)) and inner not in (None, "") else without_secrets(inner)
            for name, inner in value.items()
        }
    return [without_secrets(item) for item in value] if isinstance(value, list | tuple) else value


def masked(value: Json) -> Json:
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


def levels_of(value: Json) -> int:
    """How many levels deep JSON is, however deep: every other function here stops at what Python can walk down."""
    levels, level = 0, [value]
    while level:
        level = [inner for outer in level for inner in _parts(outer)]
        levels += 1
    return levels


def cut_off(value: Json, levels: int) -> Json:
    """The same JSON without what lies deeper than so many levels."""
    if isinstance(value, dict):
        return {name: cut_off(inner, levels - 1) for name, inner in value.items()} if levels > 1 else {}
    if isinstance(value, list | tuple):
        return [cut_off(item, levels - 1) for item in value] if levels > 1 else []
    return value


def secrets_in(value: Json, where: str = "") -> Iterator[str]:
    """Where JSON holds a secret in clear, such as `llm_config.tools.0.server.secret`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{where}.{name}" if where else str(name)
            if is_secret(str(name)) and isinstance(inner, str | int) and inner != "":
                yield place
            else:
                yield from secrets_in(inner, place)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from secrets_in(inner, f"{where}.{index}" if where else str(index))


def secret_values(value: Json) -> Iterator[str]:
    """The secrets that JSON holds in clear."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if is_secret(str(name)) and isinstance(inner, str):
                yield inner
            else:
                yield from secret_values(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secret_values(item)


def _parts(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _masked(value: Json) -> Json:
    if isinstance(value, dict):
        return {redact(str(name)): _masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and not isinstance(value, bool) and redact(str(value)) != str(value):
        return redact(str(value))  # a number without its plus
    return value
