"""docs/forms.md: every field of the forms, as they are."""

from pathlib import Path

from flireo_flows.policy import CallingPolicy
from flireo_flows.script import Script
from flireo_flows.tasks.reference_pages import forms

WRITTEN = Path(__file__).parents[3] / "docs" / "forms.md"


def test_the_page_is_what_the_forms_are() -> None:
    remedy = "run: python -m flireo_flows.tasks.reference_pages forms > docs/forms.md"
    assert WRITTEN.read_text(encoding="utf-8") == forms(), remedy


def test_every_field_has_its_row_and_a_meaning() -> None:
    rows = [line for line in forms().splitlines() if line.startswith("| `")]
    named = {row.split("`")[1] for row in rows}
    assert {*CallingPolicy.model_fields, *Script.model_fields} <= named
    for row in rows:
        assert len(row.rsplit("|", maxsplit=2)[1].strip()) > 8, row
