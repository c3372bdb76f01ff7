"""The report: right figures, no one's name or number, and nothing of a model's text taken for markup."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.analytics.answers import Labels, masked
from flireo_flows.analytics.charts import funnel, histogram
from flireo_flows.analytics.report import count, figure, percent, render_report
from flireo_flows.ledger import LeadResult
from flireo_flows.ledger.completeness import Completeness
from tests.support.analytics.people import NOT_RUNG, Person, campaign
from tests.support.analytics.strategies import ANALYSES

NOW = datetime(2026, 8, 22, 14, 5, tzinfo=ZoneInfo("Europe/Amsterdam"))
THE_NUMBER = re.compile(r"7700\D{0,3}900\D{0,3}001")


def rendered(*results: LeadResult, campaign: str = "Solar", rejects: int = 0) -> str:
    return render_report(results, campaign=campaign, rejects=rejects, generated_at=NOW)


def texts(page: str) -> str:
    """What a reader sees, a line each text."""
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_data = lambda data: found.append(data.strip())  # type: ignore[method-assign]
    parser.feed(page.partition("</style>")[2])
    return "\n".join(filter(None, found))


def test_a_report_of_a_thousand_leads_is_small_and_whole() -> None:
    page = rendered(*campaign(1000), rejects=12)
    assert len(page.encode()) < 60_000
    assert page.rstrip().endswith("</html>")
    assert "2026-08-22 14:05 CEST" in page


def test_a_report_stays_small_whatever_a_model_answers() -> None:
    people = [
        Person(analysis={f"{'k' * 40}{k}": f"<{(n + k) % 6}>{'v' * 50}" for k in range(99)})
        for n in range(300)
    ]
    page = rendered(*people)
    assert len(page.encode()) < 60_000
    assert "75 rarer keys are in the exported files." in page


def test_a_report_fetches_and_runs_nothing() -> None:
    page = rendered(*campaign(50))
    assert not re.search(r"<script|<link|<img|\bsrc=|\bhref=|url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_no_calls_make_a_report_that_says_so() -> None:
    seen = texts(rendered())
    assert "No one has been called yet." in seen
    assert "No call has been analysed yet." in seen


def test_the_figures_are_those_of_the_leads() -> None:
    people = [
        Person(duration_seconds=60, analysis={"ok": True}),
        Person(duration_seconds=180, outcome="transferred"),
        Person(duration_seconds=20, outcome="voicemail", analysis={"ok": False}),
        Person(outcome="", state="calling", ended_at=None, duration_seconds=None),
        NOT_RUNG,
    ]
    figures = count(people, rejects=2)
    assert (figures.rows, figures.leads, figures.called) == (7, 5, 4)
    assert (figures.reached, figures.reached_analysed) == (2, 1)
    assert (figures.ended, figures.ended_analysed) == (3, 2)
    assert (figures.median_talk_minutes, figures.total_talk_minutes) == (2.0, 4.0)
    assert figures.outcomes == {"answered": 1, "transferred": 1, "voicemail": 1, "no outcome yet": 1}


def test_leads_not_called_to_the_end_are_counted_by_reason() -> None:
    seen = texts(rendered(NOT_RUNG, NOT_RUNG, replace(NOT_RUNG, state="skipped", reason="do_not_call")))
    assert "2\nStill waiting\nStill waiting, by reason\nReason\nLeads\noutside hours\n2" in seen
    assert "1\nSkipped\nSkipped, by reason\nReason\nLeads\ndo not call\n1" in seen
    assert "0\nTo be reviewed\nNone." in seen


def test_every_kind_of_analysis_key_is_summarised() -> None:
    people = [
        Person(
            analysis={
                "yes": n < 3,
                "grade": n,
                "plan": "S" if n else "L",
                "tags": ["a", "b"],
                "note": f"text {n}",
            }
        )
        for n in range(4)
    ]
    seen = texts(rendered(*people))
    assert "yes\n4 answers\ntrue\n3 · 75%" in seen
    assert "grade\n4 answers\nlowest\n0\nmedian\n1.5\nhighest\n3" in seen
    assert "plan\n4 answers\nS\n3 · 75%\nother\n1 · 25%" in seen
    assert "tags\n4 answers" in seen
    assert "note\n4 answers\n4 different texts; they are in the exported files." in seen


def test_a_model_cannot_write_markup_into_the_report() -> None:
    evil = "<script>alert(1)</script>"
    person = Person(summary=evil, analysis={evil: evil, '"><svg onload=x>': True}, outcome=evil, name=evil)
    page = rendered(person, person, replace(NOT_RUNG, reason=evil), campaign=evil)
    assert "<script" not in page
    assert "<svg onload" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "number", ["+447700900001", "07700 900001", "+44 (0)7700-900.001", "+44\u200b7700\u00a0900001"]
)
def test_a_phone_number_does_not_show_wherever_it_hides(number: str) -> None:
    person = Person(
        analysis={
            number: number,
            "back": number,
            "as_number": 447700900001,
            "list": [number],
            "in": f"at {number}!",
        },
        outcome=number,
        summary=number,
        columns={"mobile": number},
    )
    seen = rendered(
        person, person, replace(NOT_RUNG, reason=f"called {number} before"), replace(NOT_RUNG, phone=number)
    )
    assert not THE_NUMBER.search(seen)
    assert "•••" in seen


def test_no_name_shows_even_if_many_gave_it() -> None:
    person = Person(
        name="Anna van Dijk",
        analysis={"who": "Ms. van Dijk", "first": "anna", "Dijk": True, "when": "end of van week"},
    )
    seen = rendered(person, person, replace(NOT_RUNG, reason="Anna asked us to wait")).casefold()
    assert "dijk" not in seen
    assert "anna" not in seen
    assert "end of van week" in seen


def test_a_text_only_one_person_gave_is_not_quoted() -> None:
    seen = rendered(*[Person(analysis={"why": "price"})] * 3, Person(analysis={"why": "my divorce"}))
    assert "price" in seen
    assert "divorce" not in seen


def test_dates_are_not_taken_for_phone_numbers() -> None:
    assert masked("until 2026-08-24 09:00") == "until 2026-08-24 09:00"
    assert masked("2026-08-24 or +447700900001, a@b.example") == "2026-08-24 or •••, •••"


def test_labels_are_one_short_printable_line() -> None:
    labels = Labels.without([])
    assert labels.label("a\nb\u202e\ud83d\0") == "a b"
    assert labels.label("x" * 99) == "x" * 39 + "…"
    assert labels.label(" ") == "(empty)"


def test_each_drawing_has_a_title_a_description_and_a_table() -> None:
    page = rendered(*campaign(100))
    drawings = page.count('role="img"')
    assert drawings == 3
    assert page.count("<desc id=") == drawings
    assert page.count("As a table") == drawings
    named = re.findall(r'aria-labelledby="([^"]+)"', page)
    assert all(f'id="{name}"' in page for names in named for name in names.split())


@settings(deadline=None, max_examples=50)
@given(st.lists(ANALYSES, max_size=5))
def test_whatever_a_model_answers_can_be_reported(analyses: list[Mapping[str, object] | None]) -> None:
    page = rendered(*(Person(analysis=analysis) for analysis in analyses))
    assert page.encode().rstrip().endswith(b"</html>")


@given(st.lists(st.integers(0, 20_000), min_size=1))
def test_every_call_is_in_one_bin_of_the_histogram(seconds: list[int]) -> None:
    bins = histogram(seconds)
    assert sum(each.count for each in bins) == len(seconds)
    assert len(bins) <= 13


def test_one_very_long_call_does_not_squeeze_the_others() -> None:
    bins = histogram([60] * 50 + [7200])
    assert bins[-1].label == "1:10 and more"
    assert bins[-1].tick == "1:10+"


def test_a_funnel_narrows_and_an_empty_one_has_no_shares() -> None:
    top, middle, bottom = funnel([("a", 4), ("b", 2), ("c", 1)])
    assert (top.width, middle.width, bottom.width) == (100, 50, 25)
    assert (top.share_of_previous, middle.share_of_previous) == (None, 0.5)
    assert (middle.next_width, bottom.next_width) == (25, None)
    assert [stage.share_of_previous for stage in funnel([("a", 0), ("b", 0)])] == [None, None]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0%"), (0.001, "<1%"), (0.005, "<1%"), (0.01, "1%"), (0.5, "50%"), (0.999, ">99%"), (1, "100%")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(value: float, words: str) -> None:
    assert percent(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (7.25, "7.25"), (1234.5, "1,234"), (-3, "-3"), (31612345678, "3.16e+10")]
)
def test_a_number_shows_few_enough_digits_not_to_be_a_phone(value: float, words: str) -> None:
    assert figure(value) == words


class WithMarkup(Completeness):
    """Figures whose words hold what HTML would take for a tag."""

    def rows(self) -> dict[str, str]:
        return {"reports in": "199 of 200 (99.5%)", "report after": "median 4 s, 95% within <b>2 min"}


def test_how_complete_the_results_are_is_told_where_it_is_known() -> None:
    complete = WithMarkup(reports_due=200, reports=199)
    page = render_report([], campaign="Solar", rejects=0, generated_at=NOW, completeness=complete)
    seen = texts(page)
    assert "How complete the results are" in seen
    assert "Reports in\n>99%\nAnalyses in\nnone due" in seen
    assert "Reports in\n199 of 200 (99.5%)\nReport after\nmedian 4 s, 95% within <b>2 min" in seen
    assert 'width="99.50%"' in page and 'width="0.00%"' in page
    assert "How complete" not in rendered()
