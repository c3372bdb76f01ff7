"""The report people look at: one HTML file with no scripts and nothing to fetch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from statistics import median
from typing import Final

from jinja2 import Environment, StrictUndefined

from flireo_flows.analytics import charts
from flireo_flows.analytics.answers import Labels, masked, one_line, summarise
from flireo_flows.ledger import LeadResult
from flireo_flows.ledger.completeness import Completeness

TEMPLATE: Final = "report.html.j2"
MOST_REASONS: Final = 12
NOTHING: Final = "–"
# A transferred call was answered by a person first.
REACHED: Final = frozenset({"answered", "transferred"})
NO_OUTCOME_YET: Final = "no outcome yet"
NO_REASON: Final = "no reason given"
# State of the leads that are not done -> title of their table.
QUEUES: Final = {"waiting": "Still waiting", "review": "To be reviewed", "skipped": "Skipped"}


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of leads, except where another unit is named.

    Attributes:
        rows: Rows in the file: leads and rejects.
        leads: People to call.
        called: Called at least once.
        reached: A person answered the last call, also when it was transferred then.
        reached_analysed: Of those, with an analysis.
        ended: With a call that is over.
        ended_analysed: Of those, with an analysis.
        talk_seconds: Length of each call in which a person answered, in seconds.
        outcomes: Outcome of the last call of the leads that were called.
    """

    rows: int
    leads: int
    called: int
    reached: int
    reached_analysed: int
    ended: int
    ended_analysed: int
    talk_seconds: Sequence[int]
    outcomes: Mapping[str, int]

    @property
    def median_talk_minutes(self) -> float | None:
        """None when no one was reached."""
        return median(self.talk_seconds) / 60 if self.talk_seconds else None

    @property
    def total_talk_minutes(self) -> float:
        """Minutes of all calls in which a person answered."""
        return sum(self.talk_seconds) / 60


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the large figures at the top."""

    title: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Leads in one state, counted by reason."""

    title: str
    total: int
    reasons: Sequence[tuple[str, int]]


def render_report(
    results: Iterable[LeadResult],
    *,
    campaign: str,
    rejects: int | None,
    generated_at: datetime,
    completeness: Completeness | None = None,
) -> str:
    """The report of a campaign as HTML. It is aggregated: no phone number and no name of a lead is in it.

    Args:
        results: One a lead.
        campaign: Stands in the title.
        rejects: Rows of the file that are no leads; None where it is unknown.
        generated_at: With its zone, in which the report shows all its times.
        completeness: Of the campaign's results; None leaves it out.
    """
    rows = list(results)
    figures, knows_file = count(rows, rejects or 0), rejects is not None
    labels = Labels.without(row.name for row in rows)
    source = files(__package__).joinpath(TEMPLATE).read_text("utf-8")
    return (
        _environment()
        .from_string(source)
        .render(
            campaign=one_line(campaign),
            generated_at=generated_at,
            period=_period(rows, generated_at),
            figures=figures,
            headlines=_headlines(figures, knows_file),
            funnel=charts.funnel(_stages(figures, knows_file)),
            outcomes=charts.bars((worded(outcome), n) for outcome, n in figures.outcomes.items()),
            durations=charts.histogram(figures.talk_seconds),
            answers=summarise((row.analysis for row in rows if row.analysis), labels),
            completeness=completeness,
            queues=[_queue(title, reasons(rows, state), labels) for state, title in QUEUES.items()],
            reached_outcomes=REACHED,
            plot_height=charts.PLOT_HEIGHT,
        )
    )


def _environment() -> Environment:
    # The template's name does not end in .html, by which Jinja would know to escape.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=percent, figure=figure, whole=whole, instant=instant)
    environment.globals.update(bars=charts.bars)
    return environment


