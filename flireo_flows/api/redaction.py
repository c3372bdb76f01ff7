"""What may be shown of a phone number or of a text that came from outside."""

import logging
import re
from typing import Final

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
    return PRIVATE.sub(_masked, TOKEN.sub("***", text))


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
    return PRIVATE.sub(_masked, str(value)) if type(value).__name__ == "URL" else value


def _masked(found: re.Match[str]) -> str:
    return found["kept"] or mask_phone(re.sub(r"[^\d+]", "", found.group()))
