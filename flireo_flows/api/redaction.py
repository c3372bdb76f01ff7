"""What may be shown of a phone number or of a text that came from outside."""

import re
from typing import Final

PHONE: Final = re.compile(r"(?<![\w-])\+?\d[\d\s().-]{5,}\d")
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


def redact(text: str) -> str:
    """Mask phone numbers and tokens in a text from outside, and cut it to 300 characters."""
    without_tokens = TOKEN.sub("***", text)
    # ISO dates and times are digits and dashes too; they are no numbers to hide.
    masked = PHONE.sub(lambda match: _masked(match.group()), without_tokens)
    return masked if len(masked) <= LONGEST else f"{masked[:LONGEST]}..."


def _masked(found: str) -> str:
    if re.match(r"\d{4}-\d{2}-\d{2}", found):
        return found
    digits = re.sub(r"[^\d+]", "", found)
    return mask_phone(digits) if len(digits) >= 8 else found
