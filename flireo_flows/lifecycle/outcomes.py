"""What a finished call means: a table of rules that people edit. The first rule that fits decides.

A policy's own rules (`CallingPolicy.outcomes`) are asked before the default table, `outcomes.yaml` beside this
module. Nothing here does I/O but the one reading of that file.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from flireo_flows.lifecycle import analysis_answers as answers

DEFAULT_TABLE: Final = "outcomes.yaml"


class Outcome(StrEnum):
    """What became of a call."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    REJECTED = "rejected"
    TRANSFERRED = "transferred"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """What is known of a call that is over; empty, or None, where nothing is.

    Attributes:
        status: `status` of the call.
        end_reason: `end_reason` of the call; free text, an open set.
        error: Text of a failed call.
        summary: The platform's summary.
        talked: Whether a person or a machine answered (a start time, a duration or a transcript).
        duration_seconds: Of the call.
        turns: Of the transcript; 0 when there is none.
        first_words: What the other party said first.
        analysis: As it came.
    """

    status: str = ""
    end_reason: str = ""
    error: str = ""
    summary: str = ""
    talked: bool = False
    duration_seconds: int | None = None
    turns: int = 0
    first_words: str = ""
    analysis: Mapping[str, object] | None = None


def _is_a_phrase(text: str) -> str:
    if not _plain(text).strip():
        raise ValueError("a phrase needs a letter, a digit or a sign; an empty one would fit every call")
    return text