def _headlines(figures: Figures, knows_file: bool) -> list[Headline]:
    of_called = f"{whole(figures.reached)} of {whole(figures.called)} called"
    of_ended = f"{whole(figures.ended_analysed)} of {whole(figures.ended)} ended"
    rejected = f"{whole(figures.rows - figures.leads)} rows rejected" if knows_file else ""
    of_leads = f"{share(figures.called, figures.leads)} of the leads" if figures.leads else "no leads"
    return [
        Headline("Leads", whole(figures.leads), rejected),
        Headline("Called", whole(figures.called), of_leads),
        Headline("Answered", share(figures.reached, figures.called), of_called),
        Headline("Talk, median", minutes(figures.median_talk_minutes), "per answered call"),
        Headline("Talk, total", minutes(figures.total_talk_minutes), "answered calls"),
        Headline("With analysis", share(figures.ended_analysed, figures.ended), of_ended),
    ]


def _stages(figures: Figures, knows_file: bool) -> list[tuple[str, int]]:
    return [
        *([("Rows in file", figures.rows)] if knows_file else []),
        ("Leads", figures.leads),
        ("Called", figures.called),
        ("Answered", figures.reached),
        ("Analysed", figures.reached_analysed),
    ]


def _queue(title: str, counted: Counter[str], labels: Labels) -> Queue:
    # Two reasons may read the same once a number in them is blotted out.
    merged = Counter[str]()
    for reason, number in counted.items():
        merged[labels.label(worded(reason))] += number
    shown = merged.most_common(MOST_REASONS)
    rest = merged.total() - sum(number for _, number in shown)
    return Queue(title, merged.total(), [*shown, *([("other reasons", rest)] if rest else [])])


def _period(rows: Sequence[LeadResult], generated_at: datetime) -> tuple[datetime, datetime] | None:
    moments = [moment for row in rows for moment in (row.started_at, row.ended_at) if moment is not None]
    if not moments:
        return None
    zone = generated_at.tzinfo
    return min(moments).astimezone(zone), max(moments).astimezone(zone)


def worded(code: str) -> str:
    """A code as words: `no_answer` is "no answer"."""
    return masked(one_line(code.replace("_", " ")))


def share(part: int, whole_: int) -> str:
    """A part of a whole in percent; a dash when there is no whole."""
    return percent(part / whole_) if whole_ else NOTHING


def minutes(value: float | None) -> str:
    """Minutes, to a tenth below ten; a dash when there are none to speak of."""
    if value is None:
        return NOTHING
    return f"{value:,.0f} min" if value >= 10 or not value else f"{value:.1f} min"


def percent(value: float) -> str:
    """0 to 1 as percent. What is not all is never "100%", and what is not nothing never "0%"."""
    if 0 < value < 0.01:
        return "<1%"
    return ">99%" if 0.99 < value < 1 else f"{value:.0%}"


def figure(value: float) -> str:
    """A number in at most three significant digits, so that a phone number taken for one does not show."""
    if abs(value) >= 1e6:
        return f"{value:.2e}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def whole(value: int) -> str:
    """A count with commas between thousands."""
    return f"{value:,}"


def instant(moment: datetime) -> str:
    """Date, hour and zone, such as `2026-08-22 14:05 CEST`."""
    return f"{moment:%Y-%m-%d %H:%M %Z}".strip()


def count(results: Sequence[LeadResult], rejects: int) -> Figures:
    """Count the results of a campaign whose file also had `rejects` rows that are no leads."""
    called = [result for result in results if result.attempts > 0]
    reached = [result for result in called if result.outcome in REACHED]
    ended = [result for result in results if is_over(result)]
    return Figures(
        rows=len(results) + rejects,
        leads=len(results),
        called=len(called),
        reached=len(reached),
        reached_analysed=sum(bool(result.analysis) for result in reached),
        ended=len(ended),
        ended_analysed=sum(bool(result.analysis) for result in ended),
        talk_seconds=[r.duration_seconds for r in reached if r.duration_seconds is not None],
        outcomes=dict(Counter(str(r.outcome) or NO_OUTCOME_YET for r in called).most_common()),
    )


def is_over(result: LeadResult) -> bool:
    """Whether the last call of a lead has ended. Without a call id no call came about."""
    return bool(result.call_id) and (result.ended_at is not None or bool(result.outcome))


def reasons(results: Iterable[LeadResult], state: str) -> Counter[str]:
    """How many leads are in a state, by the reason given."""
    return Counter(str(result.reason) or NO_REASON for result in results if result.state == state)
