"""No text advises what calls someone a second time: to begin without the ledger, or under a new name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[3]
READ_BY_PEOPLE: Final = (
    "flireo_flows",
    "flows",
    "blocks",
    "automations",
    "docs",
    "README.md",
    "prefect.yaml",
)
KINDS: Final = {".py", ".md", ".yaml", ".j2"}
DO: Final = (
    r"(use|take|choose|pick|try|give|start with|switch to|(ring|call|run|name) (its|these|those|the) people)"
)
OTHER: Final = r"(another|a new|a fresh|a different|an empty|a second)"
ADVICE: Final = re.compile(
    rf"\b{DO}\b[\w ,']{{0,30}}\b{OTHER} (flireo )?(ledger|campaign('s)? name|campaign)\b"
    r"|\b(delete|remove|drop|empty|recreate|reset) (the|your|its|that|this) (call )?(ledger|ledger\.db)\b",
    re.IGNORECASE,
)


def texts() -> Iterator[tuple[str, str]]:
    """Every file that people read, or whose messages they read, as one line."""
    for name in READ_BY_PEOPLE:
        place = PROJECT / name
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.suffix in KINDS:
                yield str(file.relative_to(PROJECT)), " ".join(file.read_text(encoding="utf-8").split())


def test_no_text_advises_what_leads_to_a_second_call() -> None:
    # A message that is broken over two lines of code is read as one.
    found = [
        f"{name}: {match[0]}"
        for name, text in texts()
        for match in ADVICE.finditer(re.sub(r'" f?"', "", text))
    ]
    assert found == []


def test_such_advice_would_be_noticed() -> None:
    for advice in (
        "Use the flireo-flows it was made with, or use another ledger (FLIREO_LEDGER_URL).",
        "ring its people under another campaign name.",
        "name those people in the file of another campaign.",
        "Delete the ledger and run again.",
        "start with an empty ledger",
    ):
        assert ADVICE.search(advice), advice