def _as_text(value: Any) -> Any:
    """YAML reads an unquoted 486 as a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Phrase = Annotated[str, Field(max_length=200), BeforeValidator(_as_text), AfterValidator(_is_a_phrase)]


class AnalysisAnswer(BaseModel):
    """An answer in a call's analysis."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            title="Key",
            description="Of the analysis; `person.reached` is a key within another.",
        ),
    ]
    equals: Annotated[
        str,
        Field(
            max_length=200,
            title="Equals",
            description="The answer, whatever its case. true is every way to say yes (ja, oui, 1), false every way "
            "to say no.",
        ),
    ] = "true"

    @field_validator("equals", mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        """YAML reads an unquoted false as such."""
        return str(value).lower() if isinstance(value, bool) else _as_text(value)


class OutcomeRule(BaseModel):
    """One row of the table of outcomes. All conditions that are given must hold; without any, every call fits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Annotated[Outcome, Field(title="Outcome", description="What a call means that this rule fits.")]
    status: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(
            title="Status", description="The call's status is one of these, as the API writes it (failed)."
        ),
    ] = []
    ended_with: Annotated[
        list[Phrase],
        Field(
            title="End reason or error contains",
            description="One of these words stands in the end reason or the error, be it written with capitals, "
            "-, _ or spaces.",
        ),
    ] = []
    ended_without: Annotated[
        list[Phrase],
        Field(
            title="End reason and error do not contain",
            description="None of these words stands in the end reason or the error, as in `transfer failed`.",
        ),
    ] = []
    end_reason: Annotated[
        list[Phrase],
        Field(title="End reason contains", description="One of these words stands in the end reason."),
    ] = []
    no_end_reason: Annotated[
        bool, Field(title="No end reason", description="Only calls of which no end reason is given.")
    ] = False
    error: Annotated[
        list[Phrase], Field(title="Error contains", description="One of these words stands in the error.")
    ] = []
    talked: Annotated[
        bool | None,
        Field(
            title="Answered",
            description="true: a person or a machine answered (there is a start time, a duration, a summary or a "
            "transcript); false: no one did.",
        ),
    ] = None
    min_duration_seconds: Annotated[
        int | None, Field(ge=0, title="At least (s)", description="The call lasted so long or longer.")
    ] = None
    max_duration_seconds: Annotated[
        int | None,
        Field(
            ge=0,
            title="At most (s)",
            description="The call lasted so long or less; one of unknown length does not fit.",
        ),
    ] = None
    summary_begins: Annotated[
        list[Phrase], Field(title="Summary begins", description="The summary begins with one of these.")
    ] = []
    first_words: Annotated[
        list[Phrase],
        Field(
            title="First words",
            description="One of these stands in what the other party said first, as a machine's greeting.",
        ),
    ] = []
    most_messages: Annotated[
        int | None,
        Field(
            ge=1,
            title="Turns at most",
            description="The transcript has so many turns or fewer; a call without one does not fit.",
        ),
    ] = None
    analysis: Annotated[
        list[AnalysisAnswer],
        Field(title="Analysis answers", description="The call's analysis gives one of these answers."),
    ] = []

    @model_validator(mode="after")
    def _can_fit(self) -> "OutcomeRule":
        shortest, longest = self.min_duration_seconds, self.max_duration_seconds
        if shortest is not None and longest is not None and shortest > longest:
            raise ValueError(
                f"min_duration_seconds ({shortest}) is more than max_duration_seconds ({longest}): "
                "no call lasts like that"
            )
        if self.no_end_reason and self.end_reason:
            raise ValueError("no_end_reason and end_reason cannot both hold; leave one out")
        return self

    @property
    def is_catch_all(self) -> bool:
        """Whether it fits every call."""
        return not self._given()

    def fits(self, ending: FinishedCall) -> bool:
        """Whether all its conditions hold of a call that is over."""
        return all(CONDITIONS[name](ending, wanted) for name, wanted in self._given().items())

    def _given(self) -> dict[str, Any]:
        """The conditions that it has."""
        asked = {name: getattr(self, name) for name in CONDITIONS}
        return {name: wanted for name, wanted in asked.items() if wanted != _DEFAULTS[name]}


# Whether each condition of a rule holds of a call that is over.
CONDITIONS: Final[Mapping[str, Callable[[FinishedCall, Any], bool]]] = {
    "status": lambda call, wanted: call.status in wanted,
    # Both in one: which of the two holds the words is not documented (contract section 9.4).
    "ended_with": lambda call, phrases: _holds(f"{call.end_reason} {call.error}", phrases),
    "ended_without": lambda call, phrases: not _holds(f"{call.end_reason} {call.error}", phrases),
    "end_reason": lambda call, phrases: _holds(call.end_reason, phrases),
    "no_end_reason": lambda call, _: not call.end_reason.strip(),
    "error": lambda call, phrases: _holds(call.error, phrases),
    "talked": lambda call, wanted: call.talked is wanted,
    "min_duration_seconds": lambda call, least: (
        call.duration_seconds is not None and call.duration_seconds >= least
    ),
    "max_duration_seconds": lambda call, most: (
        call.duration_seconds is not None and call.duration_seconds <= most
    ),
    "summary_begins": lambda call, phrases: call.summary.lower().startswith(tuple(map(str.lower, phrases))),
    "first_words": lambda call, phrases: any(_spoken(it) in _spoken(call.first_words) for it in phrases),
    "most_messages": lambda call, most: 1 <= call.turns <= most,
    "analysis": lambda call, wanted: any(
        answers.has_answer(call.analysis, it.key, it.equals) for it in wanted
    ),
}
_DEFAULTS: Final = {name: OutcomeRule.model_fields[name].default for name in CONDITIONS}


def outcome_of(ending: FinishedCall, rules: Sequence[OutcomeRule] = ()) -> Outcome:
    """The outcome of a call that is over.

    Args:
        ending: What is known of it.
        rules: Of one's own, asked before the default table.
    """
    table = (*rules, *default_rules())
    return next((rule.outcome for rule in table if rule.fits(ending)), Outcome.UNKNOWN)


@cache
def default_rules() -> tuple[OutcomeRule, ...]:
    """The default table."""
    return tuple(OutcomeRule.model_validate(rule) for rule in yaml.safe_load(default_text())["outcomes"])


def default_text() -> str:
    """The file of the default table, with the comments that say on what each rule rests."""
    return files(__package__).joinpath(DEFAULT_TABLE).read_text(encoding="utf-8")


def table_version(rules: Sequence[OutcomeRule]) -> str:
    """A short digest of a table: rules of one's own and the default ones. Equal in every process."""
    table = [rule.model_dump(mode="json") for rule in (*rules, *default_rules())]
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:12]


def _holds(text: str, phrases: Sequence[str]) -> bool:
    """Whether one of the phrases stands in a text, however both are spelled."""
    plain = _plain(text)
    return any(_plain(phrase).strip() in plain for phrase in phrases)


def _plain(text: str) -> str:
    return text.lower().replace("-", " ").replace("_", " ")


def _spoken(text: str) -> str:
    """As a transcript may write it: line breaks and curly apostrophes are the writer's."""
    return " ".join(_plain(text).replace("’", "'").split())
