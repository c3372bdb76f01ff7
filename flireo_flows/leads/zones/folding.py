"""Names compared as people write them: without case, accents, spaces and signs."""

import unicodedata


def folded(text: str, keep: str = "") -> str:
    """The letters and digits of a text in lower case, without accents; and the characters of `keep`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum() or character in keep)
