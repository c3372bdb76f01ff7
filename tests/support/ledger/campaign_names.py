"""Names of campaigns that are one, and names that cannot be used."""

import pytest

FIRST = "Café Nord"
SPELLINGS = {
    "lower case": "café nord",
    "upper case": "CAFÉ NORD",
    "trailing space": "Café Nord ",
    "leading tab and newline": "\t\nCafé Nord",
    "two spaces": "Café  Nord",
    "no-break space": "Café\u00a0Nord",
    "ideographic space": "Café\u3000Nord",
    "decomposed": "Cafe\u0301 Nord",
    "zero-width space": "Ca\u200bfé Nord",
    "zero-width joiner": "Café\u200d Nord",
    "zero-width non-joiner": "Café Nord\u200c",
    "byte order mark": "\ufeffCafé Nord",
    "soft hyphen": "Ca\u00adfé Nord",
    "right-to-left mark": "Café Nord\u200f",
    "bidi override": "\u202eCafé Nord\u202c",
    "word joiner": "Café\u2060 Nord",
    "combining grapheme joiner": "Caf\u034fé Nord",
    "variation selector": "Café Nord\ufe0f",
    "hangul filler": "Café Nord\u3164",
    "tag character": "Café Nord\U000e0041",
    "full width": "Ｃａｆé Ｎｏｒｄ",
    "next line": "Café\u0085Nord",
}
UNUSABLE = {
    "empty": "",
    "a space": " ",
    "no-break space": "\u00a0",
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "marks and spaces": " \u200f \u00ad ",
    "hangul filler": "\u3164",
    "braille blank": "\u2800",
    "NUL": "ba\x00r",
    "bell": "bar\x07",
    "escape": "\x1b[31mbar",
    "delete": "ba\x7fr",
    "file separator": "ba\x1cr",
    "half a character": "bar\ud800",
    "too long": "x" * 81,
}

every_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
